//! The rewriting relay: the bytes go through the isolate, one chunk at a time, or where they come fast all that came in a
//! moment.

use std::cell::Cell;
use std::pin::pin;

use futures::future::{Either, select};

use super::{Sink, Writer};
use crate::edge::fetch::FetchedReply;
use crate::edge::ports::{WorkerPorts, now_ms};
use crate::edge::task::sleep;
use crate::gateway::deliver::ClientLeft;
use crate::gateway::ports::{Ports, UpstreamReply};
use crate::gateway::stream::{BodyEnd, UsageDetails};
use crate::sse::pace::{GULP_MS, Next, Pace};
use crate::sse::rewrite::Rewriter;
use crate::sse::standstill::Standstill;

/// Carries a reply to its end, changed on the way.
pub(super) async fn carry(
    ports: &WorkerPorts,
    mut reply: FetchedReply,
    sink: &Sink,
    rewriter: &mut Rewriter<UsageDetails>,
    idle_ms: u64,
) -> BodyEnd {
    let Ok(writer) = sink.writer() else { return BodyEnd::ClientClosed };
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
    let mut pace = Pace::new(last_ms.get());
    let mut standstill = Standstill::new(idle_ms, rewriter.scan().progress(), last_ms.get());
    let mut stands_still = false;
    let mut out = Vec::new();
    loop {
        if let Some(end) = end(rewriter) {
            return end;
        }
        if stands_still {
            return BodyEnd::Stalled;
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
        let events = rewriter.events();
        let held = rewriter.push(&bytes, &mut out);
        let came_ms = now_ms();
        stands_still = standstill.came(rewriter.scan().progress(), came_ms);
        let next = pace.came(bytes.len(), rewriter.events() - events, came_ms);
        let is_last = held.is_err() || end(rewriter).is_some();
        let rests = next == Next::Later && !is_last && reply.read_ahead();
        if next != Next::Now && !rests {
            reply.stop_reading_ahead();
            pace.stop();
        }
        let written =
            if rests { write_and_rest(&writer, &out, &mut reply, &mut pace).await } else { writer.write(&out).await };
        if written.is_err() {
            return BodyEnd::ClientClosed;
        }
        last_ms.set(now_ms());
        // The rest was the relay's own wish, and not the client's.
        let rested_ms = if rests { GULP_MS } else { 0 };
        standstill.excuse(last_ms.get().saturating_sub(came_ms + rested_ms));
        if held.is_err() {
            return BodyEnd::Broken;
        }
    }
}

/// Nothing follows the last event, even where the provider leaves the connection open; and nothing that follows an error, or
/// belongs to another answer, is forwarded.
fn end(rewriter: &Rewriter<UsageDetails>) -> Option<BodyEnd> {
    let scan = rewriter.scan();
    if scan.error().is_some() || scan.lost_a_piece() || rewriter.has_diverged() {
        return Some(BodyEnd::Broken);
    }
    scan.done_seen().then_some(BodyEnd::Finished)
}

/// Writes, and lets the next chunks pile up meanwhile and a moment longer. A client that has not taken what was written by
/// then is slow: for it nothing is read ahead any more.
async fn write_and_rest(
    writer: &Writer,
    bytes: &[u8],
    reply: &mut FetchedReply,
    pace: &mut Pace,
) -> Result<(), ClientLeft> {
    match select(pin!(writer.write(bytes)), sleep(GULP_MS)).await {
        Either::Left((written, rest)) => {
            written?;
            rest.await;
            Ok(())
        }
        Either::Right(((), write)) => {
            reply.stop_reading_ahead();
            pace.stop();
            write.await
        }
    }
}
