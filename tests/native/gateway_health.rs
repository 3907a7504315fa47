//! Requests and the health object: what others have seen, and how it goes on where the object cannot be reached.

use std::collections::BTreeSet;

use opengateway::gateway::setup::Gateway;
use opengateway::health::circuit::{OPEN_MIN_MS, Standing};
use opengateway::health::coordinator::Coordinator;
use opengateway::health::headroom::{Headroom, Left};
use opengateway::health::lease::FIRST_LEASE;
use opengateway::health::outcome::{KEY_BENCH_MS, Outcome};
use opengateway::health::schedule::REFRESH_MS;
use opengateway::health::view::HealthView;
use opengateway::routing::failure::ErrorClass;

use crate::gateway_world::{GOOD, START, World, gateway_with, reply};

const M: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const PROVIDERS: [&str; 3] = ["alpha", "beta", "gamma"];

fn good() -> World {
    PROVIDERS.into_iter().fold(World::new(), |world, provider| world.on(provider, (0..40).map(|_| reply(200, GOOD))))
}

/// Who served so many requests.
fn served(world: &World, gateway: &Gateway, requests: usize) -> Vec<String> {
    (0..requests).map(|_| world.ask(gateway, M).header("x-gateway-provider").unwrap().to_owned()).collect()
}

fn shares(served: &[String]) -> [usize; 3] {
    PROVIDERS.map(|provider| served.iter().filter(|id| *id == provider).count())
}

/// Another isolate tells the object of these outcomes.
fn another_isolate_tells(world: &World, outcomes: &[(&str, &str, Outcome)]) {
    let mut other = HealthView::new(2);
    for (provider, model, outcome) in outcomes {
        other.record(provider, model, *outcome, None, world.now());
    }
    world.object.borrow_mut().sync(&other.begin(world.now()), world.now());
}

fn totals(world: &World, provider: &str, model: &str) -> (u32, u32) {
    world.object.borrow().circuits().get(provider, model).map_or((0, 0), |circuit| circuit.totals(world.now()))
}

#[test]
fn what_another_isolate_has_seen_counts_for_this_one() {
    let (world, gateway) = (good(), gateway_with(&[]));
    let refused = Outcome::of_failure(ErrorClass::BadKey, Some(401), None, START);
    let failure = Outcome::Failure { class: ErrorClass::ServerError };
    another_isolate_tells(&world, &[("alpha", "alpha/solo-1", refused), ("beta", "beta/m-1", failure)]);
    another_isolate_tells(&world, &[("beta", "beta/m-1", failure); 2]);
    assert_eq!(shares(&served(&world, &gateway, 4)), [0, 2, 2], "a batch that comes again counts once");
    let mut third = HealthView::new(3);
    for _ in 0..2 {
        third.record("beta", "beta/m-1", failure, None, world.now());
    }
    world.object.borrow_mut().sync(&third.begin(world.now()), world.now());
    assert_eq!(shares(&served(&world, &gateway, 4)), [0, 0, 4], "three of five failed: it is degraded");
    world.wait(KEY_BENCH_MS);
    assert_eq!(shares(&served(&world, &gateway, 3)), [1, 1, 1]);
}

#[test]
fn with_the_object_away_requests_go_on_in_turns() {
    let (world, gateway) = (good(), gateway_with(&[]));
    world.object_away.set(true);
    let served = served(&world, &gateway, 12);
    assert_eq!(shares(&served), [4, 4, 4]);
    assert!(served.windows(3).all(|three| three.iter().collect::<BTreeSet<_>>().len() == 3), "{served:?}");
    assert_eq!(world.now(), START, "nobody waits");
    assert_eq!(world.object.borrow().circuits().iter().count(), 0);
}

#[test]
fn tickets_that_are_used_up_while_the_object_is_away_are_followed_by_the_next_numbers() {
    let (world, gateway) = (good(), gateway_with(&[]));
    let mut all = served(&world, &gateway, 2);
    world.object_away.set(true);
    all.extend(served(&world, &gateway, FIRST_LEASE as usize + 3));
    assert!(all.windows(3).all(|three| three.iter().collect::<BTreeSet<_>>().len() == 3), "{all:?}");
    world.object_away.set(false);
    assert_eq!(shares(&served(&world, &gateway, 12)), [4, 4, 4], "and leased again");
}

