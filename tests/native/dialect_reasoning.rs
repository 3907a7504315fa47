//! One control over all: what each provider and model is sent for each wish about reasoning.
//!
//! `UPDATE_FIXTURES=1 cargo test` writes `tests/fixtures/reasoning/` anew below the comment at the head of each file, which
//! names the documentation; read the difference before it is committed.

use std::borrow::Cow;
use std::fmt::Write;

use opengateway::catalog::lookup::Catalog;
use opengateway::catalog::model::{Capabilities, Effort, ModelSpec};
use opengateway::catalog::provider::ProviderSpec;
use opengateway::catalog::reasoning::{
    ModelReasoning, ReasoningBudget, ReasoningControl, ReasoningSpec, ReasoningText,
};
use opengateway::dialect::encoded::AppliedEffort;
use opengateway::openai::request::ChatRequest;
use serde_json::Value;

use crate::dialect_fixture::{able, encode, plain, row};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/reasoning");

/// A model for each way in which a provider is told.
const MODELS: [(&str, &[&str]); 15] = [
    ("azure", &["gpt-5.4-mini"]),
    ("cerebras", &["gpt-oss-120b", "zai-glm-4.7", "qwen-3.8-27b"]),
    ("deepseek", &["deepseek-flash", "deepseek-v4-pro"]),
    (
        "fireworks",
        &[
            "accounts/fireworks/models/gpt-oss-120b",
            "accounts/fireworks/models/kimi-k2p6",
            "accounts/fireworks/models/qwen3p7-plus",
        ],
    ),
    ("gemini", &["gemini-3.8-flash", "gemini-2.5-pro", "gemini-2.5-flash"]),
    ("groq", &["openai/gpt-oss-120b", "qwen/qwen3.8-27b", "llama-3.1-8b-instant"]),
    ("mistral", &["mistral-medium-3.5", "magistral-medium-latest"]),
    (
        "nvidia",
        &["openai/gpt-oss-120b", "deepseek-ai/deepseek-v4-pro", "nvidia/nemotron-3-ultra-550b-a55b", "z-ai/glm-5.1"],
    ),
    ("ollama", &["unlisted"]),
    ("openai", &["gpt-5-mini", "gpt-5.1", "gpt-6-astra", "gpt-4.1"]),
    ("openrouter", &["anthropic/claude-opus-5", "openai/gpt-oss-120b", "minimax/minimax-m3"]),
    ("sambanova", &["gpt-oss-120b", "DeepSeek-V3.2"]),
    ("together", &["openai/gpt-oss-120b", "deepseek-ai/DeepSeek-V4-Pro", "moonshotai/Kimi-K2.6"]),
    ("workers-ai", &["@cf/openai/gpt-oss-120b", "@cf/zai-org/glm-5.2", "@cf/moonshotai/kimi-k2.6"]),
    ("xai", &["grok-4.3", "grok-4.5", "grok-build-0.1"]),
];

const WISHES: [&str; 19] = [
    r#""max_tokens":100"#,
    r#""reasoning_effort":"none""#,
    r#""reasoning_effort":"minimal""#,
    r#""reasoning_effort":"low""#,
    r#""reasoning_effort":"medium""#,
    r#""reasoning_effort":"high""#,
    r#""reasoning_effort":"xhigh""#,
    r#""reasoning_effort":"max""#,
    r#""reasoning_effort":"default""#,
    r#""reasoning":{"enabled":false}"#,
    r#""reasoning":{"enabled":true}"#,
    r#""reasoning":{"max_tokens":100}"#,
    r#""reasoning":{"max_tokens":2000,"effort":"high"},"max_tokens":1000"#,
    r#""reasoning":{"max_tokens":16000},"max_tokens":17000"#,
    r#""reasoning":{"max_tokens":40000}"#,
    r#""reasoning":{"exclude":true}"#,
    r#""reasoning":{"exclude":true,"effort":"low"}"#,
    r#""min_reasoning_level":"medium""#,
    r#""min_reasoning_level":"medium","reasoning_effort":"none""#,
];

