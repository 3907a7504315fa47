//! Calls to providers. Dropping a call or its reply aborts it.

use std::pin::pin;

use futures::future::{Either, select};
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, Request, Response, WritableStreamDefaultWriter};

use super::js::{self, Ahead, Body, ByobReader, FixedLengthStream, ReadResult};
use super::respond::header_text;
use super::task::settled;
use worker::Env;

use crate::catalog::provider::{AI_BINDING, QuotaHeaders};
use crate::dialect::headroom;
use crate::dialect::request_body::{LONG_BODY_BYTES, RequestBody};
use crate::gateway::ports::{TransportError, UpstreamCall, UpstreamReply};
use crate::sse::pace::GULP_BYTES;

/// Up to this length a body is taken in one piece instead of chunk by chunk: enough for nearly every answer, and
/// little beside an isolate's 128 MB.
const ONE_PIECE_BYTES: u64 = 1024 * 1024;

/// How much of a long body is written at a time: few wakings, while the buffer stays in the processor's cache.
const WINDOW_BYTES: u32 = 256 * 1024;

/// How much is read at a time: an event of some tokens, or a piece of a longer answer.
const READ_BYTES: usize = 4 * 1024;

/// What is read of every reply beside its status, in the order of `replyHead` of `platform.js`; what tells of quotas follows.
const READ_AT_ONCE: [&str; 3] = [CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_TYPE];
const CONTENT_LENGTH: &str = "content-length";
const CONTENT_ENCODING: &str = "content-encoding";
const CONTENT_TYPE: &str = "content-type";

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
    /// What `replyHead` of `platform.js` wrote.
    head: String,
    quota_headers: QuotaHeaders,
    reader: Option<ByobReader>,
    /// What was read last: its buffer is used again.
    last: JsValue,
    /// The platform reads ahead.
    ahead: Option<Ahead>,
    call: AbortOnDrop,
    /// The provider took the whole request.
    uploaded: bool,
    /// So many bytes of the body were read chunk by chunk.
    taken: u64,
    /// The body was read to its end.
    ended: bool,
}

