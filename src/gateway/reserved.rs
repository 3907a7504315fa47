//! A request that counts against what is left at a provider from when it is sent until its headers are there, or until it
//! is given up: then it is dropped.

use super::ports::HealthPort;
use crate::health::headroom::Headroom;
use crate::health::reserved::Reservation;

/// The request on its way.
pub(super) struct Reserved<'h, H: HealthPort> {
    health: &'h H,
    provider: &'h str,
    model: &'h str,
    reservation: Reservation,
    /// What the provider told of what is left, and when.
    told: Option<Headroom>,
    now_ms: u64,
}

impl<'h, H: HealthPort> Reserved<'h, H> {
    /// It is sent now, with so many tokens.
    pub(super) fn new(health: &'h H, provider: &'h str, model: &'h str, tokens: u64, now_ms: u64) -> Self {
        let reservation = health.reserve(provider, model, tokens, now_ms);
        Self { health, provider, model, reservation, told: None, now_ms }
    }

    /// The headers are there.
    pub(super) fn answered(mut self, told: Option<Headroom>, now_ms: u64) {
        (self.told, self.now_ms) = (told, now_ms);
    }
}

impl<H: HealthPort> Drop for Reserved<'_, H> {
    fn drop(&mut self) {
        self.health.settle(self.provider, self.model, self.reservation, self.told, self.now_ms);
    }
}
