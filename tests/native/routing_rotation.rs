//! Round robin: exactly even over equal providers, whatever else is asked in between.

use opengateway::catalog::model::ModelSpec;
use opengateway::health::circuit::Standing;
use proptest::prelude::*;

use crate::routing_fixture::{TOOLS, World, ask, ask_long, at, priced, toolless};

fn three() -> World {
    World::of(&[at("a/m"), at("b/m"), at("c/m")])
}

fn even(names: &[&str], each: usize) -> Vec<(String, usize)> {
    names.iter().map(|name| ((*name).to_owned(), each)).collect()
}

#[test]
fn three_equal_providers_get_exactly_a_third_each() {
    assert_eq!(three().firsts(&[&ask("m", "")], 30), even(&["a/m", "b/m", "c/m"], 10));
}

#[test]
fn the_others_follow_in_a_circle() {
    let world = three();
    let plans: Vec<String> = (0..4).map(|_| world.plan(&ask("m", ""))).collect();
    assert_eq!(plans, ["a/m b/m c/m", "b/m c/m a/m", "c/m a/m b/m", "a/m b/m c/m"]);
}

/// Whatever kind of request takes turns with a plain one, the plain one stays even.
#[test]
fn requests_in_between_do_not_make_it_uneven() {
    let mut world = World::of(&[
        at("a/m"),
        at("b/m"),
        toolless("c/m"),
        toolless("d/m"),
        ModelSpec { context_window: Some(100), ..at("e/m") },
        ModelSpec { context_window: Some(100), ..at("f/m") },
        at("a/other"),
        at("b/other"),
    ]);
    world.auto_models = vec!["m".to_owned()];
    let others = [
        ask("a/m", ""),
        ask("other", ""),
        ask("other", r#","models":["m"]"#),
        ask("auto", ""),
        ask("m", TOOLS),
        ask("m", r#","provider":{"only":["a","b"]}"#),
        ask("m", r#","provider":{"ignore":["a"]}"#),
        ask("m", r#","provider":{"order":["f"]}"#),
        ask("m", r#","provider":{"sort":"price"}"#),
        ask_long("m", 1000),
    ];
    let names = ["a/m", "b/m", "c/m", "d/m", "e/m", "f/m"];
    for other in &others {
        assert_eq!(world.firsts(&[&ask("m", ""), other], 12), even(&names, 2), "{:.80}", other);
    }
    let mut all = vec![ask("m", "")];
    all.extend(others);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(world.firsts(&all, 12), even(&names, 2));
}

#[test]
fn a_model_that_is_named_again_as_a_fallback_takes_one_ticket() {
    let world = World::of(&[at("a/m"), at("b/m")]);
    assert_eq!(world.firsts(&[&ask("m", r#","models":["m"]"#)], 10), even(&["a/m", "b/m"], 5));
}

#[test]
fn it_is_even_over_the_providers_whose_window_is_large_enough() {
    let world = World::of(&[at("a/m"), at("b/m"), ModelSpec { context_window: Some(100), ..at("c/m") }]);
    assert_eq!(world.firsts(&[&ask_long("m", 1000)], 10), even(&["a/m", "b/m"], 5));
}

#[test]
fn it_is_even_over_the_providers_that_are_well() {
    let world = three().stands("b/m", Standing::Open { until_ms: 9 });
    assert_eq!(world.firsts(&[&ask("m", "")], 10), even(&["a/m", "c/m"], 5));
}

#[test]
fn it_is_even_over_providers_not_over_offers() {
    let paid = ModelSpec { upstream_id: "m-paid".into(), ..at("a/m") };
    let world = World::of(&[at("a/m"), paid, at("b/m")]);
    assert_eq!(world.firsts(&[&ask("m", "")], 10), even(&["a/m", "b/m"], 5));
    assert_eq!(world.plan(&ask("m", "")), "a/m a/m-paid b/m");
}

#[test]
fn it_is_even_in_auto_for_each_kind_of_need() {
    let world = World::of(&[at("a/x"), priced("b/y", 1, 2), toolless("c/z")]);
    let tools = ask("auto", TOOLS);
    assert_eq!(world.firsts(&[&ask("auto", ""), &tools], 12), even(&["a/x", "b/y", "c/z"], 4));
    assert_eq!(world.firsts(&[&tools, &ask("auto", "")], 12), even(&["a/x", "b/y"], 6));
}

#[test]
fn a_pin_takes_no_ticket() {
    let world = three();
    world.plan(&ask("b/m", ""));
    world.plan(&ask("b/m", ""));
    assert_eq!(world.plan(&ask("m", "")), "a/m b/m c/m");
}

fn standing() -> impl Strategy<Value = Standing> {
    prop_oneof![
        3 => Just(Standing::Healthy),
        1 => Just(Standing::Degraded),
        1 => any::<bool>().prop_map(|last| Standing::Probe { last }),
        1 => (0u64..9).prop_map(|until_ms| Standing::Open { until_ms }),
        1 => (0u64..9).prop_map(|until_ms| Standing::Limited { until_ms }),
    ]
}

proptest! {
    #[test]
    fn the_same_health_and_tickets_give_the_same_plan(
        standings in prop::collection::vec(standing(), 6),
        asked in prop::collection::vec(0usize..4, 1..12),
    ) {
        let models = [at("a/m"), at("b/m"), at("c/m"), priced("a/n", 3, 3), priced("b/n", 9, 9), priced("d/n", 0, 0)];
        let world = || models.iter().zip(&standings).fold(World::of(&models), |world, (model, standing)| {
            world.stands(&format!("{}/{}", model.provider, model.id), *standing)
        });
        let bodies = [ask("m", ""), ask("auto", ""), ask("n", r#","models":["m"]"#), ask("auto", TOOLS)];
        let (one, other) = (world(), world());
        for index in asked {
            let plans = [&one, &other].map(|world| world.candidates(&bodies[index]));
            prop_assert_eq!(&plans[0], &plans[1]);
            // Nobody twice, and who asked to be left alone comes last and is waited for.
            if let Ok(plan) = &plans[0] {
                let mut names: Vec<_> = plan.iter().map(|one| (&one.provider.id, &one.model.id)).collect();
                names.sort_unstable();
                names.dedup();
                prop_assert_eq!(names.len(), plan.len());
                for one in plan {
                    let at = models.iter().position(|model| *model == *one.model).unwrap();
                    let limited = matches!(standings[at], Standing::Limited { .. });
                    prop_assert_eq!(limited, one.not_before_ms.is_some());
                }
                prop_assert!(plan.is_sorted_by_key(|one| one.not_before_ms.is_some()));
            }
        }
    }

    #[test]
    fn any_number_of_equal_providers_is_even(count in 2usize..9, rounds in 1usize..5) {
        let names: Vec<String> = ('a'..='z').take(count).map(|letter| format!("{letter}/m")).collect();
        let models: Vec<ModelSpec> = names.iter().map(|name| at(name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        prop_assert_eq!(World::of(&models).firsts(&[&ask("m", "")], count * rounds), even(&names, rounds));
    }
}
