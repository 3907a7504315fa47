//! Moves the bytes of a stream from a provider to a client. What is written, and what an end means, is decided in
//! `gateway/stream.rs` and `sse/`.
//!
//! The native relay is a pipe inside the platform: what costs CPU is waking the isolate for a chunk, not the bytes. The
//! isolate only looks at a copy about once a second. The rewriting relay wakes for every chunk, or where they come fast for all
//! that came in some milliseconds.

mod native;
mod rewriting;

use std::pin::pin;

use futures::future::{Either, select};
use js_sys::Uint8Array;
use web_sys::{WritableStream, WritableStreamDefaultWriter};

use super::fetch::FetchedReply;
use super::ports::WorkerPorts;
use super::task::{settled, sleep};
use crate::gateway::deliver::{Carrier, ClientLeft};
use crate::gateway::ports::Ports;
use crate::gateway::stream::{BodyEnd, Relay};

/// How often it is looked whether a client left that never read.
const CLIENT_LOOK_MS: u64 = 1_000;

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
                sleep(CLIENT_LOOK_MS).await;
            }
        });
        match select(pin!(self.sink.write(bytes)), left).await {
            Either::Left((written, _)) => written,
            Either::Right(((), _)) => Err(ClientLeft),
        }
    }

    async fn carry(&self, reply: FetchedReply, relay: &mut Relay, idle_ms: u64) -> BodyEnd {
        match relay {
            Relay::Native(scan) => native::carry(self.ports, reply, &self.sink, scan, idle_ms).await,
            Relay::Rewriting(rewriter) => rewriting::carry(self.ports, reply, &self.sink, rewriter, idle_ms).await,
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
    /// The right to write, until it is dropped. To take it for each chunk costs as much as a third of the writing.
    fn writer(&self) -> Result<Writer, ClientLeft> {
        self.writable.get_writer().map(Writer).map_err(|_| ClientLeft)
    }

    async fn write(&self, bytes: &[u8]) -> Result<(), ClientLeft> {
        self.writer()?.write(bytes).await
    }

    /// Whether the client is known to have left. A stream that is errored has no desired size.
    fn is_broken(&self) -> bool {
        let Ok(writer) = self.writer() else { return true };
        writer.0.desired_size().map_or(true, |size| size.is_none())
    }

    /// Writes the last bytes and closes.
    async fn finish(&self, bytes: &[u8]) -> Result<(), ClientLeft> {
        let writer = self.writer()?;
        writer.write(bytes).await?;
        settled(&writer.0.close()).await.map(|_| ()).map_err(|_| ClientLeft)
    }
}

/// The right to write to the client. Nothing can be piped there meanwhile.
struct Writer(WritableStreamDefaultWriter);

impl Writer {
    /// Writes and waits until the client took it, so that an unread client never makes memory grow.
    async fn write(&self, bytes: &[u8]) -> Result<(), ClientLeft> {
        if bytes.is_empty() {
            return Ok(());
        }
        let written = settled(&self.0.write_with_chunk(&Uint8Array::from(bytes))).await;
        written.map(|_| ()).map_err(|_| ClientLeft)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.release_lock();
    }
}
