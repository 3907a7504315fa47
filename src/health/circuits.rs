//! The circuits of all candidates, by provider and model.

use std::collections::HashMap;

use super::circuit::{Admission, Circuit, Permit, Standing};
use super::headroom::Load;
use super::outcome::Outcome;

/// The most circuits that are kept. The catalogue has some hundred; the bound is there because a client can name any
/// model at a provider that takes any.
pub const MAX_CIRCUITS: usize = 4096;

/// The model of the circuit that stands for a whole provider.
pub const WHOLE_PROVIDER: &str = "";

/// A circuit, and the version of the owner's state in which it last changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    circuit: Circuit,
    version: u64,
}

/// Circuits, keyed by provider, then by the provider's own model id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circuits {
    by_provider: HashMap<String, HashMap<String, Entry>>,
    count: usize,
}

/// Who had to go so that a new circuit found room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// The provider, all of whose circuits are gone.
    pub provider: String,
}

/// How a candidate stands: as its model does, unless the whole provider is benched, or is tried for the first time after
/// it was. `circuit` finds those of the provider.
pub fn standing<'c>(circuit: &dyn Fn(&str) -> Option<&'c Circuit>, model: &str, load: Load, now_ms: u64) -> Standing {
    let whole = circuit(WHOLE_PROVIDER).map_or(Standing::Healthy, |whole| whole.standing(now_ms));
    let model = || circuit(model).map_or(Standing::Healthy, |circuit| circuit.standing_for(load, now_ms));
    match whole {
        Standing::Healthy | Standing::Degraded | Standing::Spent { .. } => model(),
        Standing::Open { .. } | Standing::Limited { .. } | Standing::Benched { .. } => whole,
        Standing::Probe { .. } => match model() {
            Standing::Healthy | Standing::Degraded => whole,
            worse @ (Standing::Probe { .. }
            | Standing::Spent { .. }
            | Standing::Open { .. }
            | Standing::Limited { .. }
            | Standing::Benched { .. }) => worse,
        },
    }
}

impl Circuits {
    /// One of them.
    pub fn get(&self, provider: &str, model: &str) -> Option<&Circuit> {
        self.by_provider.get(provider)?.get(model).map(|entry| &entry.circuit)
    }

    /// Notes the version in which one changed.
    pub fn changed(&mut self, provider: &str, model: &str, version: u64) {
        if let Some(entry) = self.entry(provider, model) {
            entry.version = version;
        }
    }

    /// Those that changed after `version`, in no order: provider, model, circuit.
    pub fn changed_since(&self, version: u64) -> impl Iterator<Item = (&str, &str, &Circuit)> {
        self.entries()
            .filter(move |(_, _, entry)| entry.version > version)
            .map(|(provider, model, entry)| (provider, model, &entry.circuit))
    }

