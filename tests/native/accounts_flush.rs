//! The flush of an outbox into D1: every edge of its machine, and a fake D1 that fails in every way at any point.

use std::collections::{BTreeMap, BTreeSet};

use opengateway::accounts::flush::{Action, DeadLetter, Flush, NO_RECORDS, SINGLE_TRIES, backoff_ms};
use opengateway::accounts::outbox::{Batch, Row, count};
use proptest::prelude::*;
use serde_json::Value;

fn row(seq: u64, records: &str) -> Row {
    Row { seq, count: count(records), records: records.to_owned() }
}

fn flush(rows: &[&str]) -> Flush {
    Flush::new((1..).zip(rows).map(|(seq, records)| row(seq, records)).collect())
}

fn write(flush: &mut Flush, expected: &str, result: Result<(), &str>) {
    assert_eq!(flush.next_action(), Action::Write(expected.to_owned()));
    assert_eq!(flush.next_action(), Action::Write(expected.to_owned()), "until it is reported");
    flush.report(result.map_err(str::to_owned));
}

fn settled(flush: &mut Flush) -> Vec<u64> {
    flush.take_settled().into_iter().map(|row| row.seq).collect()
}

#[test]
fn all_rows_go_in_one_write() {
    let mut flush = flush(&["[1,2]", "[3]"]);
    assert_eq!(settled(&mut flush), [0u64; 0]);
    write(&mut flush, "[1,2,3]", Ok(()));
    assert_eq!(settled(&mut flush), [1, 2]);
    assert_eq!(settled(&mut flush), [0u64; 0], "each is handed out once");
    assert_eq!(flush.next_action(), Action::Done);
}

#[test]
fn nothing_to_write_is_done_at_once() {
    assert_eq!(flush(&[]).next_action(), Action::Done);
    let mut empty = flush(&["[]"]);
    assert_eq!(empty.next_action(), Action::Done);
    assert_eq!(settled(&mut empty), [1]);
}

#[test]
fn everything_is_kept_while_d1_is_out() {
    let mut flush = flush(&["[1,2]"]);
    write(&mut flush, "[1,2]", Err("no such table"));
    write(&mut flush, NO_RECORDS, Err("no such table"));
    assert_eq!(flush.next_action(), Action::Out);
    flush.report(Ok(()));
    assert_eq!(flush.next_action(), Action::Out, "it stays so until it is built anew");
    assert_eq!(settled(&mut flush), [0u64; 0]);
}

