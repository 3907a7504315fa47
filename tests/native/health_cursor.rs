//! The object's cursors: no ticket twice, and few rows written.

use opengateway::health::cursor::{Block, CursorChange, Cursors, MAX_CURSORS, MAX_LEASE, STORED_AHEAD};
use proptest::prelude::*;

#[test]
fn a_lease_goes_on_where_the_last_one_ended() {
    let mut cursors = Cursors::default();
    for (count, from) in [(8, 0), (8, 8), (1, 16), (100, 17)] {
        assert_eq!(cursors.lease("m", count).0, Block { from, count });
    }
    assert_eq!(cursors.lease("n", 5).0, Block { from: 0, count: 5 }, "each cursor has tickets of its own");
}

#[test]
fn a_lease_is_neither_empty_nor_endless() {
    let mut cursors = Cursors::default();
    assert_eq!(cursors.lease("m", 0).0, Block { from: 0, count: 1 });
    assert_eq!(cursors.lease("m", u64::MAX).0, Block { from: 1, count: MAX_LEASE });
}

#[test]
fn a_row_is_written_for_many_leases_and_never_after_one() {
    let mut cursors = Cursors::default();
    let (mut rows, mut stored) = (0, 0);
    for _ in 0..1000 {
        let (block, change) = cursors.lease("m", 8);
        if let Some(change) = change {
            let CursorChange::Stored { next } = change else { panic!("there is room") };
            assert_eq!(next, block.from + block.count + STORED_AHEAD);
            (rows, stored) = (rows + 1, next);
        }
        assert!(block.from + block.count <= stored, "a ticket was given that is not stored as given");
    }
    assert_eq!(rows, 2, "8000 tickets");
}

#[test]
fn after_an_eviction_it_goes_on_behind_all_that_was_given() {
    let mut cursors = Cursors::default();
    cursors.restore("m", 4711);
    let (block, change) = cursors.lease("m", 8);
    assert_eq!(block, Block { from: 4711, count: 8 });
    assert_eq!(change, Some(CursorChange::Stored { next: 4711 + 8 + STORED_AHEAD }), "what is given now is stored too");
}

#[test]
fn with_too_many_cursors_all_begin_anew() {
    let mut cursors = Cursors::default();
    for index in 0..MAX_CURSORS {
        assert!(matches!(cursors.lease(&format!("m-{index}"), 8).1, Some(CursorChange::Stored { .. })));
    }
    assert_eq!(cursors.lease("m-0", 8), (Block { from: 8, count: 8 }, None), "those that are known go on");
    let (block, change) = cursors.lease("one more", 8);
    assert_eq!((block.from, change), (0, Some(CursorChange::Cleared { next: 8 + STORED_AHEAD })));
    assert_eq!(cursors.lease("m-0", 8).0, Block { from: 0, count: 8 });
}

proptest! {
    #[test]
    fn no_ticket_is_given_twice_and_none_is_lost_but_by_an_eviction(
        steps in prop::collection::vec(prop_oneof![9 => (1u64..2000).prop_map(Some), 1 => Just(None)], 1..60),
    ) {
        let (mut cursors, mut stored, mut end) = (Cursors::default(), None, 0);
        for count in steps {
            let Some(count) = count else {
                cursors = Cursors::default();
                stored.iter().for_each(|stored| cursors.restore("m", *stored));
                end = stored.unwrap_or(0);
                continue;
            };
            let (block, change) = cursors.lease("m", count);
            prop_assert_eq!(block.from, end);
            end += block.count;
            if let Some(CursorChange::Stored { next }) = change {
                stored = Some(next);
            }
            prop_assert!(stored.is_some_and(|stored| end <= stored));
        }
    }
}
