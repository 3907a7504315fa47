//! How one batch of the outbox gets into D1, record by record if it must. It reads no error texts: whether D1 is out or
//! a record is bad is told by a control, the same statements over no record. If that fails too, D1 is out and everything
//! is kept; if it works, the batch is to blame and is split in halves.
//!
//! Writing again what is there already is safe, so this may be thrown away and built anew at any point.

use std::borrow::Cow;
use std::ops::Range;

use super::outbox::{self, Row};
use crate::hash::fnv_1a;
use crate::json::{Kind, ReadError, Reader};

/// How often a single record must fail, each time with a good control after it, before it counts as bad: D1 might have
/// been out for just that write.
pub const SINGLE_TRIES: u32 = 3;
/// After so many records that failed alone, and none that went in, the first of them must be put away before any other
/// is tried. A D1 that is full passes the control, which writes nothing, and refuses everything else: that shows here,
/// after some 50 calls instead of several for each record.
pub const DOUBTFUL: u32 = 8;
/// The statements that tell whether D1 is out are run over this.
pub const NO_RECORDS: &str = "[]";

/// The first pause after D1 was out: most faults are over in a second.
const FIRST_BACKOFF_MS: u64 = 1_000;
/// The longest pause: an operator who repairs D1 sees it work within a minute, and a day of outage costs 1,440 tries.
const LONGEST_BACKOFF_MS: u64 = 60_000;

/// How long to leave D1 alone after it was out `failures` times in a row, in milliseconds.
pub fn backoff_ms(failures: u32) -> u64 {
    let doubled = FIRST_BACKOFF_MS.checked_shl(failures.saturating_sub(1)).unwrap_or(LONGEST_BACKOFF_MS);
    doubled.min(LONGEST_BACKOFF_MS)
}

/// A record that D1 refuses although it is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The record's id; where it has none, one that is always the same for the same text.
    pub id: String,
    /// The record, whole.
    pub record: String,
    /// What D1 said.
    pub problem: String,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write these records, the text of a JSON array, into D1; then [`Flush::report`].
    Write(String),
    /// Put this one with the dead letters; then [`Flush::report`].
    DeadLetter(DeadLetter),
    /// Nothing: all is settled.
    Done,
    /// Nothing for now: D1 is out. What is not settled must be tried again later.
    Out,
}

#[derive(Debug)]
struct Unit {
    row: usize,
    span: Range<usize>,
    tries: u32,
    problem: String,
}

#[derive(Debug)]
struct Pending {
    /// Until it is handed out to be deleted.
    row: Option<Row>,
    unsettled: usize,
}

#[derive(Clone, Debug)]
enum Doing {
    Nothing,
    Writing(Range<usize>),
    /// The batch failed; is D1 out?
    Control(Range<usize>),
    Burying(usize),
    Stopped,
}

/// One batch on its way.
#[derive(Debug)]
pub struct Flush {
    rows: Vec<Pending>,
    units: Vec<Unit>,
    /// What is still to be written, the next one last.
    ranges: Vec<Range<usize>>,
    /// Bad records. They come after all others, so that they hold nothing up if they cannot be put away.
    dead: Vec<usize>,
    /// How many single records were refused while D1 has taken nothing of this batch; `None` once it took something.
    doubt: Option<u32>,
    doing: Doing,
}

impl Flush {
    /// A flush of these rows.
    pub fn new(rows: Vec<Row>) -> Self {
        let mut units = Vec::new();
        let mut pending = Vec::with_capacity(rows.len());
        for (index, row) in rows.into_iter().enumerate() {
            // A message that cannot be split is one unit.
            let spans = outbox::split(&row.records).unwrap_or_else(|| std::iter::once(0..row.records.len()).collect());
            pending.push(Pending { row: Some(row), unsettled: spans.len() });
            units.extend(spans.into_iter().map(|span| Unit { row: index, span, tries: 0, problem: String::new() }));
        }
        let whole = 0..units.len();
        let ranges = if whole.is_empty() { Vec::new() } else { vec![whole] };
        Self { rows: pending, units, ranges, dead: Vec::new(), doubt: Some(0), doing: Doing::Nothing }
    }

