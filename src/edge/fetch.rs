//! Calls to providers. Dropping a call or its reply aborts it.

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, Headers, ReadableStreamDefaultReader, RequestInit, RequestRedirect, Response,
    WorkerGlobalScope,
};

use super::js::{Body, ReadResult, any_signal};
use crate::gateway::ports::{TransportError, UpstreamCall, UpstreamReply};

/// Up to this length a body is taken in one piece instead of chunk by chunk: enough for nearly every answer, and
/// little beside an isolate's 128 MB.
const ONE_PIECE_BYTES: u64 = 1024 * 1024;

/// Aborts a call when it is dropped, unless the call is over.
pub(super) struct AbortOnDrop {
    controller: AbortController,
    over: bool,
}

impl AbortOnDrop {
    /// The call is over: nothing is left to abort.
    pub(super) fn disarm(&mut self) {
        self.over = true;
    }

    /// Gives the call up.
    pub(super) fn abort(&self) {
        self.controller.abort();
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if !self.over {
            self.controller.abort();
        }
    }
}

/// A provider's reply.
pub(super) struct FetchedReply {
    response: Response,
    reader: Option<ReadableStreamDefaultReader>,
    call: AbortOnDrop,
    /// The body was read to its end.
    ended: bool,
}

/// Sends `call`. The client's leaving (`client`) aborts it, too.
pub(super) async fn send(call: UpstreamCall, client: Option<AbortSignal>) -> Result<FetchedReply, TransportError> {
    let controller = AbortController::new().map_err(|error| transport(&error))?;
    let signal = match client {
        Some(client) => {
            any_signal(&js_sys::Array::of2(&client, &controller.signal())).map_err(|error| transport(&error))?
        }
        None => controller.signal(),
    };
    let abort = AbortOnDrop { controller, over: false };
    let headers = Headers::new().map_err(|error| transport(&error))?;
    for (name, value) in &call.headers {
        headers.set(name, value).map_err(|error| transport(&error))?;
    }
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&signal));
    // As bytes: a string would be converted, and so held twice, on the other side. Then it is let go on this one.
    init.set_body(&Uint8Array::from(call.body.as_bytes()));
    drop(call.body);
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let response = JsFuture::from(scope.fetch_with_str_and_init(&call.url, &init)).await;
    let response: Response = response.map_err(|error| transport(&error))?.unchecked_into();
    Ok(FetchedReply { response, reader: None, call: abort, ended: false })
}

fn transport(error: &JsValue) -> TransportError {
    let detail = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    TransportError { detail: detail.unwrap_or_else(|| "the connection failed".to_owned()) }
}

impl FetchedReply {
    /// The rest of the body as a stream, and the means to abort it; `None` if there is no body or it was read to its
    /// end.
    pub(super) fn into_stream(self) -> (Option<Body>, AbortOnDrop) {
        let Self { response, reader, call, ended } = self;
        if let Some(reader) = reader {
            reader.release_lock();
        }
        let body = response.body().filter(|body| !ended && !body.locked());
        (body.map(JsCast::unchecked_into), call)
    }

    /// Whether the body can be taken in one piece: its length is told, it is what is told (not compressed), and
    /// nobody waits for its beginning.
    fn is_small(&self) -> bool {
        let length = self.header("content-length").and_then(|text| text.parse::<u64>().ok());
        length.is_some_and(|length| length <= ONE_PIECE_BYTES)
            && self.header("content-encoding").is_none()
            && !self.header("content-type").is_some_and(|kind| kind.contains("event-stream"))
    }

    fn end(&mut self) {
        self.ended = true;
        self.call.disarm();
    }

    async fn one_piece(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        let promise = self.response.array_buffer().map_err(|error| transport(&error))?;
        let buffer = JsFuture::from(promise).await.map_err(|error| transport(&error))?;
        self.end();
        let bytes = Uint8Array::new(&buffer).to_vec();
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl UpstreamReply for FetchedReply {
    fn status(&self) -> u16 {
        self.response.status()
    }

    fn header(&self, name: &str) -> Option<String> {
        self.response.headers().get(name).ok().flatten()
    }

    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        if self.ended {
            return Ok(None);
        }
        if self.reader.is_none() {
            if self.is_small() {
                return self.one_piece().await;
            }
            let Some(body) = self.response.body() else {
                self.end();
                return Ok(None);
            };
            let body: Body = body.unchecked_into();
            self.reader = Some(body.reader().map_err(|error| transport(&error))?);
        }
        let Some(reader) = &self.reader else { return Ok(None) };
        let result = JsFuture::from(reader.read()).await.map_err(|error| transport(&error))?;
        let result: ReadResult = result.unchecked_into();
        if result.done() {
            self.end();
            return Ok(None);
        }
        Ok(Some(result.value().unchecked_into::<Uint8Array>().to_vec()))
    }
}
