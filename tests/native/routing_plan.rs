//! Who is a candidate, in which order, and why nobody is.

use std::borrow::Cow;

use opengateway::catalog::model::{Capabilities, ModelSpec, ReasoningLevel};
use opengateway::catalog::provider::ProviderSpec;
use opengateway::catalog::reasoning::{ModelReasoning, ReasoningControl};
use opengateway::health::circuit::Standing;
use opengateway::routing::failover::MAX_WAIT_OUT_MS;
use opengateway::routing::failure::ErrorClass;
use opengateway::routing::plan::PlanError;
use opengateway::routing::requirements::Need;

use crate::routing_fixture::{TOOLS, World, ask, ask_long, at, provider, toolless};

const IMAGE: &str = r#"[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]"#;

fn small(name: &str) -> ModelSpec {
    ModelSpec { context_window: Some(1_000), ..at(name) }
}

fn images(content: &str) -> String {
    format!(r#"{{"model":"auto","messages":[{{"role":"user","content":{content}}}]}}"#)
}

/// `a/good` can do everything; `b/bad` can not do this one thing.
/// Nobody waits so long for a limit to end.
const LATER: u64 = MAX_WAIT_OUT_MS + 1;
const BENCHED: Standing = Standing::Benched { until_ms: 9, class: ErrorClass::BadKey };

#[test]
fn each_need_keeps_away_the_models_that_do_not_meet_it() {
    let json =
        |object, schema| move |can: Capabilities| Capabilities { json_object: object, json_schema: schema, ..can };
    let without = |change: &dyn Fn(Capabilities) -> Capabilities| {
        let model = at("b/bad");
        ModelSpec { capabilities: change(model.capabilities), ..model }
    };
    let free = ModelSpec { free: true, ..at("a/good") };
    // Else it is brought about by other means.
    let strictly = r#","provider":{"require_parameters":true}"#;
    let format =
        |name: &str, more: &str| ask("auto", &format!(r#","response_format":{{"type":"{name}"{more}}}{strictly}"#));
    let cases: [(ModelSpec, ModelSpec, String, Need); 11] = [
        (at("a/good"), toolless("b/bad"), ask("auto", TOOLS), Need::Tools),
        (at("a/good"), without(&json(false, true)), format("json_object", ""), Need::JsonObject),
        (at("a/good"), without(&json(true, false)), format("json_schema", r#","json_schema":{}"#), Need::JsonSchema),
        (at("a/good"), without(&|can| Capabilities { vision: false, ..can }), images(IMAGE), Need::Vision),
        (
            at("a/good"),
            ModelSpec { reasoning_level: ReasoningLevel::Low, ..at("b/bad") },
            ask("auto", r#","min_reasoning_level":"medium""#),
            Need::ReasoningLevel(ReasoningLevel::Medium),
        ),
        (
            at("a/good"),
            without(&|can| Capabilities { image_output: false, ..can }),
            ask("auto", r#","modalities":["text","image"]"#),
            Need::ImageOutput,
        ),
        (
            at("a/good"),
            without(&|can| Capabilities { audio_output: false, ..can }),
            ask("auto", r#","modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"}"#),
            Need::AudioOutput,
        ),
        (free.clone(), at("b/bad"), ask("auto", r#","free_models_only":true"#), Need::Free),
        (
            at("a/good"),
            without(&|can| Capabilities { reasoning: true, ..can }),
            ask("auto", r#","no_reasoning":true"#),
            Need::NoReasoning,
        ),
        (at("a/good"), small("b/bad"), ask_long("auto", 2_000), Need::Context { tokens: 2_003 }),
        (
            at("a/good"),
            ModelSpec { max_output: None, ..small("b/bad") },
            ask("auto", r#","max_tokens":999"#),
            Need::Context { tokens: 1_003 },
        ),
    ];
    for (good, bad, body, need) in cases {
        assert_eq!(World::of(&[good, bad.clone()]).plan(&body), "a/good", "{:.100}", body);
        assert_eq!(World::of(&[bad]).unmet(&body), [need], "{:.100}", body);
    }
}

#[test]
fn a_named_model_that_returns_no_images_answers_in_text_unless_another_one_can_or_it_must() {
    let mute = |name: &str| {
        let model = at(name);
        ModelSpec { capabilities: Capabilities { image_output: false, ..model.capabilities }, ..model }
    };
    let images = |model: &str, more: &str| ask(model, &format!(r#","modalities":["image","text"]{more}"#));
    let world = World::of(&[mute("a/m"), mute("b/m")]);
    assert_eq!(world.plan(&images("m", "")), "a/m b/m");
    assert_eq!(world.plan(&images("a/m", "")), "a/m");
    let strictly = r#","provider":{"require_parameters":true}"#;
    assert_eq!(world.unmet(&images("a/m", strictly)), [Need::ImageOutput]);
    assert_eq!(world.unmet(&images("auto", "")), [Need::ImageOutput]);
    assert_eq!(World::of(&[mute("a/m"), at("b/m")]).plan(&images("m", "")), "b/m");
    let drops = |id: &str| ProviderSpec { drops: Cow::Owned(vec!["modalities".into()]), ..provider(id) };
    let world = World::with(&[at("a/m"), at("b/m")], &|id| if id == "b" { drops(id) } else { provider(id) });
    assert_eq!(world.plan(&images("auto", "")), "a/m", "who does not take the field cannot do it");
    assert_eq!(world.plan(&ask("auto", r#","modalities":["text"]"#)), "a/m b/m");
}

#[test]
fn a_model_that_does_not_think_with_tools_is_at_no_level_of_reasoning_then() {
    let reasoning =
        ModelReasoning { control: Some(ReasoningControl::EffortWithoutTools), ..ModelReasoning::AS_PROVIDER };
    let level = r#","min_reasoning_level":"low""#;
    let world = World::of(&[ModelSpec { reasoning, ..at("a/m") }, at("b/m")]);
    assert_eq!(world.plan(&ask("auto", level)), "a/m b/m");
    assert_eq!(world.plan(&ask("auto", &format!("{TOOLS}{level}"))), "b/m");
}

#[test]
fn what_a_provider_cannot_do_keeps_its_models_away() {
    let world = |spec: fn(ProviderSpec) -> ProviderSpec| {
        World::with(&[at("a/m"), at("b/m")], &|id| if id == "b" { spec(provider(id)) } else { provider(id) })
    };
    let single = world(|spec| ProviderSpec { multiple_choices: false, ..spec });
    assert_eq!(single.plan(&ask("auto", r#","n":2"#)), "a/m");
    assert_eq!(single.plan(&ask("auto", r#","n":1"#)), "a/m b/m");
    assert_eq!(single.unmet(&ask("b/m", r#","n":2"#)), [Need::Choices]);
    let data_only = world(|spec| ProviderSpec { image_urls: false, ..spec });
    let remote = r#"[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]"#;
    assert_eq!(data_only.plan(&images(remote)), "a/m");
    assert_eq!(data_only.plan(&images(IMAGE)), "a/m b/m");
}

#[test]
fn needs_are_met_together_or_not_at_all() {
    let blind = ModelSpec { capabilities: Capabilities { tools: true, ..Capabilities::default() }, ..at("a/blind") };
    let world = World::of(&[blind, toolless("b/sees")]);
    let body = |more: &str| format!(r#"{{"messages":[{{"role":"user","content":{IMAGE}}}]{TOOLS}{more}}}"#);
    assert_eq!(world.unmet(&body("")), [Need::Vision]);
    let json = r#","response_format":{"type":"json_object"},"provider":{"require_parameters":true}"#;
    assert_eq!(world.unmet(&body(json)), [Need::Tools], "the nearest one misses only tools");
}

#[test]
fn a_format_is_brought_about_by_other_means_where_nobody_has_it_and_at_last() {
    let formless = |name: &str| {
        let model = at(name);
        let capabilities = Capabilities { json_object: false, json_schema: false, ..model.capabilities };
        ModelSpec { capabilities, ..model }
    };
    let json = r#","response_format":{"type":"json_object"}"#;
    let plan = |body: &str| World::of(&[formless("a/m"), at("b/m"), at("c/m"), formless("d/other")]).plan(body);
    let then = |models: &str| format!(r#"{json},"models":[{models}]"#);
    for (body, expected) in [
        (ask("m", ""), "a/m b/m c/m"),
        (ask("m", json), "b/m c/m a/m"),
        (ask("auto", json), "b/m c/m a/m d/other"),
        (ask("m", &then(r#""other""#)), "b/m c/m a/m d/other"),
        (ask("m", &then(r#""d/other","b/m""#)), "b/m c/m d/other a/m"),
        // What was named in the first place, and nobody else has it.
        (ask("a/m", json), "a/m"),
        (ask("a/m", &then(r#""m""#)), "a/m b/m c/m"),
        (ask("other", &then(r#""m""#)), "d/other b/m c/m a/m"),
        (ask("m", &format!(r#"{json},"provider":{{"require_parameters":true}}"#)), "b/m c/m"),
    ] {
        assert_eq!(plan(&body), expected, "{body}");
    }
    let nobody = World::of(&[formless("a/m"), formless("b/m")]);
    assert_eq!(nobody.plan(&ask("auto", json)), "a/m b/m");
}

#[test]
fn a_model_that_auto_may_not_choose_is_only_used_by_name() {
    let world = World::of(&[ModelSpec { auto: false, ..at("a/guard") }, at("b/m")]);
    assert_eq!(world.plan(&ask("auto", "")), "b/m");
    assert_eq!(world.plan(&ask("guard", "")), "a/guard");
}

#[test]
fn a_provider_without_a_key_is_left_out_or_named() {
    let mut world = World::of(&[at("a/m"), at("b/m")]);
    world.off = vec!["b"];
    assert_eq!(world.plan(&ask("m", "")), "a/m");
    let needed = [("b".to_owned(), "VLLM_BASE_URL".to_owned())];
    assert_eq!(world.refusal(&ask("b/m", "")), PlanError::NotConfigured { providers: needed.to_vec() });
}

#[test]
fn a_named_model_without_tools_answers_in_text_unless_a_call_is_forced() {
    let world = World::of(&[toolless("a/m"), at("b/n"), toolless("c/n")]);
    assert_eq!(world.plan(&ask("a/m", TOOLS)), "a/m");
    assert_eq!(world.plan(&ask("m", TOOLS)), "a/m");
    assert_eq!(world.unmet(&ask("m", &format!(r#"{TOOLS},"tool_choice":"required""#))), [Need::Tools]);
    assert_eq!(world.plan(&ask("n", TOOLS)), "b/n", "where one of its providers has tools, only that one counts");
    assert_eq!(world.plan(&ask("c/n", TOOLS)), "c/n");
    assert_eq!(world.plan(&ask("c/n", &format!(r#"{TOOLS},"tool_choice":"none""#))), "c/n");
}

#[test]
fn an_offer_with_tools_that_cannot_do_the_rest_does_not_keep_the_others_away() {
    let blind = ModelSpec { capabilities: Capabilities { tools: true, ..Capabilities::default() }, ..at("a/m") };
    let world = World::of(&[blind, toolless("b/m")]);
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":{IMAGE}}}]{TOOLS}}}"#);
    assert_eq!(world.plan(&body), "b/m");
}

#[test]
fn a_named_model_is_not_refused_for_its_window_but_tried_last() {
    let world = World::of(&[small("a/m"), at("b/m"), ModelSpec { context_window: None, ..at("c/m") }]);
    assert_eq!(world.plan(&ask_long("m", 2_000)), "b/m c/m a/m");
    assert_eq!(world.plan(&ask_long("a/m", 2_000)), "a/m");
    assert_eq!(world.plan(&ask_long("auto", 2_000)), "b/m c/m");
}

#[test]
fn an_output_limit_counts_only_as_far_as_the_model_can_write() {
    let world = World::of(&[ModelSpec { max_output: Some(500), ..small("a/m") }]);
    assert_eq!(world.plan(&ask("auto", r#","max_tokens":90000"#)), "a/m");
}

#[test]
fn only_a_sole_offer_or_a_pin_is_tried_again_before_others() {
    let world = World::of(&[at("a/m"), at("b/m"), at("b/sole")]);
    let pinned = |body: &str| -> Vec<bool> {
        world.candidates(body).unwrap().iter().map(|candidate| candidate.pinned).collect()
    };
    assert_eq!(pinned(&ask("m", "")), [false, false]);
    assert_eq!(pinned(&ask("a/m", "")), [true]);
    assert_eq!(pinned(&ask("sole", "")), [true]);
    assert_eq!(pinned(&ask("m", r#","models":["b/sole"]"#)), [false, false, true]);
    assert_eq!(pinned(&ask("auto", r#","provider":{"only":["a"]}"#)), [false]);
}

#[test]
fn healthy_ones_come_first_then_degraded_ones_then_a_probe_of_a_slow_one_then_open_circuits() {
    let world = World::of(&[at("a/m"), at("b/m"), at("c/m"), at("d/m"), at("e/m"), at("f/m"), at("g/m")])
        .stands("a/m", Standing::Probe { last: true })
        .stands("b/m", Standing::Degraded)
        .stands("c/m", Standing::Open { until_ms: 5 })
        .stands("d/m", Standing::Limited { until_ms: LATER })
        .stands("e/m", Standing::Benched { until_ms: 5, class: ErrorClass::BadKey })
        .stands("f/m", Standing::Probe { last: false });
    assert_eq!(world.plan(&ask("m", "")), "f/m g/m b/m a/m c/m");
    assert_eq!(world.plan(&ask("m", "")), "g/m f/m b/m a/m c/m", "a probe takes its turn like a healthy one");
}

#[test]
fn with_every_circuit_open_the_one_whose_time_is_up_soonest_is_used() {
    let world = World::of(&[at("a/m"), at("b/m"), at("c/m"), at("d/m")])
        .stands("a/m", Standing::Open { until_ms: 9 })
        .stands("b/m", Standing::Limited { until_ms: LATER })
        .stands("c/m", Standing::Open { until_ms: 5 })
        .stands("d/m", Standing::Benched { until_ms: 1, class: ErrorClass::Billing });
    assert_eq!(world.plan(&ask("m", "")), "c/m a/m");
}

#[test]
fn a_last_resort_comes_after_healthy_fallbacks() {
    let world = World::of(&[at("a/m"), at("b/n"), at("c/o")])
        .stands("a/m", Standing::Open { until_ms: 9 })
        .stands("c/o", Standing::Open { until_ms: 1 });
    assert_eq!(world.plan(&ask("m", r#","models":["n","o"]"#)), "b/n a/m c/o");
}

#[test]
fn who_has_nothing_left_comes_after_everyone_who_has_and_before_a_last_resort() {
    const SPENT: Standing = Standing::Spent { until_ms: 9 };
    let world = World::of(&[at("a/m"), at("b/m"), at("c/m"), at("d/n")])
        .stands("a/m", SPENT)
        .stands("b/m", Standing::Open { until_ms: 1 });
    assert_eq!(world.plan(&ask("m", r#","models":["n"]"#)), "c/m d/n a/m b/m");
    let wishes = r#","provider":{"order":["a","c"],"sort":"price"}"#;
    assert_eq!(world.plan(&ask("m", wishes)), "c/m a/m b/m", "whatever the client would rather have");
    let world = World::of(&[at("a/m"), at("b/m")]).stands("a/m", SPENT).stands("b/m", Standing::Degraded);
    assert_eq!(world.plan(&ask("m", "")), "b/m a/m");
    assert_eq!(world.plan(&ask("a/m", "")), "a/m", "better than no answer");
    let world = World::of(&[at("a/m"), at("b/m")]).stands("a/m", SPENT).stands("b/m", SPENT);
    assert_eq!(world.plan(&ask("m", "")), "a/m b/m");
    assert_eq!(world.plan(&ask("m", "")), "b/m a/m", "in turn");
    assert_eq!(world.plan(&ask("m", r#","provider":{"order":["b"]}"#)), "b/m a/m");
}

#[test]
fn a_candidate_is_judged_for_prompt_and_answer_together() {
    let world = World::of(&[at("a/m")]);
    for (body, tokens) in [
        (ask("m", ""), 4),
        (ask("m", r#","max_tokens":100"#), 104),
        (ask("m", r#","max_tokens":99999"#), 10_004),
        (ask_long("m", 2_000), 2_003),
    ] {
        world.plan(&body);
        assert_eq!(world.health.asked.take(), [tokens], "{body:.80}");
    }
}

#[test]
fn with_everyone_limited_the_soonest_end_is_told() {
    let world = World::of(&[at("a/m"), at("b/m"), at("c/m")])
        .stands("a/m", Standing::Limited { until_ms: 9 })
        .stands("b/m", Standing::Limited { until_ms: 5 })
        .stands("c/m", Standing::Benched { until_ms: 1, class: ErrorClass::BadKey });
    assert_eq!(world.refusal(&ask("m", "")), PlanError::Limited { until_ms: 5 });
}

#[test]
fn who_is_limited_for_a_moment_comes_last_and_is_waited_for() {
    let moment = Standing::Limited { until_ms: MAX_WAIT_OUT_MS };
    let world = World::of(&[at("a/m"), at("b/m"), at("c/m"), at("d/m")])
        .stands("a/m", moment)
        .stands("b/m", Standing::Limited { until_ms: 7 })
        .stands("c/m", Standing::Open { until_ms: 9 })
        .stands("d/m", Standing::Limited { until_ms: LATER });
    assert_eq!(world.plan(&ask("m", "")), "c/m b/m a/m");
    assert_eq!(world.plan(&ask("a/m", "")), "a/m", "wanted and nobody else");
    assert_eq!(world.refusal(&ask("d/m", "")), PlanError::Limited { until_ms: LATER });
    let world = World::of(&[at("a/m"), at("b/n"), at("c/o")]).stands("a/m", moment).stands("b/n", BENCHED);
    assert_eq!(world.plan(&ask("a/m", r#","models":["n"]"#)), "a/m");
    assert_eq!(world.plan(&ask("a/m", r#","models":["o"]"#)), "c/o a/m");
}

#[test]
fn a_limit_is_told_before_a_bench() {
    let world =
        World::of(&[at("a/m"), at("b/n")]).stands("a/m", BENCHED).stands("b/n", Standing::Limited { until_ms: LATER });
    for (first, second) in [("m", "n"), ("n", "m")] {
        let refusal = world.refusal(&ask(first, &format!(r#","models":["{second}"]"#)));
        assert_eq!(refusal, PlanError::Limited { until_ms: LATER });
    }
}

#[test]
fn with_everyone_benched_the_reasons_are_told() {
    let world = World::of(&[at("a/m"), at("b/m")])
        .stands("a/m", Standing::Benched { until_ms: 9, class: ErrorClass::BadKey })
        .stands("b/m", Standing::Benched { until_ms: 7, class: ErrorClass::Billing });
    let reasons = vec![("a".to_owned(), ErrorClass::BadKey), ("b".to_owned(), ErrorClass::Billing)];
    assert_eq!(world.refusal(&ask("m", "")), PlanError::Benched { reasons, until_ms: 7 });
}

#[test]
fn fallbacks_follow_in_their_order_and_nobody_comes_twice() {
    let world = World::of(&[at("a/m"), at("b/m"), at("a/n"), at("c/o")]);
    assert_eq!(world.plan(&ask("n", r#","models":["a/m","m","c/o"]"#)), "a/n a/m b/m c/o");
    assert_eq!(world.plan(&ask("c/o", r#","models":["auto"]"#)), "c/o a/m b/m a/n");
}

#[test]
fn a_first_model_that_cannot_be_used_gives_way_to_its_fallbacks() {
    let mut world = World::of(&[toolless("a/m"), at("b/n")]).stands("b/n", Standing::Limited { until_ms: LATER });
    let forced = format!(r#"{TOOLS},"tool_choice":"required","models":["n"]"#);
    assert_eq!(world.unmet(&ask("m", &forced)), [Need::Tools], "the first one's refusal is told");
    world.health.standings.clear();
    assert_eq!(world.plan(&ask("m", &forced)), "b/n");
}

#[test]
fn of_several_models_that_are_limited_the_soonest_end_is_told() {
    let limited = |ms| Standing::Limited { until_ms: LATER + ms };
    let world = World::of(&[at("a/m"), at("b/n")]).stands("a/m", limited(60_000)).stands("b/n", limited(7));
    for (first, second) in [("m", "n"), ("n", "m")] {
        let refusal = world.refusal(&ask(first, &format!(r#","models":["{second}"]"#)));
        assert_eq!(refusal, PlanError::Limited { until_ms: LATER + 7 });
    }
}

#[test]
fn a_client_that_requires_its_parameters_gets_only_those_who_take_them_all() {
    let drops = |id: &str| match id {
        "a" => vec!["seed".into()],
        "b" => vec!["user".into(), "top_p".into()],
        _ => Vec::new(),
    };
    let row = |id: &str| ProviderSpec { drops: drops(id).into(), ..provider(id) };
    let world = World::with(&[at("a/m"), at("b/m"), at("c/m")], &row);
    let required = r#","provider":{"require_parameters":true}"#;
    assert_eq!(world.plan(&ask("m", r#","seed":1,"user":"u""#)), "a/m b/m c/m");
    assert_eq!(world.plan(&ask("m", &format!(r#","seed":1,"user":"u"{required}"#))), "c/m");
    assert_eq!(world.plan(&ask("m", &format!(r#","seed":null{required}"#))), "b/m c/m a/m", "null is absent");
    let needs = |names: &[&str]| -> Vec<Need> {
        names.iter().map(|name| Need::Parameter { name: (*name).to_owned() }).collect()
    };
    let both = r#","seed":1,"user":"u","top_p":1"#;
    assert_eq!(world.unmet(&ask("a/m", &format!("{both}{required}"))), needs(&["seed"]), "pinned as well");
    assert_eq!(world.unmet(&ask("b/m", &format!("{both}{required}"))), needs(&["user", "top_p"]));
    let only = r#","provider":{"require_parameters":true,"ignore":["c"]}"#;
    assert_eq!(world.unmet(&ask("m", &format!("{both}{only}"))), needs(&["seed"]), "the nearest one misses least");
}

#[test]
fn tools_that_are_required_are_not_left_out_for_a_model_that_is_named() {
    let world = World::of(&[toolless("a/m")]);
    assert_eq!(world.plan(&ask("a/m", TOOLS)), "a/m");
    let required = format!(r#"{TOOLS},"tool_choice":"auto","provider":{{"require_parameters":true}}"#);
    let choice = Need::Parameter { name: "tool_choice".to_owned() };
    assert_eq!(world.unmet(&ask("a/m", &required)), [Need::Tools, choice], "tools are named once");
}