#[test]
fn with_the_object_away_circuits_open_by_what_this_isolate_sees() {
    let gateway = gateway_with(&[]);
    let world = World::new()
        .on("alpha", (0..3).map(|_| reply(500, "")))
        .on("beta", (0..9).map(|_| reply(200, GOOD)))
        .on("gamma", (0..9).map(|_| reply(200, GOOD)));
    world.object_away.set(true);
    let trails: Vec<String> = (0..12).map(|_| world.ask(&gateway, M).trail().to_owned()).collect();
    let asked_alpha = trails.iter().filter(|trail| trail.contains("alpha")).count();
    assert_eq!(asked_alpha, 3, "three failures in a row: {trails:?}");
    let standing = world.health.borrow().standing("alpha", "alpha/m-1", 1, world.now());
    assert_eq!(standing, Standing::Open { until_ms: START + OPEN_MIN_MS });
}

#[test]
fn a_probe_needs_no_object_and_the_object_hears_of_it_later() {
    let gateway = gateway_with(&[]);
    let pinned = M.replace("\"m\"", "\"alpha/m\"");
    let world = World::new().on("alpha", (0..4).map(|_| reply(500, "")));
    for _ in 0..2 {
        // Pinned, it is tried twice.
        assert_eq!(world.ask(&gateway, &pinned).status, 502);
    }
    world.object_away.set(true);
    world.wait(OPEN_MIN_MS * 4);
    let world = world.on("alpha", (0..3).map(|_| reply(200, GOOD)));
    assert_eq!(world.ask(&gateway, &pinned).trail(), "alpha/m=200");
    assert_eq!(world.health.borrow().standing("alpha", "alpha/m-1", 1, world.now()), Standing::Healthy);
    world.object_away.set(false);
    world.wait(REFRESH_MS);
    assert_eq!(world.ask(&gateway, &pinned).trail(), "alpha/m=200", "one probe that the object knows of");
    let now_ms = world.now();
    assert_eq!(world.object.borrow().circuits().standing("alpha", "alpha/m-1", now_ms), Standing::Healthy);
    assert_eq!(world.ask(&gateway, &pinned).trail(), "alpha/m=200");
}

#[test]
fn what_happened_while_the_object_was_away_is_told_when_it_is_back() {
    let gateway = gateway_with(&[]);
    let world = good().on("alpha", []);
    world.object_away.set(true);
    served(&world, &gateway, 6);
    world.wait(30_000);
    served(&world, &gateway, 3);
    world.object_away.set(false);
    // The first message is the one that was lost; the second has what came after it; the third has this request's own.
    served(&world, &gateway, 3);
    world.sync();
    for (provider, model) in [("alpha", "alpha/m-1"), ("beta", "beta/m-1"), ("gamma", "gamma/m-1")] {
        assert_eq!(totals(&world, provider, model), (4, 0), "{provider}: each once");
    }
}

#[test]
fn what_is_out_of_date_when_the_object_is_back_is_not_told() {
    let (world, gateway) = (good(), gateway_with(&[]));
    world.object_away.set(true);
    served(&world, &gateway, 6);
    world.wait(60_000);
    world.object_away.set(false);
    served(&world, &gateway, 3);
    world.sync();
    for (provider, model) in [("alpha", "alpha/m-1"), ("beta", "beta/m-1"), ("gamma", "gamma/m-1")] {
        assert_eq!(totals(&world, provider, model), (1, 0), "{provider}");
    }
}

#[test]
fn an_object_that_forgot_everything_is_believed() {
    let gateway = gateway_with(&[]);
    let world = World::new()
        .on("alpha", (0..3).map(|_| reply(500, "")))
        .on("beta", (0..9).map(|_| reply(200, GOOD)))
        .on("gamma", (0..9).map(|_| reply(200, GOOD)));
    served(&world, &gateway, 9);
    assert_ne!(world.health.borrow().standing("alpha", "alpha/m-1", 1, START), Standing::Healthy);
    let world = world.on("alpha", (0..3).map(|_| reply(200, GOOD)));
    *world.object.borrow_mut() = Coordinator::new(9);
    assert_eq!(shares(&served(&world, &gateway, 3)), [1, 1, 1]);
}

