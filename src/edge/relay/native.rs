//! The native relay: a pipe inside the platform, and a copy that is looked at now and then.

use std::cell::Cell;
use std::pin::pin;

use futures::future::{Either, select};
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStream, StreamPipeOptions};

use super::Sink;
use crate::edge::fetch::{AbortOnDrop, FetchedReply};
use crate::edge::js::{Body, ByobReader, ReadResult};
use crate::edge::ports::{WorkerPorts, now_ms};
use crate::edge::task::{Settled, settled, sleep};
use crate::gateway::ports::Ports;
use crate::gateway::stream::BodyEnd;
use crate::sse::scan::StreamScan;
use crate::sse::standstill::Standstill;

/// How often the copy of a natively relayed stream is looked at: often enough to notice a stall in time, seldom enough
/// to cost nothing beside the pipe.
const SAMPLE_PERIOD_MS: u64 = 1_000;
/// How much of the copy is taken at a time: more than a second of any model's tokens, so that one read is enough.
const SAMPLE_BYTES: u32 = 64 * 1024;

/// Carries a reply whose bytes need no change to its end.
pub(super) async fn carry(
    ports: &WorkerPorts,
    reply: FetchedReply,
    sink: &Sink,
    scan: &mut StreamScan,
    idle_ms: u64,
) -> BodyEnd {
    let (body, mut call) = reply.into_stream();
    // Nothing follows the last event, even where the provider leaves the connection open.
    let Some(body) = body.filter(|_| !scan.done_seen()) else { return BodyEnd::Finished };
    let options = StreamPipeOptions::new();
    options.set_prevent_abort(true);
    options.set_prevent_close(true);
    let begin = || {
        let branches = body.tee()?;
        let copy = Copy::new(&branches.get(1).unchecked_into::<ReadableStream>())?;
        let pipe = branches.get(0).unchecked_into::<Body>().pipe_to(&sink.writable, &options)?;
        Ok::<_, JsValue>((copy, settled(&pipe)))
    };
    let Ok((copy, mut pipe)) = begin() else { return BodyEnd::Broken };

    let (piped, stalled) = watch(&mut pipe, &copy, scan, &call, idle_ms).await;
    let left = piped.is_err() && (ports.client_gone() || sink.is_broken());
    // Where the pipe failed, the source has failed, or the client is gone and nobody wants the rest of it.
    if piped.is_err() {
        call.abort();
    }
    // Now the copy holds the rest of what the client got, up to the end or to the fault. However much a read gives, only
    // the end is the end: an answer must not be called cut because its last piece was not looked at, and what a client
    // got that left since the last look is paid for.
    while copy.take(scan).await != Taken::End {}
    match piped {
        _ if left => BodyEnd::ClientClosed,
        _ if stalled => BodyEnd::Stalled,
        Ok(_) => {
            call.disarm();
            BodyEnd::Finished
        }
        Err(_) => BodyEnd::Broken,
    }
}

/// Looks at the copy now and then until the pipe ends. A stream that is silent or stands still for too long is aborted at
/// its source, so that the pipe still delivers everything that came before; true if that was so.
async fn watch(
    pipe: &mut Settled,
    copy: &Copy,
    scan: &mut StreamScan,
    call: &AbortOnDrop,
    idle_ms: u64,
) -> (Result<JsValue, JsValue>, bool) {
    let period_ms = SAMPLE_PERIOD_MS.min(idle_ms);
    let mut standstill = Standstill::new(idle_ms, scan.progress(), now_ms());
    loop {
        if let Either::Left((piped, _)) = select(&mut *pipe, sleep(period_ms)).await {
            return (piped, false);
        }
        let mut last_ms = now_ms();
        loop {
            let left_ms = (last_ms + idle_ms).saturating_sub(now_ms());
            let step = {
                let take = pin!(copy.take(scan));
                let either = select(take, sleep(left_ms));
                match select(&mut *pipe, either).await {
                    Either::Left((piped, _)) => return (piped, false),
                    Either::Right((Either::Left((taken, _)), _)) => Some(taken),
                    Either::Right((Either::Right(((), _)), _)) => None,
                }
            };
            let came = matches!(step, Some(Taken::More | Taken::All));
            let stands_still = came && standstill.came(scan.progress(), now_ms());
            match step.filter(|_| !stands_still) {
                Some(Taken::More) => last_ms = now_ms(),
                Some(Taken::All) => break,
                Some(Taken::End) => return (pipe.await, false),
                None => {
                    call.abort();
                    return (pipe.await, true);
                }
            }
        }
        if scan.done_seen() {
            call.abort();
            return (pipe.await, false);
        }
    }
}

/// What was taken from the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// A full buffer: there may be more.
    More,
    /// All there was at that moment.
    All,
    /// The end of the stream, or its fault.
    End,
}

/// The teed branch that nobody but the scan reads. A read that was begun stays open until something comes, so it must
/// outlive the future that waits for it.
struct Copy {
    reader: ByobReader,
    open_read: Cell<Option<js_sys::Promise>>,
}

impl Copy {
    fn new(branch: &ReadableStream) -> Result<Self, JsValue> {
        Ok(Self { reader: ByobReader::new(branch)?, open_read: Cell::new(None) })
    }

    /// Waits for bytes and feeds all that have come to `scan`.
    async fn take(&self, scan: &mut StreamScan) -> Taken {
        let promise = self.open_read.take();
        let promise = promise.unwrap_or_else(|| self.reader.read(&Uint8Array::new_with_length(SAMPLE_BYTES)));
        self.open_read.set(Some(promise.clone()));
        let result = settled(&promise).await;
        self.open_read.set(None);
        let Ok(result) = result else { return Taken::End };
        let result: ReadResult = result.unchecked_into();
        if result.done() {
            return Taken::End;
        }
        let bytes: Uint8Array = result.value().unchecked_into();
        scan.push(&bytes.to_vec());
        if bytes.length() >= SAMPLE_BYTES { Taken::More } else { Taken::All }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Nobody waits for the result; an ended stream has nothing to cancel.
        let _cancelled = self.reader.cancel();
    }
}
