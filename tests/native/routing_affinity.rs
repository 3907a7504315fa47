//! Requests that share a prompt prefer the same provider while it is well.

use std::collections::HashMap;

use opengateway::health::circuit::Standing;

use crate::routing_fixture::{World, ask, at};

fn world() -> World {
    World::of(&[at("a/m"), at("b/m"), at("c/m"), at("d/m")])
}

fn keyed(key: &str) -> String {
    ask("m", &format!(r#","prompt_cache_key":"{key}""#))
}

#[test]
fn the_same_key_gets_the_same_order_each_time() {
    let world = world();
    for members in [r#","prompt_cache_key":"k""#, r#","session_id":"k""#] {
        let plans: Vec<String> = (0..5).map(|_| world.plan(&ask("m", members))).collect();
        assert!(plans.iter().all(|plan| *plan == plans[0]), "{plans:?}");
    }
    let both = world.plan(&ask("m", r#","session_id":"s","prompt_cache_key":"k""#));
    assert_eq!(both, world.plan(&keyed("k")), "the prompt's own key goes before the session");
}

#[test]
fn keys_are_spread_over_the_providers() {
    let world = world();
    let mut firsts: HashMap<String, usize> = HashMap::new();
    for key in 0..400 {
        let plan = world.plan(&keyed(&format!("session-{key}")));
        *firsts.entry(plan.split(' ').next().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(firsts.len(), 4);
    assert!(firsts.values().all(|&count| (60..=140).contains(&count)), "{firsts:?}");
}

#[test]
fn a_provider_that_is_not_well_comes_later_and_the_others_keep_their_order() {
    for key in ["k", "l", "m", "n", "o"] {
        let plan = world().plan(&keyed(key));
        let (first, rest) = plan.split_once(' ').unwrap();
        let ill = world().stands(first, Standing::Degraded);
        assert_eq!(ill.plan(&keyed(key)), format!("{rest} {first}"));
    }
}

#[test]
fn requests_with_a_key_take_no_turn_from_the_others() {
    let world = world();
    let plain = || world.plan(&ask("m", ""));
    let first = plain();
    world.plan(&keyed("k"));
    let second = plain();
    assert_eq!((&*first, &*second), ("a/m b/m c/m d/m", "b/m c/m d/m a/m"));
}

#[test]
fn the_clients_own_order_goes_before() {
    let plan = world().plan(&ask("m", r#","prompt_cache_key":"k","provider":{"order":["d","b"]}"#));
    assert!(plan.starts_with("d/m b/m "), "{plan}");
}
