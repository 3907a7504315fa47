//! `GATEWAY_CONFIG`: what it may say and what becomes of it.

use opengateway::catalog::lookup::{Catalog, CatalogError};
use opengateway::catalog::model::{Capabilities, Effort, ModelSpec, ReasoningLevel, Thinking};
use opengateway::catalog::price::{Extra, Prices};
use opengateway::catalog::provider::{Auth, BodyPolicy, Dialect, KeyPolicy, OutputLimitName, StreamUsage};
use opengateway::catalog::quirk::{Quirk, Quirks};
use opengateway::catalog::reasoning::{ReasoningBudget, ReasoningControl, ReasoningHistory, ReasoningSpec};
use opengateway::config::{Builtin, Config, ModelChanges};

use crate::config_fixture::config;

fn parsed(json: &str) -> Config {
    config(&[("GATEWAY_CONFIG", json), ("MY_KEY", "sk-mine")]).unwrap()
}

/// The one model of a provider `p` with this row.
fn model(row: &str) -> ModelSpec {
    let json = format!(r#"{{"providers": {{"p": {{"base_url": "https://p.example", "models": [{row}]}}}}}}"#);
    parsed(&json).catalog.models.remove(0)
}

#[test]
fn nothing_configured_is_nothing_added() {
    for json in ["{}", r#"{"providers": {}, "aliases": {}, "models": {}}"#, " {\n} "] {
        assert_eq!(parsed(json).catalog, config(&[]).unwrap().catalog);
    }
}

#[test]
fn an_address_is_all_that_a_vllm_server_needs() {
    let config = parsed(r#"{"providers": {"my-vllm": {"base_url": "http://localhost:8000/v1/"}}}"#);
    let spec = &config.catalog.providers[0];
    assert_eq!((spec.id.as_ref(), spec.name.as_ref()), ("my-vllm", "my-vllm"));
    assert_eq!(spec.base_url, "http://localhost:8000/v1");
    assert_eq!((spec.key, spec.key_vars.len(), spec.base_url_var.as_ref()), (KeyPolicy::Optional, 0, ""));
    assert_eq!((spec.body, spec.stream_usage), (BodyPolicy::Open, StreamUsage::Trailing));
    assert_eq!(spec.output_limit, OutputLimitName::Either);
    assert!(spec.any_model && spec.stream_options && spec.multiple_choices && spec.image_urls);
    assert!(spec.drops.is_empty() && spec.renames.is_empty() && spec.accepts.is_empty() && spec.errors.is_empty());
    let access = config.access("my-vllm").unwrap();
    assert_eq!(access.base_url, "http://localhost:8000/v1");
    assert!(access.key.is_none());
}

#[test]
fn a_server_of_another_dialect_does_as_its_maker() {
    let json = r#"{"providers": {"own": {"dialect": "anthropic", "base_url": "https://a.example/v1", "key": "MY_KEY",
        "models": [{"id": "m", "capabilities": ["reasoning"], "reasoning_efforts": ["low"], "thinking": "adaptive"}]}}}"#;
    let vars = [("GATEWAY_CONFIG", json), ("MY_KEY", "sk-mine")];
    let builtin = Catalog::builtin();
    let read = |name: &str| vars.iter().find(|(var, _)| *var == name).map(|(_, value)| (*value).to_owned());
    let config =
        Config::from_vars(&read, Builtin { providers: builtin.providers(), models: builtin.models() }).unwrap();
    let (spec, maker) = (&config.catalog.providers[0], builtin.provider("anthropic").unwrap());
    assert_eq!((spec.dialect, spec.auth), (Dialect::Anthropic, Auth::XApiKey));
    assert_eq!((spec.body, &spec.accepts, &spec.errors), (maker.body, &maker.accepts, &maker.errors));
    assert_eq!((spec.quota_headers, &spec.clamps), (maker.quota_headers, &maker.clamps));
    assert!(!spec.multiple_choices && !spec.stream_options);
    assert_eq!(config.catalog.models[0].thinking, Thinking::Adaptive);
}

