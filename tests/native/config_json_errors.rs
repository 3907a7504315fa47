//! `GATEWAY_CONFIG`: every mistake is told with its place.

use crate::config_fixture::{config, json_refusal, refusal};

fn row_refusal(row: &str) -> String {
    json_refusal(&format!(r#"{{"providers": {{"p": {{"base_url": "https://p.example", "models": [{row}]}}}}}}"#))
}

fn provider_refusal(members: &str) -> String {
    json_refusal(&format!(r#"{{"providers": {{"p": {{"base_url": "https://p.example", {members}}}}}}}"#))
}

#[test]
fn text_that_is_not_json_is_told_by_line_and_column() {
    for (json, place) in [
        ("nonsense", "line 1, column 2"),
        ("{", "line 1, column 2"),
        ("{\n  \"providers\": {,}\n}", "line 2, column 17"),
        ("{\"aliases\": {\"é\": \"x\",}}", "line 1, column 23"),
        ("{} {}", "line 1, column 4"),
        ("\n\n {", "line 3, column 3"),
        ("{'providers': {}}", "line 1, column 2"),
    ] {
        assert_eq!(json_refusal(json), format!("not valid JSON at {place}"), "{json}");
    }
}

#[test]
fn mistakes_in_the_document_are_told_by_path() {
    let p = r#""base_url": "https://p.example""#;
    for (json, message) in [
        ("[]".to_owned(), "expected an object, found an array"),
        (r#"{"provider": {}}"#.to_owned(), "provider: unknown key; known here: providers, aliases, models"),
        (r#"{"a b": {}}"#.to_owned(), r#"["a b"]: unknown key; known here: providers, aliases, models"#),
        (r#"{"\ud800": {}}"#.to_owned(), r#"["\\ud800"]: unknown key; known here: providers, aliases, models"#),
        (r#"{"providers": null}"#.to_owned(), "providers: expected an object, found null"),
        (r#"{"providers": {"p": 1}}"#.to_owned(), "providers.p: expected an object, found a number"),
        (r#"{"providers": {"p": {}}}"#.to_owned(), "providers.p.base_url: missing; expected the address of the server"),
        (
            format!(r#"{{"providers": {{"p": {{{p}}}, "p": {{{p}}}}}}}"#),
            "providers.p: the key is there twice; keep one",
        ),
        (
            format!(r#"{{"providers": {{"p": {{{p}, {p}}}}}}}"#),
            "providers.p.base_url: the key is there twice; keep one",
        ),
        (
            format!(r#"{{"providers": {{"groq": {{{p}}}}}}}"#),
            "providers.groq: this provider is built in; set GROQ_BASE_URL to change its address, or choose another id",
        ),
        (
            r#"{"providers": {"p": {"base_url": "http://p.example"}}}"#.to_owned(),
            "providers.p.base_url: `p.example` is not this machine, so its base URL must begin with `https://`",
        ),
        (
            r#"{"aliases": {"auto": "qwen"}}"#.to_owned(),
            "aliases.auto: this already is the name of a model; choose another name",
        ),
        (
            r#"{"aliases": {"openai/gpt-oss-120b": "qwen"}}"#.to_owned(),
            "aliases[\"openai/gpt-oss-120b\"]: this already is the name of a model; choose another name",
        ),
        (
            r#"{"aliases": {"x": "auto"}}"#.to_owned(),
            "aliases.x: there is no model \"auto\"; write `provider/model` or a model's id; your own models are listed in \
             `providers`",
        ),
        (r#"{"aliases": {"x": 1}}"#.to_owned(), "aliases.x: expected a string, found a number"),
        (
            r#"{"aliases": {"x": "nope"}}"#.to_owned(),
            "aliases.x: there is no model \"nope\"; write `provider/model` or a model's id; your own models are listed in \
             `providers`",
        ),
        (
            r#"{"aliases": {"y": "qwen", "x": "y"}}"#.to_owned(),
            "aliases.x: there is no model \"y\"; write `provider/model` or a model's id; your own models are listed in \
             `providers`",
        ),
        (r#"{"models": {"grok/x": {}}}"#.to_owned(), r#"models["grok/x"]: there is no provider "grok""#),
        (
            r#"{"models": {"groq/x": {}}}"#.to_owned(),
            "models[\"groq/x\"]: there is no model \"groq/x\"; write `provider/model` or a model's id; your own models are \
             listed in `providers`",
        ),
        (
            r#"{"models": {"qwen": {}}}"#.to_owned(),
            "models.qwen: there is no model \"qwen\"; write `provider/model` or a model's id; your own models are listed in \
             `providers`",
        ),
        (
            r#"{"models": {"groq/qwen": {}}}"#.to_owned(),
            "models[\"groq/qwen\"]: several offers have this id; name one by the provider's own id: qwen-paid, qwen-free",
        ),
        (
            r#"{"models": {"groq/gpt-oss-120b": {}, "groq/openai/gpt-oss-120b": {}}}"#.to_owned(),
            "models[\"groq/openai/gpt-oss-120b\"]: \"groq/openai/gpt-oss-120b\" is there twice; keep one",
        ),
        (
            r#"{"models": {"groq/qwen-free": {"cost": 1}}}"#.to_owned(),
            "models[\"groq/qwen-free\"].cost: unknown key; known here: upstream_id, context_window, max_output, price, price_tiers, \
             input_usd_per_mtok, output_usd_per_mtok, cached_input_usd_per_mtok, capabilities, free, auto",
        ),
    ] {
        assert_eq!(json_refusal(&json), message, "{json}");
    }
}

#[test]
fn a_provider_id_has_its_form() {
    for id in ["a", "my-vllm-2", &"x".repeat(32)] {
        let json = format!(r#"{{"providers": {{"{id}": {{"base_url": "https://p.example"}}}}}}"#);
        assert!(config(&[("GATEWAY_CONFIG", &json)]).unwrap().access(id).is_some());
    }
    for id in ["", "My", "a_b", "a.b", "a/b", "é", &"x".repeat(33)] {
        let json = format!(r#"{{"providers": {{"{id}": {{"base_url": "https://p.example"}}}}}}"#);
        let message = json_refusal(&json);
        assert!(
            message.ends_with("a provider's id has 1 to 32 characters: lower-case letters, digits and `-`"),
            "{message}"
        );
    }
}

#[test]
fn mistakes_in_a_provider_are_told_by_path() {
    for (members, message) in [
        (
            r#""apikey": "x""#,
            "apikey: unknown key; known here: dialect, auth, endpoint, api_version, base_url, key, open, any_model, models, stream_usage, stream_options, reasoning, reasoning_history, prefill, mends, output_limit, default_output, multiple_choices, image_urls, drops, renames, adds, accepts, clamps, limits, quirks, web_search_tool, quota_headers",
        ),
        (
            r#""quota_headers": "theirs""#,
            "quota_headers: expected one of none, openai, cerebras, sambanova, mistral, fireworks, plain, anthropic, found \"theirs\"",
        ),
        (r#""dialect": "cobol""#, "dialect: expected one of openai, anthropic, found \"cobol\""),
        (r#""open": "yes""#, "open: expected true or false, found a string"),
        (r#""any_model": 1"#, "any_model: expected true or false, found a number"),
        (r#""stream_options": null"#, "stream_options: expected true or false, found null"),
        (r#""multiple_choices": []"#, "multiple_choices: expected true or false, found an array"),
        (r#""image_urls": {}"#, "image_urls: expected true or false, found an object"),
        (r#""stream_usage": "last""#, "stream_usage: expected one of in_last_choice, trailing, none, found \"last\""),
        (
            r#""output_limit": "both""#,
            "output_limit: expected one of either, max_tokens, max_completion_tokens, found \"both\"",
        ),
        (
            r#""drops": ["messages.name", "messages.content"]"#,
            "drops[1]: expected one of messages.name, messages.reasoning, messages.reasoning_content, messages.reasoning_details, messages.annotations, messages.refusal, messages.images, messages.audio, found \"messages.content\"",
        ),
        (r#""adds": {"n": 2}"#, "adds.n: the gateway writes this field by itself; leave it out"),
        (r#""adds": []"#, "adds: expected an object, found an array"),
        (r#""limits": {"stop": 0}"#, "limits.stop: expected a whole number from 1 to 4294967295, found \"0\""),
        (r#""clamps": {"temperature": "1"}"#, "clamps.temperature: expected a number, found a string"),
        (
            r#""quirks": ["odd"]"#,
            "quirks[0]: expected one of no_developer_role, no_null_content, no_text_parts, nine_character_call_ids, any_for_required, no_additional_properties, one_call_at_a_time, stop_list, require_parameters, cache_marks, call_signatures, json_in_prompt, found \"odd\"",
        ),
        (r#""drops": "user""#, "drops: expected an array, found a string"),
        (r#""drops": ["a", "a"]"#, "drops[1]: \"a\" is there twice; keep one"),
        (r#""drops": [""]"#, "drops[0]: expected a name of visible ASCII characters without spaces"),
        (r#""renames": ["a"]"#, "renames: expected an object, found an array"),
        (r#""renames": {"a": 1}"#, "renames.a: expected a string, found a number"),
        (r#""accepts": ["a"]"#, "accepts: an open body takes every field; set `open` to false or leave this out"),
        (r#""open": false"#, "accepts: a body that is not open needs `accepts`, the fields it takes"),
        (r#""open": false, "accepts": []"#, "accepts: a body that is not open needs `accepts`, the fields it takes"),
        (r#""models": {}"#, "models: expected an array, found an object"),
        (r#""key": "NOT_SET""#, "key: the secret NOT_SET is not set; set it or leave `key` out"),
        (r#""key": 5"#, "key: expected a string, found a number"),
    ] {
        assert_eq!(provider_refusal(members), format!("providers.p.{message}"), "{members}");
    }
}

#[test]
fn a_key_is_named_and_never_written_into_the_document() {
    for key in ["sk-s3cret", "s3cret", "", "9KEY", "MY-KEY", "GATEWAY_API_KEY", "GATEWAY_", "KEY S3CRET"] {
        let message = provider_refusal(&format!(r#""key": "{key}""#));
        assert!(message.starts_with("providers.p.key: expected the name of the secret"), "{message}");
        assert!(!message.to_lowercase().contains("s3cret"), "{message}");
    }
    let json = r#"{"providers": {"p": {"base_url": "https://p.example", "key": "MY_KEY"}}}"#;
    let message = refusal(&[("GATEWAY_CONFIG", json), ("MY_KEY", "s3cret key")]);
    assert!(message.starts_with("MY_KEY holds a key with a space") && !message.contains("s3cret"), "{message}");
}

#[test]
fn mistakes_in_a_model_are_told_by_path() {
    for (members, message) in [
        (
            r#""name": "x""#,
            ".name: unknown key; known here: id, upstream_id, context_window, max_output, price, price_tiers, input_usd_per_mtok, output_usd_per_mtok, cached_input_usd_per_mtok, capabilities, reasoning_efforts, reasoning, reasoning_budget, reasoning_level, free, auto, drops, mends, thinking",
        ),
        (r#""upstream_id": "a b""#, ".upstream_id: expected a name of visible ASCII characters without spaces"),
        (r#""context_window": "8k""#, ".context_window: expected a number, found a string"),
        (r#""context_window": 0"#, ".context_window: expected a whole number from 1 to 4294967295, found \"0\""),
        (r#""context_window": 8e3"#, ".context_window: expected a whole number from 1 to 4294967295, found \"8e3\""),
        (
            r#""context_window": 4294967296"#,
            ".context_window: expected a whole number from 1 to 4294967295, found \"4294967296\"",
        ),
        (r#""max_output": -1"#, ".max_output: expected a whole number from 1 to 4294967295, found \"-1\""),
        (r#""max_output": 9, "context_window": 8"#, ".max_output: `max_output` must not be above `context_window`"),
        (
            r#""input_usd_per_mtok": 1"#,
            ".input_usd_per_mtok: `output_usd_per_mtok` must be set as well, or the cost would be wrong",
        ),
        (
            r#""output_usd_per_mtok": 1"#,
            ".output_usd_per_mtok: `input_usd_per_mtok` must be set as well, or the cost would be wrong",
        ),
        (
            r#""cached_input_usd_per_mtok": 1"#,
            ".cached_input_usd_per_mtok: `input_usd_per_mtok` must be set as well, or the cost would be wrong",
        ),
        (r#""price": 1"#, ".price: expected an object, found a number"),
        (r#""price": {}"#, ".price.input: missing; expected a price"),
        (r#""price": {"input": 1}"#, ".price.input: `output` must be set as well, or the cost would be wrong"),
        (
            r#""price": {"input": 1, "output": 1, "search": 1001}"#,
            ".price.search: expected USD, from 0 to 1000 with at most 12 decimals, found \"1001\"",
        ),
        (
            r#""price": {"input": 1, "output": 1}, "input_usd_per_mtok": 1, "output_usd_per_mtok": 1"#,
            ".input_usd_per_mtok: `price` already says it; keep one of them",
        ),
        (r#""price_tiers": []"#, ".price_tiers: `price` must be set as well, or the cost would be wrong"),
        (
            r#""price": {"input": 1, "output": 1}, "price_tiers": [{"above": 0, "input": 1, "output": 1}]"#,
            ".price_tiers[0].above: expected a whole number from 1 to 4294967295, found \"0\"",
        ),
        (
            r#""price": {"input": 1, "output": 1}, "price_tiers": [{"above": 5, "input": 1, "output": 1}, {"above": 5}]"#,
            ".price_tiers[1].above: `above` must rise from tier to tier",
        ),
        (
            r#""price": {"input": 1, "output": 1, "cached_input": 1}, "price_tiers": [{"above": 5, "input": 1, "output": 1}]"#,
            ".price_tiers[0].cached_input: a tier must price what `price` prices by the token, and nothing else: see `cached_input`",
        ),
        (r#""input_usd_per_mtok": "1""#, ".input_usd_per_mtok: expected a number, found a string"),
        (
            r#""capabilities": ["tools", "sight"]"#,
            ".capabilities[1]: expected one of tools, json_object, json_schema, vision, reasoning, web_search, image_output, audio_output, found \"sight\"",
        ),
        (r#""capabilities": ["tools", "tools"]"#, ".capabilities[1]: \"tools\" is there twice; keep one"),
        (r#""reasoning_efforts": ["low"]"#, ".reasoning_efforts: efforts need `reasoning` in `capabilities`"),
        (r#""reasoning_efforts": ["low", "low"]"#, ".reasoning_efforts[1]: \"low\" is there twice; keep one"),
        (
            r#""reasoning_efforts": ["lots"]"#,
            ".reasoning_efforts[0]: expected one of none, minimal, low, medium, high, xhigh, max, default, found \"lots\"",
        ),
        (r#""reasoning_level": "top""#, ".reasoning_level: expected one of low, medium, high, found \"top\""),
        (r#""free": "no""#, ".free: expected true or false, found a string"),
        (r#""auto": 0"#, ".auto: expected true or false, found a number"),
    ] {
        assert_eq!(row_refusal(&format!(r#"{{"id": "m", {members}}}"#)), format!("providers.p.models[0]{message}"));
    }
    assert_eq!(row_refusal("{}"), "providers.p.models[0].id: missing; expected the model's id");
    assert_eq!(row_refusal("3"), "providers.p.models[0]: expected an object, found a number");
    assert_eq!(
        row_refusal(r#"{"id": "\udfff"}"#),
        "providers.p.models[0].id: expected a name of visible ASCII characters without spaces"
    );
}

#[test]
fn a_model_of_a_provider_is_listed_once() {
    for second in
        [r#"{"id": "a"}"#, r#"{"id": "c", "upstream_id": "b"}"#, r#"{"id": "b"}"#, r#"{"id": "c", "upstream_id": "a"}"#]
    {
        let message = row_refusal(&format!(r#"{{"id": "a", "upstream_id": "b"}}, {second}"#));
        assert!(
            message.starts_with("providers.p.models[1]: ") && message.ends_with("is there twice; keep one"),
            "{message}"
        );
    }
    let two = r#"{"providers": {"p": {"base_url": "https://p.example", "models": [{"id": "a"}]},
                                "q": {"base_url": "https://q.example", "models": [{"id": "a"}]}}}"#;
    assert_eq!(
        config(&[("GATEWAY_CONFIG", two)]).unwrap().catalog.models.len(),
        2,
        "the same model at two providers is two offers"
    );
}

#[test]
fn an_unlisted_model_passes_only_where_any_does() {
    let json = r#"{"providers": {"p": {"base_url": "https://p.example", "any_model": false}}}"#;
    let message = refusal(&[("GATEWAY_CONFIG", json), ("AUTO_MODELS", "p/x")]);
    assert!(message.starts_with("AUTO_MODELS names \"p/x\""), "{message}");
    let json = r#"{"providers": {"p": {"base_url": "https://p.example"}}}"#;
    assert_eq!(config(&[("GATEWAY_CONFIG", json), ("AUTO_MODELS", "p/x")]).unwrap().auto_models, ["p/x"]);
    assert!(refusal(&[("GATEWAY_CONFIG", json), ("AUTO_MODELS", "p/")]).starts_with("AUTO_MODELS"));
}

#[test]
fn a_price_that_is_not_exact_is_refused() {
    for bad in ["-1", "-0.1", "0.0000001", "1e-7", "1000000.000001", "1e7", "1e999", "1e99999999999999999999", "1e-999"]
    {
        let row = format!(r#"{{"id": "m", "input_usd_per_mtok": {bad}, "output_usd_per_mtok": 0}}"#);
        assert_eq!(
            row_refusal(&row),
            format!(
                "providers.p.models[0].input_usd_per_mtok: expected USD per million tokens, from 0 to 1000000 with at \
                 most 6 decimals, found {bad:?}"
            )
        );
    }
}
