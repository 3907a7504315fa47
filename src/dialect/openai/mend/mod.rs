//! Replies and streams of providers that speak OpenAI's format but for differences that their rows name ([`Mend`]), brought
//! to OpenAI's form: reasoning text is `reasoning`, content is a string, calls and finish reasons are as OpenAI's. What
//! needs no change stays byte for byte; usage, pictures, audio and annotations are nobody's business here.
//!
//! **Gemini** stays on its OpenAI-compatible endpoint: it keeps what a conversation needs. Signatures of thoughts come in
//! `tool_calls[].extra_content.google.thought_signature` (and on a message or delta beside its text), go to the client as they
//! are, and are taken back in the same place (ai.google.dev, thought signatures, "OpenAI compatibility"; seen live in
//! noho/dayu-agent#45 and earendil-works/pi#3234). Thoughts themselves come in `<thought>` tags with
//! `extra_content.google.thought`. What it lacks, a search tool and cache handles, does not pay for a dialect of its own.

mod calls;
mod choice;
mod look;
mod native;
mod parts;
mod sources;
mod stream;
mod tags;

use crate::catalog::model::{Capabilities, ModelSpec};
use crate::catalog::provider::{Mend, ProviderSpec};
use crate::json::{ObjectWriter, ReadError, Reader, Str, rewrite_objects};
use crate::openai::request::ChatRequest;

use calls::Place;
use choice::Choices;
use look::{Content, Look};
pub use native::{Untold, native_reply};
pub use stream::Mender;

/// A set of mends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mends(u16);

impl Mends {
    /// What the answer of `model` at `provider` to `request` needs: not what is about reasoning where the model is known not
    /// to reason, and not what is about tools where there are none.
    ///
    /// A row that says nothing of a model, as those of own servers do, has [`Capabilities::UNKNOWN`]: it may reason.
    pub fn of(provider: &ProviderSpec, model: &ModelSpec, request: &ChatRequest<'_>) -> Self {
        let reasons = model.capabilities.reasoning || model.capabilities == Capabilities::UNKNOWN;
        provider
            .mends
            .iter()
            .chain(model.mends.iter())
            .filter(|mend| match mend {
                Mend::ReasoningContent | Mend::ContentParts | Mend::ThinkTags | Mend::ThoughtTags => reasons,
                Mend::ToolCalls => request.tools > 0,
                // Who searches by itself takes no tools.
                Mend::SearchResults => {
                    let can = model.capabilities;
                    can.web_search && (request.web_search.is_some() || !can.tools)
                }
                Mend::FinishReasons | Mend::Roles | Mend::NativeForm => true,
            })
            .copied()
            .collect()
    }

    /// Nothing is to be mended.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `mend` is among them.
    pub const fn has(self, mend: Mend) -> bool {
        self.0 & (1 << mend as u8) != 0
    }

    const fn tags(self) -> bool {
        self.has(Mend::ThinkTags) || self.has(Mend::ThoughtTags)
    }
}

impl FromIterator<Mend> for Mends {
    fn from_iter<I: IntoIterator<Item = Mend>>(mends: I) -> Self {
        Self(mends.into_iter().fold(0, |set, mend| set | 1 << mend as u8))
    }
}

/// A whole reply in OpenAI's form; `None` where it has it already, and for what cannot be read.
pub fn mend_reply(body: &str, mends: Mends) -> Option<String> {
    let content = if mends.tags() { Content::Whole } else { Content::Settled };
    // Calls are found by themselves.
    let look = Look { mends, content, called: false, role: mends.has(Mend::Roles) };
    if mends.is_empty() || !look.finds(body.as_bytes()) {
        return None;
    }
    rewrite(body, mends, &mut Choices::default(), false).ok().flatten()
}

/// A reply, or a chunk of a stream (`pieces`), in OpenAI's form; `None` where it has it already.
fn rewrite(json: &str, mends: Mends, choices: &mut Choices, pieces: bool) -> Result<Option<String>, ReadError> {
    let mut members: Vec<(Str<'_>, &str)> = Vec::new();
    let mut reader = Reader::new(json);
    reader.object::<ReadError>(|reader, key| {
        members.push((key, reader.skip()?));
        Ok(())
    })?;
    reader.end()?;
    let completion = members.iter().find(|(key, _)| key.is("id")).map(|(_, id)| *id).unwrap_or_default();
    let mut out = String::with_capacity(json.len() + 64);
    let mut object = ObjectWriter::new(&mut out);
    let mut changed = false;
    for (key, value) in members {
        if !key.is("choices") || !value.starts_with('[') {
            object.verbatim(key.quoted(), value);
            continue;
        }
        let out = object.key("choices");
        rewrite_objects(&mut Reader::new(value), out, &mut |reader, choice, out| {
            changed |= choices.write(reader.skip()?, mends, Place { pieces, completion, choice }, out)?;
            Ok(())
        })?;
    }
    object.end();
    Ok(changed.then_some(out))
}
