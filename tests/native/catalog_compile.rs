//! The catalogue's compiler: what it refuses, where it says the mistake is, and how it reads prices.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../../catalog/compile/mod.rs"]
mod compile;

use std::fs;

use compile::model::Prices;
use compile::money::{PriceError, pico_dollars};
use compile::problem::ProblemKind;
use compile::provider::ERROR_CLASSES;
use compile::{Catalogue, Problem, Source};
use opengateway::catalog::tables;
use opengateway::routing::failure::ErrorClass;
use proptest::prelude::*;

const PROVIDER: &str = r#"[[provider]]
id = "acme"
name = "Acme"
dialect = "openai"
base_url = "https://api.acme.test/v1"
base_url_var = "ACME_BASE_URL"
key_vars = ["ACME_API_KEY"]
key = "required"
any_model = false
multiple_choices = false
image_urls = false
stream_usage = "trailing"
stream_options = true
output_limit = "either"
reasoning_outside_completion = false
body = "open"
errors = [
  { status = 402, message = "pay first", class = "billing" },
]
"#;

const MODELS: &str = r#"provider = "acme"

[[model]]
id = "anvil"
upstream_id = "anvil-1"
context_window = 1000
max_output = 100
price = { input = 0.15, output = 2 }
capabilities = ["tools", "reasoning"]
efforts = ["low", "high"]
reasoning_level = "low"
"#;

const ALIASES: &str = "[aliases]\nhammer = \"anvil\"\n\"old-anvil\" = \"acme/anvil-1\"\n";

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

fn compile(providers: &str, models: &str, aliases: &str) -> Result<Catalogue, Vec<Problem>> {
    Catalogue::compile(
        &source("providers.toml", providers),
        &[source("models.toml", models)],
        &source("aliases.toml", aliases),
    )
}

/// The problems as `file:line: text`.
fn problems(providers: &str, models: &str, aliases: &str) -> Vec<String> {
    let problems = compile(providers, models, aliases).unwrap_err();
    problems.iter().map(Problem::to_string).collect()
}

/// The one problem of a provider row in which `from` is replaced.
fn provider_problem(from: &str, to: &str) -> String {
    assert!(PROVIDER.contains(from));
    one(problems(&PROVIDER.replacen(from, to, 1), MODELS, ALIASES))
}

/// The one problem of a model row in which `from` is replaced.
fn model_problem(from: &str, to: &str) -> String {
    assert!(MODELS.contains(from));
    one(problems(PROVIDER, &MODELS.replacen(from, to, 1), ALIASES))
}

fn alias_problem(line: &str) -> String {
    one(problems(PROVIDER, MODELS, &format!("[aliases]\n{line}\n")))
}

fn one(mut problems: Vec<String>) -> String {
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.remove(0)
}

#[test]
fn a_correct_catalogue_compiles() {
    let catalogue = compile(PROVIDER, MODELS, ALIASES).unwrap();
    let model = catalogue.models.first().unwrap();
    assert_eq!((catalogue.providers.len(), catalogue.models.len(), catalogue.aliases.len()), (1, 1, 2));
    assert_eq!(model.upstream_id, "anvil-1");
    let prices = Prices { input: 150_000, output: 2_000_000, cached_input: None };
    assert_eq!(model.prices, Some(prices));
    assert!(model.auto && !model.free);
}

#[test]
fn an_upstream_id_left_out_is_the_catalogue_id() {
    let models = MODELS.replace("upstream_id = \"anvil-1\"\n", "");
    let catalogue = compile(PROVIDER, &models, "").unwrap();
    assert_eq!(catalogue.models.first().unwrap().upstream_id, "anvil");
}