    /// All of them, in no order: provider, model, circuit.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Circuit)> {
        self.entries().map(|(provider, model, entry)| (provider, model, &entry.circuit))
    }

    fn entries(&self) -> impl Iterator<Item = (&str, &str, &Entry)> {
        self.by_provider.iter().flat_map(|(provider, models)| {
            models.iter().map(move |(model, entry)| (provider.as_str(), model.as_str(), entry))
        })
    }

    /// Those of one provider, in no order: model, circuit.
    pub fn of(&self, provider: &str) -> impl Iterator<Item = (&str, &Circuit)> {
        let models = self.by_provider.get(provider).into_iter().flatten();
        models.map(|(model, entry)| (model.as_str(), &entry.circuit))
    }

    /// Puts one in, in place of the one that was there.
    pub fn insert(&mut self, provider: &str, model: &str, circuit: Circuit) -> Option<Forgotten> {
        let forgotten = self.make_room_for(provider, model);
        self.by_provider
            .entry(provider.to_owned())
            .or_default()
            .insert(model.to_owned(), Entry { circuit, version: 0 });
        forgotten
    }

    /// How a candidate stands for one request; see [`standing`].
    pub fn standing(&self, provider: &str, model: &str, now_ms: u64) -> Standing {
        standing(&|model| self.get(provider, model), model, Load::ONE, now_ms)
    }

    /// Takes the permit for one request at a candidate, and where the whole provider was benched, that of the provider
    /// too; see [`Circuit::admit`].
    pub fn admit(&mut self, provider: &str, model: &str, permit: Permit, now_ms: u64) -> Admission {
        let mut one =
            |model| self.get_mut(provider, model).map_or(Admission::Free, |circuit| circuit.admit(permit, now_ms));
        let whole = one(WHOLE_PROVIDER);
        if whole == Admission::Busy {
            return whole;
        }
        let admission = one(model);
        if whole == Admission::Probe
            && admission == Admission::Busy
            && let Some(whole) = self.get_mut(provider, WHOLE_PROVIDER)
        {
            whole.record(Outcome::Inconclusive, Some(permit), now_ms);
        }
        if admission == Admission::Free { whole } else { admission }
    }

    /// Takes one outcome in. One that is true of the whole provider only gives the permit of the model's circuit back, and
    /// one of the model that of the provider's, or tells that its key is good.
    pub fn record(
        &mut self,
        provider: &str,
        model: &str,
        outcome: Outcome,
        permit: Option<Permit>,
        now_ms: u64,
    ) -> Option<Forgotten> {
        let subject = Self::subject(model, outcome);
        if subject != model
            && let Some(circuit) = self.get_mut(provider, model)
        {
            circuit.record(Outcome::Inconclusive, permit, now_ms);
        }
        if subject == model
            && let Some(permit) = permit
            && let Some(whole) = self.get_mut(provider, WHOLE_PROVIDER)
        {
            if matches!(outcome, Outcome::FirstToken { .. } | Outcome::Success { .. }) {
                whole.accepted(permit);
            } else {
                whole.record(Outcome::Inconclusive, Some(permit), now_ms);
            }
        }
        if let Some(circuit) = self.get_mut(provider, subject) {
            circuit.record(outcome, permit, now_ms);
            return None;
        }
        if outcome == Outcome::Inconclusive {
            // It gives a permit back that nobody knows of any more.
            return None;
        }
        let mut circuit = Circuit::default();
        circuit.record(outcome, permit, now_ms);
        self.insert(provider, subject, circuit)
    }

    fn get_mut(&mut self, provider: &str, model: &str) -> Option<&mut Circuit> {
        self.entry(provider, model).map(|entry| &mut entry.circuit)
    }

    fn entry(&mut self, provider: &str, model: &str) -> Option<&mut Entry> {
        self.by_provider.get_mut(provider)?.get_mut(model)
    }

    /// The model whose circuit an outcome changes.
    const fn subject(model: &str, outcome: Outcome) -> &str {
        match outcome {
            Outcome::Benched { provider_wide: true, .. } => WHOLE_PROVIDER,
            Outcome::Benched { .. }
            | Outcome::FirstToken { .. }
            | Outcome::Success { .. }
            | Outcome::Failure { .. }
            | Outcome::SoftFailure { .. }
            | Outcome::Limited { .. }
            | Outcome::Headroom(_)
            | Outcome::Inconclusive => model,
        }
    }

    fn make_room_for(&mut self, provider: &str, model: &str) -> Option<Forgotten> {
        if self.get(provider, model).is_some() {
            return None;
        }
        let forgotten = if self.count >= MAX_CIRCUITS { self.forget_largest() } else { None };
        self.count += 1;
        forgotten
    }

    /// Forgets the provider with the most circuits: it is the one whose models are made up, and what is known of all
    /// others stays.
    fn forget_largest(&mut self) -> Option<Forgotten> {
        let largest = self.by_provider.iter().max_by_key(|(_, models)| models.len()).map(|(id, _)| id.clone())?;
        let models = self.by_provider.remove(&largest)?;
        self.count = self.count.saturating_sub(models.len());
        Some(Forgotten { provider: largest })
    }
}
