//! Responses: the gateway's headers, CORS, and errors in OpenAI's shape.

use wasm_bindgen::JsValue;
use web_sys::{Headers, ReadableStream, Request, Response, ResponseInit};

use crate::config::CorsOrigins;
use crate::gateway::headers::{self, Header};
use crate::openai::error::ApiError;

/// How long a browser may remember the answer to its preflight, in seconds: the longest that Chromium allows is 2 h.
const PREFLIGHT_SECONDS: &str = "7200";

/// A header of `request`.
pub(super) fn header(request: &Request, name: &str) -> Option<String> {
    request.headers().get(name).ok().flatten()
}

/// What every response of one request carries.
pub(super) struct Responder {
    request_id: String,
    /// The origin that may read the response.
    allowed_origin: Option<String>,
    /// Whether the answer depends on the origin.
    varies: bool,
}

impl Responder {
    /// For a request with this id and `Origin`.
    pub(super) fn new(request_id: String, origin: Option<&str>, allowed: Option<&CorsOrigins>) -> Self {
        let allowed_origin = origin.and_then(|origin| allowed?.allowed(origin)).map(str::to_owned);
        Self { request_id, allowed_origin, varies: allowed.is_some() }
    }

    /// The id of the request.
    pub(super) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// An error.
    pub(super) fn error(&self, error: &ApiError, more: &[Header]) -> Result<Response, JsValue> {
        let mut all = headers::of_error(error);
        all.extend_from_slice(more);
        self.json(error.status, &error.to_json(&self.request_id), &all)
    }

    /// A JSON document.
    pub(super) fn json(&self, status: u16, body: &str, more: &[Header]) -> Result<Response, JsValue> {
        let headers = self.headers(more)?;
        headers.set("content-type", "application/json")?;
        let init = ResponseInit::new();
        init.set_status(status);
        init.set_headers(&headers);
        Response::new_with_opt_str_and_init(Some(body), &init)
    }

    /// An event stream.
    pub(super) fn stream(&self, stream: &ReadableStream, more: &[Header]) -> Result<Response, JsValue> {
        let headers = self.headers(more)?;
        headers.set("content-type", "text/event-stream; charset=utf-8")?;
        headers.set("cache-control", "no-cache")?;
        let init = ResponseInit::new();
        init.set_headers(&headers);
        Response::new_with_opt_readable_stream_and_init(Some(stream), &init)
    }

    /// The answer to a browser's preflight. What it asks to send is granted: the keys are what protects.
    pub(super) fn preflight(&self, allow: &str, requested_headers: Option<&str>) -> Result<Response, JsValue> {
        let headers = self.headers(&[("allow", allow.to_owned())])?;
        if self.allowed_origin.is_some() {
            headers.set("access-control-allow-methods", allow)?;
            headers.set("access-control-allow-headers", requested_headers.unwrap_or("authorization, content-type"))?;
            headers.set("access-control-max-age", PREFLIGHT_SECONDS)?;
            headers.append("vary", "access-control-request-headers")?;
        }
        let init = ResponseInit::new();
        init.set_status(204);
        init.set_headers(&headers);
        Response::new_with_opt_str_and_init(None, &init)
    }

    fn headers(&self, more: &[Header]) -> Result<Headers, JsValue> {
        let all = Headers::new()?;
        all.set(headers::REQUEST_ID, &self.request_id)?;
        all.set(headers::OPENAI_REQUEST_ID, &self.request_id)?;
        for (name, value) in more {
            all.set(name, value)?;
        }
        if let Some(origin) = &self.allowed_origin {
            all.set("access-control-allow-origin", origin)?;
            all.set("access-control-expose-headers", headers::EXPOSED)?;
        }
        if self.varies {
            all.set("vary", "origin")?;
        }
        Ok(all)
    }
}
