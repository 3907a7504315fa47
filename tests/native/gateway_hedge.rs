//! A slow first token: the next candidate is started beside the silent one, who answers first wins, and what both cost is
//! in the accounts.

use opengateway::gateway::chat::Incoming;
use opengateway::gateway::setup::Gateway;
use opengateway::gateway::wishes::HeaderWishes;
use opengateway::health::circuit::Standing;
use opengateway::routing::failure::ErrorClass;
use opengateway::usage::record::UsageRecord;
use serde_json::{Value, json};

use crate::gateway_world::{
    DONE, GOOD, Got, HELLO, Part, REQUEST_ID, ROLE, STOP, Script, USAGE, World, event_of, gateway_with, parts, reply,
    stream,
};

/// A stream by alpha, else beta, else gamma, with the usage chunk that has everything.
const M: &str = r#"{"model":"m","stream":true,"usage":{"include":true},"messages":[{"role":"user","content":"hi"}],"provider":{"order":["alpha","beta","gamma"]}}"#;
const ANSWER: [&str; 5] = [ROLE, HELLO, STOP, USAGE, DONE];

fn answer() -> Script {
    stream(&ANSWER)
}

/// A stream whose first token comes after so many milliseconds.
fn slow(ms: u64) -> Script {
    let events = ANSWER.map(event_of).to_vec();
    parts(200, [vec![event_of(ROLE), Part::Pause(ms)], events].concat())
}

fn hedging() -> Gateway {
    gateway_with(&[("HEDGE_AFTER_MS", "1000")])
}

fn routing(got: &Got) -> Value {
    let chunk = got.text.split("\n\n").find(|event| event.contains("\"metadata\"")).unwrap();
    serde_json::from_str::<Value>(chunk.trim_start_matches("data: ")).unwrap()["metadata"]["routing"].clone()
}

