//! How large a prompt is, roughly. There is no tokenizer here: it would cost more CPU than the whole request.
//!
//! The estimate leans to the low side on purpose: it only keeps requests away from models that certainly cannot hold
//! them. What it lets through wrongly comes back as `context_length` and moves on to a larger window.

use crate::catalog::model::ModelSpec;
use crate::openai::request::ChatRequest;
use crate::usage::tokens::TokenUsage;

/// Bytes of text per token: English prose has 4 to 4.5, code about 3.3, so this is the low side of the token count.
const BYTES_PER_TOKEN: u64 = 4;
/// Tokens that a message costs beside its text (role and separators), as OpenAI's cookbook counts them.
const TOKENS_PER_MESSAGE: u64 = 3;
/// Tokens of one image: OpenAI's figure for a low-detail one, the smallest that any provider counts.
const TOKENS_PER_IMAGE: u64 = 85;

/// Tokens in `bytes` bytes of text.
pub const fn of_text(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// What an answer used: the tokens that the provider told, else an estimate; true where anything is estimated.
///
/// A provider that tells no completion tokens for an answer that has text has not told them: 0 would be a wrong price.
pub fn settle(told: Option<TokenUsage>, text_bytes: u64, prompt_estimate: u64) -> (TokenUsage, bool) {
    let told = told.unwrap_or_default();
    if told.completion > 0 || (told.prompt > 0 && text_bytes == 0) {
        return (told, false);
    }
    let prompt = if told.prompt > 0 { told.prompt } else { prompt_estimate };
    let completion = of_text(text_bytes);
    (TokenUsage { prompt, completion, total: prompt.saturating_add(completion), ..told }, true)
}

/// Tokens of the whole prompt: text, images and tools.
pub fn of_prompt(request: &ChatRequest<'_>) -> u64 {
    let messages = &request.messages;
    of_text(messages.text_bytes as u64)
        + of_text(request.tool_bytes as u64)
        + messages.count as u64 * TOKENS_PER_MESSAGE
        + messages.images as u64 * TOKENS_PER_IMAGE
}

/// Tokens of prompt and answer together. An output limit above what the model can write is clamped on the way to it, so it
/// does not count in full; below that it does, since providers set the whole limit aside when they let a request in (OpenAI
/// and Groq count `max_tokens` against the tokens per minute). Without a limit the answer is not counted: nobody knows.
pub fn of_request(prompt: u64, output_limit: u64, model: &ModelSpec) -> u64 {
    prompt.saturating_add(output_limit.min(model.max_output.map_or(u64::MAX, u64::from)))
}