    /// What to do next. Each [`Action::Write`] and [`Action::DeadLetter`] must be reported before the next call.
    pub fn next_action(&mut self) -> Action {
        match &self.doing {
            Doing::Stopped => return Action::Out,
            Doing::Control(_) => return Action::Write(NO_RECORDS.to_owned()),
            Doing::Writing(range) => return Action::Write(self.text_of(range.clone())),
            Doing::Burying(unit) => return self.burial(*unit),
            Doing::Nothing => {}
        }
        if self.in_doubt()
            && let Some(unit) = self.dead.pop()
        {
            self.doing = Doing::Burying(unit);
            return self.burial(unit);
        }
        if let Some(range) = self.ranges.pop() {
            let text = self.text_of(range.clone());
            self.doing = Doing::Writing(range);
            return Action::Write(text);
        }
        if let Some(unit) = self.dead.pop() {
            self.doing = Doing::Burying(unit);
            return self.burial(unit);
        }
        Action::Done
    }

    /// How the last action went; a problem in D1's words.
    pub fn report(&mut self, result: Result<(), String>) {
        self.doing = match (std::mem::replace(&mut self.doing, Doing::Nothing), result) {
            (Doing::Writing(range), Ok(())) => {
                self.doubt = None;
                range.for_each(|unit| self.settle(unit));
                Doing::Nothing
            }
            (Doing::Writing(range), Err(problem)) => {
                if let Some(unit) = self.units.get_mut(range.start) {
                    unit.problem = problem;
                }
                Doing::Control(range)
            }
            (Doing::Control(range), Ok(())) => {
                self.blame(range);
                Doing::Nothing
            }
            (Doing::Burying(unit), Ok(())) => {
                self.doubt = None;
                self.settle(unit);
                Doing::Nothing
            }
            (Doing::Control(_) | Doing::Burying(_) | Doing::Stopped, Err(_)) | (Doing::Stopped, Ok(())) => {
                Doing::Stopped
            }
            (Doing::Nothing, _) => Doing::Nothing,
        };
    }

    /// The rows of which all is settled; each is handed out once, to be deleted.
    pub fn take_settled(&mut self) -> Vec<Row> {
        let settled = self.rows.iter_mut().filter(|pending| pending.unsettled == 0);
        settled.filter_map(|pending| pending.row.take()).collect()
    }

    /// D1 is well and refuses these: one of them is bad.
    fn blame(&mut self, range: Range<usize>) {
        if range.len() > 1 {
            let middle = range.start + range.len() / 2;
            self.ranges.push(middle..range.end);
            self.ranges.push(range.start..middle);
            return;
        }
        let Some(unit) = self.units.get_mut(range.start) else { return };
        unit.tries += 1;
        let tries = unit.tries;
        self.doubt = self.doubt.map(|refused| refused + 1);
        if tries >= SINGLE_TRIES {
            self.dead.push(range.start);
        } else if self.in_doubt() {
            self.ranges.push(range);
        } else {
            // After all others, so that some time passes.
            self.ranges.insert(0, range);
        }
    }

    /// Whether D1 may be taking nothing at all.
    fn in_doubt(&self) -> bool {
        self.doubt.is_some_and(|refused| refused >= DOUBTFUL)
    }

    fn settle(&mut self, unit: usize) {
        let row = self.units.get(unit).and_then(|unit| self.rows.get_mut(unit.row));
        if let Some(pending) = row {
            pending.unsettled = pending.unsettled.saturating_sub(1);
        }
    }

    fn record(&self, unit: &Unit) -> &str {
        let row = self.rows.get(unit.row).and_then(|pending| pending.row.as_ref());
        row.and_then(|row| row.records.get(unit.span.clone())).unwrap_or_default()
    }

    fn text_of(&self, range: Range<usize>) -> String {
        let units = self.units.get(range).unwrap_or_default();
        let bytes: usize = units.iter().map(|unit| unit.span.len() + 1).sum();
        let mut text = String::with_capacity(bytes + 1);
        for (index, unit) in units.iter().enumerate() {
            text.push(if index == 0 { '[' } else { ',' });
            text.push_str(self.record(unit));
        }
        text.push(']');
        text
    }

    fn burial(&self, unit: usize) -> Action {
        let Some(unit) = self.units.get(unit) else { return Action::Done };
        let record = self.record(unit).to_owned();
        Action::DeadLetter(DeadLetter { id: id_of(&record), record, problem: unit.problem.clone() })
    }
}

/// The record's own id, or one that is always the same for the same text.
fn id_of(record: &str) -> String {
    let mut id = None;
    let mut reader = Reader::new(record);
    let read = reader.object::<ReadError>(|reader, key| {
        if key.is("id") && reader.peek()? == Kind::String {
            id = reader.string()?.decode().map(Cow::into_owned);
        } else {
            reader.skip()?;
        }
        Ok(())
    });
    let id = id.filter(|id: &String| read.is_ok() && !id.is_empty());
    id.unwrap_or_else(|| format!("{:016x}", fnv_1a(record)))
}
