//! What an isolate has to tell the health object: kept until it was told, and kept short.

use super::circuit::Permit;
use super::message::Report;
use super::outcome::Outcome;
use super::window::RATE_WINDOW_MS;

/// The most reports that wait. Good news of one candidate is merged, so only an outage of everything, of the object too,
/// comes near it; then the oldest are dropped, which this isolate itself has taken in already.
pub const MAX_WAITING: usize = 512;
/// Good news is merged within a slot of this length, not over slots: while the object is away a report would otherwise
/// become the sum of hours, and be counted as if all of it had happened when the object is back.
pub const MERGE_MS: u64 = RATE_WINDOW_MS / 6;

/// Reports that wait, oldest first, each with the time when it was made.
#[derive(Debug, Default)]
pub struct Reports {
    waiting: Vec<(u64, Report)>,
    /// Bad news waits: it is told at once.
    urgent: bool,
}

impl Reports {
    /// Adds one.
    pub fn push(&mut self, provider: &str, model: &str, outcome: Outcome, permit: Option<Permit>, now_ms: u64) {
        let mergeable = permit.is_none() && !is_urgent(outcome);
        if !mergeable {
            self.urgent = true;
        } else if self.merge(provider, model, outcome, now_ms) {
            return;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.retain(|(at_ms, report)| is_current(*at_ms, report, now_ms));
        }
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.remove(0);
        }
        self.waiting.push((now_ms, Report { provider: provider.to_owned(), model: model.to_owned(), outcome, permit }));
    }

    /// Puts it into a report of the same kind, unless something came in between that must stay behind that one.
    fn merge(&mut self, provider: &str, model: &str, outcome: Outcome, now_ms: u64) -> bool {
        let same =
            self.waiting.iter_mut().rev().filter(|(_, report)| report.provider == provider && report.model == model);
        for (at_ms, report) in same {
            if report.permit.is_some() || is_urgent(report.outcome) {
                return false;
            }
            if *at_ms / MERGE_MS != now_ms / MERGE_MS {
                return false;
            }
            if let Some(merged) = merged(report.outcome, outcome) {
                (*at_ms, report.outcome) = (now_ms, merged);
                return true;
            }
        }
        false
    }

    /// Whether bad news waits.
    pub const fn any_urgent(&self) -> bool {
        self.urgent
    }

    /// Every one that waits, without those that are out of date.
    pub fn current(&self, now_ms: u64) -> impl Iterator<Item = &Report> {
        current(&self.waiting, now_ms)
    }

    /// Takes all of them, each with the time when it was made.
    pub fn take(&mut self) -> Vec<(u64, Report)> {
        self.urgent = false;
        std::mem::take(&mut self.waiting)
    }
}

/// Those that are not out of date.
pub fn current(reports: &[(u64, Report)], now_ms: u64) -> impl Iterator<Item = &Report> {
    reports.iter().filter(move |(at_ms, report)| is_current(*at_ms, report, now_ms)).map(|(_, report)| report)
}

/// What is older than the window of the failure rate says nothing of now, unless it names a later time itself.
fn is_current(at_ms: u64, report: &Report, now_ms: u64) -> bool {
    let until_ms = match report.outcome {
        Outcome::Limited { until_ms } | Outcome::Benched { until_ms, .. } => until_ms,
        Outcome::FirstToken { .. }
        | Outcome::Success { .. }
        | Outcome::Failure { .. }
        | Outcome::SoftFailure { .. }
        | Outcome::Headroom(_)
        | Outcome::Inconclusive => 0,
    };
    now_ms < at_ms.saturating_add(RATE_WINDOW_MS).max(until_ms)
}

fn is_urgent(outcome: Outcome) -> bool {
    match outcome {
        Outcome::FirstToken { .. } | Outcome::Success { .. } => false,
        // Other isolates would go on sending there.
        Outcome::Headroom(headroom) => headroom.is_empty(),
        Outcome::Failure { .. }
        | Outcome::SoftFailure { .. }
        | Outcome::Limited { .. }
        | Outcome::Benched { .. }
        | Outcome::Inconclusive => true,
    }
}

fn merged(old: Outcome, new: Outcome) -> Option<Outcome> {
    let mean = |old: Option<u64>, new: Option<u64>| match (old, new) {
        // The newer half counts as much as all before: what is told is how it is now.
        (Some(old), Some(new)) => Some(old.midpoint(new)),
        (old, new) => new.or(old),
    };
    match (old, new) {
        (Outcome::FirstToken { after_ms: old }, Outcome::FirstToken { after_ms: new }) => {
            Some(Outcome::FirstToken { after_ms: old.midpoint(new) })
        }
        (
            Outcome::Success { after_ms, tokens_per_second, count },
            Outcome::Success { after_ms: new_after, tokens_per_second: new_speed, count: new_count },
        ) => Some(Outcome::Success {
            after_ms: mean(after_ms, new_after),
            tokens_per_second: mean(tokens_per_second, new_speed),
            count: count.saturating_add(new_count),
        }),
        (Outcome::Headroom(old), Outcome::Headroom(new)) => Some(Outcome::Headroom(old.newest(new))),
        _ => None,
    }
}