#[test]
fn models_come_in_the_order_of_their_providers() {
    let second = PROVIDER.replace("acme", "aaa").replace("ACME", "AAA");
    let providers = format!("{PROVIDER}{second}");
    let files = [source("a.toml", &MODELS.replace("acme", "aaa")), source("b.toml", MODELS)];
    let catalogue = Catalogue::compile(&source("p.toml", &providers), &files, &source("x.toml", "")).unwrap();
    let order: Vec<&str> = catalogue.models.iter().map(|model| model.provider.as_str()).collect();
    assert_eq!(order, ["acme", "aaa"]);
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_files_and_lines() {
    let providers = PROVIDER.replace("https://", "ftp://").replace("\"trailing\"", "\"sometimes\"");
    let models = MODELS.replace("max_output = 100", "max_output = 2000").replace("0.15", "0.00000015");
    let found = problems(&providers, &models, "[aliases]\nhammer = \"nail\"\n");
    let places: Vec<&str> = found.iter().map(|problem| problem.split_once(": ").unwrap().0).collect();
    assert_eq!(places, ["aliases.toml:2", "models.toml:3", "models.toml:8", "providers.toml:1", "providers.toml:12"]);
}

#[test]
fn broken_toml_is_told_with_its_line() {
    let problem = problems(PROVIDER, &format!("{MODELS}free = = true\n"), ALIASES);
    assert!(problem.iter().any(|line| line.starts_with("models.toml:12: not TOML: ")), "{problem:?}");
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
         reasoning, web_search"
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
fn a_missing_price_is_refused_and_an_unknown_one_is_not_zero() {
    let price = "price = { input = 0.15, output = 2 }";
    assert!(model_problem(price, "").starts_with("models.toml:3: `price` is missing: "));
    assert!(model_problem("input = 0.15, ", "").starts_with("models.toml:8: `price` is missing: "));
    assert!(model_problem(price, "price = 0.15").contains("`price` must be a table"));
    let models = MODELS.replace(price, "price = \"unknown\"");
    let catalogue = compile(PROVIDER, &models, ALIASES).unwrap();
    assert_eq!(catalogue.models.first().unwrap().prices, None);
}

#[test]
fn a_price_that_is_not_whole_pico_dollars_is_refused() {
    assert_eq!(
        model_problem("0.15", "0.1500001"),
        "models.toml:8: price `input` = 0.1500001: at most 6 decimals, so that it is whole pico-dollars a token"
    );
    assert!(model_problem("0.15", "1e-3").contains("write a plain decimal number"));
    assert!(model_problem("0.15", "\"0.15\"").contains("`input` must be a number of USD per million tokens"));
    assert!(model_problem("0.15", "0x10").contains("`input` must be a number of USD per million tokens"));
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
fn a_provider_id_or_variable_used_twice_is_refused() {
    let found = problems(&format!("{PROVIDER}{PROVIDER}"), MODELS, ALIASES);
    assert!(found.contains(
        &"providers.toml:20: provider \"acme\" is already at providers.toml:1: remove one of them".to_owned()
    ));
    assert!(found.iter().any(|problem| problem.contains("the variable ACME_API_KEY already belongs")));
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
fn an_alias_to_nothing_or_to_an_alias_is_refused() {
    assert!(
        alias_problem("hammer = \"nail\"")
            .starts_with("aliases.toml:2: alias \"hammer\" leads to \"nail\", which is neither")
    );
    assert!(alias_problem("hammer = \"acme/nail\"").contains("leads to \"acme/nail\""));
    let chain = problems(PROVIDER, MODELS, "[aliases]\na = \"anvil\"\nb = \"a\"\n");
    assert!(one(chain).contains("which is an alias itself"));
}

#[test]
fn an_alias_with_the_name_of_a_model_is_refused() {
    assert_eq!(
        alias_problem("anvil = \"acme/anvil-1\""),
        "aliases.toml:2: alias \"anvil\" would hide the model of that name at models.toml:3: remove the alias"
    );
    assert!(alias_problem("\"anvil-1\" = \"anvil\"").contains("would hide the model"));
}

#[test]
fn auto_is_no_name_for_a_model_or_an_alias() {
    assert!(alias_problem("auto = \"anvil\"").contains("\"auto\" has a meaning of its own"));
    let models = MODELS.replace("id = \"anvil\"", "id = \"auto\"");
    assert!(one(problems(PROVIDER, &models, "")).contains("\"auto\" has a meaning of its own"));
}

#[test]
fn ids_have_a_form() {
    let found = problems(&PROVIDER.replace("\"acme\"", "\"Acme!\""), MODELS, "");
    assert!(found.iter().any(|problem| problem.contains("provider id \"Acme!\"")));
    assert!(one(problems(PROVIDER, &MODELS.replace("\"anvil\"", "\"a/b\""), "")).contains("model id \"a/b\""));
}

#[test]
fn a_provider_needs_a_usable_address_and_a_key_variable() {
    assert!(provider_problem("/v1\"", "/v1/\"").contains("not end with a slash"));
    assert!(provider_problem("https:", "http:").contains("must begin with https://"));
    assert!(compile(&PROVIDER.replace("https://api.acme.test", "http://localhost:80"), MODELS, ALIASES).is_ok());
    assert!(provider_problem("[\"ACME_API_KEY\"]", "[]").contains("`key_vars` is empty"));
}

#[test]
fn response_format_and_n_are_never_dropped() {
    for field in ["response_format", "n"] {
        let drops = format!("body = \"open\"\ndrops = [\"{field}\"]");
        assert!(provider_problem("body = \"open\"", &drops).contains("may not be dropped"));
        let drops = format!("free = true\ndrops = [\"{field}\"]\nreasoning_level");
        assert!(model_problem("reasoning_level", &drops).contains("may not be dropped"));
    }
}

#[test]
fn a_strict_body_accepts_what_is_renamed_and_what_is_never_dropped() {
    let strict = "body = \"strict\"\naccepts = [\"model\", \"messages\", \"stream\", \"response_format\"]";
    assert!(provider_problem("body = \"open\"", strict).contains("must be able to carry `n`"));
    let renames =
        format!("{strict}\nrenames = {{ seed = \"random_seed\" }}").replace("\"stream\"", "\"stream\", \"n\"");
    assert!(provider_problem("body = \"open\"", &renames).contains("must be able to carry `random_seed`"));
    let open = "body = \"open\"\naccepts = [\"model\"]";
    assert!(provider_problem("body = \"open\"", open).contains("`accepts` counts only with body = \"strict\""));
}

#[test]
fn an_error_rule_has_a_condition_and_is_in_lower_case() {
    assert!(provider_problem("status = 402, message = \"pay first\", ", "").contains("matches everything"));
    assert!(provider_problem("pay first", "Pay first").contains("write \"pay first\""));
}

#[test]
fn decimal_text_becomes_whole_pico_dollars_a_token() {
    let cases = [
        ("0", 0),
        ("0.0", 0),
        ("3", 3_000_000),
        ("0.15", 150_000),
        ("0.003625", 3_625),
        ("0.76006", 760_060),
        ("10.500000000", 10_500_000),
        ("0.1", 100_000),
    ];
    for (text, amount) in cases {
        assert_eq!(pico_dollars(text), Ok(amount), "{text}");
    }
}

#[test]
fn text_that_is_no_price_is_refused() {
    for text in ["", ".5", "5.", "-1", "+1", "1e3", "1_000", "inf", "nan", "0.1.2", " 1"] {
        assert_eq!(pico_dollars(text), Err(PriceError::NotDecimal), "{text}");
    }
    assert_eq!(pico_dollars("0.0000001"), Err(PriceError::TooFine));
    assert_eq!(pico_dollars("99999999999999999999"), Err(PriceError::TooLarge));
}

proptest! {
    #[test]
    fn every_number_with_six_decimals_is_read_exactly(whole in 0u64..1_000_000, decimals in 0u64..1_000_000) {
        prop_assert_eq!(pico_dollars(&format!("{whole}.{decimals:06}")), Ok(whole * 1_000_000 + decimals));
    }
}

#[test]
fn the_compiler_knows_every_error_class() {
    let classes = ErrorClass::ALL.map(|class| (class.as_str().to_owned(), format!("{class:?}")));
    let known = ERROR_CLASSES.map(|(word, variant)| (word.to_owned(), variant.to_owned()));
    assert_eq!(known, classes);
}

/// The catalogue's own files, read as the build script reads them.
fn repository_catalogue() -> Catalogue {
    let read = |path: &str| source(path, &fs::read_to_string(path).unwrap());
    let mut paths: Vec<String> =
        fs::read_dir("catalog/models").unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect();
    paths.sort();
    let models: Vec<Source> = paths.iter().map(|path| read(path)).collect();
    Catalogue::compile(&read("catalog/providers.toml"), &models, &read("catalog/aliases.toml")).unwrap()
}

#[test]
fn the_same_files_give_the_same_tables() {
    let compiled_in = include_str!(concat!(env!("OUT_DIR"), "/catalog.rs"));
    assert_eq!(repository_catalogue().emit(), compiled_in);
}

#[test]
fn texts_are_escaped_in_the_tables() {
    let providers = PROVIDER.replace("\"Acme\"", r#"'A "big" \ acme'"#);
    let emitted = compile(&providers, MODELS, ALIASES).unwrap().emit();
    assert!(emitted.contains(r#"name: Cow::Borrowed("A \"big\" \\ acme")"#), "{emitted}");
}

#[test]
fn the_tables_are_what_the_files_say() {
    let catalogue = repository_catalogue();
    let providers: Vec<&str> = catalogue.providers.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(providers, tables::PROVIDERS.iter().map(|row| &row.id).collect::<Vec<_>>());
    assert_eq!(catalogue.models.len(), tables::MODELS.len());
    for (parsed, emitted) in catalogue.models.iter().zip(tables::MODELS) {
        assert_eq!(parsed.id, emitted.id);
        assert_eq!(parsed.provider, emitted.provider);
        assert_eq!(parsed.upstream_id, emitted.upstream_id);
        assert_eq!(parsed.context_window, emitted.context_window);
        assert_eq!(parsed.max_output, emitted.max_output);
        assert_eq!(
            parsed.prices.map(|prices| (prices.input, prices.output, prices.cached_input)),
            emitted.prices.map(|prices| (prices.input, prices.output, prices.cached_input))
        );
        assert_eq!(parsed.efforts.len(), emitted.efforts.len());
        assert_eq!((parsed.free, parsed.auto), (emitted.free, emitted.auto));
        assert_eq!(parsed.drops, *emitted.drops);
    }
    let mut aliases: Vec<(&str, &str)> =
        catalogue.aliases.iter().map(|alias| (alias.name.as_str(), alias.target.as_str())).collect();
    aliases.sort_unstable();
    assert_eq!(aliases, tables::ALIASES.iter().map(|(name, target)| (&**name, &**target)).collect::<Vec<_>>());
}

#[test]
fn a_problem_carries_its_parts() {
    let problem = compile(PROVIDER, MODELS, "[aliases]\na = \"b\"\n").unwrap_err().remove(0);
    assert_eq!((problem.place.path.as_str(), problem.place.line), ("aliases.toml", 2));
    let (alias, target) = ("a".to_owned(), "b".to_owned());
    assert_eq!(problem.kind, ProblemKind::AliasToNothing { alias, target });
}