/// What is sent beside the model and the messages, what the header tells, and what is dropped.
fn told(wish: &str, provider: &ProviderSpec, model: &ModelSpec) -> (String, AppliedEffort, Vec<String>) {
    let body = format!(r#"{{"messages":[{{"role":"user","content":"hi"}}],{wish}}}"#);
    let encoded = encode(&ChatRequest::parse(body.as_bytes()).unwrap(), provider, model, None);
    serde_json::from_str::<Value>(&encoded.body).unwrap_or_else(|error| panic!("{error}: {}", encoded.body));
    let (_, fields) = encoded.body.split_once(r#"[{"role":"user","content":"hi"}]"#).unwrap();
    let fields = fields.trim_start_matches(',').strip_suffix('}').unwrap().to_owned();
    (fields, encoded.effort, encoded.dropped)
}

fn model(provider: &str, upstream_id: &str) -> ModelSpec {
    let catalog = Catalog::builtin();
    if upstream_id == "unlisted" {
        return ModelSpec {
            capabilities: Capabilities::UNKNOWN,
            efforts: Cow::Borrowed(&Effort::ALL),
            max_output: None,
            ..able()
        };
    }
    let mut models = catalog.models().iter();
    let row = models.find(|row| row.provider == provider && row.upstream_id == upstream_id);
    row.unwrap_or_else(|| panic!("no {provider}/{upstream_id}")).clone()
}

#[test]
fn every_wish_reaches_every_kind_of_model_in_its_providers_fields() {
    for (id, models) in MODELS {
        let provider = row(id);
        let mut text = String::new();
        for upstream_id in models {
            let model = model(id, upstream_id);
            write!(text, "\n{upstream_id}\n").unwrap();
            for wish in WISHES {
                let (fields, effort, dropped) = told(wish, &provider, &model);
                let dropped = if dropped.is_empty() { String::new() } else { format!("  dropped {dropped:?}") };
                writeln!(text, "  {wish}\n    {fields}  [{}]{dropped}", effort.header()).unwrap();
            }
        }
        let path = format!("{FIXTURES}/{id}.txt");
        let found = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{path} is missing"));
        let head: String =
            found.lines().take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        assert!(!head.is_empty(), "{path} names no documentation");
        let wanted = format!("{head}{text}");
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&path, &wanted).unwrap();
        } else {
            assert_eq!(found, wanted, "{path}");
        }
    }
}

