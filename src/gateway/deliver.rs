//! Brings a stream to its client, leg by leg: where a provider breaks off, another one goes on.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use super::chat::Incoming;
use super::ports::Ports;
use super::resume::resume;
use super::setup::Gateway;
use super::stream::{BodyEnd, Committed, Ended, Leg, Relay, Verdict};
use crate::routing::failure::ErrorClass;

/// Moves the bytes to the client.
pub trait Carrier<R> {
    /// Writes and waits until the client took it.
    fn write(&self, bytes: &[u8]) -> impl Future<Output = Result<(), ClientLeft>>;
    /// Carries the rest of a reply through `relay` to its end, or until nothing came for `idle_ms` milliseconds,
    /// or it stands still: see [`Standstill`](crate::sse::standstill::Standstill).
    fn carry(&self, reply: R, relay: &mut Relay, idle_ms: u64) -> impl Future<Output = BodyEnd>;
    /// Writes the last bytes and closes.
    fn close(&self, bytes: &[u8]) -> impl Future<Output = Result<(), ClientLeft>>;
}

/// Nobody reads any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientLeft;

/// A request that is kept while its answer streams, as long as nobody needs its memory, with the guard `G` that counts
/// its bytes: who uses the request when it is let go keeps both to the end of that.
#[derive(Debug)]
pub struct Kept<G>(RefCell<Option<Rc<(Incoming, G)>>>);

impl<G> Kept<G> {
    /// Keeps `request`, if there is one; else the guard is dropped.
    pub fn new(request: Option<Incoming>, guard: G) -> Self {
        Self(RefCell::new(request.map(|request| Rc::new((request, guard)))))
    }

    /// Lets it go: the answer cannot be resumed any more.
    pub fn release(&self) {
        self.0.take();
    }

    fn get(&self) -> Option<Rc<(Incoming, G)>> {
        self.0.borrow().clone()
    }
}

const LEFT: Verdict = Verdict::Failed(ErrorClass::ClientClosed);

/// Delivers `stream`, accounts for it, and says how it went.
pub async fn deliver<P: Ports, G>(
    gateway: &Gateway,
    ports: &P,
    carrier: &impl Carrier<P::Reply>,
    stream: Committed<P::Reply>,
    kept: &Kept<G>,
    request_id: &str,
) -> Verdict {
    let Committed { mut leg, mut account, .. } = stream;
    let (mut verdict, closing, blamed) = loop {
        let Leg { prefix, reply, mut relay, idle_ms } = leg;
        let end = match carrier.write(&prefix).await {
            Ok(()) => carrier.carry(reply, &mut relay, idle_ms).await,
            Err(ClientLeft) => BodyEnd::ClientClosed,
        };
        let mut ended = relay.end(end, request_id, &|error| account.judge(gateway, error));
        let blamed = relay.blames_provider();
        // Whatever else broke, it broke because the client left.
        if ended.verdict != Verdict::Whole && !blamed && ports.client_gone() {
            ended = Ended::new(LEFT, Vec::new());
        }
        account.leg_ended(ports, relay.scan(), end, ended.verdict);
        let Ended { verdict, mut closing, so_far, error_event } = ended;
        if let (Some(so_far), Some(kept)) = (so_far, kept.get()) {
            if carrier.write(&closing).await.is_err() {
                break (LEFT, Vec::new(), false);
            }
            closing.clear();
            if let Some(next) = resume(gateway, ports, &kept.0, so_far, &mut account).await {
                leg = next;
                continue;
            }
        }
        closing.extend_from_slice(error_event.as_bytes());
        break (verdict, closing, blamed);
    };
    kept.release();
    // It may have left while somebody else was looked for.
    let gone = ports.client_gone();
    if verdict != Verdict::Whole && !blamed && gone {
        verdict = LEFT;
    }
    // A client that left reads neither the last bytes nor the end, so waiting for it to do so could take for ever. One
    // that has the whole answer may close before it is told that this is the end.
    let unread = verdict != LEFT && (gone || carrier.close(&closing).await.is_err());
    if unread && !blamed && !(verdict == Verdict::Whole && closing.is_empty()) {
        verdict = LEFT;
    }
    account.finish(ports, verdict);
    verdict
}
