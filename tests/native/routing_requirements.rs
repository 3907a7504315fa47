//! What is read off a request, and how it is compared with a model.

use opengateway::catalog::model::{Capabilities, ModelSpec, ReasoningLevel};
use opengateway::catalog::provider::ProviderSpec;
use opengateway::openai::request::{ChatRequest, ResponseFormat};
use opengateway::routing::requirements::{Need, Requirements, is_free};
use opengateway::routing::tokens;

use crate::routing_fixture::{TOOLS, ask, at, prices, provider};

fn needs(more: &str) -> Requirements {
    let body = ask("auto", more);
    Requirements::detect(&ChatRequest::parse(body.as_bytes()).expect(&body))
}

const IMAGES: &str = r#"[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}},
    {"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]"#;

fn everything() -> Requirements {
    let body = format!(
        r#"{{"messages":[{{"role":"user","content":{IMAGES}}}],"n":2,"max_tokens":200000,"min_reasoning_level":"high",
        "response_format":{{"type":"json_schema","json_schema":{{}}}},"free_models_only":true,"no_reasoning":true,"web_search":true{TOOLS}}}"#
    );
    Requirements::detect(&ChatRequest::parse(body.as_bytes()).expect(&body))
}

#[test]
fn a_plain_request_needs_nothing_but_room() {
    let needs = needs("");
    assert_eq!(needs, Requirements { prompt_tokens: 4, ..Requirements::default() });
    assert_eq!(needs.unmet(&provider("a"), &at("a/m")), []);
}

