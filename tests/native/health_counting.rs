//! What the object counts, with messages that get lost and an object that is evicted, against plain lists.

use opengateway::health::circuit::Permit;
use opengateway::health::coordinator::Coordinator;
use opengateway::health::outcome::Outcome;
use opengateway::health::reports::MERGE_MS;
use opengateway::health::view::HealthView;
use opengateway::health::window::RATE_WINDOW_MS;
use proptest::prelude::*;

use crate::health_fixture::{FAILURE, Fate, NOW, SUCCESS, fate};

const ISOLATES: u64 = 3;
/// Models that answer; those that fail have each one failure, so that no circuit opens and forgets its counts.
const GOOD: [&str; 3] = ["good-0", "good-1", "good-2"];

#[derive(Clone, Copy, Debug)]
enum Step {
    Success(usize),
    Failure,
    /// Nothing is counted of it, but it keeps what came before apart from what comes after.
    PermitBack(usize),
    Message(Fate),
    Pass(u64),
    Evict,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..GOOD.len()).prop_map(Step::Success),
        3 => Just(Step::Failure),
        2 => (0..GOOD.len()).prop_map(Step::PermitBack),
        5 => fate().prop_map(Step::Message),
        2 => (0u64..12_000).prop_map(Step::Pass),
        1 => Just(Step::Evict),
    ]
}

/// A report in the plain lists.
#[derive(Clone, Debug)]
struct Made {
    model: String,
    ok: bool,
    at_ms: u64,
}

/// An isolate, and plain lists of what it has to tell.
struct Isolate {
    view: HealthView,
    waiting: Vec<Made>,
    /// What was sent and not answered, and whether the object has it.
    batch: Option<(Vec<Made>, bool)>,
}

/// What the object has counted.
struct Counted {
    model: String,
    ok: bool,
    at_ms: u64,
    /// It was in time; else it may have been merged with something that was.
    certain: bool,
}

impl Isolate {
    fn made(&mut self, model: &str, ok: bool, at_ms: u64) {
        self.view.record("groq", model, if ok { SUCCESS } else { FAILURE }, None, at_ms);
        self.waiting.push(Made { model: model.to_owned(), ok, at_ms });
    }

    /// What the object counts of the batch that is sent now.
    fn send(&mut self, fate: Fate, now_ms: u64) -> Vec<Counted> {
        let waiting = &mut self.waiting;
        let (reports, arrived) = self.batch.get_or_insert_with(|| (std::mem::take(waiting), false));
        let mut counted = Vec::new();
        if fate != Fate::LostOnTheWayThere && !std::mem::replace(arrived, true) {
            for Made { model, ok, at_ms } in reports.iter().cloned() {
                let age_ms = now_ms - at_ms;
                let may_be_merged = ok && age_ms < RATE_WINDOW_MS + MERGE_MS;
                let certain = age_ms < RATE_WINDOW_MS;
                if certain || may_be_merged {
                    counted.push(Counted { model, ok, at_ms: now_ms, certain });
                }
            }
        }
        if fate == Fate::Answered {
            self.batch = None;
        }
        counted
    }
}

/// The least and the most that the window may show.
fn totals(counted: &[Counted], model: &str, ok: bool, now_ms: u64) -> (u32, u32) {
    let slot = |ms: u64| ms / (RATE_WINDOW_MS / 6);
    let shown = counted.iter().filter(|one| one.model == model && one.ok == ok && slot(now_ms) - slot(one.at_ms) < 6);
    shown.fold((0, 0), |(least, most), one| (least + u32::from(one.certain), most + 1))
}

proptest! {
    /// Each report counts once where it arrives in time, and never twice.
    #[test]
    fn what_is_counted_is_what_happened(steps in prop::collection::vec((0..ISOLATES as usize, step()), 1..80)) {
        let mut isolates: Vec<Isolate> = (0..ISOLATES)
            .map(|isolate| Isolate { view: HealthView::new(isolate), waiting: Vec::new(), batch: None })
            .collect();
        let (mut object, mut counted, mut now_ms) = (Coordinator::new(0), Vec::new(), NOW);
        for (index, (at, step)) in steps.into_iter().enumerate() {
            let isolate = isolates.get_mut(at).unwrap();
            match step {
                Step::Success(model) => isolate.made(GOOD.get(model).unwrap(), true, now_ms),
                Step::Failure => isolate.made(&format!("bad-{index}"), false, now_ms),
                Step::PermitBack(model) => {
                    let model = GOOD.get(model).unwrap();
                    isolate.view.record("groq", model, Outcome::Inconclusive, Some(Permit(1)), now_ms);
                }
                Step::Message(fate) => {
                    counted.extend(isolate.send(fate, now_ms));
                    let message = isolate.view.begin(now_ms);
                    let reply = (fate != Fate::LostOnTheWayThere).then(|| object.sync(&message, now_ms).0);
                    match reply.filter(|_| fate == Fate::Answered) {
                        Some(reply) => isolate.view.answered(reply, message.batch, now_ms, now_ms),
                        None => isolate.view.failed(now_ms),
                    }
                }
                Step::Pass(ms) => now_ms += ms,
                Step::Evict => {
                    // The counts go with the object, and so does its memory of batches.
                    object = Coordinator::new(index as u64 + 1);
                    counted.clear();
                    for isolate in &mut isolates {
                        isolate.batch.iter_mut().for_each(|(_, arrived)| *arrived = false);
                    }
                }
            }
            let failed = counted.iter().filter(|one| !one.ok).map(|one| one.model.as_str());
            for model in failed.chain(GOOD) {
                let circuit = object.circuits().get("groq", model);
                let (ok, failed) = circuit.map_or((0, 0), |circuit| circuit.totals(now_ms));
                for (shown, good) in [(ok, true), (failed, false)] {
                    let (least, most) = totals(&counted, model, good, now_ms);
                    prop_assert!((least..=most).contains(&shown), "{model}: {shown} is not {least} to {most}");
                }
            }
        }
    }
}
