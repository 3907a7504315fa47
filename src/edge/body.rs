//! A client's request body, under its caps.

use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, select};
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::JsCast;
use web_sys::Request;

use super::isolate::{Held, Isolate};
use super::js::{ByobReader, ReadResult};
use super::task::settled;
use super::timer::Timer;
use crate::config::Limits;
use crate::openai::error::{ApiError, ErrorType};

/// How long an upload may take: 10 MB need 1.4 Mbit/s. A client that never ends one would hold its bytes for ever.
const UPLOAD_MS: u64 = 60_000;

/// Up to this length a body is taken in one piece, which is one call and no buffer of ours. The platform's own way of
/// collecting a longer one touches fresh memory twice: 8 MB cost 6 ms like that, and 4 by windows.
const ONE_PIECE_BYTES: u64 = 64 * 1024;

/// How much of a longer body is read at a time: few wakings for 8 MB, while the buffer stays in the processor's cache. The
/// platform hands out 4 KB at a time to those who take what there is.
const WINDOW_BYTES: u32 = 256 * 1024;

/// The first windows of a body of unknown length. Buffers count for nobody: hundreds of clients who upload slowly must not hold
/// more by them than by what they have sent.
const FIRST_WINDOW_BYTES: u32 = 16 * 1024;

/// Reads the body of `request`, of `announced` bytes if it was told. The guard counts its bytes for as long as it lives.
///
/// # Errors
/// 413 over `MAX_BODY_BYTES`, 503 while the isolate holds too many bytes, 400 if the client broke off, 408 if it took
/// too long.
pub(super) async fn read(
    request: &Request,
    announced: Option<u64>,
    isolate: &Rc<Isolate>,
    limits: &Limits,
    timer: &Timer,
) -> Result<(Vec<u8>, Vec<Held>), ApiError> {
    let upload = pin!(upload(request, announced, isolate, limits));
    match select(upload, pin!(timer.sleep(UPLOAD_MS))).await {
        Either::Left((read, _)) => read,
        Either::Right(((), _)) => {
            let message = format!("The request body did not arrive within {} seconds.", UPLOAD_MS / 1000);
            Err(ApiError::new(408, ErrorType::InvalidRequest, "request_timeout", message))
        }
    }
}

async fn upload(
    request: &Request,
    announced: Option<u64>,
    isolate: &Rc<Isolate>,
    limits: &Limits,
) -> Result<(Vec<u8>, Vec<Held>), ApiError> {
    let mut held = Vec::new();
    if let Some(length) = announced {
        if length > limits.max_body_bytes {
            return Err(too_large(limits));
        }
        held.push(isolate.hold(length, limits.inflight_bytes_max)?);
        if length <= ONE_PIECE_BYTES {
            return Ok((one_piece(request, limits).await?, held));
        }
    }
    let body = windows(request, announced, limits, |bytes| {
        if announced.is_none() {
            held.push(isolate.hold(bytes, limits.inflight_bytes_max)?);
        }
        Ok(())
    });
    let body = body.await?;
    Ok((body, held))
}

async fn one_piece(request: &Request, limits: &Limits) -> Result<Vec<u8>, ApiError> {
    let promise = request.array_buffer().map_err(|_| broken_off())?;
    let buffer = settled(&promise).await.map_err(|_| broken_off())?;
    let body = Uint8Array::new(&buffer).to_vec();
    // The platform holds clients to the length that they announce; this is for the day it does not.
    if body.len() as u64 > limits.max_body_bytes { Err(too_large(limits)) } else { Ok(body) }
}

/// Reads `announced` bytes, or up to the end of the body, always through the same buffer once that is large: so they are
/// written into fresh memory once. `come` is told of each window's bytes before they are taken.
async fn windows(
    request: &Request,
    announced: Option<u64>,
    limits: &Limits,
    mut come: impl FnMut(u64) -> Result<(), ApiError>,
) -> Result<Vec<u8>, ApiError> {
    let expected = announced.and_then(|length| usize::try_from(length).ok());
    let mut body = Vec::with_capacity(expected.unwrap_or_default());
    let Some(stream) = request.body() else { return Ok(body) };
    let reader = ByobReader::new(&stream).map_err(|_| broken_off())?;
    let mut buffer = ArrayBuffer::new(0);
    loop {
        let left = expected
            .map_or_else(|| body.len().max(FIRST_WINDOW_BYTES as usize), |length| length.saturating_sub(body.len()));
        let wanted = u32::try_from(left).unwrap_or(WINDOW_BYTES).min(WINDOW_BYTES);
        if wanted == 0 {
            return Ok(body);
        }
        if buffer.byte_length() < wanted {
            buffer = ArrayBuffer::new(wanted);
        }
        let window = Uint8Array::new_with_byte_offset_and_length(&buffer, 0, wanted);
        let promise = reader.read_at_least(wanted, &window).map_err(|_| broken_off())?;
        let result: ReadResult = settled(&promise).await.map_err(|_| broken_off())?.unchecked_into();
        let Ok(window) = result.value().dyn_into::<Uint8Array>() else { return ended(body, expected) };
        let bytes = u64::from(window.length());
        let is_too_large = (body.len() as u64).saturating_add(bytes) > limits.max_body_bytes;
        if let Err(refused) = if is_too_large { Err(too_large(limits)) } else { come(bytes) } {
            // The rest is of no interest; whether cancelling works does not matter either.
            let _cancelled = reader.cancel();
            return Err(refused);
        }
        // By way of a copy that is still in the cache: to make room in the body itself would write all of it twice.
        body.extend_from_slice(&window.to_vec());
        if result.done() {
            return ended(body, expected);
        }
        buffer = window.buffer();
    }
}

/// The body when the platform has no more of it.
fn ended(body: Vec<u8>, expected: Option<usize>) -> Result<Vec<u8>, ApiError> {
    if expected.is_some_and(|expected| body.len() < expected) { Err(broken_off()) } else { Ok(body) }
}

fn too_large(limits: &Limits) -> ApiError {
    let most = limits.max_body_bytes;
    let message =
        format!("The request body is larger than {most} bytes (MAX_BODY_BYTES). Send less, or images by URL.");
    ApiError::new(413, ErrorType::InvalidRequest, "request_too_large", message)
}

fn broken_off() -> ApiError {
    ApiError::invalid("incomplete_body", "The request body broke off before its end. Send it again.")
}
