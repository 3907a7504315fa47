//! Finish reasons: OpenAI's own five, what others call the same, and those that are none, because they say that the answer
//! broke off.

/// What providers say, and OpenAI's word for it. Compared without regard to case. OpenAI's own come first.
///
/// Sources: OpenAI's API reference; docs.anthropic.com (stop reasons); ai.google.dev (`FinishReason`) and its compatible
/// endpoint, which writes `content_filter: RECITATION`; docs.mistral.ai (`model_length`); docs.x.ai (`end_turn`);
/// docs.together.ai (`eos`).
const KNOWN: [(&str, &str); 28] = [
    ("stop", "stop"),
    ("length", "length"),
    ("tool_calls", "tool_calls"),
    ("content_filter", "content_filter"),
    ("function_call", "function_call"),
    ("eos", "stop"),
    ("eos_token", "stop"),
    ("end_turn", "stop"),
    ("stop_sequence", "stop"),
    ("complete", "stop"),
    ("completed", "stop"),
    ("other", "stop"),
    ("finish_reason_unspecified", "stop"),
    ("max_tokens", "length"),
    ("max_output_tokens", "length"),
    // Anthropic's: the provider's own tools used up their turns in the middle of an answer.
    ("pause_turn", "length"),
    ("model_length", "length"),
    ("model_context_window_exceeded", "length"),
    ("tool_use", "tool_calls"),
    ("tool_call", "tool_calls"),
    ("refusal", "content_filter"),
    ("safety", "content_filter"),
    ("recitation", "content_filter"),
    ("blocklist", "content_filter"),
    ("prohibited_content", "content_filter"),
    ("spii", "content_filter"),
    ("image_safety", "content_filter"),
    ("language", "content_filter"),
];

/// Reasons that tell a failure: OpenRouter's and Mistral's `error`, DeepSeek's `insufficient_system_resource`, vLLM's
/// `abort`, and Gemini's for a call that the model got wrong.
const FAILURES: [&str; 8] = [
    "error",
    "insufficient_system_resource",
    "abort",
    "malformed_function_call",
    "malformed_response",
    "unexpected_tool_call",
    "too_many_tool_calls",
    "function_call_filter",
];

/// The reason without what stands behind a colon: Gemini's `content_filter: RECITATION`.
fn stem(reason: &str) -> &str {
    reason.split_once(':').map_or(reason, |(stem, _)| stem).trim_ascii_end()
}

/// OpenAI's word for `reason`; `None` for a failure and for what nobody here knows.
pub fn to_openai(reason: &str) -> Option<&'static str> {
    let reason = stem(reason);
    KNOWN.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(reason)).map(|(_, ours)| *ours)
}

/// Whether `reason` tells a failure.
pub fn is_failure(reason: &str) -> bool {
    let reason = stem(reason);
    FAILURES.iter().any(|failure| failure.eq_ignore_ascii_case(reason))
}