#[test]
fn the_headroom_that_a_provider_tells_reaches_the_object() {
    let gateway = gateway_with(&[]);
    for (status, body) in [(200, GOOD), (429, "")] {
        let told = reply(status, body).header("x-ratelimit-remaining-requests", "14");
        let world = World::new().on("alpha", [told]).on("beta", [reply(200, GOOD)]).on("gamma", [reply(200, GOOD)]);
        world.ask(&gateway, M);
        world.sync();
        let object = world.object.borrow();
        let left = Some(Left { left: 14, reset_ms: None, at_ms: START });
        let headroom = object.circuits().get("alpha", "alpha/m-1").and_then(|circuit| circuit.headroom());
        assert_eq!(headroom, Some(Headroom { requests: left, tokens: None }), "{status}");
    }
}

// --- Tickets ---------------------------------------------------------------------------------------------------------

const TWO_MODELS: &str = r#"{"providers": {
  "alpha": {"base_url": "https://alpha.test/v1", "key": "ALPHA_KEY", "models": [{"id": "m"}, {"id": "n"}]},
  "beta": {"base_url": "https://beta.test/v1", "key": "BETA_KEY", "models": [{"id": "m"}, {"id": "n"}]}
}}"#;
const FALLBACK: &str = r#"{"model":"m","models":["n"],"messages":[{"role":"user","content":"hi"}]}"#;
const CURSOR: &str = "m|alpha,beta";
const THEN: &str = "then:n|alpha,beta";

/// The next tickets of the two cursors.
fn next_tickets(world: &World) -> [Option<u64>; 2] {
    [CURSOR, THEN].map(|key| world.health.borrow_mut().leases().ticket(key))
}

fn two_models() -> (World, Gateway) {
    (good(), gateway_with(&[("GATEWAY_CONFIG", TWO_MODELS)]))
}

#[test]
fn a_plan_that_is_made_again_for_a_ticket_takes_one_of_each_cursor() {
    let (world, gateway) = two_models();
    world.ask(&gateway, FALLBACK);
    assert_eq!(next_tickets(&world), [Some(1), Some(1)], "both were missing");

    let (world, gateway) = two_models();
    world.ask(&gateway, M);
    assert_eq!(next_tickets(&world), [Some(1), None]);
    world.ask(&gateway, FALLBACK);
    assert_eq!(next_tickets(&world), [Some(3), Some(1)], "one was missing");

    world.ask(&gateway, FALLBACK);
    assert_eq!(next_tickets(&world), [Some(5), Some(3)], "none was missing");
}

#[test]
fn a_plan_that_helps_itself_takes_one_ticket_of_each_cursor() {
    let (world, gateway) = two_models();
    world.object_away.set(true);
    world.ask(&gateway, FALLBACK);
    assert_eq!(next_tickets(&world), [None, None]);
    let overdrawn = || [CURSOR, THEN].map(|key| world.health.borrow_mut().leases().overdraw(key, 0));
    let first = overdrawn();
    world.ask(&gateway, FALLBACK);
    let second = overdrawn();
    assert_eq!(second, first.map(|ticket| ticket.wrapping_add(2)));
}

#[test]
fn a_probe_that_fails_is_not_repeated_while_others_are_left() {
    let gateway = gateway_with(&[]);
    let pinned = r#"{"model":"alpha/m","models":["beta/m"],"messages":[{"role":"user","content":"hi"}]}"#;
    let world = World::new().on("alpha", (0..9).map(|_| reply(500, ""))).on("beta", (0..9).map(|_| reply(200, GOOD)));
    assert_eq!(world.ask(&gateway, pinned).trail(), "alpha/m=500; alpha/m=500; beta/m=200");
    assert_eq!(world.ask(&gateway, pinned).trail(), "alpha/m=500; beta/m=200", "the third failure opened it");
    assert_eq!(world.ask(&gateway, pinned).trail(), "beta/m=200");
    world.wait(OPEN_MIN_MS);
    assert_eq!(world.ask(&gateway, pinned).trail(), "alpha/m=500; beta/m=200", "one probe");
    assert_eq!(world.ask(&gateway, pinned).trail(), "beta/m=200");
}
