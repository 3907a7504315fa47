//! Responses: the gateway's headers, CORS, and errors in OpenAI's shape.

use wasm_bindgen::JsValue;
use web_sys::{ReadableStream, Request, Response};

use super::js;
use super::log;
use crate::config::CorsOrigins;
use crate::gateway::headers::{self, Header};
use crate::openai::error::{ApiError, ErrorType};

/// How long a browser may remember the answer to its preflight, in seconds: the longest that Chromium allows is 2 h.
const PREFLIGHT_SECONDS: &str = "7200";

/// What says that a response is an event stream.
const EVENT_STREAM: [(&str, &str); 2] =
    [("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache")];

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

    /// `response`; an error where it could not be built, which takes a header that the platform refuses.
    pub(super) fn surely(&self, response: Result<Response, JsValue>) -> JsValue {
        let response = response.or_else(|problem| {
            let fields = [("request_id", self.request_id()), ("problem", &format!("{problem:?}"))];
            log::error("response_not_built", &fields);
            let message = "The gateway could not build its response. Report the request id to its operator.";
            self.error(&ApiError::new(502, ErrorType::Server, "response_not_built", message), &[])
        });
        response.map_or_else(|problem| problem, JsValue::from)
    }

    /// A JSON document.
    pub(super) fn json(&self, status: u16, body: &str, more: &[Header]) -> Result<Response, JsValue> {
        js::respond(status, &self.headers(more, &[("content-type", "application/json")]), body.as_bytes())
    }

    /// A document, or why there is none.
    pub(super) fn document(&self, document: Result<String, ApiError>) -> Result<Response, JsValue> {
        match document {
            Ok(document) => self.json(200, &document, &[]),
            Err(error) => self.error(&error, &[]),
        }
    }

    /// An event stream.
    pub(super) fn stream(&self, stream: &ReadableStream, more: &[Header]) -> Result<Response, JsValue> {
        js::respond_with(200, &self.headers(more, &EVENT_STREAM), Some(stream))
    }

    /// An event stream that is there already.
    pub(super) fn events(&self, body: &[u8], more: &[Header]) -> Result<Response, JsValue> {
        js::respond(200, &self.headers(more, &EVENT_STREAM), body)
    }

    /// The answer to a browser's preflight. What it asks to send is granted: the keys are what protects.
    pub(super) fn preflight(&self, allow: &str, requested_headers: Option<&str>) -> Result<Response, JsValue> {
        let mut own = vec![("allow", allow)];
        if self.allowed_origin.is_some() {
            own.extend([
                ("access-control-allow-methods", allow),
                ("access-control-allow-headers", requested_headers.unwrap_or("authorization, content-type")),
                ("access-control-max-age", PREFLIGHT_SECONDS),
                ("vary", "origin, access-control-request-headers"),
            ]);
        }
        js::respond_with(204, &self.headers(&[], &own), None)
    }

    fn headers(&self, more: &[Header], own: &[(&str, &str)]) -> String {
        let mut all: Vec<(&str, &str)> =
            vec![(headers::REQUEST_ID, &self.request_id), (headers::OPENAI_REQUEST_ID, &self.request_id)];
        all.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
        if let Some(origin) = &self.allowed_origin {
            all.extend([
                ("access-control-allow-origin", origin.as_str()),
                ("access-control-expose-headers", headers::EXPOSED),
            ]);
        }
        if self.varies {
            all.push(("vary", "origin"));
        }
        all.extend(own);
        header_text(all.into_iter())
    }
}

/// Headers as `platform.js` takes them. Of two of one name the later one counts.
pub(super) fn header_text<'h>(headers: impl Iterator<Item = (&'h str, &'h str)>) -> String {
    let mut text = String::with_capacity(512);
    for (name, value) in headers {
        for part in [name, value] {
            if part.bytes().all(|byte| byte != 0) {
                text.push_str(part);
                text.push(js::SEPARATOR);
                continue;
            }
            // The separator is in no header. Neither is a line break, but that the platform refuses itself.
            for (index, piece) in part.split(js::SEPARATOR).enumerate() {
                if index > 0 {
                    text.push('\n');
                }
                text.push_str(piece);
            }
            text.push(js::SEPARATOR);
        }
    }
    text
}
