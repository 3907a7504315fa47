//! A fast stream is let pile up, a slow one is not, and nothing piles up that is no model's writing.

use opengateway::sse::pace::{GULP_BYTES, GULP_MS, Next, Pace};

/// What is said of chunks that come like this: milliseconds since the last one, bytes, events.
fn said(chunks: impl IntoIterator<Item = (u64, usize, u64)>) -> Vec<Next> {
    let mut pace = Pace::new(1_000);
    let mut now_ms = 1_000;
    let step = |(gap_ms, bytes, events)| {
        now_ms += gap_ms;
        pace.came(bytes, events, now_ms)
    };
    chunks.into_iter().map(step).collect()
}

/// So many tokens, one in each chunk.
fn tokens(count: usize, gap_ms: u64) -> Vec<(u64, usize, u64)> {
    vec![(gap_ms, 250, 1); count]
}

/// What is said last.
fn last(chunks: impl IntoIterator<Item = (u64, usize, u64)>) -> Option<Next> {
    said(chunks).last().copied()
}

#[test]
fn the_first_chunks_are_never_held_back_however_fast_they_come() {
    assert_eq!(said(tokens(15, 0)), [Next::Now; 15]);
}

#[test]
fn sixteen_fast_chunks_are_a_fast_stream() {
    for (gap_ms, next) in [(0, Next::Later), (1, Next::Later), (8, Next::Later), (9, Next::Now), (50, Next::Now)] {
        assert_eq!(last(tokens(16, gap_ms)), Some(next), "{gap_ms} ms apart");
    }
}

#[test]
fn a_stream_may_become_fast_later() {
    let slow = tokens(40, 30);
    assert!(said(slow.clone()).iter().all(|next| *next == Next::Now));
    assert_eq!(last([slow, tokens(24, 2)].concat()), Some(Next::Later));
}

#[test]
fn large_chunks_are_no_fast_stream() {
    let large = vec![(1, GULP_BYTES / 8, 1); 64];
    assert!(said(large).iter().all(|next| *next == Next::Now));
}

#[test]
fn a_fast_stream_rests_as_long_as_more_than_one_chunk_piles_up() {
    let gulp = |events| vec![(GULP_MS, 250, events)];
    let fast = tokens(16, 1);
    assert_eq!(last([fast.clone(), gulp(16)].concat()), Some(Next::Later));
    assert_eq!(last([fast.clone(), gulp(2)].concat()), Some(Next::Later));
    assert_eq!(last([fast.clone(), gulp(1)].concat()), Some(Next::Now));
    assert_eq!(last([fast, gulp(0)].concat()), Some(Next::Now), "a part of an event");
}

#[test]
fn after_a_pause_it_rests_again_when_chunks_are_close() {
    let paused = [tokens(16, 1), tokens(1, 500)].concat();
    assert_eq!(last(paused.clone()), Some(Next::Now));
    assert_eq!(last([paused.clone(), tokens(1, 9)].concat()), Some(Next::Now));
    assert_eq!(last([paused, tokens(1, 8)].concat()), Some(Next::Later));
}

#[test]
fn what_is_no_models_writing_ends_it_for_good() {
    let full = [tokens(16, 1), vec![(GULP_MS, GULP_BYTES, 40)]].concat();
    assert_eq!(last(full.clone()), Some(Next::Alone));
    assert_eq!(last([full, tokens(100, 1)].concat()), Some(Next::Alone));
}

#[test]
fn a_stream_that_was_stopped_never_rests_again() {
    let mut pace = Pace::new(0);
    pace.stop();
    assert!((0..100).all(|at_ms| pace.came(250, 1, at_ms) == Next::Alone));
}

#[test]
fn a_clock_that_goes_back_harms_nothing() {
    let mut pace = Pace::new(1_000);
    assert!((0..15).all(|_| pace.came(250, 1, 0) == Next::Now));
    assert_eq!(pace.came(250, 1, 0), Next::Later);
}
