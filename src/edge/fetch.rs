//! Calls to providers. Dropping a call or its reply aborts it.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, AbortSignal, ReadableStreamDefaultReader, Response};

use super::js::{self, Body, ReadResult};
use super::respond::header_text;
use super::task::settled;
use crate::gateway::ports::{TransportError, UpstreamCall, UpstreamReply};

/// Up to this length a body is taken in one piece instead of chunk by chunk: enough for nearly every answer, and
/// little beside an isolate's 128 MB.
const ONE_PIECE_BYTES: f64 = 1024.0 * 1024.0;

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
    let abort = AbortOnDrop { controller, over: false };
    let headers = header_text(call.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let sent = js::send(&call.url, &headers, call.body.as_bytes(), &abort.controller, client.as_ref());
    // The platform has a copy of its own.
    drop(call);
    let response = settled(&sent.map_err(|error| transport(&error))?).await;
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

    fn end(&mut self) {
        self.ended = true;
        self.call.disarm();
    }

    async fn one_piece(&mut self, promise: Promise) -> Result<Option<Vec<u8>>, TransportError> {
        let buffer = settled(&promise).await.map_err(|error| transport(&error))?;
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
            if let Some(promise) =
                js::in_one_piece(&self.response, ONE_PIECE_BYTES).map_err(|error| transport(&error))?
            {
                return self.one_piece(promise).await;
            }
            let Some(body) = self.response.body() else {
                self.end();
                return Ok(None);
            };
            let body: Body = body.unchecked_into();
            self.reader = Some(body.reader().map_err(|error| transport(&error))?);
        }
        let Some(reader) = &self.reader else { return Ok(None) };
        let result = settled(&reader.read()).await.map_err(|error| transport(&error))?;
        let result: ReadResult = result.unchecked_into();
        if result.done() {
            self.end();
            return Ok(None);
        }
        Ok(Some(result.value().unchecked_into::<Uint8Array>().to_vec()))
    }
}