/// Sends `call`. The leaving of the client who sent the request `client` aborts it, too.
pub(super) async fn send(call: UpstreamCall<'_>, client: &Request, env: &Env) -> Result<FetchedReply, TransportError> {
    let controller = AbortController::new().map_err(|error| transport(&error))?;
    let abort = AbortOnDrop { controller, over: false };
    let quota_headers = call.quota_headers;
    let headers = header_text(call.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let (response, uploaded) = if let Some(model) = call.url.strip_prefix(AI_BINDING) {
        let sent = js::run_model(env, model, &call.body.whole(), &abort.controller, client);
        drop(call.body);
        (settled(&sent.map_err(|error| transport(&error))?).await, true)
    } else if call.body.len() < LONG_BODY_BYTES {
        let sent = js::send(&call.url, &headers, call.body.whole().as_bytes(), &abort.controller, client);
        // The platform has a copy of its own.
        drop(call.body);
        (settled(&sent.map_err(|error| transport(&error))?).await, true)
    } else {
        upload(&call.url, &headers, call.body, &abort.controller, client).await.map_err(|error| transport(&error))?
    };
    let response: Response = response.map_err(|error| transport(&error))?.unchecked_into();
    let head = js::reply_head(&response, quota_headers.index()).map_err(|error| transport(&error))?;
    let (reader, last, ahead) = (None, JsValue::UNDEFINED, None);
    let (taken, ended) = (0, false);
    Ok(FetchedReply { response, head, quota_headers, reader, last, ahead, call: abort, uploaded, taken, ended })
}

/// Sends a long body through one small buffer: memory that nobody has used yet costs more than the copies do. Comes back with
/// what the provider answered, and whether it took the whole body.
async fn upload(
    url: &str,
    headers: &str,
    body: RequestBody<'_>,
    controller: &AbortController,
    client: &Request,
) -> Result<(Result<JsValue, JsValue>, bool), JsValue> {
    #[expect(clippy::cast_precision_loss, reason = "no body has 2^53 bytes")]
    let stream = FixedLengthStream::new(body.len() as f64)?;
    let writer = stream.writable().get_writer()?;
    let response = settled(&js::send_stream(url, headers, &stream.readable(), controller, client)?);
    match select(response, pin!(write(body, &writer))).await {
        Either::Right(((), response)) => Ok((response.await, true)),
        Either::Left((Ok(response), rest)) if response.unchecked_ref::<Response>().ok() => {
            rest.await;
            Ok((Ok(response), true))
        }
        // It refuses what it has not read yet.
        Either::Left((refused, _)) => Ok((refused, false)),
    }
}

/// Takes the body with it: nobody needs what was written for it while the provider thinks.
async fn write(body: RequestBody<'_>, writer: &WritableStreamDefaultWriter) {
    let buffer = Uint8Array::new_with_length(WINDOW_BYTES);
    for piece in body.pieces().into_iter().flat_map(|piece| piece.as_bytes().chunks(WINDOW_BYTES as usize)) {
        let window = buffer.subarray(0, u32::try_from(piece.len()).unwrap_or(WINDOW_BYTES));
        window.copy_from(piece);
        // Where nobody takes it, the call has failed, and says why.
        if settled(&writer.write_with_chunk(&window)).await.is_err() {
            return;
        }
    }
    let _closed = settled(&writer.close()).await;
}

fn transport(error: &JsValue) -> TransportError {
    let detail = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    TransportError { detail: detail.unwrap_or_else(|| "the connection failed".to_owned()) }
}

impl FetchedReply {
    /// The rest of the body as a stream, and the means to abort it; `None` if there is no body or it was read to its
    /// end.
    pub(super) fn into_stream(self) -> (Option<Body>, AbortOnDrop) {
        let Self { response, reader, call, ended, .. } = self;
        if let Some(reader) = reader {
            // Where it cannot be, the body stays locked.
            let _released = reader.release_lock();
        }
        let body = response.body().filter(|body| !ended && !body.locked());
        (body.map(JsCast::unchecked_into), call)
    }

    /// From now on the platform reads while nobody does, and one chunk is all that has come meanwhile. Whether it does.
    /// To be asked between two chunks.
    pub(super) fn read_ahead(&mut self) -> bool {
        if let Some(ahead) = &self.ahead {
            return !ahead.over();
        }
        let Some(body) = self.response.body() else { return false };
        if let Some(Err(_)) = self.reader.as_ref().map(ByobReader::release_lock) {
            return false;
        }
        self.reader = None;
        let Ok(ahead) = js::read_ahead(&body) else { return false };
        self.reader = Some(ahead.reader());
        self.last = JsValue::UNDEFINED;
        self.ahead = Some(ahead);
        true
    }

    /// From now on nothing is read that nobody asks for. What was read before still comes.
    pub(super) fn stop_reading_ahead(&mut self) {
        // Where it has ended, there is nothing to stop.
        let _stopped = self.ahead.take().map(|ahead| ahead.stop());
    }

    fn end(&mut self) {
        self.ended = true;
        // Else its connection still waits for the rest of the request.
        if self.uploaded {
            self.call.disarm();
        }
    }

    /// The length of the body, if it was told; a compressed one has another when it is read.
    fn length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH).filter(|_| self.header(CONTENT_ENCODING).is_none())?.parse().ok()
    }

    /// Whether the body can be taken in one piece. Else it must be read chunk by chunk: it is long, of unknown length
    /// or a stream, whose beginning is waited for.
    fn is_one_piece(&self) -> bool {
        self.length().is_some_and(|length| length <= ONE_PIECE_BYTES)
            && !self.header(CONTENT_TYPE).is_some_and(|kind| kind.contains("event-stream"))
    }

    async fn one_piece(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        let promise = self.response.array_buffer().map_err(|error| transport(&error))?;
        let buffer = settled(&promise).await.map_err(|error| transport(&error))?;
        self.end();
        let bytes = Uint8Array::new(&buffer).to_vec();
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl UpstreamReply for FetchedReply {
    fn status(&self) -> u16 {
        self.head.split(js::SEPARATOR).next().and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<String> {
        let quota = headroom::names(self.quota_headers).iter().flat_map(|header| [header.left, header.reset]);
        if let Some(place) = READ_AT_ONCE.into_iter().chain(quota).position(|known| known == name) {
            let value = self.head.split(js::SEPARATOR).nth(place + 1)?;
            return Some(value.to_owned()).filter(|value| !value.is_empty());
        }
        self.response.headers().get(name).ok().flatten()
    }

    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        if self.ended || (!self.uploaded && self.length() == Some(self.taken)) {
            return Ok(None);
        }
        if self.reader.is_none() {
            // Where the provider did not take the whole request, the platform may see no end of its reply: its length tells.
            if self.uploaded && self.is_one_piece() {
                return self.one_piece().await;
            }
            let Some(body) = self.response.body() else {
                self.end();
                return Ok(None);
            };
            self.reader = Some(ByobReader::new(&body).map_err(|error| transport(&error))?);
        }
        let Some(reader) = &self.reader else { return Ok(None) };
        let most = if self.ahead.is_some() { GULP_BYTES } else { READ_BYTES };
        let last = std::mem::replace(&mut self.last, JsValue::UNDEFINED);
        let read = js::read_on(reader, &last, u32::try_from(most).unwrap_or(u32::MAX));
        let result = settled(&read.map_err(|error| transport(&error))?).await.map_err(|error| transport(&error))?;
        let result: ReadResult = result.unchecked_into();
        if result.done() {
            self.end();
            return Ok(None);
        }
        let bytes: Uint8Array = result.value().unchecked_into();
        let chunk = bytes.to_vec();
        self.taken = self.taken.saturating_add(chunk.len() as u64);
        self.last = bytes.into();
        Ok(Some(chunk))
    }
}
