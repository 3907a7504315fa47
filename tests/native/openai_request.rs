//! The fields of a request: types, ranges, lenient forms, and what is never sent on.

use opengateway::catalog::model::{Effort, ReasoningLevel};
use opengateway::json::MAX_DEPTH;
use opengateway::openai::error::ApiError;
use opengateway::openai::request::{
    ChatRequest, MAX_FALLBACKS, MAX_MODEL_BYTES, ProviderPreferences, RequestError, ResponseFormat, Sort, ToolChoice,
};

const MESSAGES: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

/// A body with these members beside `messages`.
fn body(members: &str) -> String {
    format!("{{{members}{}{MESSAGES}}}", if members.is_empty() { "" } else { "," })
}

/// The fields that are sent on, as JSON, without `messages`.
fn kept(members: &str) -> String {
    let body = body(members);
    let request = ChatRequest::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{members}: {error}"));
    let fields: Vec<String> = request.fields.iter().map(|(key, value)| format!("{}:{value}", key.quoted())).collect();
    fields.join(",")
}

/// The error for a body with these members: its code, its param and its message.
fn refusal(members: &str) -> (&'static str, String, String) {
    let body = body(members);
    let Err(error) = ChatRequest::parse(body.as_bytes()) else { panic!("{members} is not refused") };
    let error = ApiError::from(error);
    assert_eq!(error.status, 400);
    (error.code, error.param.unwrap_or_default(), error.message)
}

fn parse(body: &str) -> ChatRequest<'_> {
    ChatRequest::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

#[test]
fn numbers_are_held_to_their_ranges() {
    let cases: [(&str, &[&str], &[&str], &str); 10] = [
        ("temperature", &["0", "2", "0.5", "2.0", "-0.0", "1e0"], &["-0.1", "2.1", "1e400"], "from 0 to 2"),
        ("top_p", &["0", "1", "0.999"], &["-0.01", "1.01"], "from 0 to 1"),
        ("frequency_penalty", &["-2", "2"], &["-2.01", "2.01"], "from -2 to 2"),
        ("presence_penalty", &["-2", "2"], &["-2.01", "2.01"], "from -2 to 2"),
        ("n", &["1", "128", "2.0"], &["0", "129", "1.5", "-1"], "an integer from 1 to 128"),
        ("top_logprobs", &["0", "20"], &["-1", "21", "0.5"], "an integer from 0 to 20"),
        ("max_tokens", &["1", "4294967295", "5.0"], &["0", "-1", "1.5", "4294967296"], "from 1 to 4294967295"),
        ("max_completion_tokens", &["1", "1e3"], &["0", "0.1", "1e30"], "from 1 to 4294967295"),
        (
            "seed",
            &["0", "-1", "9223372036854775807", "-9223372036854775808", "1e3"],
            &["1.5", "9223372036854775808", "-9223372036854775809", "1e19"],
            "a 64-bit integer",
        ),
        ("temperature", &["0.1"], &["3"], "from 0 to 2"),
    ];
    for (field, good, bad, allowed) in cases {
        for value in good {
            parse(&body(&format!("\"{field}\":{value}")));
        }
        for value in bad {
            let (code, param, message) = refusal(&format!("\"{field}\":{value}"));
            assert_eq!((code, &*param), ("invalid_value", field), "{field}: {value}");
            assert!(message.contains(&format!("`{field}` must be")) && message.contains(allowed), "{message}");
        }
        for value in ["\"1\"", "true", "[]", "{}"] {
            let (code, param, message) = refusal(&format!("\"{field}\":{value}"));
            assert_eq!((code, &*param), ("invalid_type", field), "{field}: {value}");
            assert!(message.contains("must be a"), "{message}");
        }
    }
}

