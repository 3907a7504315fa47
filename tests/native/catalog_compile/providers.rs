//! What is refused in `providers.toml`.

use opengateway::catalog::provider::{self, Mend};
use opengateway::catalog::quirk::Quirk;
use opengateway::openai::request::MessageMember;
use opengateway::routing::failure::ErrorClass;

use super::compile::provider::{ERROR_CLASSES, GATEWAY_FIELDS, MENDS, MESSAGE_MEMBERS, QUIRKS};
use super::*;

#[test]
fn a_provider_id_or_variable_used_twice_is_refused() {
    let found = problems(&format!("{PROVIDER}{PROVIDER}"), MODELS, ALIASES);
    assert!(found.contains(
        &"providers.toml:20: provider \"acme\" is already at providers.toml:1: remove one of them".to_owned()
    ));
    assert!(found.iter().any(|problem| problem.contains("the variable ACME_API_KEY already belongs")));
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
fn of_a_message_only_the_members_that_the_gateway_knows_can_be_dropped() {
    assert_eq!(MESSAGE_MEMBERS, MessageMember::ALL.map(MessageMember::path));
    assert!(MessageMember::ALL.iter().all(|member| member.path() == format!("messages.{}", member.key())));
    let drops = "body = \"open\"\ndrops = [\"messages.name\", \"messages.content\"]";
    let problem = provider_problem("body = \"open\"", drops);
    assert!(problem.contains("`messages.content` cannot be dropped: inside of a field there are messages.name,"));
}

#[test]
fn what_is_added_is_json_and_no_field_of_the_gateways() {
    assert_eq!(GATEWAY_FIELDS, provider::GATEWAY_FIELDS);
    let adds = |adds: &str| format!("body = \"open\"\nadds = {{ {adds} }}");
    assert!(provider_problem("body = \"open\"", &adds("a = 'text'")).contains("`adds` has no JSON for `a` (expected"));
    assert!(provider_problem("body = \"open\"", &adds("n = '2'")).contains("`n` is written by the gateway itself"));
    let strict = adds("a = '1'").replace("open", "strict")
        + "\naccepts = [\"model\", \"messages\", \"stream\", \"response_format\", \"n\"]";
    assert!(provider_problem("body = \"open\"", &strict).contains("must be able to carry `a`"));
    let added = compile(&PROVIDER.replace("body = \"open\"", &adds("a = '\"x\"'")), MODELS, ALIASES).unwrap();
    assert!(added.emit().contains(r#"adds: Cow::Borrowed(&[(Cow::Borrowed("a"), Cow::Borrowed("\"x\""))])"#));
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
fn the_reset_of_a_quota_is_one_of_those_that_are_known() {
    let reset = |reset: &str| format!("quota_reset = \"{reset}\"\nbody =");
    assert!(provider_problem("body =", &reset("noon")).contains("utc_midnight"));
    let emitted = |row: &str| compile(row, MODELS, ALIASES).unwrap().emit();
    assert!(emitted(PROVIDER).contains("quota_headers: QuotaHeaders::OpenAi, quota_reset: None,"));
    let row = PROVIDER.replace("body =", &reset("pacific_midnight"));
    assert!(emitted(&row).contains("quota_reset: Some(QuotaReset::PacificMidnight),"));
    assert!(provider_problem("quota_headers = \"openai\"", "quota_headers = \"x\"").contains("none, openai, cerebras"));
}

#[test]
fn mends_are_words_of_a_list_at_providers_and_models() {
    let mends = Mend::ALL.map(|(name, mend)| (name.to_owned(), format!("{mend:?}")));
    assert_eq!(MENDS.map(|(name, variant)| (name.to_owned(), variant.to_owned())), mends);
    let row = PROVIDER.replace("body =", "mends = [\"think_tags\", \"roles\"]\nbody =");
    let emitted = compile(&row, MODELS, ALIASES).unwrap().emit();
    assert!(emitted.contains("mends: Cow::Borrowed(&[Mend::ThinkTags, Mend::Roles]), body:"));
    assert!(provider_problem("body =", "mends = [\"tags\"]\nbody =").contains("reasoning_content, content_parts"));
    assert!(model_problem("reasoning_level", "mends = [\"tags\"]\nreasoning_level").contains("reasoning_content,"));
}

#[test]
fn the_compiler_knows_every_error_class() {
    let classes = ErrorClass::ALL.map(|class| (class.as_str().to_owned(), format!("{class:?}")));
    let known = ERROR_CLASSES.map(|(word, variant)| (word.to_owned(), variant.to_owned()));
    assert_eq!(known, classes);
}

#[test]
fn clamps_limits_and_quirks_are_numbers_and_known_words() {
    let row = |more: &str| format!("body = \"open\"\n{more}");
    let fine = row("clamps = { temperature = 1.5, top_k = 100 }\nlimits = { stop = 4 }\nquirks = [\"stop_list\"]");
    let emitted = compile(&PROVIDER.replace("body = \"open\"", &fine), MODELS, ALIASES).unwrap().emit();
    for part in [
        r#"clamps: Cow::Borrowed(&[(Cow::Borrowed("temperature"), Cow::Borrowed("1.5")), (Cow::Borrowed("top_k"), Cow::Borrowed("100"))])"#,
        r#"limits: Cow::Borrowed(&[(Cow::Borrowed("stop"), 4)])"#,
        "quirks: Quirks::of(&[Quirk::StopList])",
    ] {
        assert!(emitted.contains(part), "{part}: {emitted}");
    }
    for (wrong, words) in [
        ("clamps = { temperature = \"1.5\" }", "`temperature` must be a number"),
        ("limits = { stop = 1.5 }", "`stop` must be a whole number"),
        ("limits = 4", "`limits` must be a table of whole numbers"),
        ("quirks = [\"odd\"]", "use one of no_developer_role, no_null_content"),
        ("drops = [\"messages.x\"]", "`messages.x` cannot be dropped"),
    ] {
        let problem = provider_problem("body = \"open\"", &row(wrong));
        assert!(problem.contains(words), "{problem}");
    }
    let option = row("drops = [\"stream_options.include_obfuscation\"]");
    assert!(compile(&PROVIDER.replace("body = \"open\"", &option), MODELS, ALIASES).is_ok());
}

#[test]
fn the_compiler_knows_every_quirk() {
    let quirks = Quirk::ALL.map(|quirk| (quirk.as_str().to_owned(), format!("{quirk:?}")));
    assert_eq!(QUIRKS.map(|(word, variant)| (word.to_owned(), variant.to_owned())), quirks);
}
