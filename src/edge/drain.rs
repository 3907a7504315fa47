//! Executes a flush: one call to D1 after the other, as [`Flush`] says.

use worker::Env;

use super::d1::{self, DeadLetter};
use super::log;
use super::ports::now_ms;
use crate::accounts::failure::D1Failure;
use crate::accounts::flush::{Action, Flush};

/// A flush and what came of it.
pub(super) struct Drain {
    /// What is left to do.
    pub(super) flush: Flush,
    /// Rows that D1 wrote, which is what its plans count.
    pub(super) rows_written: u64,
    /// Records that were put away as bad.
    pub(super) dead_letters: u64,
    /// The last failure.
    pub(super) failure: Option<D1Failure>,
}

/// How a flush stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// One call was made, and there is more to do.
    Going,
    /// All is settled.
    Done,
    /// D1 is out.
    Out,
}

impl Drain {
    /// Begins a flush.
    pub(super) const fn new(flush: Flush) -> Self {
        Self { flush, rows_written: 0, dead_letters: 0, failure: None }
    }

    /// Makes one call to D1, on behalf of this project.
    pub(super) async fn step(&mut self, env: &Env, project: &str) -> Stage {
        let result = match self.flush.next_action() {
            Action::Done => return Stage::Done,
            Action::Out => return Stage::Out,
            Action::Write(records) => d1::flush(env, &records).await.map(|rows| self.rows_written += rows),
            Action::DeadLetter(letter) => {
                let row = DeadLetter {
                    id: &letter.id,
                    project_id: project,
                    failed_at: now_ms(),
                    problem: &letter.problem,
                    record: &letter.record,
                };
                let put_away = d1::dead_letter(env, row).await;
                // There is no prompt and no key in a record, and a person should see it.
                let fields =
                    [("project_id", project), ("problem", letter.problem.as_str()), ("record", letter.record.as_str())];
                log::error("record_refused_by_d1", &fields);
                put_away.map(|()| self.dead_letters += 1)
            }
        };
        self.flush.report(result.as_ref().map(|_| ()).map_err(|failure| failure.problem().to_owned()));
        self.failure = result.err().or(self.failure.take());
        Stage::Going
    }
}
