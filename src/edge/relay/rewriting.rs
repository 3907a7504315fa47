//! The rewriting relay: each chunk goes through the isolate.

use std::cell::Cell;
use std::pin::pin;

use futures::future::{Either, select};

use super::Sink;
use crate::edge::fetch::FetchedReply;
use crate::edge::ports::{WorkerPorts, now_ms};
use crate::edge::task::sleep;
use crate::gateway::ports::{Ports, UpstreamReply};
use crate::gateway::stream::{BodyEnd, UsageDetails};
use crate::sse::rewrite::Rewriter;

/// Carries a reply to its end, changed on the way.
pub(super) async fn carry(
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
