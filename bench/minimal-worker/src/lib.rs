//! The least that a Rust worker can be: one fetch, its answer passed on. The benchmark compares the first request on a
//! fresh instance to it. It exists for wasm32 alone, as the gateway's edge does.

#[cfg(target_arch = "wasm32")]
mod worker_entry {
    use worker::{Context, Env, Fetch, Headers, Method, Request, RequestInit, Response, Result, event};

    /// Sends the request's body to `UPSTREAM` with the key in `KEY`.
    #[event(fetch)]
    async fn fetch(mut request: Request, env: Env, _context: Context) -> Result<Response> {
        let headers = Headers::new();
        headers.set("content-type", "application/json")?;
        headers.set("authorization", &format!("Bearer {}", env.var("KEY")?))?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_headers(headers).with_body(Some(request.text().await?.into()));
        Fetch::Request(Request::new_with_init(&env.var("UPSTREAM")?.to_string(), &init)?).send().await
    }
}
