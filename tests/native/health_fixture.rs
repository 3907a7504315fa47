//! What the tests of the health object and of its isolates share: outcomes, messages that arrive, and a storage.

use std::collections::BTreeMap;

use opengateway::health::circuit::{Circuit, Permit};
use opengateway::health::circuits::Circuits;
use opengateway::health::coordinator::{Change, Coordinator};
use opengateway::health::headroom::Left;
use opengateway::health::message::{Report, SyncReply, SyncRequest};
use opengateway::health::outcome::Outcome;
use opengateway::health::schedule::SYNC_TIMEOUT_MS;
use opengateway::health::view::HealthView;
use opengateway::routing::failure::ErrorClass;
use proptest::prelude::*;

/// A multiple of the window, so that the first outcomes stand at the start of a bucket.
pub(crate) const NOW: u64 = 1_700_000_040_000;
/// How long a message may take, in milliseconds.
pub(crate) const LOST_MS: u64 = SYNC_TIMEOUT_MS as u64;
pub(crate) const FAILURE: Outcome = Outcome::Failure { class: ErrorClass::ServerError };
pub(crate) const SOFT: Outcome = Outcome::SoftFailure { class: ErrorClass::InvalidReply };
pub(crate) const SUCCESS: Outcome = Outcome::success(None, None);
pub(crate) const FIRST_TOKEN: Outcome = Outcome::FirstToken { after_ms: 100 };
pub(crate) const MINE: Permit = Permit(1);
pub(crate) const ANOTHER: Permit = Permit(2);

/// So much is left, as was told at [`NOW`] without a reset.
pub(crate) const fn left(left: u64) -> Option<Left> {
    Some(Left { left, reset_ms: None, at_ms: NOW })
}

pub(crate) fn benched(until_ms: u64, provider_wide: bool) -> Outcome {
    Outcome::Benched { until_ms, class: ErrorClass::BadKey, provider_wide }
}

pub(crate) fn report(provider: &str, model: &str, outcome: Outcome) -> Report {
    Report { provider: provider.to_owned(), model: model.to_owned(), outcome, permit: None }
}

/// A message that arrives and is answered.
pub(crate) fn sync(view: &mut HealthView, object: &mut Coordinator, now_ms: u64) -> Vec<Change> {
    let message = view.begin(now_ms);
    let (reply, changes) = object.sync(&message, now_ms);
    view.answered(reply, message.batch, now_ms, now_ms);
    changes
}

/// All that the view says waits, as it is told next.
pub(crate) fn told(view: &mut HealthView, now_ms: u64) -> Vec<(String, Outcome, Option<Permit>)> {
    view.begin(now_ms).reports.into_iter().map(|report| (report.model, report.outcome, report.permit)).collect()
}

/// Circuits in an order, so that two lots of them can be compared.
pub(crate) fn sorted(circuits: &Circuits) -> BTreeMap<(String, String), Circuit> {
    let owned =
        |(provider, model, circuit): (&str, &str, &Circuit)| ((provider.to_owned(), model.to_owned()), circuit.clone());
    circuits.iter().map(owned).collect()
}

/// The names of the circuits of an answer, in order.
pub(crate) fn names(reply: &SyncReply) -> Vec<String> {
    let mut names: Vec<String> =
        reply.circuits.iter().map(|state| format!("{}/{}", state.provider, state.model)).collect();
    names.sort();
    names
}

/// A message of isolate 1 that holds nothing.
pub(crate) fn empty(batch: u64) -> SyncRequest {
    SyncRequest { isolate: 1, batch, ..SyncRequest::default() }
}

/// What the object has stored.
#[derive(Debug, Default)]
pub(crate) struct Storage {
    pub(crate) circuits: BTreeMap<(String, String), Circuit>,
    pub(crate) cursors: BTreeMap<String, u64>,
}

impl Storage {
    pub(crate) fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Circuit { provider, model, circuit } => {
                    self.circuits.insert((provider, model), *circuit);
                }
                Change::Closed { provider, model } => {
                    self.circuits.remove(&(provider, model));
                }
                Change::Forget { provider } => self.circuits.retain(|(known, _), _| *known != provider),
                Change::Cursor { key, next } => {
                    self.cursors.insert(key, next);
                }
                Change::ClearCursors => self.cursors.clear(),
            }
        }
    }

    /// The object as it is after an eviction.
    pub(crate) fn restored(&self, incarnation: u64, now_ms: u64) -> Coordinator {
        let mut object = Coordinator::new(incarnation);
        for ((provider, model), circuit) in &self.circuits {
            object.restore_circuit(provider, model, circuit.clone(), now_ms);
        }
        self.cursors.iter().for_each(|(key, next)| object.restore_cursor(key, *next));
        object
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered,
    LostOnTheWayThere,
    LostOnTheWayBack,
}

pub(crate) fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![4 => Just(Fate::Answered), 1 => Just(Fate::LostOnTheWayThere), 1 => Just(Fate::LostOnTheWayBack)]
}