#[test]
fn each_field_is_a_need() {
    let plain = needs("");
    let forced = format!(r#"{TOOLS},"tool_choice":{{"type":"function","function":{{"name":"f"}}}}"#);
    let cases = [
        (r#","max_tokens":9"#.to_owned(), Requirements { output_tokens: 9, ..plain }),
        (r#","max_tokens":9,"max_completion_tokens":7"#.to_owned(), Requirements { output_tokens: 7, ..plain }),
        (r#","n":2"#.to_owned(), Requirements { choices: true, ..plain }),
        (r#","n":1"#.to_owned(), plain),
        (r#","free_models_only":true"#.to_owned(), Requirements { free_only: true, ..plain }),
        (r#","no_reasoning":true"#.to_owned(), Requirements { no_reasoning: true, ..plain }),
        (r#","web_search":true"#.to_owned(), Requirements { web_search: true, ..plain }),
        (
            r#","min_reasoning_level":"low""#.to_owned(),
            Requirements { min_reasoning_level: Some(ReasoningLevel::Low), ..plain },
        ),
        (
            r#","response_format":{"type":"json_object"}"#.to_owned(),
            Requirements { response_format: ResponseFormat::JsonObject, ..plain },
        ),
        (r#","response_format":{"type":"text"}"#.to_owned(), plain),
        (TOOLS.to_owned(), Requirements { tools: true, ..plain }),
        (format!(r#"{TOOLS},"tool_choice":"auto""#), Requirements { tools: true, ..plain }),
        (format!(r#"{TOOLS},"tool_choice":"none""#), plain),
        (format!(r#"{TOOLS},"tool_choice":"required""#), Requirements { tools: true, forced_tool: true, ..plain }),
        (forced, Requirements { tools: true, forced_tool: true, ..plain }),
        (r#","tools":[],"tool_choice":"required""#.to_owned(), plain),
    ];
    for (more, expected) in cases {
        let found = needs(&more);
        assert_eq!(Requirements { prompt_tokens: plain.prompt_tokens, ..found }, expected, "{more}");
    }
}

#[test]
fn every_unmet_need_is_told_at_once_with_the_field_that_asks_for_it() {
    let weak = ModelSpec {
        capabilities: Capabilities { reasoning: true, ..Capabilities::default() },
        reasoning_level: ReasoningLevel::Low,
        max_output: None,
        ..at("a/m")
    };
    let plain = ProviderSpec { image_urls: false, multiple_choices: false, ..provider("a") };
    let unmet = everything().unmet(&plain, &weak);
    let told: Vec<(&str, String)> = unmet.iter().map(|need| (need.param(), need.to_string())).collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(param, text)| (*param, text.as_str())).collect();
    assert_eq!(
        told,
        [
            ("tools", "tools"),
            ("response_format", "a JSON schema"),
            ("messages", "images"),
            ("messages", "images by URL (send data URIs)"),
            ("n", "n above 1"),
            ("messages", "a context window of about 200186 tokens"),
            ("min_reasoning_level", "a reasoning level of at least high"),
            ("free_models_only", "free use"),
            ("no_reasoning", "no reasoning"),
            ("web_search", "a web search"),
        ]
    );
    let parameter = Need::Parameter { name: "seed".to_owned() };
    assert_eq!((parameter.param(), parameter.to_string()), ("seed", "the parameter `seed`".to_owned()));
    assert_eq!((Need::JsonObject.param(), Need::JsonObject.to_string()), ("response_format", "JSON mode".to_owned()));
}

#[test]
fn json_mode_and_schemas_are_two_needs() {
    let can = |json_object, json_schema| ModelSpec {
        capabilities: Capabilities { json_object, json_schema, ..Capabilities::default() },
        ..at("a/m")
    };
    let object = needs(r#","response_format":{"type":"json_object"}"#);
    let schema = needs(r#","response_format":{"type":"json_schema","json_schema":{}}"#);
    assert_eq!(object.unmet(&provider("a"), &can(true, false)), []);
    assert_eq!(object.unmet(&provider("a"), &can(false, true)), [Need::JsonObject]);
    assert_eq!(schema.unmet(&provider("a"), &can(false, true)), []);
    assert_eq!(schema.unmet(&provider("a"), &can(true, false)), [Need::JsonSchema]);
}

#[test]
fn the_window_holds_prompt_and_answer_to_the_last_token() {
    let model = |window, max_output| ModelSpec { context_window: window, max_output, ..at("a/m") };
    let asked = needs(r#","max_tokens":996"#);
    assert_eq!(asked.prompt_tokens, 4);
    assert_eq!(asked.unmet(&provider("a"), &model(Some(1_000), None)), []);
    assert_eq!(asked.unmet(&provider("a"), &model(Some(999), None)), [Need::Context { tokens: 1_000 }]);
    assert_eq!(asked.unmet(&provider("a"), &model(Some(999), Some(500))), [], "the limit is clamped to 500");
    assert_eq!(asked.unmet(&provider("a"), &model(None, None)), []);
}

#[test]
fn a_recurring_free_plan_or_a_price_of_zero_is_free() {
    let model = |free, prices| ModelSpec { free, prices, ..at("a/m") };
    assert!(is_free(&model(true, prices(1, 1))) && is_free(&model(true, None)));
    assert!(is_free(&model(false, prices(0, 0))));
    assert!(!is_free(&model(false, prices(0, 1))) && !is_free(&model(false, None)));
}

#[test]
fn kinds_of_needs_have_signatures_of_their_own() {
    let mut seen = vec![needs("").signature()];
    let everything = everything();
    for more in [
        TOOLS,
        r#","response_format":{"type":"json_object"}"#,
        r#","response_format":{"type":"json_schema","json_schema":{}}"#,
        r#","n":2"#,
        r#","free_models_only":true"#,
        r#","no_reasoning":true"#,
        r#","web_search":true"#,
        r#","min_reasoning_level":"low""#,
        r#","min_reasoning_level":"high""#,
    ] {
        seen.push(needs(more).signature());
    }
    seen.push(everything.signature());
    seen.push(Requirements { vision: true, ..needs("") }.signature());
    seen.push(Requirements { image_urls: true, ..needs("") }.signature());
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count, "{seen:?}");
    assert_eq!(needs(r#","max_tokens":5,"temperature":1"#).signature(), needs("").signature());
}

#[test]
fn the_prompt_is_text_tools_messages_and_images() {
    let text = "word".repeat(10);
    let body = format!(
        r#"{{"messages":[{{"role":"system","content":"{text}"}},{{"role":"user","content":{IMAGES}}}]{TOOLS}}}"#
    );
    let request = ChatRequest::parse(body.as_bytes()).expect(&body);
    let tools = TOOLS.len() - r#","tools":"#.len();
    let expected = (40 + 3u64).div_ceil(4) + (tools as u64).div_ceil(4) + 2 * 3 + 2 * 85;
    assert_eq!(tokens::of_prompt(&request), expected);
    assert_eq!((tokens::of_text(0), tokens::of_text(1), tokens::of_text(5)), (0, 1, 2));
}
