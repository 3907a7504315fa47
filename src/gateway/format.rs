//! Answers that must be JSON and that somebody has to look at: asked for in one piece, mended, held to their schema, and
//! told as a stream where the client wants one.

use std::borrow::Cow;

use super::ask::Asker;
use super::ports::Ports;
use crate::dialect::classify::Failure;
use crate::dialect::openai::reply::Completion;
use crate::openai::error::ApiError;
use crate::openai::request::{ChatRequest, ResponseFormat};
use crate::routing::failure::ErrorClass;
use crate::routing::plan::Candidate;
use crate::structured::ask::{FormatBy, adapted};
use crate::structured::replay::{Tail, events};
use crate::structured::reply::{Rule, healed_choices};
use crate::structured::schema::{MAX_SCHEMA_BYTES, Schema, Unusable};

/// What a failure is about whose answer was not in the format that was asked for.
pub(super) const PARAM: &str = "response_format";

/// The schema that answers are held to, if any of them are. Where nothing can be held to it, those who are asked by other
/// means than their own are left out of `candidates`.
///
/// # Errors
/// A 400 if that leaves nobody, or where the client wants answers held to it.
pub(super) fn schema(
    request: &ChatRequest<'_>,
    candidates: &mut Vec<Candidate<'_>>,
) -> Result<Option<Schema>, ApiError> {
    let is_emulated = |candidate: &Candidate<'_>| candidate.format.is_emulated();
    let healed = request.healing || candidates.iter().any(is_emulated);
    let Some(raw) = request.schema.as_deref().filter(|_| healed) else { return Ok(None) };
    let parsed = Schema::parse(raw);
    if parsed.is_err() && !request.healing && !candidates.iter().all(is_emulated) {
        candidates.retain(|candidate| !is_emulated(candidate));
        return Ok(None);
    }
    parsed.map(Some).map_err(|unusable| {
        let message = match unusable {
            Unusable::TooLarge => format!(
                "`response_format.json_schema.schema` is too large for answers to be held to it: {MAX_SCHEMA_BYTES} bytes at most."
            ),
            Unusable::NotASchema => "`response_format.json_schema.schema` must be a JSON Schema: an object.".to_owned(),
            Unusable::Reference(name) => {
                let name: String = name.chars().take(100).collect();
                format!("`response_format.json_schema.schema` refers to {name}, which is not in it.")
            }
        };
        ApiError::invalid("invalid_value", message).with_param("response_format.json_schema.schema")
    })
}

/// Whether a failure says that the answer was not in the format that was asked for. That may be the request's doing: a
/// schema that nothing fulfils must not bench a provider for others.
pub(super) fn is_misformatted(failure: &Failure) -> bool {
    failure.class == ErrorClass::ModelMisbehaved && failure.param.as_deref() == Some(PARAM)
}

impl<P: Ports> Asker<'_, P> {
    /// Whether the candidate's answer is mended and held to its format.
    fn heals(&self, candidate: &Candidate<'_>) -> bool {
        let request = self.request;
        request.response_format != ResponseFormat::Text && (request.healing || candidate.format.is_emulated())
    }

    /// Whether the candidate is asked for a stream.
    pub(super) fn streams(&self, candidate: &Candidate<'_>) -> bool {
        self.request.stream && !self.heals(candidate)
    }

    /// The body of the request as this candidate is asked, where that is not the client's own.
    pub(super) fn adapted(&self, candidate: &Candidate<'_>) -> Option<String> {
        let own = candidate.format == FormatBy::Itself && self.streams(candidate) == self.request.stream;
        let body = str::from_utf8(&self.incoming.body).ok().filter(|_| !own)?;
        // It was read before, so it can be read again.
        adapted(body, candidate.format, self.request.schema.as_deref()).ok()
    }

    /// The choices of the candidate's reply as the client gets them.
    ///
    /// # Errors
    /// A [`Failure`] that [`is_misformatted`].
    pub(super) fn healed<'b>(
        &self,
        candidate: &Candidate<'_>,
        completion: &Completion<'b>,
        status: u16,
    ) -> Result<Cow<'b, str>, Failure> {
        if !self.heals(candidate) {
            return Ok(Cow::Borrowed(completion.choices()));
        }
        let rule = self.schema.map_or(Rule::Object, Rule::Schema);
        let healed = healed_choices(completion.choices(), rule, candidate.format);
        healed.map(Cow::Owned).map_err(|unusable| Failure {
            param: Some(PARAM.to_owned()),
            ..Failure::told(ErrorClass::ModelMisbehaved, Some(status), &unusable.to_string())
        })
    }

    /// The events of a reply for a client that asked for a stream. `told` is the provider's own usage, `usage` the
    /// gateway's.
    pub(super) fn replayed(&self, reply: &str, told: Option<&str>, usage: &str, metadata: &str) -> Vec<u8> {
        let request = self.request;
        let tail = if request.usage_details {
            Some(Tail { usage, metadata: Some(metadata) })
        } else {
            request.include_usage.then(|| Tail { usage: told.unwrap_or(usage), metadata: None })
        };
        // The gateway wrote it itself, so it can be read.
        events(reply, tail).unwrap_or_default()
    }
}
