//! The health of candidates as one request sees it, from its plan on: at one point in time, and with tickets of its own.

use std::cell::{Cell, RefCell};

use super::ports::HealthPort;
use crate::health::circuit::Standing;
use crate::routing::plan::Health;

/// The health port at one point in time. A plan cannot wait, so a ticket that is not at hand is noted, fetched, and the
/// plan made again; the tickets that it took before stay its own.
pub(super) struct HealthNow<'h, H> {
    port: &'h H,
    seed: u64,
    now_ms: u64,
    taken: RefCell<Vec<(String, u64)>>,
    missing: RefCell<Vec<String>>,
    may_overdraw: Cell<bool>,
}

impl<'h, H: HealthPort> HealthNow<'h, H> {
    /// `seed` is a number of the request's own.
    pub(super) const fn new(port: &'h H, seed: u64, now_ms: u64) -> Self {
        Self {
            port,
            seed,
            now_ms,
            taken: RefCell::new(Vec::new()),
            missing: RefCell::new(Vec::new()),
            may_overdraw: Cell::new(false),
        }
    }

    /// Whether the plan lacked a ticket, and must be made again with it.
    pub(super) fn misses_tickets(&self) -> bool {
        !self.missing.borrow().is_empty()
    }

    /// Gets what was missing. Where nothing comes in time, the next plan helps itself.
    pub(super) async fn get_tickets(&self) {
        let missing = self.missing.take();
        self.port.lease(&missing, self.seed).await;
        self.may_overdraw.set(true);
    }
}

impl<H: HealthPort> Health for HealthNow<'_, H> {
    fn standing(&self, provider: &str, model: &str, tokens: u64) -> Standing {
        self.port.standing(provider, model, tokens, self.now_ms)
    }

    fn now_ms(&self) -> u64 {
        self.now_ms
    }

    fn first_token_ms(&self, provider: &str, model: &str) -> Option<u64> {
        self.port.first_token_ms(provider, model)
    }

    fn tokens_per_second(&self, provider: &str, model: &str) -> Option<u64> {
        self.port.tokens_per_second(provider, model)
    }

    fn ticket(&self, key: &str) -> u64 {
        let taken = self.taken.borrow().iter().find(|(known, _)| known == key).map(|(_, ticket)| *ticket);
        if let Some(ticket) = taken {
            return ticket;
        }
        let ticket =
            self.port.ticket(key).or_else(|| self.may_overdraw.get().then(|| self.port.overdraw(key, self.seed)));
        match ticket {
            Some(ticket) => self.taken.borrow_mut().push((key.to_owned(), ticket)),
            None => self.missing.borrow_mut().push(key.to_owned()),
        }
        ticket.unwrap_or(0)
    }
}
