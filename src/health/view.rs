//! What one isolate has seen by itself of every provider and model.

use std::collections::HashMap;

use super::circuit::{Circuit, Standing};
use super::cursor::Cursors;
use super::outcome::Outcome;

/// The most circuits that are kept. The catalogue has some hundred; the bound is there because a client can name any
/// model at a provider that takes any.
pub const MAX_CIRCUITS: usize = 4096;

/// Circuits and cursors.
#[derive(Debug, Default)]
pub struct HealthView {
    /// Keyed by provider, then by the provider's own model id. The empty id is the provider as a whole.
    circuits: HashMap<String, HashMap<String, Circuit>>,
    count: usize,
    cursors: Cursors,
}

const WHOLE_PROVIDER: &str = "";

impl HealthView {
    fn circuit(&self, provider: &str, model: &str) -> Option<&Circuit> {
        self.circuits.get(provider)?.get(model)
    }

    fn circuit_mut(&mut self, provider: &str, model: &str) -> &mut Circuit {
        if self.circuit(provider, model).is_none() {
            if self.count >= MAX_CIRCUITS {
                self.make_room();
            }
            self.count += 1;
        }
        self.circuits.entry(provider.to_owned()).or_default().entry(model.to_owned()).or_default()
    }

    /// Forgets the provider with the most circuits: it is the one whose models are made up, and what is known of all
    /// others stays.
    fn make_room(&mut self) {
        let largest = self.circuits.iter().max_by_key(|(_, models)| models.len()).map(|(id, _)| id.clone());
        if let Some(models) = largest.and_then(|id| self.circuits.remove(&id)) {
            self.count = self.count.saturating_sub(models.len());
        }
    }

    /// How a candidate stands: as its model does, unless the whole provider is benched.
    pub fn standing(&self, provider: &str, model: &str, now_ms: u64) -> Standing {
        let whole = self.circuit(provider, WHOLE_PROVIDER).map(|circuit| circuit.standing(now_ms));
        if let Some(benched @ Standing::Benched { .. }) = whole {
            return benched;
        }
        self.circuit(provider, model).map_or(Standing::Healthy, |circuit| circuit.standing(now_ms))
    }

    /// Takes the permit for one request at a candidate; false if another request is probing it.
    pub fn admit(&mut self, provider: &str, model: &str, now_ms: u64) -> bool {
        match self.circuit(provider, model) {
            None => true,
            Some(_) => self.circuit_mut(provider, model).admit(now_ms),
        }
    }

    /// Gives a permit back; see [`Circuit::release`].
    pub fn release(&mut self, provider: &str, model: &str, now_ms: u64) {
        if self.circuit(provider, model).is_some() {
            self.circuit_mut(provider, model).release(now_ms);
        }
    }

    /// Takes one outcome in.
    pub fn record(&mut self, provider: &str, model: &str, outcome: Outcome, now_ms: u64) {
        if let Outcome::Benched { provider_wide: true, .. } = outcome {
            self.circuit_mut(provider, WHOLE_PROVIDER).record(outcome, now_ms);
            self.release(provider, model, now_ms);
            return;
        }
        self.circuit_mut(provider, model).record(outcome, now_ms);
    }

    /// The mean time to the first token of a candidate, in milliseconds, where anything is known.
    pub fn first_token_ms(&self, provider: &str, model: &str) -> Option<u64> {
        self.circuit(provider, model)?.first_token_ms()
    }

    /// The mean speed of a candidate in completion tokens a second, where anything is known.
    pub fn tokens_per_second(&self, provider: &str, model: &str) -> Option<u64> {
        self.circuit(provider, model)?.tokens_per_second()
    }

    /// The next round-robin ticket of `key`.
    pub fn ticket(&mut self, key: &str) -> u64 {
        self.cursors.ticket(key)
    }
}
