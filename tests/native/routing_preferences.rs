//! `auto` and its price tiers, and what a client may wish for: `provider: {order, only, ignore, sort, allow_fallbacks}`.

use opengateway::catalog::model::{Capabilities, ModelSpec, ReasoningLevel};
use opengateway::health::circuit::Standing;
use opengateway::routing::plan::PlanError;

use crate::routing_fixture::{World, ask, ask_long, at, priced};

fn wish(preferences: &str) -> String {
    ask("m", &format!(r#","provider":{preferences}"#))
}

fn level(name: &str, level: ReasoningLevel) -> ModelSpec {
    ModelSpec { reasoning_level: level, ..at(name) }
}

#[test]
fn what_is_free_comes_first_then_prices_double() {
    // The blend is 3 input : 1 output, so these cost 4, 8, 9, 18 and 40.
    let world = World::of(&[
        priced("a/dear", 10, 10),
        priced("b/eighteen", 3, 9),
        priced("c/nine", 1, 6),
        priced("d/eight", 2, 2),
        priced("e/four", 1, 1),
        ModelSpec { free: true, ..priced("f/plan", 50, 50) },
        priced("g/zero", 0, 0),
    ]);
    assert_eq!(world.plan(&ask("auto", "")), "f/plan g/zero d/eight e/four b/eighteen c/nine a/dear");
    assert_eq!(world.plan(&ask("auto", "")), "g/zero f/plan e/four d/eight c/nine b/eighteen a/dear");
}

#[test]
fn a_model_without_a_known_price_comes_last() {
    let world = World::of(&[ModelSpec { prices: None, ..at("a/unknown") }, priced("b/dear", 900, 900)]);
    assert_eq!(world.plan(&ask("auto", "")), "b/dear a/unknown");
}

#[test]
fn a_provider_shows_its_best_reasoner_of_a_tier_and_the_others_after_all_tiers() {
    let world = World::of(&[
        level("a/low", ReasoningLevel::Low),
        level("a/high", ReasoningLevel::High),
        level("b/medium", ReasoningLevel::Medium),
        priced("a/dear", 100, 100),
        ModelSpec { reasoning_level: ReasoningLevel::High, ..priced("b/dearer", 120, 120) },
    ]);
    assert_eq!(world.plan(&ask("auto", "")), "a/high b/medium a/dear b/dearer a/low");
}

#[test]
fn of_equal_reasoners_the_cheaper_one_is_the_best() {
    let world = World::of(&[priced("a/two", 2, 2), priced("a/one", 1, 1), priced("b/one", 1, 1)]);
    assert_eq!(world.plan(&ask("auto", "")), "a/one b/one a/two");
}

#[test]
fn a_better_model_that_is_unwell_does_not_stand_for_its_provider() {
    let world = World::of(&[level("a/low", ReasoningLevel::Low), level("a/high", ReasoningLevel::High), at("b/m")])
        .stands("a/high", Standing::Open { until_ms: 9 });
    assert_eq!(world.plan(&ask("auto", "")), "a/low b/m a/high");
}

#[test]
fn the_next_tier_comes_before_anything_degraded() {
    let world = World::of(&[priced("a/free", 0, 0), priced("b/cheap", 1, 1), priced("c/dear", 50, 50)]);
    let world = world.stands("a/free", Standing::Degraded).stands("b/cheap", Standing::Probe { last: true });
    assert_eq!(world.plan(&ask("auto", "")), "c/dear a/free b/cheap");
}

#[test]
fn no_reasoning_and_free_only_narrow_auto_down() {
    let thinks = Capabilities { reasoning: true, ..Capabilities::default() };
    let world = World::of(&[ModelSpec { capabilities: thinks, ..priced("a/thinks", 0, 0) }, at("b/paid")]);
    assert_eq!(world.plan(&ask("auto", r#","no_reasoning":true"#)), "b/paid");
    assert_eq!(world.plan(&ask("auto", r#","free_models_only":true"#)), "a/thinks");
}

#[test]
fn a_reasoning_model_that_is_named_is_not_refused_for_no_reasoning() {
    let thinks = Capabilities { reasoning: true, ..Capabilities::default() };
    let world = World::of(&[ModelSpec { capabilities: thinks, ..at("a/thinks") }]);
    assert_eq!(world.plan(&ask("thinks", r#","no_reasoning":true"#)), "a/thinks");
    assert_eq!(world.plan(&ask("a/thinks", r#","no_reasoning":true"#)), "a/thinks");
}

#[test]
fn the_operators_list_replaces_the_tiers() {
    let mut world = World::of(&[priced("a/m", 0, 0), priced("b/dear", 90, 90), ModelSpec { auto: false, ..at("c/x") }]);
    world.auto_models = vec!["b/dear".into(), "x".into(), "b/dear".into(), "unknown".into(), "auto".into()];
    assert_eq!(world.plan(&ask("auto", "")), "b/dear c/x");
    assert_eq!(world.plan(&ask("auto", "")), "c/x b/dear");
    assert!(world.candidates(&ask("auto", "")).unwrap().iter().all(|one| one.auto && !one.pinned));
    assert!(world.candidates(&ask_long("auto", 200_000)).is_err());
}

#[test]
fn order_puts_these_first_and_keeps_the_others_behind() {
    let world = World::of(&[at("a/m"), at("b/m"), at("c/m"), at("d/m")]);
    assert_eq!(world.plan(&wish(r#"{"order":["d","nobody","b"]}"#)), "d/m b/m a/m c/m");
}

#[test]
fn in_auto_an_order_takes_turns_over_its_providers_so_that_each_has_an_attempt() {
    let world = World::of(&[at("a/one"), at("a/two"), at("b/one"), at("b/two"), at("c/one"), at("c/two")]);
    let body = ask("auto", r#","provider":{"order":["c","a"]}"#);
    assert_eq!(world.plan(&body), "c/one a/one c/two a/two b/one b/two");
}

#[test]
fn only_and_ignore_leave_the_others_out() {
    let world = World::of(&[at("a/m"), at("b/m"), at("c/m")]);
    assert_eq!(world.plan(&wish(r#"{"only":["c","a"]}"#)), "a/m c/m");
    assert_eq!(world.plan(&wish(r#"{"ignore":["a"]}"#)), "b/m c/m");
    assert_eq!(world.plan(&wish(r#"{"only":["c","a"],"ignore":["a"]}"#)), "c/m");
    assert_eq!(world.refusal(&wish(r#"{"only":["nobody"]}"#)), PlanError::Excluded);
    assert_eq!(world.refusal(&ask("a/m", r#","provider":{"ignore":["a"]}"#)), PlanError::Excluded);
}

#[test]
fn allow_fallbacks_false_leaves_one_candidate() {
    let world = World::of(&[at("a/m"), at("b/m"), at("c/n")]);
    let body = ask("m", r#","models":["n"],"provider":{"order":["b"],"allow_fallbacks":false}"#);
    assert_eq!(world.plan(&body), "b/m");
    assert_eq!(world.plan(&wish(r#"{"order":["b"],"allow_fallbacks":true}"#)), "b/m a/m");
    let elsewhere = wish(r#"{"order":["c"],"allow_fallbacks":false}"#);
    assert_eq!(world.refusal(&elsewhere), PlanError::Excluded, "an order without fallbacks is all there is");
}

#[test]
fn candidates_are_sorted_by_price_latency_or_throughput() {
    let mut world = World::of(&[
        priced("a/m", 3, 3),
        priced("b/m", 1, 1),
        ModelSpec { prices: None, ..at("c/m") },
        priced("d/m", 2, 2),
    ]);
    for (name, first_token_ms, speed) in [("b/m", 300, 50), ("c/m", 100, 10), ("d/m", 200, 90)] {
        world.health.first_token_ms.insert(name.to_owned(), first_token_ms);
        world.health.tokens_per_second.insert(name.to_owned(), speed);
    }
    assert_eq!(world.plan(&wish(r#"{"sort":"price"}"#)), "b/m d/m a/m c/m");
    assert_eq!(world.plan(&wish(r#"{"sort":"latency"}"#)), "c/m d/m b/m a/m", "what is not known comes last");
    assert_eq!(world.plan(&wish(r#"{"sort":"throughput"}"#)), "d/m b/m c/m a/m");
    assert_eq!(world.plan(&wish(r#"{"sort":"price","order":["a"]}"#)), "a/m b/m d/m c/m");
}
