//! What is refused in `models/*.toml`.

use opengateway::catalog::model::Thinking;

use super::compile::model::THINKING;
use super::{ALIASES, MODELS, PROVIDER, compile, model_problem, one, problems, provider_problem};

#[test]
fn an_upstream_id_left_out_is_the_catalogue_id() {
    let models = MODELS.replace("upstream_id = \"anvil-1\"\n", "");
    let catalogue = compile(PROVIDER, &models, "").unwrap();
    assert_eq!(catalogue.models.first().unwrap().upstream_id, "anvil");
}

#[test]
fn a_field_that_is_missing_unknown_or_of_the_wrong_type_is_refused() {
    assert_eq!(model_problem("reasoning_level = \"low\"\n", ""), "models.toml:3: `reasoning_level` is missing: add it");
    let unknown = model_problem("max_output", "max_outputs = 1\nmax_output");
    assert!(unknown.starts_with("models.toml:7: unknown field `max_outputs`: the fields here are id, "), "{unknown}");
    assert_eq!(
        model_problem("1000", "-1"),
        "models.toml:6: `context_window` must be a whole number of tokens, or \"unknown\""
    );
    assert_eq!(
        model_problem("[\"tools\", \"reasoning\"]\nefforts = [\"low\", \"high\"]", "\"tools\""),
        "models.toml:9: `capabilities` must be a list"
    );
    assert_eq!(
        provider_problem("any_model = false", "any_model = 0"),
        "providers.toml:9: `any_model` must be true or false"
    );
    assert_eq!(
        provider_problem("status = 402", "status = \"402\""),
        "providers.toml:18: `status` must be an HTTP status"
    );
    assert!(provider_problem("status = 402", "state = 402").contains("unknown field `state`"));
}

#[test]
fn an_unknown_capability_effort_level_or_class_is_refused_with_the_words_there_are() {
    assert_eq!(
        model_problem("\"tools\"", "\"toolz\""),
        "models.toml:9: `capabilities` does not know \"toolz\": use one of tools, json_object, json_schema, vision, \
         reasoning, web_search, image_output, audio_output"
    );
    assert!(model_problem("[\"low\"", "[\"lowest\"").starts_with("models.toml:10: `efforts` does not know \"lowest\""));
    assert!(model_problem("level = \"low\"", "level = \"top\"").contains("use one of low, medium, high"));
    assert!(provider_problem("\"billing\"", "\"bills\"").contains("`class` does not know \"bills\""));
    assert!(provider_problem("\"openai\"", "\"morse\"").contains("`dialect` does not know \"morse\""));
}

#[test]
fn an_unknown_provider_is_refused_once_a_file() {
    let two = format!(
        "{MODELS}\n[[model]]\nid = \"b\"\ncontext_window = 1\nmax_output = 1\nprice = \"unknown\"\nreasoning_level = \"low\"\n"
    );
    let models = two.replace("provider = \"acme\"", "provider = \"acmee\"");
    assert_eq!(
        problems(PROVIDER, &models, ""),
        ["models.toml:3: there is no provider \"acmee\": add it to providers.toml or correct the name"]
    );
}

#[test]
fn the_same_model_twice_at_one_provider_is_refused() {
    let row = MODELS.split_once("\n\n").unwrap().1;
    assert_eq!(
        one(problems(PROVIDER, &format!("{MODELS}{row}"), ALIASES)),
        "models.toml:12: acme already has \"anvil-1\" at models.toml:3: remove one of them or correct `upstream_id`"
    );
}

#[test]
fn two_offers_of_one_model_by_one_provider_are_two_rows() {
    let row = MODELS.split_once("\n\n").unwrap().1.replace("anvil-1", "anvil-1:free");
    assert_eq!(compile(PROVIDER, &format!("{MODELS}{row}"), ALIASES).unwrap().models.len(), 2);
}

#[test]
fn one_name_for_two_models_of_a_provider_is_refused() {
    let row =
        MODELS.split_once("\n\n").unwrap().1.replace("\"anvil-1\"", "\"anvil-2\"").replace("\"anvil\"", "\"anvil-1\"");
    assert_eq!(
        one(problems(PROVIDER, &format!("{MODELS}{row}"), ALIASES)),
        "models.toml:12: acme/anvil-1 means two different models: here it is the catalogue id, at models.toml:3 the \
         provider's own id"
    );
}

#[test]
fn a_longer_answer_than_the_window_is_refused() {
    assert_eq!(
        model_problem("max_output = 100", "max_output = 1001"),
        "models.toml:3: max_output 1001 is above context_window 1000: prompt and answer share the window"
    );
}

#[test]
fn limits_that_nobody_knows_are_said_to_be_unknown() {
    let models = MODELS.replace("= 1000", "= \"unknown\"").replace("= 100", "= \"unknown\"");
    let catalogue = compile(PROVIDER, &models, ALIASES).unwrap();
    let model = catalogue.models.first().unwrap();
    assert_eq!((model.context_window, model.max_output), (None, None));
    assert!(model_problem("max_output = 100\n", "").contains("`max_output` is missing"));
}

#[test]
fn efforts_need_reasoning_and_an_order() {
    assert!(model_problem(", \"reasoning\"", "").contains("`efforts` needs the capability \"reasoning\""));
    assert!(model_problem("[\"low\", \"high\"]", "[\"high\", \"low\"]").contains("from lowest to highest"));
    assert!(model_problem("[\"low\", \"high\"]", "[\"low\", \"low\"]").contains("from lowest to highest"));
}

#[test]
fn the_ways_of_thinking_are_those_that_the_gateway_knows() {
    let words = THINKING.map(|(word, variant)| (word.to_owned(), variant.to_owned()));
    assert_eq!(words, Thinking::WORDS.map(|(word, variant)| (word.to_owned(), format!("{variant:?}"))));
}

#[test]
fn a_thinking_budget_is_a_range_that_the_control_takes() {
    let with = |reasoning: &str| format!("efforts = [\"low\"]\nreasoning = {{ {reasoning} }}");
    let problem = |reasoning: &str| model_problem("efforts = [\"low\", \"high\"]", &with(reasoning));
    assert!(problem("control = \"google\", budget = { min = 2, max = 1 }").contains("a range of tokens"));
    assert!(problem("control = \"google\", budget = { min = 2 }").contains("`max` is missing"));
    assert!(problem("budget = { min = 1, max = 2 }").contains("never sent by the control \"Effort\""));
    assert!(problem("control = \"mind\"").contains("`control` does not know \"mind\": use one of effort, "));
}