#[test]
fn with_functions_a_model_that_cannot_have_both_is_told_not_to_think_whatever_is_asked() {
    let tools = r#""tools":[{"type":"function","function":{"name":"f"}}]"#;
    for (provider, id) in [("openai", "gpt-6-astra"), ("openai", "gpt-5.6-sol"), ("azure", "gpt-5.4-mini")] {
        let (provider, model) = (row(provider), model(provider, id));
        for (wish, dropped) in [
            (String::new(), vec![]),
            (r#","reasoning_effort":"none""#.to_owned(), vec![]),
            (r#","min_reasoning_level":"high""#.to_owned(), vec![]),
            (r#","reasoning_effort":"high""#.to_owned(), vec!["reasoning_effort"]),
            (r#","reasoning":{"enabled":true}"#.to_owned(), vec!["reasoning"]),
            (r#","reasoning":{"max_tokens":4000}"#.to_owned(), vec!["reasoning"]),
        ] {
            let (fields, effort, found) = told(&format!("{tools}{wish}"), &provider, &model);
            assert!(fields.contains(r#""reasoning_effort":"none""#), "{wish}: {fields}");
            assert_eq!(
                (effort, found),
                (AppliedEffort::Effort(Effort::None), dropped.iter().map(|name| (*name).to_owned()).collect()),
                "{wish}"
            );
        }
        // What is refused of a model that thinks is taken of one that does not.
        assert!(told(&format!(r#"{tools},"temperature":0.5"#), &provider, &model).0.contains("temperature"));
        let (fields, effort, _) = told(r#""reasoning_effort":"high""#, &provider, &model);
        assert_eq!((fields.as_str(), effort), (r#""reasoning_effort":"high""#, AppliedEffort::Effort(Effort::High)));
    }
    let (fields, _, dropped) =
        told(&format!(r#"{tools},"reasoning_effort":"high""#), &row("openai"), &model("openai", "gpt-5.1"));
    assert!(fields.contains(r#""reasoning_effort":"high""#) && dropped.is_empty(), "gpt-5.1 has both");
}

fn with(control: ReasoningControl, efforts: &[Effort], budget: Option<ReasoningBudget>) -> (ProviderSpec, ModelSpec) {
    let provider = ProviderSpec { reasoning: ReasoningSpec { control, ..ReasoningSpec::PLAIN }, ..plain() };
    let reasoning = ModelReasoning { budget, ..ModelReasoning::AS_PROVIDER };
    (provider, ModelSpec { efforts: Cow::Owned(efforts.to_vec()), reasoning, max_output: Some(64_000), ..able() })
}

#[test]
fn a_budget_becomes_the_highest_effort_that_stays_below_it() {
    let (provider, model) = with(ReasoningControl::Effort, &Effort::ALL, None);
    for (tokens, effort) in [
        (1, "minimal"),
        (1023, "minimal"),
        (1024, "low"),
        (8191, "low"),
        (8192, "medium"),
        (24_575, "medium"),
        (24_576, "high"),
        (32_768, "xhigh"),
        (u32::MAX, "xhigh"),
    ] {
        let (fields, _, dropped) = told(&format!(r#""reasoning":{{"max_tokens":{tokens}}}"#), &provider, &model);
        assert_eq!((fields, dropped.len()), (format!(r#""reasoning_effort":"{effort}""#), 0), "{tokens}");
    }
}

#[test]
fn a_budget_never_keeps_a_model_from_thinking() {
    let (provider, model) = with(ReasoningControl::Effort, &[Effort::None, Effort::High], None);
    assert_eq!(told(r#""reasoning":{"max_tokens":1}"#, &provider, &model).0, r#""reasoning_effort":"high""#);
    let (provider, model) = with(ReasoningControl::Effort, &[Effort::None], None);
    let (fields, effort, dropped) = told(r#""reasoning":{"max_tokens":1}"#, &provider, &model);
    assert_eq!((fields.as_str(), effort, dropped), ("", AppliedEffort::None, vec!["reasoning".to_owned()]));
}

#[test]
fn an_effort_is_a_budget_where_the_model_knows_no_other() {
    let range = Some(ReasoningBudget { min: 128, max: 30_000 });
    let (provider, model) = with(ReasoningControl::Google, &[], range);
    for (effort, tokens) in
        [("none", 128), ("minimal", 512), ("low", 1024), ("medium", 8192), ("high", 24_576), ("max", 30_000)]
    {
        let (_, applied, dropped) = told(&format!(r#""reasoning_effort":"{effort}""#), &provider, &model);
        assert_eq!((applied, dropped.len()), (AppliedEffort::Budget(tokens), 0), "{effort}");
    }
}

#[test]
fn the_output_limit_is_raised_by_thoughts_that_would_use_it_up_and_stays_what_the_model_writes() {
    let range = Some(ReasoningBudget { min: 1024, max: 100_000 });
    let (provider, model) = with(ReasoningControl::EffortOrTokens, &[Effort::High], range);
    for (limit, budget, sent, thought) in [
        (500, 2000, 2500, 2000),
        (2000, 2000, 4000, 2000),
        (2001, 2000, 2001, 2000),
        // The row's least counts.
        (1000, 10, 2024, 1024),
        // And all that the model writes, of which the answer must have something.
        (500, 90_000, 64_000, 63_999),
    ] {
        let wish = format!(r#""max_tokens":{limit},"reasoning":{{"max_tokens":{budget}}}"#);
        let (fields, applied, _) = told(&wish, &provider, &model);
        assert_eq!(fields, format!(r#""max_tokens":{sent},"reasoning_effort":{thought}"#));
        assert_eq!(applied, AppliedEffort::Budget(thought));
    }
}

#[test]
fn a_client_that_speaks_the_providers_own_field_is_left_alone() {
    let (provider, model) = with(ReasoningControl::EnableThinking, &[Effort::None, Effort::Default], None);
    let wish = r#""reasoning_effort":"none","chat_template_kwargs":{"enable_thinking":true}"#;
    let (fields, applied, dropped) = told(wish, &provider, &model);
    assert_eq!(fields, r#""chat_template_kwargs":{"enable_thinking":true}"#);
    assert_eq!((applied, dropped), (AppliedEffort::None, vec!["reasoning_effort".to_owned()]));
    let provider = ProviderSpec {
        reasoning: ReasoningSpec { text: ReasoningText::ParsedFormat, ..ReasoningSpec::PLAIN },
        ..plain()
    };
    assert_eq!(told(r#""reasoning_format":"raw""#, &provider, &model).0, r#""reasoning_format":"raw""#);
}

#[test]
fn what_a_model_cannot_be_told_is_named_as_the_client_spelt_it() {
    let (provider, model) = with(ReasoningControl::Effort, &[], None);
    assert_eq!(told(r#""reasoning_effort":"low""#, &provider, &model).2, ["reasoning_effort"]);
    assert_eq!(told(r#""reasoning":{"effort":"low"}"#, &provider, &model).2, ["reasoning"]);
    assert!(told(r#""reasoning":{"enabled":true}"#, &provider, &model).2.is_empty(), "it thinks");
    let quick = ModelSpec { capabilities: Capabilities { reasoning: false, ..able().capabilities }, ..model };
    assert!(told(r#""reasoning_effort":"none""#, &provider, &quick).2.is_empty(), "it does not think");
    assert_eq!(told(r#""reasoning":{"enabled":true}"#, &provider, &quick).2, ["reasoning"]);
}

// --- Thoughts of earlier answers ---------------------------------------------------------------------------------------

/// Earlier answers with thoughts under each name, and what goes on: `content` after the thoughts of a part.
const HISTORY: &str = r#"{"tools":[{"type":"function","function":{"name":"f"}}],"messages":[
 {"role":"user","content":"hi"},
 {"role":"assistant","content":"a","reasoning":"r\n"},
 {"role":"assistant","reasoning_content":"c","content":null,"tool_calls":[{"id":"call00001","type":"function","function":{"name":"f","arguments":"{}"}}]},
 {"role":"tool","tool_call_id":"call00001","content":"1"},
 {"role":"assistant","content":[{"type":"text","text":"p"}],"reasoning_details":[{"type":"reasoning.text","text":"d","signature":"s"},{"type":"reasoning.summary","summary":"e"},{"type":"reasoning.encrypted","data":"x"}]},
 {"role":"assistant","content":"both","reasoning":"one","reasoning_content":"two","reasoning_details":[]},
 {"role":"assistant","content":"","reasoning":"thoughts alone"},
 {"role":"assistant","content":"none"}
]}"#;

/// The assistants' messages as they are sent, one a line, and what is named as dropped.
fn history(provider: &ProviderSpec, model: &ModelSpec, more: &str) -> String {
    let body = HISTORY.replacen('{', &format!("{{{more}"), 1);
    let encoded = encode(&ChatRequest::parse(body.as_bytes()).unwrap(), provider, model, None);
    let sent: Value = serde_json::from_str(&encoded.body).unwrap();
    let messages = sent["messages"].as_array().unwrap().iter().filter(|message| message["role"] == "assistant");
    let mut lines: String = messages
        .map(|message| {
            let mut message = message.clone();
            message.as_object_mut().unwrap().remove("tool_calls");
            message.as_object_mut().unwrap().remove("role");
            format!("  {message}\n")
        })
        .collect();
    let of_messages = encoded.dropped.iter().filter(|name| name.starts_with("messages."));
    writeln!(lines, "  dropped {:?}", of_messages.collect::<Vec<_>>()).unwrap();
    lines
}

#[test]
fn earlier_thoughts_go_back_under_the_name_that_each_provider_wants() {
    let path = format!("{FIXTURES}/history.txt");
    let found = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{path} is missing"));
    let head: String = found.lines().take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    let mut wanted = head;
    for (id, models) in MODELS {
        let provider = row(id);
        write!(wanted, "\n{id}\n{}", history(&provider, &model(id, models[0]), "")).unwrap();
    }
    let deepseek = row("deepseek");
    let off = history(&deepseek, &model("deepseek", "deepseek-flash"), r#""reasoning_effort":"none","#);
    write!(wanted, "\ndeepseek, kept from thinking\n{off}").unwrap();
    let quick = history(&row("groq"), &model("groq", "llama-3.1-8b-instant"), "");
    write!(wanted, "\ngroq, a model that does not think\n{quick}").unwrap();
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    } else {
        assert_eq!(found, wanted, "{path}");
    }
}

#[test]
fn a_message_that_is_sent_as_it_is_is_sent_byte_for_byte() {
    let groq = row("groq");
    let model = model("groq", "openai/gpt-oss-120b");
    let messages = r#"[ {"role":"user","content":"hi"}, { "role":"assistant", "reasoning" : "r", "content":"a" } ]"#;
    let body = format!(r#"{{"messages":{messages}}}"#);
    let encoded = encode(&ChatRequest::parse(body.as_bytes()).unwrap(), &groq, &model, None);
    assert!(encoded.body.contains(messages), "{}", encoded.body);
}

#[test]
fn lost_thoughts_are_only_made_up_where_there_must_be_some() {
    let deepseek = row("deepseek");
    let model = model("deepseek", "deepseek-v4-pro");
    let ask = |more: &str| {
        let body = format!(
            r#"{{"messages":[{{"role":"user","content":"hi"}}, {{"role":"assistant","content":"a","reasoning_content":""}} ,{{"role":"assistant","content":"b"}}]{more}}}"#
        );
        encode(&ChatRequest::parse(body.as_bytes()).unwrap(), &deepseek, &model, None).body
    };
    let tools = r#","tools":[{"type":"function","function":{"name":"f"}}]"#;
    assert!(ask(tools).contains(
        r#"[{"role":"user","content":"hi"}, {"role":"assistant","content":"a","reasoning_content":" "} ,{"role":"assistant","content":"b","reasoning_content":" "}]"#
    ));
    assert!(!ask("").contains("\" \""), "no tools");
    assert!(!ask(&format!(r#"{tools},"reasoning":{{"enabled":false}}"#)).contains("\" \""), "no thoughts");
}