#[test]
fn a_model_with_nothing_but_an_id_is_unknown_in_size_and_price() {
    let model = model(r#"{"id": "org/llama:70b"}"#);
    assert_eq!((model.id.as_ref(), model.upstream_id.as_ref()), ("org/llama:70b", "org/llama:70b"));
    assert_eq!((model.context_window, model.max_output, model.prices), (None, None, None));
    assert_eq!((model.capabilities, model.reasoning_level), (Capabilities::UNKNOWN, ReasoningLevel::Low));
    assert!(model.auto && !model.free && model.efforts.is_empty() && model.drops.is_empty());
}

#[test]
fn two_providers_from_text_to_tables() {
    let json = r#"{
        "providers": {
            "my-vllm": {
                "dialect": "openai", "base_url": "http://127.0.0.1:8000/v1", "key": "MY_KEY", "open": true, "any_model": false,
                "models": [
                    {"id": "llama", "upstream_id": "meta/llama", "context_window": 131072, "max_output": 8192,
                     "input_usd_per_mtok": 0.15, "output_usd_per_mtok": 0.6, "cached_input_usd_per_mtok": 0.075,
                     "capabilities": ["tools", "json_object", "json_schema", "vision", "reasoning", "web_search", "image_output", "audio_output"],
                     "reasoning_efforts": ["high", "low"], "reasoning_level": "high", "free": true, "auto": false,
                     "drops": ["seed"]},
                    {"id": "small"}
                ]
            },
            "strict-1": {
                "base_url": "https://strict.example/api", "open": false, "accepts": ["model", "messages", "max_new"],
                "stream_usage": "none", "stream_options": false, "output_limit": "max_tokens",
                "multiple_choices": false, "image_urls": false, "drops": ["user"],
                "adds": {"safe": [true, "\u00e4"]}, "renames": {"max_tokens": "max_new"},
                "clamps": {"temperature": 1.50}, "limits": {"stop": 2}, "quirks": ["stop_list", "no_text_parts"]
            }
        },
        "aliases": {"fast": "my-vllm/llama", "any": "strict-1/what/ever", "oss": "gpt-oss-120b"},
        "models": {"groq/gpt-oss-120b": {"input_usd_per_mtok": 1, "output_usd_per_mtok": 2e0, "context_window": 1000,
                                         "max_output": 10, "capabilities": ["vision"], "free": false, "auto": false},
                   "my-vllm/small": {"free": true}}
    }"#;
    let config = config(&[
        ("GATEWAY_CONFIG", json),
        ("MY_KEY", "sk-mine"),
        ("AUTO_MODELS", "my-vllm/small,strict-1/x,llama"),
        ("FREE_TIER_PROVIDERS", "strict-1,groq"),
    ])
    .unwrap();

    let on: Vec<&str> = config.providers_on().collect();
    assert_eq!(on, ["my-vllm", "strict-1"]);
    assert_eq!(config.access("my-vllm").unwrap().key.as_ref().unwrap().expose(), "sk-mine");
    assert!(config.access("strict-1").unwrap().key.is_none());

    let [vllm, strict] = config.catalog.providers.as_slice() else { panic!("two providers") };
    assert_eq!(
        (vllm.key, vllm.key_vars.as_ref(), vllm.any_model),
        (KeyPolicy::Required, &["MY_KEY".into()][..], false)
    );
    assert_eq!(strict.clamps.as_ref(), &[("temperature".into(), "1.50".into())][..]);
    assert_eq!(strict.limits.as_ref(), &[("stop".into(), 2)][..]);
    assert_eq!(strict.quirks, Quirks::of(&[Quirk::StopList, Quirk::NoTextParts]));
    assert_eq!(
        (strict.body, strict.accepts.len(), strict.drops.as_ref()),
        (BodyPolicy::Strict, 3, &["user".into()][..])
    );
    assert_eq!(strict.renames.as_ref(), [("max_tokens".into(), "max_new".into())]);
    assert_eq!(strict.adds.as_ref(), [("safe".into(), r#"[true, "\u00e4"]"#.into())]);
    assert_eq!((strict.stream_usage, strict.output_limit), (StreamUsage::None, OutputLimitName::MaxTokens));
    assert!(!strict.stream_options && !strict.multiple_choices && !strict.image_urls);

    let aliases: Vec<&str> = config.catalog.aliases.iter().map(|(alias, _)| alias.as_str()).collect();
    assert_eq!(aliases, ["fast", "any", "oss"]);

    let [llama, small] = config.catalog.models.as_slice() else { panic!("two models") };
    assert!(small.auto && !small.free, "a change is applied when the catalogues are joined");

    let catalog = config.catalog.join(Catalog::builtin()).unwrap();
    let ids: Vec<&str> = catalog.providers().iter().map(|spec| spec.id.as_ref()).collect();
    assert!(ids.ends_with(&["my-vllm", "strict-1"]));
    assert_eq!(catalog.alias("fast"), Some("my-vllm/llama"));
    assert!(catalog.model_at("my-vllm", "small").all(|model| model.free));
    let rows: Vec<&ModelSpec> = catalog.model_at("groq", "gpt-oss-120b").collect();
    let [oss] = rows.as_slice() else { panic!("one row at groq") };
    assert_eq!(oss.prices, Some(Prices::of_tokens(1_000_000, 2_000_000, None)));
    assert_eq!((oss.context_window, oss.max_output, oss.free, oss.auto), (Some(1000), Some(10), false, false));
    assert_eq!(oss.capabilities, Capabilities { vision: true, ..Capabilities::default() });
    assert!(oss.efforts.is_empty(), "no effort where nothing reasons");

    assert_eq!((llama.provider.as_ref(), llama.upstream_id.as_ref()), ("my-vllm", "meta/llama"));
    assert_eq!((llama.context_window, llama.max_output), (Some(131_072), Some(8192)));
    assert_eq!(llama.prices, Some(Prices::of_tokens(150_000, 600_000, Some(75_000))));
    assert!(llama.capabilities.tools && llama.capabilities.web_search && llama.free && !llama.auto);
    assert_eq!(llama.efforts.as_ref(), [Effort::Low, Effort::High], "lowest first");
    assert_eq!((llama.reasoning_level, llama.drops.as_ref()), (ReasoningLevel::High, &["seed".into()][..]));
}

#[test]
fn a_server_and_each_of_its_models_may_be_told_in_its_own_way_how_much_to_think() {
    let json = r#"{"providers": {"my-vllm": {
        "base_url": "http://localhost:8000/v1", "reasoning": "enable_thinking", "reasoning_history": "reasoning_content",
        "models": [
            {"id": "qwen", "capabilities": ["reasoning"], "reasoning_efforts": ["none", "default"],
             "reasoning_budget": {"max": 4096}},
            {"id": "kimi", "capabilities": ["reasoning"], "reasoning_efforts": ["none", "default"],
             "reasoning": "template_thinking", "reasoning_budget": {"min": 9, "max": 4}}
        ]}}}"#;
    let config = parsed(json);
    let [vllm] = config.catalog.providers.as_slice() else { panic!("one provider") };
    let told = ReasoningSpec {
        control: ReasoningControl::EnableThinking,
        history: ReasoningHistory::ReasoningContent,
        ..ReasoningSpec::PLAIN
    };
    assert_eq!(vllm.reasoning, told);
    let [qwen, kimi] = config.catalog.models.as_slice() else { panic!("two models") };
    let budget = |min, max| Some(ReasoningBudget { min, max });
    assert_eq!((qwen.reasoning.control, qwen.reasoning.budget), (None, budget(1, 4096)));
    let control = Some(ReasoningControl::TemplateThinking);
    assert_eq!((kimi.reasoning.control, kimi.reasoning.budget), (control, budget(4, 4)));
}