#[test]
fn a_refused_batch_is_halved_and_a_bad_record_must_fail_three_times() {
    let mut flush = flush(&["[1,2]", "[3]", r#"[{"id":"x","bad":"\n"}]"#]);
    let bad = r#"{"id":"x","bad":"\n"}"#;
    let both = format!("[3,{bad}]");
    let alone = format!("[{bad}]");
    write(&mut flush, &format!("[1,2,3,{bad}]"), Err("refused"));
    write(&mut flush, NO_RECORDS, Ok(()));
    write(&mut flush, "[1,2]", Ok(()));
    assert_eq!(settled(&mut flush), [1], "a row is given free as soon as its records are settled");
    write(&mut flush, &both, Err("refused"));
    write(&mut flush, NO_RECORDS, Ok(()));
    write(&mut flush, "[3]", Ok(()));
    for attempt in 1..=SINGLE_TRIES {
        write(&mut flush, &alone, Err(&format!("refused {attempt}")));
        write(&mut flush, NO_RECORDS, Ok(()));
    }
    let letter = DeadLetter { id: "x".to_owned(), record: bad.to_owned(), problem: "refused 3".to_owned() };
    assert_eq!(flush.next_action(), Action::DeadLetter(letter.clone()));
    assert_eq!(flush.next_action(), Action::DeadLetter(letter), "until it is reported");
    assert_eq!(settled(&mut flush), [2]);
    flush.report(Ok(()));
    assert_eq!(settled(&mut flush), [3]);
    assert_eq!(flush.next_action(), Action::Done);
}

#[test]
fn a_record_that_only_fails_for_a_while_is_written() {
    let mut flush = flush(&["[1]"]);
    write(&mut flush, "[1]", Err("overloaded"));
    write(&mut flush, NO_RECORDS, Ok(()));
    write(&mut flush, "[1]", Ok(()));
    assert_eq!(flush.next_action(), Action::Done);
}

#[test]
fn an_outage_in_the_middle_keeps_what_is_not_settled() {
    let mut flush = flush(&["[1]", "[2]"]);
    write(&mut flush, "[1,2]", Err("refused"));
    write(&mut flush, NO_RECORDS, Ok(()));
    write(&mut flush, "[1]", Ok(()));
    write(&mut flush, "[2]", Err("gone"));
    write(&mut flush, NO_RECORDS, Err("gone"));
    assert_eq!(flush.next_action(), Action::Out);
    assert_eq!(settled(&mut flush), [1]);
}

#[test]
fn bad_records_that_cannot_be_put_away_hold_nothing_else_up() {
    let mut flush = flush(&["[1]", "[2]"]);
    write(&mut flush, "[1,2]", Err("refused"));
    write(&mut flush, NO_RECORDS, Ok(()));
    for _ in 0..SINGLE_TRIES {
        write(&mut flush, "[1]", Err("refused"));
        write(&mut flush, NO_RECORDS, Ok(()));
        if let Action::Write(text) = flush.next_action()
            && text == "[2]"
        {
            flush.report(Ok(()));
        }
    }
    assert!(matches!(flush.next_action(), Action::DeadLetter(letter) if letter.record == "1"));
    assert_eq!(settled(&mut flush), [2]);
    flush.report(Err("no such table".to_owned()));
    assert_eq!(flush.next_action(), Action::Out);
    assert_eq!(settled(&mut flush), [0u64; 0]);
}

#[test]
fn a_message_that_cannot_be_split_is_one_unit() {
    let mut flush = flush(&["[{\"id\":\"a\"}", "[7]"]);
    write(&mut flush, "[[{\"id\":\"a\"},7]", Err("malformed JSON"));
    write(&mut flush, NO_RECORDS, Ok(()));
    for attempt in 1..=SINGLE_TRIES {
        write(&mut flush, "[[{\"id\":\"a\"}]", Err("malformed JSON"));
        write(&mut flush, NO_RECORDS, Ok(()));
        if attempt == 1 {
            write(&mut flush, "[7]", Ok(()));
        }
    }
    let Action::DeadLetter(letter) = flush.next_action() else { panic!() };
    assert_eq!(letter.record, "[{\"id\":\"a\"}");
    // The same each time, so that it is put away once.
    assert_eq!(letter.id, "77e5d7f9bdf0efe2");
}

#[test]
fn a_dead_letter_without_a_usable_id_gets_one_of_its_own() {
    for record in ["7", r#"{"id":7}"#, r#"{"id":""}"#, r#"{"no":"id"}"#] {
        let mut flush = flush(&[&format!("[{record}]")]);
        let letter = loop {
            match flush.next_action() {
                Action::Write(text) if text == NO_RECORDS => flush.report(Ok(())),
                Action::Write(_) => flush.report(Err("refused".to_owned())),
                Action::DeadLetter(letter) => break letter,
                Action::Done | Action::Out => panic!("{record} is not put away"),
            }
        };
        assert_eq!(letter.id.len(), 16, "{record}");
    }
}

#[test]
fn a_d1_that_takes_nothing_but_the_control_is_out_after_a_few_calls() {
    // As one that is full: the statements over no record write nothing, so they succeed.
    let records: Vec<String> = (0..1_000).map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
    let mut flush = flush(&[&format!("[{}]", records.join(","))]);
    let mut calls = 0;
    loop {
        match flush.next_action() {
            Action::Write(text) if text == NO_RECORDS => flush.report(Ok(())),
            Action::Write(_) | Action::DeadLetter(_) => flush.report(Err("database or disk is full".to_owned())),
            Action::Out => break,
            Action::Done => panic!("nothing was written"),
        }
        calls += 1;
        assert!(calls <= 60, "it goes on");
    }
    assert_eq!(settled(&mut flush), [0u64; 0]);
}

#[test]
fn nine_bad_records_before_a_good_one_are_put_away() {
    let mut flush = flush(&["[1,2,3,4,5,6,7,8,9,10]"]);
    let mut dead = Vec::new();
    loop {
        match flush.next_action() {
            Action::Write(text) => {
                flush.report(if text == NO_RECORDS || text == "[10]" { Ok(()) } else { Err("bad".to_owned()) })
            }
            Action::DeadLetter(letter) => {
                dead.push(letter.record);
                flush.report(Ok(()));
            }
            Action::Done => break,
            Action::Out => panic!("D1 is well"),
        }
    }
    dead.sort();
    assert_eq!(dead, ["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(settled(&mut flush), [1]);
}

#[test]
fn the_pause_after_an_outage_doubles_up_to_a_minute() {
    let pauses: Vec<u64> = (1..=8).map(backoff_ms).collect();
    assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    assert_eq!((backoff_ms(0), backoff_ms(u32::MAX)), (1_000, 60_000));
}

// --- Against a fake D1 -----------------------------------------------------------------------------------------------

/// What D1 does with one call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Weather {
    Well,
    /// Nothing is done. It lasts until the control, too: a D1 that comes and goes between a write and its control three
    /// times over the same record is taken for a bad record.
    Out,
    /// It is done, and the reply is lost.
    LostReply,
    /// The object is evicted after the call, before it heard of it: all that is left is its storage.
    Evicted,
}

#[derive(Default)]
struct FakeD1 {
    requests: BTreeSet<u64>,
    counted: BTreeMap<u64, u32>,
    dead: BTreeMap<String, String>,
}

impl FakeD1 {
    /// One atomic batch: every record that is not there yet is counted once; one bad record and nothing is done.
    fn write(&mut self, text: &str) -> Result<(), String> {
        let records: Vec<Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let ids: Option<Vec<u64>> = records.iter().map(|record| record.get("good")?.as_u64()).collect();
        for id in ids.ok_or("NOT NULL constraint failed")? {
            if self.requests.insert(id) {
                *self.counted.entry(id).or_default() += 1;
            }
        }
        Ok(())
    }

    fn bury(&mut self, letter: DeadLetter) {
        self.dead.entry(letter.id).or_insert(letter.record);
    }
}

/// One run of the alarm over the whole outbox; `false` if the object was evicted or D1 was out.
fn alarm(outbox: &mut BTreeMap<u64, Row>, d1: &mut FakeD1, weather: &mut impl Iterator<Item = Weather>) -> bool {
    let mut outage = false;
    while !outbox.is_empty() {
        let mut batch = Batch::default();
        outbox.values().all(|row| batch.take(row.clone()));
        let mut flush = Flush::new(batch.into_rows());
        loop {
            for row in flush.take_settled() {
                assert!(outbox.remove(&row.seq).is_some(), "a row is deleted once");
            }
            let action = flush.next_action();
            let now = match action {
                Action::Done => break,
                Action::Out => return false,
                Action::Write(ref text) if text == NO_RECORDS && outage => Weather::Out,
                Action::Write(_) | Action::DeadLetter(_) => weather.next().unwrap_or(Weather::Well),
            };
            outage = now == Weather::Out;
            let result = match (now, action) {
                (Weather::Out, _) => Err("D1 is out".to_owned()),
                (_, Action::Write(text)) => d1.write(&text),
                (_, Action::DeadLetter(letter)) => {
                    d1.bury(letter);
                    Ok(())
                }
                (_, Action::Done | Action::Out) => Ok(()),
            };
            match now {
                Weather::Evicted => return false,
                Weather::LostReply => flush.report(Err("no answer in time".to_owned())),
                Weather::Well | Weather::Out => flush.report(result),
            }
        }
    }
    true
}

#[derive(Clone, Debug)]
enum Record {
    Good(u64),
    Bad(u64),
}

fn message() -> impl Strategy<Value = (Vec<Record>, bool)> {
    let record = prop_oneof![6 => (0..200u64).prop_map(Record::Good), 1 => (0..50u64).prop_map(Record::Bad)];
    (prop::collection::vec(record, 0..20), prop::bool::weighted(0.05))
}

fn weather() -> impl Strategy<Value = Weather> {
    prop_oneof![
        6 => Just(Weather::Well),
        2 => Just(Weather::Out),
        1 => Just(Weather::LostReply),
        1 => Just(Weather::Evicted),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn each_good_record_is_counted_once_and_each_bad_one_put_away_once(
        messages in prop::collection::vec(message(), 0..12),
        sky in prop::collection::vec(weather(), 0..120),
    ) {
        let (mut good, mut bad, mut outbox) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        for (seq, (records, broken)) in (1..).zip(&messages) {
            let texts: Vec<String> = records.iter().map(|record| match record {
                Record::Good(id) => format!(r#"{{"id":"g{id}","good":{id}}}"#),
                Record::Bad(id) => format!(r#"{{"id":"b{id}"}}"#),
            }).collect();
            let mut text = format!("[{}]", texts.join(","));
            if *broken {
                text.pop();
                bad.insert(text.clone());
            } else {
                for (record, text) in records.iter().zip(texts) {
                    match record {
                        Record::Good(id) => good.insert(*id),
                        Record::Bad(_) => bad.insert(text),
                    };
                }
            }
            outbox.insert(seq, row(seq, &text));
        }
        let mut d1 = FakeD1::default();
        // Fewer lost replies than make a good record look bad.
        let mut lost = 0;
        let mut weather = sky.into_iter().filter(|weather| {
            lost += u32::from(*weather == Weather::LostReply);
            *weather != Weather::LostReply || lost < SINGLE_TRIES
        });
        let mut runs = 0;
        while !alarm(&mut outbox, &mut d1, &mut weather) {
            runs += 1;
            prop_assert!(runs < 1_000, "it comes to an end when D1 is well");
        }
        prop_assert_eq!(d1.counted, good.into_iter().map(|id| (id, 1)).collect::<BTreeMap<_, _>>());
        prop_assert_eq!(d1.dead.into_values().collect::<BTreeSet<_>>(), bad);
    }
}
