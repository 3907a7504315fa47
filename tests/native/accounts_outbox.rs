//! The outbox: its bounds, its batches, and how a message is split into records.

use opengateway::accounts::outbox::{Batch, FLUSH_BYTES, FLUSH_RECORDS, MOST_BYTES, MOST_ROWS, Row, Waiting};
use opengateway::accounts::outbox::{SCHEMA, count, split};

fn row(seq: u64, count: u64, bytes: usize) -> Row {
    Row { seq, count, records: "x".repeat(bytes) }
}

fn batch_of(rows: &[Row]) -> usize {
    let mut batch = Batch::default();
    let taken = rows.iter().take_while(|row| batch.take((*row).clone())).count();
    assert_eq!(batch.into_rows(), rows[..taken]);
    taken
}

#[test]
fn the_newest_is_refused_when_the_outbox_is_full() {
    let mut waiting = Waiting::default();
    assert!(waiting.admits(MOST_BYTES), "a large message is no problem by itself");
    assert!(!waiting.admits(MOST_BYTES + 1));
    waiting.add(10, MOST_BYTES - 1);
    assert!(waiting.admits(1));
    assert!(!waiting.admits(2));
    waiting.remove(10, MOST_BYTES - 1);
    assert_eq!(waiting, Waiting::default());
    (0..MOST_ROWS).for_each(|_| waiting.add(2, 1));
    assert_eq!(waiting, Waiting { rows: MOST_ROWS, records: 2 * MOST_ROWS, bytes: MOST_ROWS });
    assert!(!waiting.admits(0));
    waiting.remove(2, 1);
    assert!(waiting.admits(1));
}

#[test]
fn a_batch_is_bounded_in_records_and_in_bytes() {
    let half = FLUSH_RECORDS as u64 / 2;
    assert_eq!(batch_of(&[]), 0);
    assert_eq!(batch_of(&[row(1, half, 9), row(2, half, 9), row(3, 1, 9)]), 2);
    assert_eq!(batch_of(&[row(1, 1, FLUSH_BYTES / 2), row(2, 1, FLUSH_BYTES / 2), row(3, 1, 1)]), 2);
    assert_eq!(batch_of(&[row(1, 2 * half + 1, 9), row(2, 1, 9)]), 1, "the first row always fits");
    assert_eq!(batch_of(&[row(1, 1, FLUSH_BYTES + 1), row(2, 1, 9)]), 1);
}

#[test]
fn a_message_is_split_into_its_records_as_they_stand() {
    let parts = |message: &str| -> Option<Vec<String>> {
        split(message).map(|spans| spans.into_iter().map(|span| message.get(span).unwrap().to_owned()).collect())
    };
    assert_eq!(parts("[]").unwrap(), Vec::<String>::new());
    assert_eq!(parts(" [ {\"a\": [1, 2]} , {\"b\":\"],[\"} ] ").unwrap(), ["{\"a\": [1, 2]}", "{\"b\":\"],[\"}"]);
    for broken in ["", "{}", "[{}", "[{},]", "[{}] []", "null", "[{\"a\":}]"] {
        assert_eq!(parts(broken), None, "{broken}");
        assert_eq!(count(broken), 1, "it is one unit");
    }
    assert_eq!(count("[]"), 0);
    assert_eq!(count("[{},{}]"), 2);
}

#[test]
fn the_tables_are_those_that_objects_out_there_already_have() {
    // An object keeps the tables that it made: a change here needs a migration in `LedgerObject::prepare`.
    assert_eq!(
        SCHEMA,
        [
            "CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY, count INTEGER NOT NULL, bytes INTEGER NOT NULL, \
             records TEXT NOT NULL) STRICT",
            "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
        ]
    );
}
