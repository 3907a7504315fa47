//! Groups of parameters x providers: the exact body that each provider gets, with the page that says what it takes.
//!
//! `UPDATE_FIXTURES=1 cargo test` writes `tests/fixtures/parameters/` anew; read the difference before it is committed.

use std::collections::HashMap;
use std::path::Path;

use opengateway::catalog::lookup::Catalog;
use opengateway::catalog::model::ModelSpec;
use opengateway::openai::request::ChatRequest;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::dialect_fixture::{able, encode};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/parameters");
/// `rich` has something of everything, for what only happens together.
const GROUPS: [&str; 5] = ["rich", "sampling", "tools", "services", "messages"];

/// The page where a provider says which parameters its chat completions take.
fn documentation(provider: &str) -> &'static str {
    match provider {
        "groq" => "https://console.groq.com/docs/api-reference#chat-create",
        "gemini" => "https://ai.google.dev/gemini-api/docs/openai",
        "sambanova" => "https://docs.sambanova.ai/docs/en/features/openai-compatibility",
        "nvidia" => "https://docs.api.nvidia.com/nim/reference/llm-apis",
        "cerebras" => "https://inference-docs.cerebras.ai/api-reference/chat-completions",
        "openrouter" => "https://openrouter.ai/docs/api-reference/parameters",
        "openai" => "https://platform.openai.com/docs/api-reference/chat/create",
        "anthropic" => "https://platform.claude.com/docs/en/api/messages",
        "mistral" => "https://docs.mistral.ai/api/endpoint/chat",
        "deepseek" => "https://api-docs.deepseek.com/api/create-chat-completion",
        "xai" => "https://docs.x.ai/docs/api-reference#chat-completions",
        "together" => "https://docs.together.ai/reference/chat-completions",
        "fireworks" => "https://docs.fireworks.ai/api-reference/post-chatcompletions",
        "azure" => "https://learn.microsoft.com/en-us/azure/foundry/openai/reference",
        "workers-ai" => "https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/",
        "vllm" => "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        "ollama" => "https://docs.ollama.com/api/openai-compatibility",
        other => panic!("name the page on which {other} says what it takes"),
    }
}

/// The request in a group's `request.json` as it is written there, since the order of its members is that of what is dropped.
pub(crate) fn request(fixture: &str) -> String {
    serde_json::from_str::<HashMap<&str, &RawValue>>(fixture).unwrap()["request"].to_string()
}

#[test]
fn every_provider_gets_every_group_of_parameters_in_its_own_form() {
    // The rows of models have rules of their own; here it is about those of providers.
    let model = ModelSpec { max_output: None, ..able() };
    for group in GROUPS {
        let request = request(&std::fs::read_to_string(format!("{FIXTURES}/{group}/request.json")).unwrap());
        for provider in Catalog::builtin().providers() {
            let request = ChatRequest::parse(request.as_bytes()).unwrap_or_else(|error| panic!("{group}: {error}"));
            let encoded = encode(&request, provider, &model, None);
            let body: Value = serde_json::from_str(&encoded.body).unwrap();
            let page = documentation(&provider.id);
            let fixture = json!({"documentation": page, "dropped": encoded.dropped, "body": body});
            let path = format!("{FIXTURES}/{group}/{}.json", provider.id);
            let text = format!("{}\n", serde_json::to_string_pretty(&fixture).unwrap());
            if std::env::var_os("UPDATE_FIXTURES").is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            let wanted = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{path} is missing"));
            assert_eq!(text, wanted, "{path}");
        }
    }
}

#[test]
fn every_fixture_of_a_group_belongs_to_a_provider() {
    for group in GROUPS {
        for entry in std::fs::read_dir(Path::new(FIXTURES).join(group)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let id = name.strip_suffix(".json").unwrap();
            assert!(id == "request" || Catalog::builtin().provider(id).is_some(), "{group}/{name}");
        }
    }
}
