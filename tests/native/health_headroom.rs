//! What is left at a provider: how long figures are believed, what they have room for, and whose count when several come.

use opengateway::health::headroom::{Headroom, Left, Load, MAX_BELIEVED_MS, UNTOLD_MS};
use opengateway::health::reserved::{MAX_RESERVED_MS, Reservation, Reserved};

use crate::health_fixture::NOW;

const fn left(left: u64, reset_ms: Option<u64>) -> Option<Left> {
    Some(Left { left, reset_ms, at_ms: NOW })
}

const fn at(left: u64, at_ms: u64) -> Option<Left> {
    Some(Left { left, reset_ms: Some(NOW + 60_000), at_ms })
}

const fn load(requests: u64, tokens: u64) -> Load {
    Load { requests, tokens }
}

const RESET: u64 = NOW + 60_000;

#[test]
fn there_is_room_until_the_last_request_or_token_is_spoken_for() {
    let both = Headroom { requests: left(2, Some(RESET)), tokens: left(100, Some(RESET + 1)) };
    for (wanted, spent) in [
        (load(1, 100), None),
        (load(2, 100), None),
        (load(3, 100), Some(RESET)),
        (load(1, 101), Some(RESET + 1)),
        (load(3, 101), Some(RESET + 1)),
    ] {
        assert_eq!(both.spent_until_ms(wanted, NOW), spent, "{wanted:?}");
        assert_eq!(both.spent_until_ms(wanted, RESET + 1), None, "{wanted:?}: it began anew");
    }
    assert_eq!(both.spent_until_ms(load(3, 101), RESET), Some(RESET + 1), "each at its own time");
    assert_eq!(Headroom::default().spent_until_ms(load(9, 9), NOW), None, "nothing is known");
}

#[test]
fn figures_are_believed_until_their_reset_and_for_a_while_only() {
    for (reset_ms, until_ms) in [
        (None, NOW + UNTOLD_MS),
        (Some(NOW), NOW),
        (Some(NOW - 1), NOW - 1),
        (Some(RESET), RESET),
        (Some(NOW + MAX_BELIEVED_MS + 1), NOW + MAX_BELIEVED_MS),
        (Some(u64::MAX), NOW + MAX_BELIEVED_MS),
    ] {
        let spent = Headroom { requests: left(0, reset_ms), tokens: None };
        assert_eq!(spent.requests.unwrap().until_ms(), until_ms, "{reset_ms:?}");
        assert_eq!(spent.spent_until_ms(Load::ONE, NOW).is_some(), until_ms > NOW, "{reset_ms:?}");
        assert_eq!(spent.spent_until_ms(Load::ONE, until_ms), None, "{reset_ms:?}");
    }
}

#[test]
fn who_is_refused_waits_for_the_reset_of_what_is_empty() {
    for (requests, tokens, until_ms) in [
        (left(0, Some(RESET)), left(9, Some(RESET + 9)), Some(RESET)),
        (left(9, Some(RESET)), left(0, Some(RESET + 9)), Some(RESET + 9)),
        (left(0, Some(RESET)), left(0, Some(RESET + 9)), Some(RESET + 9)),
        (left(0, None), left(9, Some(RESET)), None),
        (left(1, Some(RESET)), None, None),
        (None, None, None),
    ] {
        assert_eq!(Headroom { requests, tokens }.empty_until_ms(), until_ms, "{requests:?} {tokens:?}");
    }
}

