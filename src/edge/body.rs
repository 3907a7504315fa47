//! A client's request body, under its caps.

use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, select};
use js_sys::Uint8Array;
use wasm_bindgen::JsCast;
use web_sys::Request;

use super::isolate::{Held, Isolate};
use super::js::{Body, ReadResult};
use super::task::settled;
use super::timer::Timer;
use crate::config::Limits;
use crate::openai::error::{ApiError, ErrorType};

/// How long an upload may take: 10 MB need 1.4 Mbit/s. A client that never ends one would hold its bytes for ever.
const UPLOAD_MS: u64 = 60_000;

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
    let Some(length) = announced else { return chunked(request, isolate, limits).await };
    if length > limits.max_body_bytes {
        return Err(too_large(limits));
    }
    let held = isolate.hold(length, limits.inflight_bytes_max)?;
    let promise = request.array_buffer().map_err(|_| broken_off())?;
    let buffer = settled(&promise).await.map_err(|_| broken_off())?;
    let body = Uint8Array::new(&buffer).to_vec();
    // The platform holds clients to the length that they announce; this is for the day it does not.
    if body.len() as u64 > limits.max_body_bytes { Err(too_large(limits)) } else { Ok((body, vec![held])) }
}

async fn chunked(request: &Request, isolate: &Rc<Isolate>, limits: &Limits) -> Result<(Vec<u8>, Vec<Held>), ApiError> {
    let mut body = Vec::new();
    let mut held = Vec::new();
    let Some(stream) = request.body() else { return Ok((body, held)) };
    let stream: Body = stream.unchecked_into();
    let reader = stream.reader().map_err(|_| broken_off())?;
    loop {
        let result = settled(&reader.read()).await.map_err(|_| broken_off())?;
        let result: ReadResult = result.unchecked_into();
        if result.done() {
            return Ok((body, held));
        }
        let chunk: Uint8Array = result.value().unchecked_into();
        let length = body.len() as u64 + u64::from(chunk.length());
        if length > limits.max_body_bytes {
            // The rest is of no interest; whether cancelling works does not matter either.
            let _cancelled = reader.cancel();
            return Err(too_large(limits));
        }
        held.push(isolate.hold(u64::from(chunk.length()), limits.inflight_bytes_max)?);
        body.extend_from_slice(&chunk.to_vec());
    }
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
