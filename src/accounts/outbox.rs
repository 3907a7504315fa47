//! The outbox of a ledger object: messages that are acknowledged and not yet in D1. Its rows are in the object's SQLite;
//! here are its bounds, and which rows make the next batch.

use std::ops::Range;

use crate::json::{ReadError, Reader};

/// The most rows (messages) that wait. They are read once at the start of the object, to know how much waits, and
/// 100,000 are what the Free plan lets be written in a day.
pub const MOST_ROWS: u64 = 100_000;
/// The most bytes that wait: 100,000 records of 600 bytes, hours of an ordinary project's requests while D1 is out. An
/// object may store 1 GB on the Free plan, and all objects together 5 GB.
pub const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// The most records in one batch for D1. It does 1,000 within tens of milliseconds, far from its 30 seconds.
pub const FLUSH_RECORDS: usize = 1_000;
/// The most bytes in one batch: half of what D1 takes as one parameter (2 MB).
pub const FLUSH_BYTES: usize = 1_000_000;

/// The object's tables. The sizes stand before the text, so that counting them up does not read it.
pub const SCHEMA: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY, count INTEGER NOT NULL, bytes INTEGER NOT NULL, \
     records TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
];
/// How much waits: rows, records, bytes.
pub const MEASURE: &str = "SELECT count(*), ifnull(sum(count), 0), ifnull(sum(bytes), 0) FROM outbox";
/// A message comes.
pub const INSERT: &str = "INSERT INTO outbox (count, bytes, records) VALUES (?1, ?2, ?3)";
/// The number of the newest row, 0 if there is none.
pub const NEWEST: &str = "SELECT ifnull(max(seq), 0) FROM outbox";
/// The rows up to a number, oldest first.
pub const OLDEST: &str = "SELECT seq, count, records FROM outbox WHERE seq <= ?1 ORDER BY seq";
/// Rows whose numbers stand in a JSON array go.
pub const DELETE: &str = "DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?1))";
/// Adds to a counter.
pub const COUNT: &str = "INSERT INTO counters (name, value) VALUES (?1, ?2) \
    ON CONFLICT (name) DO UPDATE SET value = value + excluded.value";
/// The counters.
pub const COUNTERS: &str = "SELECT name, value FROM counters";

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Messages.
    pub rows: u64,
    /// Records in them.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Waiting {
    /// Whether a message of so many bytes is taken in. The policy at the bound: the oldest are kept and the newest is
    /// refused, since only its sender still has it and can put it elsewhere.
    pub const fn admits(&self, bytes: u64) -> bool {
        self.rows < MOST_ROWS && self.bytes.saturating_add(bytes) <= MOST_BYTES
    }

    /// A row came.
    pub const fn add(&mut self, records: u64, bytes: u64) {
        self.rows += 1;
        self.records += records;
        self.bytes += bytes;
    }

    /// A row went.
    pub const fn remove(&mut self, records: u64, bytes: u64) {
        self.rows = self.rows.saturating_sub(1);
        self.records = self.records.saturating_sub(records);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number, ascending with time.
    pub seq: u64,
    /// How many records are in it; see [`count`].
    pub count: u64,
    /// The message: the text of a JSON array of records.
    pub records: String,
}

/// The rows of the next batch.
#[derive(Debug, Default)]
pub struct Batch {
    rows: Vec<Row>,
    records: usize,
    bytes: usize,
}

impl Batch {
    /// Takes the next row, oldest first. `false`: it does not fit, and the batch is whole. The first row always fits.
    pub fn take(&mut self, row: Row) -> bool {
        let records = self.records + usize::try_from(row.count).unwrap_or(usize::MAX);
        let bytes = self.bytes + row.records.len();
        if !self.rows.is_empty() && (records > FLUSH_RECORDS || bytes > FLUSH_BYTES) {
            return false;
        }
        self.records = records;
        self.bytes = bytes;
        self.rows.push(row);
        true
    }

    /// The rows.
    pub fn into_rows(self) -> Vec<Row> {
        self.rows
    }
}

/// Where the records of a message stand in it; none if it is not a JSON array.
pub fn split(message: &str) -> Option<Vec<Range<usize>>> {
    let mut spans = Vec::new();
    let mut reader = Reader::new(message);
    let read = reader.array::<ReadError>(|reader, _| {
        let length = reader.skip()?.len();
        spans.push(reader.offset() - length..reader.offset());
        Ok(())
    });
    read.and_then(|()| reader.end()).ok().map(|()| spans)
}

/// How many records a message has. One that cannot be split is a single unit.
pub fn count(message: &str) -> u64 {
    split(message).map_or(1, |spans| spans.len() as u64)
}
