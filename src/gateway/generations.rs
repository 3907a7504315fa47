//! `GET /v1/generations/{id}`: what one request cost, and which way it went.

use super::database::{members, unreadable};
use super::trail::Trail;
use crate::accounts::failure::D1Failure;
use crate::accounts::request_id;
use crate::accounts::sql::{GENERATION, GENERATION_FACTS, Param, Statement};
use crate::json::{ObjectWriter, Reader, Str};
use crate::openai::error::{ApiError, ErrorType};
use crate::usage::price::usd;

/// Reads the id in the path.
///
/// # Errors
/// 400 for what is no request id.
pub(super) fn parse(id: &str) -> Result<String, ApiError> {
    request_id::parse(id).ok_or_else(|| {
        let message = "A request id is a UUID, as in the header x-gateway-request-id.";
        ApiError::invalid("invalid_value", message).with_param("request_id")
    })
}

/// Asks for the request.
pub(super) fn statement(id: &str) -> Statement {
    Statement::new(GENERATION, vec![Param::Text(id.to_owned())])
}

/// The 404 for a request that the accounts do not have.
pub(super) fn not_found(id: &str) -> ApiError {
    let message = format!(
        "There is no request {id} in the accounts. Requests come into them some seconds after their answer ended and \
         leave them after the operator's RETENTION_DAYS. What was refused for its form never comes."
    );
    ApiError::new(404, ErrorType::InvalidRequest, "generation_not_found", message)
}

/// The request, as JSON, of its row. Most members stand there as they stand here.
///
/// # Errors
/// When the row does not fit the code.
pub(super) fn generation(row: &str) -> Result<String, D1Failure> {
    let row = members(row)?;
    let [facts @ .., prompt, completion, total, cached, reasoning, cost, source, estimated, trail] = row.as_slice()
    else {
        return Err(unreadable());
    };
    if facts.len() != GENERATION_FACTS.len() {
        return Err(unreadable());
    }
    let mut out = String::with_capacity(1024);
    let mut object = ObjectWriter::new(&mut out);
    object.string("object", "generation");
    for (name, fact) in GENERATION_FACTS.iter().zip(facts) {
        object.raw(name, fact);
    }
    let trail = Reader::new(trail).string().ok().and_then(Str::decode).unwrap_or_default();
    object.raw("routing", &Trail::summary_json(&trail));
    let mut usage = ObjectWriter::new(object.key("usage"));
    for (name, tokens) in [("prompt_tokens", prompt), ("completion_tokens", completion), ("total_tokens", total)] {
        usage.raw(name, tokens);
    }
    for (name, part, tokens) in [
        ("prompt_tokens_details", "cached_tokens", cached),
        ("completion_tokens_details", "reasoning_tokens", reasoning),
    ] {
        let mut details = ObjectWriter::new(usage.key(name));
        details.raw(part, tokens);
        details.end();
    }
    usage.raw("cost_usd_total", &cost.parse().map_or_else(|_| "null".to_owned(), usd));
    usage.raw("cost_source", source);
    usage.raw("estimated", estimated);
    usage.end();
    object.end();
    Ok(out)
}
