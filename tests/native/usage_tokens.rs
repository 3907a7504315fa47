//! Token counts of every provider come to one meaning.

use opengateway::catalog::lookup::Catalog;
use opengateway::catalog::provider::ReasoningTokens;
use opengateway::usage::tokens::TokenUsage;

fn counts(raw: &str, reasoning: ReasoningTokens) -> Option<[u64; 5]> {
    TokenUsage::parse(raw, reasoning).map(as_array)
}

fn as_array(usage: TokenUsage) -> [u64; 5] {
    [usage.prompt, usage.completion, usage.total, usage.cached, usage.reasoning]
}

#[test]
fn usage_is_read_leniently() {
    let cases: &[(&str, Option<[u64; 5]>)] = &[
        (r#"{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}"#, Some([3, 4, 7, 0, 0])),
        (r#"{"prompt_tokens":12.0,"completion_tokens":4e1}"#, Some([12, 40, 52, 0, 0])),
        (r#"{"prompt_tokens":3,"completion_tokens":null,"total_tokens":null}"#, Some([3, 0, 3, 0, 0])),
        (r#"{"completion_tokens":4}"#, Some([0, 4, 4, 0, 0])),
        (r#"{"prompt_tokens":3,"completion_tokens":4,"total_tokens":20}"#, Some([3, 4, 20, 0, 0])),
        (r#"{"prompt_tokens":3,"completion_tokens":4,"total_tokens":0}"#, Some([3, 4, 7, 0, 0])),
        (r#"{"prompt_tokens":"3","completion_tokens":4}"#, Some([0, 4, 4, 0, 0])),
        (r#"{"prompt_tokens":-3,"completion_tokens":4}"#, Some([0, 4, 4, 0, 0])),
        (r#"{"prompt_tokens":1099511627776,"completion_tokens":4}"#, Some([1 << 40, 4, (1 << 40) + 4, 0, 0])),
        (r#"{"prompt_tokens":1099511627777,"completion_tokens":4}"#, Some([0, 4, 4, 0, 0])),
        (r#"{"prompt_tokens":1e300,"completion_tokens":4}"#, Some([0, 4, 4, 0, 0])),
        (r#"{"prompt_tokens":9,"prompt_tokens_details":{"audio_tokens":1,"cached_tokens":5}}"#, Some([9, 0, 9, 5, 0])),
        (r#"{"prompt_tokens":9,"prompt_token_details":{"cached_tokens":5}}"#, Some([9, 0, 9, 5, 0])),
        (r#"{"prompt_tokens":9,"prompt_tokens_details":null,"num_cached_tokens":5}"#, Some([9, 0, 9, 5, 0])),
        (r#"{"prompt_tokens":9,"prompt_cache_hit_tokens":5}"#, Some([9, 0, 9, 5, 0])),
        (r#"{"prompt_tokens":9,"cached_tokens":5}"#, Some([9, 0, 9, 5, 0])),
        (r#"{"prompt_tokens":9,"cached_tokens":50}"#, Some([9, 0, 9, 9, 0])),
        (r#"{"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":5}}"#, Some([0, 9, 9, 0, 5])),
        (r#"{"completion_tokens":9,"reasoning_tokens":5,"completion_tokens_details":[]}"#, Some([0, 9, 9, 0, 5])),
        (r#"{"total_tokens":9}"#, None),
        (r#"{"prompt_tokens":null}"#, None),
        ("{}", None),
        ("null", None),
        ("[1]", None),
        (r#"{"prompt_tokens":3"#, None),
    ];
    for (raw, expected) in cases {
        assert_eq!(counts(raw, ReasoningTokens::InCompletion), *expected, "{raw}");
    }
}

#[test]
fn xai_counts_reasoning_and_at_times_the_cache_outside() {
    let raw = r#"{"prompt_tokens":10,"completion_tokens":2,"total_tokens":19,"completion_tokens_details":{"reasoning_tokens":7}}"#;
    assert_eq!(counts(raw, ReasoningTokens::BesideCompletion), Some([10, 9, 19, 0, 7]));
    let raw =
        r#"{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":30}}"#;
    assert_eq!(counts(raw, ReasoningTokens::BesideCompletion), Some([40, 2, 42, 30, 0]));
}

#[test]
fn gemini_counts_its_thoughts_in_the_total_alone() {
    for (raw, expected) in [
        (r#"{"completion_tokens":1,"prompt_tokens":9,"total_tokens":103}"#, [9, 94, 103, 0, 93]),
        // All of the limit went into thoughts.
        (r#"{"prompt_tokens":9,"total_tokens":103}"#, [9, 94, 103, 0, 94]),
        // Where they are told, and counted as OpenAI does, nothing is counted twice.
        (
            r#"{"completion_tokens":94,"prompt_tokens":9,"total_tokens":103,"completion_tokens_details":{"reasoning_tokens":93}}"#,
            [9, 94, 103, 0, 93],
        ),
        (
            r#"{"completion_tokens":1,"prompt_tokens":9,"total_tokens":103,"completion_tokens_details":{"reasoning_tokens":93}}"#,
            [9, 94, 103, 0, 93],
        ),
        (r#"{"completion_tokens":4,"prompt_tokens":9}"#, [9, 4, 13, 0, 0]),
        (r#"{"completion_tokens":4,"prompt_tokens":9,"total_tokens":2}"#, [9, 4, 13, 0, 0]),
        // Without the prompt's count nobody knows what the rest is.
        (r#"{"completion_tokens":4,"total_tokens":20}"#, [0, 4, 20, 0, 0]),
    ] {
        assert_eq!(counts(raw, ReasoningTokens::InTotal), Some(expected), "{raw}");
    }
}

#[test]
fn the_rows_say_where_reasoning_is_counted() {
    let of = |id: &str| Catalog::builtin().provider(id).unwrap().reasoning_tokens;
    assert_eq!(of("gemini"), ReasoningTokens::InTotal);
    assert_eq!(of("xai"), ReasoningTokens::BesideCompletion);
    assert_eq!(of("openai"), ReasoningTokens::InCompletion);
}

#[test]
fn sound_is_counted_in_prompt_and_answer() {
    let raw = r#"{"prompt_tokens":9,"completion_tokens":9,"prompt_tokens_details":{"audio_tokens":0},"completion_tokens_details":{"audio_tokens":4}}"#;
    assert_eq!(TokenUsage::parse(raw, ReasoningTokens::InCompletion).unwrap().audio, 4);
}

/// Prompt, cached, written to the cache, those for an hour, searches.
fn cache(raw: &str) -> [u64; 5] {
    let usage = TokenUsage::parse(raw, ReasoningTokens::InCompletion).unwrap();
    [usage.prompt, usage.cached, usage.cache_write, usage.cache_write_1h, usage.searches]
}

#[test]
fn what_is_written_to_a_cache_and_searched_is_read_by_every_name() {
    for (raw, expected) in [
        // The gateway's own, as translated replies have it.
        (
            r#"{"prompt_tokens":90,"prompt_tokens_details":{"cached_tokens":20,"cache_write_tokens":50,"cache_write_1h_tokens":30},"web_search_requests":2}"#,
            [90, 20, 50, 30, 2],
        ),
        // OpenRouter's.
        (
            r#"{"prompt_tokens":194,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":100,"audio_tokens":0},"server_tool_use":{"web_search_requests":3},"cost":0.95}"#,
            [194, 0, 100, 0, 3],
        ),
        (
            r#"{"prompt_tokens":194,"cache_creation":{"ephemeral_1h_input_tokens":4,"ephemeral_5m_input_tokens":100}}"#,
            [194, 0, 104, 4, 0],
        ),
        // LiteLLM's.
        (
            r#"{"prompt_tokens":130,"prompt_tokens_details":{"cached_tokens":20,"cache_creation_tokens":10,"cache_creation_token_details":{"ephemeral_5m_input_tokens":7,"ephemeral_1h_input_tokens":3}},"cache_creation_input_tokens":10,"cache_read_input_tokens":20}"#,
            [130, 20, 10, 3, 0],
        ),
        // More than the prompt has.
        (r#"{"prompt_tokens":10,"cached_tokens":4,"cache_creation_input_tokens":99}"#, [10, 4, 6, 0, 0]),
        (r#"{"prompt_tokens":10,"cache_write_1h_tokens":99}"#, [10, 0, 10, 10, 0]),
        // Names that mean something at another place.
        (
            r#"{"prompt_tokens":10,"prompt_tokens_details":{"prompt_tokens":99,"x":{"cached_tokens":9}}}"#,
            [10, 0, 0, 0, 0],
        ),
    ] {
        assert_eq!(cache(raw), expected, "{raw}");
    }
}

#[test]
fn details_in_details_are_read_two_deep() {
    let nested = |depth: usize| {
        let (open, close) = ("{\"cache_creation\":".repeat(depth), "}".repeat(depth));
        cache(&format!(r#"{{"prompt_tokens":9,"cache_creation":{open}{{"cached_tokens":3}}{close}}}"#))
    };
    assert_eq!([nested(1), nested(2), nested(50)].map(|counts| counts[1]), [3, 0, 0]);
}

#[test]
fn sums_saturate() {
    let one = TokenUsage {
        prompt: 1,
        completion: 2,
        total: 3,
        cached: 1,
        cache_write: 1,
        cache_write_1h: 1,
        reasoning: 1,
        searches: 1,
        audio: 1,
    };
    let mut sum = TokenUsage::default();
    sum += one;
    assert_eq!(as_array(sum + one), [2, 4, 6, 2, 2]);
    let most = TokenUsage {
        prompt: u64::MAX,
        completion: u64::MAX,
        total: u64::MAX,
        cached: u64::MAX,
        cache_write: u64::MAX,
        cache_write_1h: u64::MAX,
        reasoning: u64::MAX,
        searches: u64::MAX,
        audio: u64::MAX,
    };
    assert_eq!(most + one, most);
}