#[test]
fn of_requests_that_were_under_way_together_the_lesser_figures_count() {
    let known = Headroom { requests: at(5, NOW), tokens: at(500, NOW) };
    let told = |requests, tokens, at_ms| Headroom { requests: at(requests, at_ms), tokens: at(tokens, at_ms) };
    let later = NOW + 10;
    let figures = |headroom: Headroom| (headroom.requests.unwrap().left, headroom.tokens.unwrap().left);
    for (sent_ms, told_now, wanted) in [
        // Sent before the known figures came: the provider may have written either first.
        (NOW - 1, told(7, 400, later), (5, 400)),
        (NOW, told(4, 600, later), (4, 500)),
        // Sent after that: it is newer for sure, and a bucket may have been filled.
        (NOW + 1, told(7, 600, later), (7, 600)),
        (NOW + 1, told(3, 300, later), (3, 300)),
    ] {
        assert_eq!(figures(known.with(told_now, sent_ms, later)), wanted, "{sent_ms} {told_now:?}");
    }
    let kept = known.with(told(7, 400, later), NOW, later);
    assert_eq!((kept.requests.unwrap().at_ms, kept.tokens.unwrap().at_ms), (NOW, later), "each keeps its time");
    assert_eq!(figures(known.with(told(7, 600, RESET), NOW - 1, RESET)), (7, 600), "what began anew says nothing");
    let only_tokens = Headroom { requests: None, tokens: at(1, later) };
    assert_eq!(figures(known.with(only_tokens, later, later)), (5, 1), "what is not told stays");
}

#[test]
fn a_request_that_ends_without_figures_counts_all_the_same() {
    let known = Headroom { requests: at(5, NOW), tokens: at(50, NOW) };
    assert_eq!(known.without(NOW), Headroom { requests: at(4, NOW), ..known }, "its tokens nobody knows");
    assert_eq!(known.without(NOW - 1), known, "those that were sent before the figures came are in them");
}

#[test]
fn the_newer_figures_count_wherever_they_come_from() {
    let old = Headroom { requests: at(5, NOW), tokens: at(50, NOW + 5) };
    let new = Headroom { requests: at(9, NOW + 1), tokens: at(90, NOW + 1) };
    let joined = old.newest(new);
    assert_eq!((joined.requests, joined.tokens), (new.requests, old.tokens));
    assert_eq!(new.newest(old), joined);
    assert_eq!(Headroom::default().newest(old), old);
}

#[test]
fn what_is_on_its_way_is_counted_by_candidate() {
    let mut reserved = Reserved::default();
    let request = |tokens| Reservation { load: load(1, tokens), sent_ms: NOW };
    let sum = |reserved: &Reserved, provider: &str, model: &str| reserved.load(provider, model, || u64::MAX, NOW);
    assert_eq!(sum(&reserved, "groq", "m"), Load::default());
    reserved.add("groq", "m", request(10));
    reserved.add("groq", "m", request(5));
    reserved.add("groq", "n", request(7));
    assert_eq!(sum(&reserved, "groq", "m"), load(2, 15));
    assert_eq!(sum(&reserved, "groq", "n"), load(1, 7));
    assert_eq!(sum(&reserved, "cerebras", "m"), Load::default());
    assert_eq!(reserved.load("groq", "m", || 9, NOW), load(2, 5), "who claims more than is left");
    reserved.remove("groq", "m", request(10));
    assert_eq!(sum(&reserved, "groq", "m"), load(1, 5));
    reserved.remove("groq", "m", request(5));
    reserved.remove("groq", "m", request(5));
    assert_eq!((sum(&reserved, "groq", "m"), sum(&reserved, "groq", "n")), (Load::default(), load(1, 7)));
}

#[test]
fn a_request_that_is_never_given_back_counts_for_a_while_only() {
    let mut reserved = Reserved::default();
    let at = |sent_ms| Reservation { load: load(1, 10), sent_ms };
    reserved.add("groq", "m", at(NOW));
    let sum = |reserved: &Reserved, now_ms| reserved.load("groq", "m", || u64::MAX, now_ms);
    assert_eq!(sum(&reserved, NOW + MAX_RESERVED_MS - 1), load(1, 10));
    assert_eq!(sum(&reserved, NOW + MAX_RESERVED_MS), Load::default());
    reserved.add("groq", "m", at(NOW + MAX_RESERVED_MS));
    assert_eq!(sum(&reserved, NOW + MAX_RESERVED_MS), load(1, 10));
    reserved.remove("groq", "m", at(NOW));
    assert_eq!(sum(&reserved, NOW + MAX_RESERVED_MS), load(1, 10), "it is given back once");
}
