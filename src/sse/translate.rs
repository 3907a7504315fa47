//! What stands between a provider whose streams are not OpenAI's and everything that reads streams here: gate, scan and
//! rewriter see translated bytes only. Which provider needs what is `dialect`'s to say.

use std::fmt::Debug;

use super::decoder::EventTooLarge;

/// Makes a provider's stream one of OpenAI's.
///
/// What is appended are whole events, each with its blank line. A translator never invents an end: a finish reason and
/// `[DONE]` are only written where the provider said so, and what it says of an error becomes `data: {"error": ...}`. It
/// holds the unfinished event and a little state, never the answer.
pub trait Translate: Debug {
    /// Takes the provider's next bytes, split anywhere, and appends the events that they make.
    ///
    /// # Errors
    /// When an event is larger than [`MAX_EVENT_BYTES`](super::decoder::MAX_EVENT_BYTES). Nothing is translated any more.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), EventTooLarge>;

    /// Takes the end of the body: appends what an unfinished last event says, if it is a whole one but for its blank line.
    /// Asked again, it appends nothing.
    fn end(&mut self, out: &mut Vec<u8>);
}

/// A stream's translator, where it needs one.
pub type Translator = Option<Box<dyn Translate>>;