#[test]
fn a_row_may_price_everything_that_the_catalogue_can() {
    let row = r#"{"id": "m", "price": {"input": 1, "output": 2.000001, "cached_input": 0.1, "cache_write": 1.5,
        "cache_write_1h": 3, "request": 1e-12, "search": 0.014, "image": 0},
        "price_tiers": [{"above": 199999, "input": 2, "output": 4, "cached_input": 0.2, "cache_write": 3, "cache_write_1h": 6}]}"#;
    let prices = model(row).prices.unwrap();
    assert_eq!(
        (prices.base.input, prices.base.output, prices.base.cached_input),
        (1_000_000, 2_000_001, Some(100_000))
    );
    let extras = [Extra::CacheWrite, Extra::CacheWrite1h, Extra::Request, Extra::Search, Extra::Image];
    let base = extras.map(|extra| prices.base.extra(extra));
    assert_eq!(base, [Some(1_500_000), Some(3_000_000), Some(1), Some(14_000_000_000), Some(0)]);
    assert_eq!((prices.rates(199_999).input, prices.rates(200_000).input), (1_000_000, 2_000_000));
    let tier = extras.map(|extra| prices.rates(200_000).extra(extra));
    assert_eq!(tier, [Some(3_000_000), Some(6_000_000), None, None, None]);
}

