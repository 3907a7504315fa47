//! Moves the bytes of a stream from a provider to a client. What is written, and what an end means, is decided in
//! `gateway/stream.rs` and `sse/`.
//!
//! The native relay is a pipe inside the platform: what costs CPU is waking the isolate for a chunk, not the bytes. The
//! isolate only looks at a copy about once a second. The rewriting relay wakes for every chunk.

use std::cell::Cell;
use std::pin::pin;

use futures::future::{Either, select};
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStream, StreamPipeOptions, WritableStream, WritableStreamDefaultWriter};

use super::fetch::{AbortOnDrop, FetchedReply};
use super::js::{Body, ByobReader, ReadResult};
use super::ports::{WorkerPorts, now_ms};
use super::task::{Settled, settled, sleep};
use crate::gateway::deliver::{Carrier, ClientLeft};
use crate::gateway::ports::{Ports, UpstreamReply};
use crate::gateway::stream::{BodyEnd, Relay, UsageDetails};
use crate::sse::rewrite::Rewriter;
use crate::sse::scan::StreamScan;

/// How often the copy of a natively relayed stream is looked at: often enough to notice a stall in time, seldom enough
/// to cost nothing beside the pipe.
const SAMPLE_PERIOD_MS: u64 = 1_000;
/// How much of the copy is taken at a time: more than a second of any model's tokens, so that one read is enough.
const SAMPLE_BYTES: u32 = 64 * 1024;

/// Brings a request's stream into the client's side of a pass-through stream.
pub(super) struct Relaying<'r> {
    ports: &'r WorkerPorts,
    sink: Sink,
}

impl<'r> Relaying<'r> {
    /// Into `writable`.
    pub(super) fn new(ports: &'r WorkerPorts, writable: WritableStream) -> Self {
        Self { ports, sink: Sink { writable } }
    }
}

impl Carrier<FetchedReply> for Relaying<'_> {
    /// A client that left before it got its headers never reads, and so never breaks the write: only its signal tells.
    async fn write(&self, bytes: &[u8]) -> Result<(), ClientLeft> {
        let left = pin!(async {
            while !self.ports.client_gone() {
                sleep(SAMPLE_PERIOD_MS).await;
            }
        });
        match select(pin!(self.sink.write(bytes)), left).await {
            Either::Left((written, _)) => written,
            Either::Right(((), _)) => Err(ClientLeft),
        }
    }

    async fn carry(&self, reply: FetchedReply, relay: &mut Relay, idle_ms: u64) -> BodyEnd {
        match relay {
            Relay::Native(scan) => native(self.ports, reply, &self.sink, scan, idle_ms).await,
            Relay::Rewriting(rewriter) => rewriting(self.ports, reply, &self.sink, rewriter, idle_ms).await,
        }
    }

    async fn close(&self, bytes: &[u8]) -> Result<(), ClientLeft> {
        self.sink.finish(bytes).await
    }
}

/// The client's side of the pass-through stream.
struct Sink {
    writable: WritableStream,
}

impl Sink {
    fn writer(&self) -> Result<WritableStreamDefaultWriter, ClientLeft> {
        self.writable.get_writer().map_err(|_| ClientLeft)
    }

    /// Writes and waits until the client took it, so that an unread client never makes memory grow.
    async fn write(&self, bytes: &[u8]) -> Result<(), ClientLeft> {
        if bytes.is_empty() {
            return Ok(());
        }
        let writer = self.writer()?;
        let written = settled(&writer.write_with_chunk(&Uint8Array::from(bytes))).await;
        writer.release_lock();
        written.map(|_| ()).map_err(|_| ClientLeft)
    }

    /// Whether the client is known to have left. A stream that is errored has no desired size.
    fn is_broken(&self) -> bool {
        let Ok(writer) = self.writer() else { return true };
        let broken = writer.desired_size().map_or(true, |size| size.is_none());
        writer.release_lock();
        broken
    }

    /// Writes the last bytes and closes.
    async fn finish(&self, bytes: &[u8]) -> Result<(), ClientLeft> {
        self.write(bytes).await?;
        let writer = self.writer()?;
        settled(&writer.close()).await.map(|_| ()).map_err(|_| ClientLeft)
    }
}

async fn native(ports: &WorkerPorts, reply: FetchedReply, sink: &Sink, scan: &mut StreamScan, idle_ms: u64) -> BodyEnd {
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

/// Looks at the copy now and then until the pipe ends. A stream that is silent for too long is aborted at its source,
/// so that the pipe still delivers everything that came before; true if that was so.
async fn watch(
    pipe: &mut Settled,
    copy: &Copy,
    scan: &mut StreamScan,
    call: &AbortOnDrop,
    idle_ms: u64,
) -> (Result<JsValue, JsValue>, bool) {
    let period_ms = SAMPLE_PERIOD_MS.min(idle_ms);
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
            match step {
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

async fn rewriting(
    ports: &WorkerPorts,
    mut reply: FetchedReply,
    sink: &Sink,
    rewriter: &mut Rewriter<UsageDetails>,
    idle_ms: u64,
) -> BodyEnd {
    let last_ms = Cell::new(now_ms());
    // One timer for the whole stream: it only looks whether something came since it was set.
    let mut idle = pin!(async {
        loop {
            let left_ms = (last_ms.get() + idle_ms).saturating_sub(now_ms());
            if left_ms == 0 {
                return;
            }
            sleep(left_ms).await;
        }
    });
    let mut out = Vec::new();
    loop {
        // Nothing follows the last event, even where the provider leaves the connection open; and nothing that follows
        // an error, or belongs to another answer, is forwarded.
        let scan = rewriter.scan();
        if scan.error().is_some() || scan.lost_a_piece() || rewriter.has_diverged() {
            return BodyEnd::Broken;
        }
        if scan.done_seen() {
            return BodyEnd::Finished;
        }
        let chunk = match select(pin!(reply.chunk()), &mut idle).await {
            Either::Left((chunk, _)) => chunk,
            Either::Right(((), _)) => return BodyEnd::Stalled,
        };
        let bytes = match chunk {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return BodyEnd::Finished,
            Err(_) if ports.client_gone() => return BodyEnd::ClientClosed,
            Err(_) => return BodyEnd::Broken,
        };
        out.clear();
        let held = rewriter.push(&bytes, &mut out);
        if sink.write(&out).await.is_err() {
            return BodyEnd::ClientClosed;
        }
        last_ms.set(now_ms());
        if held.is_err() {
            return BodyEnd::Broken;
        }
    }
}
