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
    /// Carries the rest of a reply through `relay` to its end, or until nothing came for `idle_ms` milliseconds.
    fn carry(&self, reply: R, relay: &mut Relay, idle_ms: u64) -> impl Future<Output = BodyEnd>;
    /// Writes the last bytes and closes.
    fn close(&self, bytes: &[u8]) -> impl Future<Output = Result<(), ClientLeft>>;
}

/// Nobody reads any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientLeft;

/// A request that is kept while its answer streams, as long as nobody needs its memory.
#[derive(Debug, Default)]
pub struct Kept(RefCell<Option<Rc<Incoming>>>);

impl Kept {
    /// Keeps `request`, if there is one.
    pub fn new(request: Option<Incoming>) -> Self {
        Self(RefCell::new(request.map(Rc::new)))
    }

    /// Lets it go: the answer cannot be resumed any more.
    pub fn release(&self) {
        self.0.take();
    }

    fn get(&self) -> Option<Rc<Incoming>> {
        self.0.borrow().clone()
    }
}

/// Delivers `stream`, accounts for it, and says how it went.
pub async fn deliver<P: Ports>(
    gateway: &Gateway,
    ports: &P,
    carrier: &impl Carrier<P::Reply>,
    stream: Committed<P::Reply>,
    kept: &Kept,
    request_id: &str,
) -> Verdict {
    let Committed { mut leg, mut account, .. } = stream;
    let (mut verdict, closing) = loop {
        let Leg { prefix, reply, mut relay, idle_ms } = leg;
        let end = match carrier.write(&prefix).await {
            Ok(()) => carrier.carry(reply, &mut relay, idle_ms).await,
            Err(ClientLeft) => BodyEnd::ClientClosed,
        };
        let ended = relay.end(end, request_id, account.secret.as_ref().map(|key| key.expose()));
        account.leg_ended(ports, relay.scan(), ended.verdict);
        let Ended { verdict, mut closing, so_far, error_event } = ended;
        if let (Some(so_far), Some(incoming)) = (so_far, kept.get()) {
            if carrier.write(&closing).await.is_err() {
                break (Verdict::Failed(ErrorClass::ClientClosed), Vec::new());
            }
            closing.clear();
            if let Some(next) = resume(gateway, ports, &incoming, so_far, &mut account).await {
                leg = next;
                continue;
            }
        }
        closing.extend_from_slice(error_event.as_bytes());
        break (verdict, closing);
    };
    kept.release();
    let left = Verdict::Failed(ErrorClass::ClientClosed);
    // It may have left while somebody else was looked for.
    if verdict != Verdict::Whole && ports.client_gone() {
        verdict = left;
    }
    // A client that left reads neither the last bytes nor the end, so waiting for it to do so could take for ever.
    if verdict != left && carrier.close(&closing).await.is_err() {
        verdict = left;
    }
    account.finish(ports, verdict);
    verdict
}
