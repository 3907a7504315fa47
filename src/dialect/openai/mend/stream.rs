//! A stream on its way: events that need no change go on as they came.

use super::choice::Choices;
use super::look::{Content, Look};
use super::native::{Native, Untold};
use super::{Mends, rewrite};
use crate::catalog::provider::Mend;
use crate::json::ObjectWriter;
use crate::sse::chunk::peek;
use crate::sse::decoder::{Decoder, Event, EventTooLarge};
use crate::sse::encode::push_data;
use crate::sse::translate::Translate;

/// Mends one stream.
#[derive(Debug)]
pub struct Mender {
    decoder: Decoder,
    answer: Answer,
    ended: bool,
}

/// What is known of the answer.
#[derive(Debug)]
struct Answer {
    mends: Mends,
    /// It may come in a form of the provider's own.
    native: Option<Native>,
    /// How many choices it has.
    expected: usize,
    choices: Choices,
}

impl Mender {
    /// At the start of a stream of so many `choices`; `untold` is for those that come in another form.
    pub fn new(mends: Mends, choices: u32, untold: Untold<'_>) -> Self {
        let expected = usize::try_from(choices).unwrap_or(usize::MAX);
        let native = mends.has(Mend::NativeForm).then(|| Native::new(untold));
        Self {
            decoder: Decoder::default(),
            answer: Answer { mends, native, expected, choices: Choices::default() },
            ended: false,
        }
    }
}

impl Translate for Mender {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), EventTooLarge> {
        let answer = &mut self.answer;
        self.decoder.push(bytes, &mut |event| answer.event(&event, out))
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let answer = &mut self.answer;
        let read = self.decoder.tail(|event| {
            let whole = event.data.is_some_and(|data| data.is_ok_and(|data| peek(data).is_ok()));
            if whole {
                answer.event(&event, out);
            }
            whole
        });
        if read == Some(false) {
            // Torn, or a comment: what it means is seen by those behind this one.
            out.extend_from_slice(self.decoder.pending());
        }
    }
}

impl Answer {
    /// Appends one event as it should be.
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let data = event.data.and_then(Result::ok).filter(|_| event.event != Some("error"));
        if let (Some(native), Some(data)) = (&mut self.native, data) {
            if let Some(chunk) = native.chunk(data) {
                return self.chunk(&chunk, out);
            }
            if data.trim_ascii() == "[DONE]"
                && let Some((last, usage)) = native.done()
            {
                self.chunk(&last, out);
                if let Some(usage) = usage {
                    push_data(&usage, out);
                }
            }
        }
        match event.data {
            // Without a finish reason before it: what is held is the answer's, whatever it looks like.
            Some(Ok(data)) if self.choices.hold() && data.trim_ascii() == "[DONE]" => self.release(out),
            // Servers that name their events tell an error by the name alone.
            Some(Ok(data)) if event.event != Some("error") && self.look().finds(data.as_bytes()) => {
                // What cannot be read is no chunk, which those behind this one say.
                if let Ok(Some(mended)) = rewrite(data, self.mends, &mut self.choices, true) {
                    push_data(&mended, out);
                    return;
                }
            }
            _ => {}
        }
        out.extend_from_slice(event.raw);
    }

    /// Appends a chunk that was made here as it should be.
    fn chunk(&mut self, chunk: &str, out: &mut Vec<u8>) {
        let mended = rewrite(chunk, self.mends, &mut self.choices, true).ok().flatten();
        push_data(mended.as_deref().unwrap_or(chunk), out);
    }

    fn look(&self) -> Look {
        let (mends, choices, expected) = (self.mends, &self.choices, self.expected);
        let tags = mends.tags() && !choices.are_settled(expected);
        Look {
            mends,
            content: if tags { Content::Any } else { Content::Settled },
            called: mends.has(Mend::ToolCalls) && choices.have_called(),
            role: mends.has(Mend::Roles) && !choices.have_begun(expected),
        }
    }

    fn release(&mut self, out: &mut Vec<u8>) {
        let mut chunk = String::new();
        let mut object = ObjectWriter::new(&mut chunk);
        object.string("object", "chat.completion.chunk");
        let choices = object.key("choices");
        choices.push('[');
        self.choices.release(choices);
        choices.push(']');
        object.end();
        push_data(&chunk, out);
    }
}