#[test]
fn fields_of_the_wrong_type_are_named() {
    let cases: [(&[&str], &[&str]); 4] = [
        (&["stream", "logprobs", "parallel_tool_calls", "free_models_only", "no_reasoning"], &["1", "\"true\"", "{}"]),
        (
            &["model", "service_tier", "user", "project_id", "reasoning_effort", "min_reasoning_level"],
            &["1", "true", "[]", "{}"],
        ),
        (&["logit_bias", "response_format", "stream_options", "provider", "usage"], &["1", "[]", "\"x\"", "\"[]\""]),
        (&["models", "tools", "stop"], &["1", "{}", "true"]),
    ];
    for (fields, values) in cases {
        for field in fields {
            for value in values {
                let (code, param, _) = refusal(&format!("\"{field}\":{value}"));
                assert_eq!((code, &*param), ("invalid_type", *field), "{field}: {value}");
            }
        }
    }
    for (members, param) in [
        (r#""stop":["a",1]"#, "stop[1]"),
        (r#""models":[null]"#, "models[0]"),
        (r#""stream_options":{"include_usage":1}"#, "stream_options.include_usage"),
        (r#""usage":{"include":"yes"}"#, "usage.include"),
        (r#""provider":{"order":"groq"}"#, "provider.order"),
        (r#""provider":{"only":[1]}"#, "provider.only[0]"),
        (r#""provider":{"allow_fallbacks":"no"}"#, "provider.allow_fallbacks"),
        (r#""provider":{"sort":1}"#, "provider.sort"),
        (r#""response_format":{"type":1}"#, "response_format.type"),
        (r#""response_format":{"type":"json_schema","json_schema":"{}"}"#, "response_format.json_schema"),
        (r#""tools":[1]"#, "tools[0]"),
        (r#""tools":[{"type":"function","function":"{}"}]"#, "tools[0].function"),
        (r#""tools":[{"type":"function","function":{"name":1}}]"#, "tools[0].function.name"),
    ] {
        let (code, found, message) = refusal(members);
        assert_eq!((code, &*found), ("invalid_type", param), "{members}");
        assert!(message.contains("must be a"), "{message}");
    }
}

#[test]
fn words_outside_of_a_list_are_refused_with_the_list() {
    for (members, param, allowed) in [
        (r#""reasoning_effort":"much""#, "reasoning_effort", "none, minimal, low, medium, high, xhigh, max, default"),
        (r#""min_reasoning_level":"none""#, "min_reasoning_level", "low, medium, high"),
        (r#""response_format":{"type":"yaml"}"#, "response_format.type", "text, json_object, json_schema"),
        (r#""tool_choice":"some""#, "tool_choice", "none, auto, required"),
        (r#""tool_choice":["auto"]"#, "tool_choice", "none, auto, required"),
        (r#""provider":{"sort":"best"}"#, "provider.sort", "price, latency, throughput"),
        (r#""provider":{"quantizations":["fp8"]}"#, "provider", "`order`, `only`, `ignore`, `sort`"),
        (r#""model":"  ""#, "model", "provider/model"),
        (r#""models":["auto",""]"#, "models[1]", "provider/model"),
        (r#""user":"\ud83d""#, "user", "without lone surrogates"),
    ] {
        let (code, found, message) = refusal(members);
        assert_eq!((code, &*found), ("invalid_value", param), "{members}");
        assert!(message.contains(allowed), "{message}");
    }
    for (members, param) in [
        (r#""response_format":{}"#, "response_format.type"),
        (r#""response_format":{"type":null}"#, "response_format.type"),
        (r#""response_format":{"type":"json_schema"}"#, "response_format.json_schema"),
        (r#""tools":[{"function":{"name":"f"}}]"#, "tools[0].type"),
        (r#""tools":[{"type":"function"}]"#, "tools[0].function"),
        (r#""tools":[{"type":"function","function":{}}]"#, "tools[0].function.name"),
    ] {
        let (code, found, _) = refusal(members);
        assert_eq!((code, &*found), ("missing_required_parameter", param), "{members}");
    }
}

#[test]
fn what_a_client_sent_is_repeated_only_in_part() {
    let (_, _, message) = refusal(&format!("\"reasoning_effort\":\"{}\"", "é".repeat(5_000)));
    assert!(message.len() < 300 && message.contains('…'), "{message}");
}

#[test]
fn names_of_models_are_bounded_in_length_and_number() {
    let name = "x".repeat(MAX_MODEL_BYTES);
    parse(&body(&format!("\"model\":\"{name}\"")));
    assert_eq!(refusal(&format!("\"model\":\"{name}x\"")).1, "model");
    assert_eq!(refusal(&format!("\"models\":[\"a\",\"{name}x\"]")).1, "models[1]");
    let list = |count: usize| format!("\"models\":[{}]", vec!["\"m\""; count].join(","));
    parse(&body(&list(MAX_FALLBACKS)));
    let (_, param, message) = refusal(&list(MAX_FALLBACKS + 1));
    assert_eq!(param, "models");
    assert!(message.contains(&format!("at most {MAX_FALLBACKS}")), "{message}");
}

#[test]
fn every_typed_field_is_read() {
    let body = body(
        r#""model":"m\u0031","models":["a","b"],"stream":true,"stream_options":{"include_usage":true,"x":1},
        "usage":{"include":true},"max_tokens":5,"max_completion_tokens":7,"n":3,"tool_choice":"required",
        "tools":[{"type":"function","function":{"name":"f"}},{"type":"web_search"}],
        "response_format":{"type":"json_object"},"reasoning_effort":"low","min_reasoning_level":"high",
        "project_id":"p","free_models_only":true,"no_reasoning":true,
        "provider":{"order":["a"],"only":["b"],"ignore":["c"],"sort":"latency","allow_fallbacks":false,
        "require_parameters":true}"#,
    );
    let request = parse(&body);
    assert_eq!((&*request.model, request.models.join(" ")), ("m1", "a b".to_owned()));
    assert!(request.stream && request.include_usage && request.usage_details);
    assert_eq!(request.stream_options.as_deref(), Some(r#"{"include_usage":true,"x":1}"#));
    assert_eq!((request.output_limit, request.old_limit_name, request.n), (Some(7), false, 3));
    assert_eq!((request.tools, request.tool_choice), (1, ToolChoice::Forced));
    assert_eq!(request.tool_bytes, 67);
    assert_eq!(request.response_format, ResponseFormat::JsonObject);
    assert_eq!(request.reasoning.effort, Some(Effort::Low));
    assert_eq!(request.min_reasoning_level, Some(ReasoningLevel::High));
    assert_eq!(request.project_id.as_deref(), Some("p"));
    assert!(request.free_only && request.no_reasoning);
    let preferences = ProviderPreferences {
        order: vec!["a".into()],
        only: vec!["b".into()],
        ignore: vec!["c".into()],
        sort: Some(Sort::Latency),
        no_fallbacks: true,
        require_parameters: true,
    };
    assert_eq!(request.preferences, preferences);
    let keys: Vec<&str> = request.fields.iter().map(|(key, _)| key.raw()).collect();
    assert_eq!(keys, ["n", "tool_choice", "tools", "response_format"]);
}

#[test]
fn a_request_that_says_nothing_has_the_defaults() {
    let body = body("");
    let request = parse(&body);
    assert_eq!((&*request.model, request.n, request.output_limit), ("auto", 1, None));
    assert_eq!((request.tool_choice, request.response_format), (ToolChoice::Auto, ResponseFormat::Text));
    assert!(!request.stream && !request.include_usage && request.fields.is_empty());
}

#[test]
fn the_old_name_of_the_output_limit_is_remembered() {
    let body = body(r#""max_tokens":5,"max_completion_tokens":null"#);
    let request = parse(&body);
    assert_eq!((request.output_limit, request.old_limit_name), (Some(5), true));
}

#[test]
fn stream_options_count_only_in_a_stream() {
    for stream in ["", r#","stream":false"#, r#","stream":null"#] {
        let body = body(&format!(r#""stream_options":{{"include_usage":true}}{stream}"#));
        let request = parse(&body);
        assert!(!request.include_usage && request.stream_options.is_none());
    }
}

#[test]
fn null_is_absent_and_never_sent_on() {
    let fields = "model models stream stream_options temperature top_p max_tokens max_completion_tokens n stop seed \
                  frequency_penalty presence_penalty logit_bias logprobs top_logprobs tools tool_choice usage \
                  parallel_tool_calls response_format min_reasoning_level reasoning_effort service_tier user \
                  project_id provider free_models_only no_reasoning reasoning effort web_search web_search_options plugins \
                  session_id prompt_cache_key something_else";
    let members: Vec<String> = fields.split_whitespace().map(|field| format!("\"{field}\": null ")).collect();
    let body = body(&members.join(","));
    let request = parse(&body);
    assert_eq!(request.fields, []);
    assert_eq!((&*request.model, request.n), ("auto", 1));
    assert_eq!(refusal(r#""n":1,"n":null"#).0, "duplicate_key", "a null counts as given");
}

#[test]
fn fields_that_hold_json_as_a_string_are_unpacked() {
    for (members, expected) in [
        (r#""logit_bias":"{\"50256\": -100}""#, r#""logit_bias":{"50256": -100}"#),
        (r#""response_format":" {\"type\":\"json_object\"} ""#, r#""response_format":{"type":"json_object"}"#),
        (r#""response_format":"{\"type\":\"text\"}""#, ""),
        (r#""logit_bias":{"1":1}"#, r#""logit_bias":{"1":1}"#),
    ] {
        assert_eq!(kept(members), expected);
    }
    let body = body(r#""stream":true,"stream_options":"{\"include_usage\":true}""#);
    assert!(parse(&body).include_usage);
    for members in [r#""logit_bias":"""#, r#""logit_bias":"{}{}""#, r#""logit_bias":"{""#, r#""logit_bias":"null""#] {
        assert_eq!(refusal(members).0, "invalid_type", "{members}");
    }
}

#[test]
fn defaults_that_upstreams_refuse_are_left_out() {
    assert_eq!(kept(r#""response_format":{"type":"text"}"#), "");
    assert_eq!(kept(r#""tools":[],"tool_choice":"auto","parallel_tool_calls":true"#), "");
    assert_eq!(kept(r#""tool_choice":"none","tools":null"#), "");
    let with = r#""tool_choice":"auto","tools":[{"type":"x"}],"parallel_tool_calls":true"#;
    assert_eq!(kept(with), with);
    let forced = r#""tool_choice":"required""#;
    assert_eq!(kept(forced), forced, "a call that cannot be made is for the provider to refuse");
}

#[test]
fn a_tool_choice_is_forced_where_a_tool_must_be_called() {
    for (choice, expected) in [
        (r#""auto""#, ToolChoice::Auto),
        (r#""none""#, ToolChoice::None),
        (r#""required""#, ToolChoice::Forced),
        (r#"{"type":"function","function":{"name":"f"}}"#, ToolChoice::Forced),
        (r#"{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}}"#, ToolChoice::Auto),
        (r#"{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[]}}"#, ToolChoice::Forced),
        (r#"{"type":"allowed_tools","allowed_tools":[]}"#, ToolChoice::Forced),
    ] {
        let body = body(&format!(r#""tools":[{{"type":"x"}}],"tool_choice":{choice}"#));
        assert_eq!(parse(&body).tool_choice, expected, "{choice}");
    }
}

#[test]
fn the_gateways_own_fields_are_never_sent_on() {
    let own = r#""project_id":"p","models":["a"],"provider":{},"usage":{"include":true},"min_reasoning_level":"low",
        "free_models_only":false,"no_reasoning":false,"model":"m","stream":true,"reasoning_effort":"low","max_tokens":1"#;
    assert_eq!(kept(own), "");
    assert_eq!(kept(&own.replace("project_id", r"project\u005fid")), "", "in no spelling");
}

#[test]
fn everything_else_stays_as_it_is_byte_for_byte() {
    let members = r#""temperature":0.70,"x":1.0e5,"y":-0,"deep":{"b":[1,  2,{"z":null}],"a":"\u00e9\/"},"seed":12345678901234567,"":"" ,"b":false"#;
    assert_eq!(kept(members), members.replace(" ,", ","));
    assert_eq!(kept(r#""st\u006fp":["a\n"]"#), r#""st\u006fp":["a\n"]"#, "keys keep their spelling");
}

#[test]
fn a_key_that_is_given_twice_is_refused_however_it_is_spelt() {
    for members in [
        r#""model":"a","model":"b""#,
        r#""model":"a","mod\u0065l":"a""#,
        r#""mod\u0065l":null,"model":"a""#,
        r#""x":1,"x":1"#,
        r#""\u006dessages":[{"role":"user","content":"x"}]"#,
    ] {
        let (code, param, _) = refusal(members);
        assert_eq!(code, "duplicate_key", "{members}");
        assert!(["model", "x", "messages"].contains(&&*param), "{param}");
    }
    assert_eq!(kept(r#""x":{"a":1,"a":2}"#), r#""x":{"a":1,"a":2}"#, "nested ones are the provider's to judge");
}

#[test]
fn a_body_that_is_no_json_object_is_refused() {
    let error = |body: &[u8]| ChatRequest::parse(body).unwrap_err();
    assert_eq!(*error(b""), RequestError::Empty);
    assert_eq!(*error(b" \r\n\t"), RequestError::Empty);
    assert_eq!(*error(b"{\"model\":\"\xff\"}"), RequestError::NotUtf8 { offset: 10 });
    for body in ["[]", "1", "\"{}\"", "null", " true "] {
        assert_eq!(*error(body.as_bytes()), RequestError::NotAnObject, "{body}");
    }
    for body in ["{", "[", "nul", "{\"a\":1}x", "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}}", "{'a':1}"] {
        assert!(matches!(*error(body.as_bytes()), RequestError::Json(_)), "{body}");
    }
    assert_eq!(*error(b"{}"), RequestError::Missing { param: "messages".into() });
    assert_eq!(ApiError::from(error(b"{}")).param.as_deref(), Some("messages"));
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| format!("\"x\":{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(kept(&nested(MAX_DEPTH as usize - 1)), nested(MAX_DEPTH as usize - 1));
    let (code, _, message) = refusal(&nested(MAX_DEPTH as usize));
    assert_eq!(code, "invalid_json");
    assert!(message.contains("nested deeper than 128"), "{message}");
}

#[test]
fn reasoning_is_one_wish_however_it_is_spelt() {
    let wish = |members: &str| parse(&body(members)).reasoning;
    let (effort, object) = (wish(r#""reasoning_effort":"low""#), r#""reasoning":{"effort":"high"}"#);
    assert_eq!((effort.effort, effort.param()), (Some(Effort::Low), "reasoning_effort"));
    for members in [format!(r#""reasoning_effort":"low",{object}"#), format!(r#"{object},"reasoning_effort":"low""#)] {
        let wish = wish(&members);
        assert_eq!((wish.effort, wish.param()), (Some(Effort::High), "reasoning"), "the object wins: {members}");
    }
    let full = wish(r#""reasoning":{"max_tokens":2048,"exclude":true,"enabled":false,"effort":null,"summary":"auto"}"#);
    assert_eq!((full.max_tokens, full.exclude, full.enabled, full.effort), (Some(2048), true, Some(false), None));
    assert!(wish("").is_silent() && wish(r#""reasoning":{"exclude":true}"#).is_silent() && !full.is_silent());
    for (members, param) in [
        (r#""reasoning":{"effort":"much"}"#, "reasoning.effort"),
        (r#""reasoning":{"max_tokens":0}"#, "reasoning.max_tokens"),
        (r#""reasoning":{"budget":1}"#, "reasoning"),
        (r#""effort":"minimal""#, "effort"),
    ] {
        assert_eq!(refusal(members).1, param, "{members}");
    }
    assert_eq!(parse(&body(r#""effort":"max""#)).computational_effort, Some(Effort::Max));
}

#[test]
fn a_web_search_is_taken_out_of_the_tools_whatever_its_form() {
    for members in [
        r#""web_search":true"#,
        r#""web_search_options":{}"#,
        r#""tools":[{"type":"web_search"}]"#,
        r#""tools":[{"type":"web_search_preview","search_context_size":"low"}],"tool_choice":"auto""#,
        r#""tools":[{"type":"web_search_20250305","name":"web_search"}],"tool_choice":{"type":"web_search_preview"}"#,
        r#""plugins":[{"id":"web"}]"#,
    ] {
        let body = body(members);
        let request = parse(&body);
        assert!(request.web_search.is_some() && request.tools == 0, "{members}");
        assert_eq!(request.fields, [], "{members}");
    }
    let body = body(r#""web_search":false,"plugins":[{"id":"web","enabled":false}]"#);
    assert!(parse(&body).web_search.is_none());
    let body = self::body(r#""tools":[{"type":"function","function":{"name":"f"}},{"type":"web_search","x":1}]"#);
    let request = parse(&body);
    assert_eq!(request.get("tools"), Some(r#"[{"type":"function","function":{"name":"f"}}]"#));
    assert_eq!(request.web_search.and_then(|search| search.tool), Some(r#"{"type":"web_search","x":1}"#));
}

#[test]
fn plugins_of_the_gateway_are_read_and_others_sent_on() {
    let own = body(r#""plugins":[{"id":"response-healing"}]"#);
    let request = parse(&own);
    assert!(request.healing && request.get("plugins").is_none());
    let mixed = body(r#""plugins":[{"id":"file-parser"},{"id":"response-healing","enabled":false}]"#);
    let request = parse(&mixed);
    assert_eq!((request.healing, request.get("plugins")), (false, Some(r#"[{"id":"file-parser"}]"#)));
    assert_eq!(refusal(r#""plugins":[{}]"#).1, "plugins[0].id");
    let (code, param, message) = refusal(r#""plugins":[{"id":"response-heal"}]"#);
    assert_eq!((code, &*param), ("invalid_value", "plugins[0].id"));
    assert!(message.contains("response-healing"), "{message}");
    assert_eq!(refusal(r#""plugins":{}"#).1, "plugins");
}

#[test]
fn the_schema_and_the_keys_of_affinity_are_read() {
    let format = r#"{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}"#;
    for format in [format.to_owned(), format!("\"{}\"", format.replace('"', "\\\""))] {
        let body = body(&format!(r#""response_format":{format},"session_id":"s","prompt_cache_key":"k""#));
        let request = parse(&body);
        assert_eq!(request.schema.as_deref(), Some(r#"{"type":"object"}"#));
        assert_eq!((request.session_id.as_deref(), request.prompt_cache_key.as_deref()), (Some("s"), Some("k")));
        assert!(request.get("session_id").is_none() && request.get("prompt_cache_key") == Some("\"k\""));
    }
}
