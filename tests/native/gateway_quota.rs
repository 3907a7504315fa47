//! What a request makes of limits, quotas and refused keys: who is asked, for how long somebody is left alone.

use opengateway::health::circuit::Standing;
use opengateway::health::headroom::MAX_BELIEVED_MS;
use opengateway::health::outcome::{KEY_BENCH_MS, QUOTA_BENCH_MS, RATE_LIMIT_MS};
use opengateway::routing::failure::ErrorClass;

use crate::gateway_world::{GOOD, World, gateway_with, no_connection, reply};

const IN_ORDER: &str =
    r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"provider":{"order":["alpha","beta","gamma"]}}"#;
const LEFT: &str = "x-ratelimit-remaining-requests";
const RESET: &str = "x-ratelimit-reset-requests";

fn standing(world: &World) -> Standing {
    world.health.borrow().standing("alpha", "alpha/m-1", 1, world.now())
}

#[test]
fn a_rate_limit_lasts_until_retry_after_else_until_the_reset_of_what_is_empty() {
    let refused = || reply(429, r#"{"error":{"message":"slow down"}}"#);
    for (script, wait_ms) in [
        (refused(), RATE_LIMIT_MS),
        (refused().header("retry-after", "7"), 7_000),
        (refused().header(LEFT, "0").header(RESET, "90s"), 90_000),
        (refused().header(LEFT, "0").header(RESET, "90s").header("retry-after", "7"), 7_000),
        (refused().header(LEFT, "3").header(RESET, "90s"), RATE_LIMIT_MS),
        (refused().header(LEFT, "0"), RATE_LIMIT_MS),
    ] {
        let what = format!("{script:?}");
        let world = World::new().on("alpha", [script]).on("beta", [reply(200, GOOD)]);
        assert_eq!(world.ask(&gateway_with(&[]), IN_ORDER).trail(), "alpha/m=429; beta/m=200");
        assert_eq!(standing(&world), Standing::Limited { until_ms: world.now() + wait_ms }, "{what}");
    }
}

#[test]
fn a_quota_of_the_day_benches_until_it_is_said_else_for_an_hour() {
    let used_up = || reply(429, r#"{"error":{"message":"requests per day (RPD)"}}"#);
    let class = ErrorClass::QuotaExhausted;
    for (script, wait_ms) in [
        (used_up(), QUOTA_BENCH_MS),
        (used_up().header("retry-after", "7200"), 7_200_000),
        (used_up().header(LEFT, "0").header(RESET, "5h"), 18_000_000),
    ] {
        let world = World::new().on("alpha", [script]).on("beta", [reply(200, GOOD), reply(200, GOOD)]);
        let gateway = gateway_with(&[]);
        world.ask(&gateway, IN_ORDER);
        assert_eq!(standing(&world), Standing::Benched { until_ms: world.now() + wait_ms, class });
        assert_eq!(world.ask(&gateway, IN_ORDER).trail(), "beta/m=200");
    }
}

#[test]
fn traffic_leaves_before_the_first_refusal_and_comes_back_with_the_reset() {
    let told = |left| reply(200, GOOD).header(LEFT, left).header(RESET, "60s");
    let gateway = gateway_with(&[]);
    let world = World::new().on("alpha", [told("1"), told("0"), told("1")]).on("beta", [reply(200, GOOD)]);
    for trail in ["alpha/m=200", "alpha/m=200", "beta/m=200"] {
        assert_eq!(world.ask(&gateway, IN_ORDER).trail(), trail);
    }
    world.wait(60_000);
    assert_eq!(world.ask(&gateway, IN_ORDER).trail(), "alpha/m=200");
}

#[test]
fn a_call_that_fails_counts_against_what_is_left() {
    let told = reply(200, GOOD).header(LEFT, "1").header(RESET, "60s");
    let gateway = gateway_with(&[]);
    let world = World::new().on("alpha", [told, no_connection()]).on("beta", [reply(200, GOOD), reply(200, GOOD)]);
    for trail in ["alpha/m=200", "alpha/m=connect; beta/m=200", "beta/m=200"] {
        assert_eq!(world.ask(&gateway, IN_ORDER).trail(), trail);
    }
}

#[test]
fn who_has_nothing_left_is_asked_when_everyone_else_failed() {
    let told = || reply(200, GOOD).header(LEFT, "0").header(RESET, "60s");
    let gateway = gateway_with(&[]);
    let world = World::new().on("alpha", [told(), told()]).on("beta", [reply(503, "")]).on("gamma", [reply(503, "")]);
    assert_eq!(world.ask(&gateway, IN_ORDER).trail(), "alpha/m=200");
    assert_eq!(world.ask(&gateway, IN_ORDER).trail(), "beta/m=503; gamma/m=503; alpha/m=200");
}

#[test]
fn when_a_bench_is_over_one_request_tries_the_key_and_the_others_go_elsewhere() {
    let refused = || reply(401, r#"{"error":{"message":"bad key","code":"invalid_api_key"}}"#);
    let gateway = gateway_with(&[]);
    let world = World::new().on("alpha", [refused(), refused(), reply(200, GOOD), reply(200, GOOD)]);
    let world = world.on("beta", (0..9).map(|_| reply(200, GOOD)));
    assert_eq!(world.ask(&gateway, IN_ORDER).trail(), "alpha/m=401; beta/m=200");
    for _ in 0..2 {
        assert_eq!(world.ask(&gateway, IN_ORDER).trail(), "beta/m=200", "not every request tries it again");
    }
    world.wait(KEY_BENCH_MS);
    assert_eq!(world.ask(&gateway, IN_ORDER).trail(), "alpha/m=401; beta/m=200", "once");
    assert_eq!(world.ask(&gateway, IN_ORDER).trail(), "beta/m=200");
    world.wait(KEY_BENCH_MS);
    assert_eq!(world.ask(&gateway, IN_ORDER).trail(), "alpha/m=200", "it was mended");
    assert_eq!(standing(&world), Standing::Healthy);
    assert_eq!(world.ask(&gateway, IN_ORDER).trail(), "alpha/m=200");
}

#[test]
fn while_another_isolate_tries_the_key_nobody_else_does() {
    let refused = reply(401, r#"{"error":{"message":"bad key","code":"invalid_api_key"}}"#);
    let gateway = gateway_with(&[]);
    let world = World::new().on("alpha", [refused]).on("beta", (0..9).map(|_| reply(200, GOOD)));
    world.ask(&gateway, IN_ORDER);
    world.wait(KEY_BENCH_MS);
    world.another_isolate_probes("alpha", "alpha/m-1");
    for _ in 0..2 {
        assert_eq!(world.ask(&gateway, IN_ORDER).trail(), "beta/m=200");
    }
}

#[test]
fn a_client_that_claims_many_tokens_and_leaves_takes_nothing_from_others() {
    let told = reply(200, GOOD).header("x-ratelimit-remaining-tokens", "400").header("x-ratelimit-reset-tokens", "60s");
    let gateway = gateway_with(&[]);
    let world = World::new().on("alpha", [told, no_connection()]).on("beta", [reply(200, GOOD)]);
    assert_eq!(world.ask(&gateway, IN_ORDER).trail(), "alpha/m=200");
    let greedy = IN_ORDER.replace(r#""model""#, r#""max_tokens":390,"model""#);
    assert_eq!(world.ask(&gateway, &greedy).trail(), "alpha/m=connect; beta/m=200");
    assert_eq!(world.health.borrow().standing("alpha", "alpha/m-1", 400, world.now()), Standing::Healthy);
}

#[test]
fn the_time_when_a_bucket_is_full_again_keeps_nobody_away_for_a_day() {
    let refused = reply(429, r#"{"error":{"message":"slow down"}}"#).header(LEFT, "0").header(RESET, "24h");
    let world = World::new().on("alpha", [refused]).on("beta", [reply(200, GOOD)]);
    world.ask(&gateway_with(&[]), IN_ORDER);
    assert_eq!(standing(&world), Standing::Limited { until_ms: world.now() + MAX_BELIEVED_MS });
}