#[test]
fn prices_are_exact() {
    let price = |text: &str| {
        let row = format!(r#"{{"id": "m", "input_usd_per_mtok": {text}, "output_usd_per_mtok": 0}}"#);
        model(&row).prices.unwrap().base.input
    };
    for (text, pico) in [
        ("0", 0),
        ("0.0", 0),
        ("0e9", 0),
        ("0.1", 100_000),
        ("0.29", 290_000),
        ("0.000001", 1),
        ("0.0000010", 1),
        ("1e-6", 1),
        ("15", 15_000_000),
        ("15.000000000000", 15_000_000),
        ("1.5E1", 15_000_000),
        ("1.5e+1", 15_000_000),
        ("10e-7", 1),
        ("123456.789012", 123_456_789_012),
        ("1000000", 1_000_000_000_000),
    ] {
        assert_eq!(price(text), pico, "{text}");
    }
}

#[test]
fn a_change_concerns_one_offer_alone() {
    let json = r#"{"models": {"groq/qwen-free": {"context_window": 5}}}"#;
    let config = parsed(json);
    let [change] = config.catalog.overrides.as_slice() else { panic!("one change") };
    assert_eq!((change.provider.as_str(), change.upstream_id.as_str()), ("groq", "qwen-free"));
    assert_eq!(change.changes, ModelChanges { context_window: Some(5), ..ModelChanges::default() });
}

#[test]
fn the_compiled_in_catalogue_is_one_to_read_over() {
    let catalog = Catalog::builtin();
    let addressed = ["AZURE_RESOURCE_NAME", "CLOUDFLARE_ACCOUNT_ID"];
    let keys = |name: &str| (name.ends_with("_API_KEY") || addressed.contains(&name)).then(|| "sk-x".to_owned());
    let config = Config::from_vars(&keys, Builtin::from(&catalog)).unwrap();
    let all = catalog.providers().iter().filter(|spec| spec.key_vars.iter().any(|var| var.ends_with("_API_KEY")));
    assert_eq!(config.providers_on().count(), all.count());
    assert_eq!(config.catalog.join(Catalog::builtin()), Ok(catalog));
}

#[test]
fn a_deployment_is_named_by_a_change() {
    let builtin = Catalog::builtin();
    let joined = |json: &str| {
        let var = |name: &str| (name == "GATEWAY_CONFIG").then(|| json.to_owned());
        Config::from_vars(&var, Builtin::from(&builtin)).unwrap().catalog.join(Catalog::builtin())
    };
    let catalog = joined(r#"{"models": {"azure/gpt-5.5": {"upstream_id": "prod-55", "auto": true}}}"#).unwrap();
    let row = catalog.model_at("azure", "gpt-5.5").next().unwrap();
    assert_eq!((&*row.upstream_id, row.auto, row.prices.is_some()), ("prod-55", true, true));
    let taken = joined(r#"{"models": {"azure/gpt-5.5": {"upstream_id": "gpt-5.4"}}}"#);
    assert!(matches!(taken, Err(CatalogError::DuplicateModel { .. })), "{taken:?}");
}