#[test]
fn who_answers_first_wins_and_the_other_one_is_paid_for_its_prompt() {
    let world = World::new().on("alpha", [slow(60_000)]).on("beta", [answer().after(300)]);
    let got = world.ask(&hedging(), M);
    assert_eq!((got.status, got.trail()), (200, "alpha/m=hedged; beta/m=200"));
    assert_eq!(got.header("x-gateway-attempts"), Some("2"));
    assert_eq!(
        routing(&got),
        json!([
            {"provider": "alpha", "model": "m", "status_code": null, "error_type": "hedged", "succeeded": false},
            {"provider": "beta", "model": "m", "status_code": 200, "error_type": null, "succeeded": true},
        ])
    );
    assert!(
        got.text.contains(r#""usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"#),
        "{}",
        got.text
    );
    assert!(!got.text.contains("estimated"), "the answer's own tokens were told");
    // "hi" and its role are estimated as 4 tokens: at alpha's price beside what beta told.
    let beta = 10 * 1_500_000 + 5 * 5_000_000;
    let UsageRecord { prompt_tokens, completion_tokens, cost_pico_usd, estimated, ttft_ms, error_class, .. } =
        got.record().clone();
    assert_eq!((prompt_tokens, completion_tokens), (10 + 4, 5));
    assert_eq!((cost_pico_usd, estimated), (Some(beta + 4 * 1_000_000), true));
    assert_eq!((ttft_ms, error_class), (Some(1_300), None));
    assert_eq!(got.record().trail, got.trail());
}

#[test]
fn the_first_one_may_still_win() {
    let world = World::new().on("alpha", [slow(1_500)]).on("beta", [slow(60_000)]);
    let got = world.ask(&hedging(), M);
    assert_eq!((got.trail(), got.record().ttft_ms), ("beta/m=hedged; alpha/m=200", Some(1_500)));
    assert_eq!(got.record().provider.as_deref(), Some("alpha"));
    assert_eq!(got.record().cost_pico_usd, Some(10 * 1_000_000 + 5 * 4_000_000 + 4 * 1_500_000));
}

#[test]
fn an_answer_before_its_time_is_hedged_by_nobody() {
    let world = World::new().on("alpha", [slow(999)]);
    assert_eq!(world.ask(&hedging(), M).trail(), "alpha/m=200");
}

#[test]
fn if_one_of_the_two_fails_the_other_one_is_still_waited_for() {
    let world = World::new().on("alpha", [slow(20_000)]).on("beta", [reply(500, "")]);
    let got = world.ask(&hedging(), M);
    assert_eq!((got.trail(), got.record().ttft_ms), ("beta/m=500; alpha/m=200", Some(20_000)));
    assert!(!got.record().estimated, "who failed by himself is not paid");
    let world = World::new().on("alpha", [reply(503, "").after(2_000)]).on("beta", [slow(20_000)]);
    assert_eq!(world.ask(&hedging(), M).trail(), "alpha/m=503; beta/m=200");
    let first_runs_out = World::new().on("alpha", [slow(60_000)]).on("beta", [slow(29_500)]);
    assert_eq!(first_runs_out.ask(&hedging(), M).trail(), "alpha/m=timeout; beta/m=200");
}

#[test]
fn if_both_fail_the_next_one_has_its_turn() {
    let world = World::new()
        .on("alpha", [reply(503, "").after(3_000)])
        .on("beta", [reply(429, "{}").after(1_500)])
        .on("gamma", [answer()]);
    let got = world.ask(&hedging(), M);
    assert_eq!(got.trail(), "beta/m=429; alpha/m=503; gamma/m=200");
    assert_eq!(got.record().attempts, 3);
}

#[test]
fn who_had_to_be_hedged_and_lost_was_slow_and_a_hedge_that_lost_is_as_if_it_had_not_been() {
    let gateway = hedging();
    for (alpha, beta, of_alpha) in [
        (slow(50_000), slow(28_000), (0, 1)),
        (slow(60_000), slow(29_500), (0, 1)),
        (slow(1_500), slow(60_000), (1, 0)),
    ] {
        let world = World::new().on("alpha", [alpha]).on("beta", [beta]);
        world.ask(&gateway, M);
        let circuits = world.health.borrow().circuits();
        let totals =
            |provider: &str, model| circuits.get(provider, model).map_or((0, 0), |one| one.totals(world.now()));
        let of_beta = if of_alpha.0 == 0 { (1, 0) } else { (0, 0) };
        assert_eq!((totals("alpha", "alpha/m-1"), totals("beta", "beta/m-1")), (of_alpha, of_beta), "ok and failed");
    }
}

#[test]
fn a_provider_that_stays_silent_is_left_alone_although_every_request_is_saved() {
    let world = World::new();
    for _ in 0..8 {
        world.expect("alpha", slow(60_000));
        world.expect("beta", answer());
        assert_eq!(world.ask(&hedging(), M).trail(), "alpha/m=hedged; beta/m=200");
    }
    world.expect("beta", answer());
    let got = world.ask(&hedging(), M);
    assert_eq!((got.trail(), got.took_ms), ("beta/m=200", 0));
    world.wait(6_000);
    let standing = world.health.borrow().standing("alpha", "alpha/m-1", 1, world.now());
    assert_eq!(standing, Standing::Probe { last: true }, "a probe of it costs its client the time until the hedge");
}

#[test]
fn who_is_hedged_early_because_its_client_is_in_a_hurry_has_not_failed() {
    let world = World::new();
    for _ in 0..8 {
        world.expect("alpha", slow(60_000));
        world.expect("beta", answer());
        let wishes = HeaderWishes { timeout: Some("1000".to_owned()), ..HeaderWishes::default() };
        let incoming = Incoming {
            body: M.into(),
            request_id: REQUEST_ID.to_owned(),
            received_ms: world.now(),
            project_header: Some("shop".to_owned()),
            wishes,
            ..Incoming::default()
        };
        assert_eq!(world.ask_with(&hedging(), incoming).trail(), "alpha/m=hedged; beta/m=200");
    }
    assert_eq!(world.health.borrow().standing("alpha", "alpha/m-1", 1, world.now()), Standing::Healthy);
}

#[test]
fn a_hedge_that_lost_gives_the_permit_of_its_probe_back() {
    let gateway = hedging();
    let world = World::new();
    for _ in 0..3 {
        let failure = opengateway::health::outcome::Outcome::Failure { class: ErrorClass::ServerError };
        world.health.borrow_mut().record("beta", "beta/m-1", failure, None, world.now());
    }
    world.sync();
    world.wait(6_000);
    let world = world.on("alpha", [slow(1_500)]).on("beta", [slow(60_000)]);
    assert_eq!(world.ask(&gateway, M).trail(), "beta/m=hedged; alpha/m=200");
    let standing = world.health.borrow().standing("beta", "beta/m-1", 1, world.now());
    assert_eq!(standing, Standing::Probe { last: false }, "the next one may probe it");
}

#[test]
fn a_candidate_that_another_request_probes_does_not_hedge() {
    let gateway = hedging();
    let world = World::new();
    for _ in 0..3 {
        let failure = opengateway::health::outcome::Outcome::Failure { class: ErrorClass::ServerError };
        world.health.borrow_mut().record("beta", "beta/m-1", failure, None, world.now());
    }
    world.sync();
    world.wait(6_000);
    world.another_isolate_probes("beta", "beta/m-1");
    let cheap = M.replace("\"gamma\"", "\"beta\"");
    let world = world.on("alpha", [slow(5_000)]);
    assert_eq!(
        world.ask(&gateway, &cheap).trail(),
        "alpha/m=200",
        "gamma's price is unknown, so it does not hedge either"
    );
}

#[test]
fn a_pin_has_nobody_to_hedge_it_unless_it_has_fallbacks() {
    let gateway = hedging();
    let pinned = M.replace(r#""model":"m""#, r#""model":"alpha/m""#);
    assert_eq!(World::new().on("alpha", [slow(20_000)]).ask(&gateway, &pinned).trail(), "alpha/m=200");
    let fallback = pinned.replace(r#""stream""#, r#""models":["beta/m"],"stream""#);
    let world = World::new().on("alpha", [slow(20_000)]).on("beta", [answer()]);
    assert_eq!(world.ask(&gateway, &fallback).trail(), "alpha/m=hedged; beta/m=200");
}

#[test]
fn nobody_hedges_a_whole_reply_or_where_it_is_turned_off() {
    let whole = M.replace(r#""stream":true,"usage":{"include":true},"#, "");
    let world = World::new().on("alpha", [reply(200, GOOD).after(20_000)]);
    assert_eq!(world.ask(&hedging(), &whole).trail(), "alpha/m=200");
    let off = gateway_with(&[("HEDGE_AFTER_MS", "0")]);
    assert_eq!(World::new().on("alpha", [slow(20_000)]).ask(&off, M).trail(), "alpha/m=200");
}

#[test]
fn a_model_that_thinks_is_hedged_only_where_it_is_told_to_think_little() {
    let solo =
        r#"{"model":"alpha/solo","models":["beta/m"],"stream":true,"messages":[{"role":"user","content":"hi"}]EFFORT}"#;
    // alpha has "low" and "high" only, so that what lies between is low.
    let mut asks = Vec::new();
    for (effort, hedged) in [
        ("", false),
        ("none", true),
        ("minimal", true),
        ("low", true),
        ("medium", true),
        ("high", false),
        ("max", false),
    ] {
        let field = if effort.is_empty() { String::new() } else { format!(r#","reasoning_effort":"{effort}""#) };
        asks.push((field, hedged));
    }
    for (reasoning, hedged) in [
        (r#""enabled":false"#, true),
        (r#""max_tokens":2000"#, true),
        (r#""max_tokens":30000"#, false),
        (r#""enabled":true"#, false),
    ] {
        asks.push((format!(r#","reasoning":{{{reasoning}}}"#), hedged));
    }
    for (effort, hedged) in asks {
        let world = World::new().on("alpha", [slow(20_000)]);
        let world = if hedged { world.on("beta", [answer()]) } else { world };
        let got = world.ask(&hedging(), &solo.replace("EFFORT", &effort));
        assert_eq!(got.trail().contains("hedged"), hedged, "{effort}: {}", got.trail());
    }
}

#[test]
fn a_second_prompt_that_is_too_dear_or_has_no_known_price_is_not_sent() {
    // Its 4 tokens cost 6 micro-dollars at beta.
    for (most, hedged) in [("0.000006", true), ("0.000005999999", false), ("0", false)] {
        let gateway = gateway_with(&[("HEDGE_AFTER_MS", "1000"), ("HEDGE_MAX_USD", most)]);
        let world = World::new().on("alpha", [slow(20_000)]);
        let world = if hedged { world.on("beta", [answer()]) } else { world };
        assert_eq!(world.ask(&gateway, M).trail().contains("hedged"), hedged, "{most}");
    }
    let unknown = M.replace(r#"["alpha","beta","gamma"]"#, r#"["alpha","gamma"]"#);
    assert_eq!(World::new().on("alpha", [slow(20_000)]).ask(&hedging(), &unknown).trail(), "alpha/m=200");
    let other_tier = M.replace(r#""stream""#, r#""service_tier":"priority","stream""#);
    assert_eq!(World::new().on("alpha", [slow(20_000)]).ask(&hedging(), &other_tier).trail(), "alpha/m=200");
}

#[test]
fn where_the_losers_price_is_unknown_so_is_the_sum() {
    let order = M.replace(r#"["alpha","beta","gamma"]"#, r#"["gamma","beta"]"#);
    let world = World::new().on("gamma", [slow(60_000)]).on("beta", [answer()]);
    let got = world.ask(&hedging(), &order);
    assert_eq!((got.trail(), got.record().cost_pico_usd), ("gamma/m=hedged; beta/m=200", None));
}

#[test]
fn what_the_caller_must_mend_is_told_whichever_of_the_two_ends_first() {
    let filtered = || reply(400, r#"{"error":{"message":"no","code":"content_filter"}}"#);
    let down = || reply(503, "");
    for (alpha, beta) in [
        (filtered().after(2_000), down().after(4_000)),
        (filtered().after(4_000), down().after(1_000)),
        (down().after(2_000), filtered().after(4_000)),
        (down().after(4_000), filtered().after(1_000)),
    ] {
        let world = World::new().on("alpha", [alpha]).on("beta", [beta]);
        // Nobody else is asked, whoever is still out.
        let got = world.ask(&hedging(), &M.replace(r#","gamma""#, "").replace("order", "only"));
        assert_eq!((got.status, got.code().as_str()), (400, "content_filter"), "{}", got.trail());
        assert_eq!(got.record().error_class, Some("content_filter"));
    }
}

#[test]
fn a_hedge_that_fails_gives_its_place_to_the_next_one() {
    let order = M.replace(r#"["alpha","beta","gamma"]"#, r#"["gamma","alpha","beta"]"#);
    let world =
        World::new().on("gamma", [slow(60_000)]).on("alpha", [reply(503, "").after(100)]).on("beta", [answer()]);
    let got = world.ask(&hedging(), &order);
    assert_eq!((got.trail(), got.record().ttft_ms), ("alpha/m=503; gamma/m=hedged; beta/m=200", Some(1_100)));
}
