//! How a second stream goes on with the answer of a first one that was cut: what of its chunks a client gets, so that the
//! client sees one answer.

use super::chunk::ChunkPeek;
use super::transcript::Transcript;
use crate::json::{Kind, ObjectWriter, ReadError, Reader, Str, rewrite_objects};

/// A model that was given the beginning of its answer and writes this many bytes of that beginning again has begun
/// anew. Fewer may be chance: an answer may repeat itself, as do the lines of a table. So nobody should be asked to go on
/// with less text than this.
pub const BEGUN_ANEW_BYTES: usize = 64;

/// How the second candidate was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To go on with the text so far, of [`BEGUN_ANEW_BYTES`] at least, but for ASCII white space at its end. Where that comes
    /// again it is left out.
    ToContinue,
    /// From the start: what equals the text so far is left out.
    Again,
}

/// Joins a second stream to what the client has.
#[derive(Clone, Debug)]
pub struct Splice {
    so_far: Transcript,
    stage: Stage,
    /// So many bytes of white space at the end of the text so far may come again.
    space: usize,
}

#[derive(Clone, Debug)]
enum Stage {
    /// It repeats the text so far, of which so many bytes have come.
    Repeats { bytes: usize },
    /// What came may be new, or the text so far once more: it equals so many bytes of that, and is held.
    Unclear { bytes: usize },
    /// What comes is new.
    Goes,
    /// It writes another answer: nothing of it can be used.
    Diverged,
}

impl Splice {
    /// A second stream that was asked for like this goes on behind `so_far`.
    pub fn new(so_far: Transcript, asked: Asked) -> Self {
        let stage = match asked {
            Asked::Again if so_far.text.is_empty() => Stage::Goes,
            Asked::Again => Stage::Repeats { bytes: 0 },
            Asked::ToContinue => Stage::Unclear { bytes: 0 },
        };
        let text = &so_far.text;
        let space = if asked == Asked::ToContinue { text.len() - text.trim_ascii_end().len() } else { 0 };
        Self { so_far, stage, space }
    }

    /// Whether it writes another answer than the client has the beginning of.
    pub const fn has_diverged(&self) -> bool {
        matches!(self.stage, Stage::Diverged)
    }

    /// All that the client has, if somebody else can go on with it.
    pub fn transcript(&self) -> Option<&Transcript> {
        Some(&self.so_far).filter(|so_far| so_far.is_open())
    }

    /// What of a chunk the client gets: its JSON, or `None` where there is nothing in it for the client.
    pub(super) fn chunk(&mut self, data: &str, chunk: &ChunkPeek<'_>) -> Result<Option<String>, ReadError> {
        let Some(text) = chunk.text.map_or(Some("".into()), Str::decode) else {
            // Half of a character, which can neither be compared nor written.
            self.stage = Stage::Diverged;
            return Ok(None);
        };
        let space = self.repeated_space(&text);
        let mut fresh = self.take(text.get(space..).unwrap_or_default());
        // What is no text ends the doubt: nothing more of the text so far can come.
        if chunk.finish_reason.is_some() || chunk.more_than_text {
            fresh.push_str(&self.settle());
        }
        if self.has_diverged() {
            return Ok(None);
        }
        let catching_up = !matches!(self.stage, Stage::Goes);
        // The client has begun to read the answer: what the second one thought before its own is of no use to it.
        let with_reasoning = self.so_far.text.is_empty();
        let reasoning = with_reasoning && chunk.reasoning && !catching_up;
        let worth = !fresh.is_empty()
            || reasoning
            || chunk.more_than_text
            || chunk.finish_reason.is_some()
            || chunk.usage.is_some();
        if !worth {
            return Ok(None);
        }
        let joined = self.joined(data, &fresh, with_reasoning)?;
        self.so_far.extend(&fresh, chunk.more_than_text);
        Ok(Some(joined))
    }

    /// How many bytes of `text` are the white space that the client has already.
    fn repeated_space(&mut self, text: &str) -> usize {
        let known = self.so_far.text.as_bytes();
        let space = known.get(known.len().saturating_sub(self.space)..).unwrap_or_default();
        let same = space.iter().zip(text.as_bytes()).take_while(|(one, other)| one == other).count();
        self.space = if same == text.len() { self.space - same } else { 0 };
        same
    }

    /// The new part of the next text.
    fn take(&mut self, text: &str) -> String {
        let known = self.so_far.text.as_str();
        let (bytes, may_be_new) = match &mut self.stage {
            Stage::Goes => return text.to_owned(),
            Stage::Diverged => return String::new(),
            Stage::Repeats { bytes } => (bytes, false),
            Stage::Unclear { bytes } => (bytes, true),
        };
        let rest = known.as_bytes().get(*bytes..).unwrap_or_default();
        let same = rest.iter().zip(text.as_bytes()).take_while(|(one, other)| one == other).count();
        if same == rest.len() {
            self.stage = Stage::Goes;
            text.get(same..).unwrap_or_default().to_owned()
        } else if same == text.len() {
            *bytes += same;
            String::new()
        } else if may_be_new && *bytes + same < BEGUN_ANEW_BYTES {
            let fresh = format!("{}{text}", known.get(..*bytes).unwrap_or_default());
            self.stage = Stage::Goes;
            fresh
        } else {
            self.stage = Stage::Diverged;
            String::new()
        }
    }

    /// The second stream writes no more text for now: what is held is released, and one that is behind has diverged.
    fn settle(&mut self) -> String {
        match &mut self.stage {
            Stage::Unclear { bytes } if *bytes < BEGUN_ANEW_BYTES => {
                let fresh = self.so_far.text.get(..*bytes).unwrap_or_default().to_owned();
                self.stage = Stage::Goes;
                fresh
            }
            Stage::Unclear { .. } | Stage::Repeats { .. } => {
                self.stage = Stage::Diverged;
                String::new()
            }
            Stage::Goes | Stage::Diverged => String::new(),
        }
    }

    /// The second stream has ended.
    pub(super) fn end(&mut self) {
        if !matches!(self.stage, Stage::Goes) {
            self.stage = Stage::Diverged;
        }
    }

    /// The chunk as one of the first stream: its id and time, no second role, and `fresh` for its text.
    fn joined(&self, data: &str, fresh: &str, with_reasoning: bool) -> Result<String, ReadError> {
        let mut out = String::with_capacity(data.len() + fresh.len());
        let mut object = ObjectWriter::new(&mut out);
        Reader::new(data).object::<ReadError>(|reader, key| {
            let kind = reader.peek()?;
            let value = reader.skip()?;
            match (&self.so_far.id, &self.so_far.created) {
                (Some(id), _) if key.is("id") => object.verbatim(key.quoted(), id),
                (_, Some(created)) if key.is("created") => object.verbatim(key.quoted(), created),
                _ if key.is("choices") && kind == Kind::Array => {
                    choices(value, fresh, with_reasoning, object.key("choices"))?;
                }
                _ => object.verbatim(key.quoted(), value),
            }
            Ok(())
        })?;
        object.end();
        Ok(out)
    }
}

fn choices(raw: &str, fresh: &str, with_reasoning: bool, out: &mut String) -> Result<(), ReadError> {
    rewrite_objects(&mut Reader::new(raw), out, &mut |reader, _, out| {
        let mut choice = ObjectWriter::new(out);
        let mut said = false;
        reader.object::<ReadError>(|reader, key| {
            let kind = reader.peek()?;
            let value = reader.skip()?;
            if key.is("delta") && kind == Kind::Object {
                said = true;
                delta(value, fresh, with_reasoning, choice.key("delta"))
            } else {
                choice.verbatim(key.quoted(), value);
                Ok(())
            }
        })?;
        if !said && !fresh.is_empty() {
            delta("{}", fresh, with_reasoning, choice.key("delta"))?;
        }
        choice.end();
        Ok(())
    })
}

fn delta(raw: &str, fresh: &str, with_reasoning: bool, out: &mut String) -> Result<(), ReadError> {
    let mut delta = ObjectWriter::new(out);
    if !fresh.is_empty() {
        delta.string("content", fresh);
    }
    Reader::new(raw).object::<ReadError>(|reader, key| {
        let kind = reader.peek()?;
        let value = reader.skip()?;
        let told = key.is("role") || key.is("content") && matches!(kind, Kind::String | Kind::Null);
        let thought = ["reasoning", "reasoning_content", "reasoning_details"].iter().any(|name| key.is(name));
        if !told && (with_reasoning || !thought) {
            delta.verbatim(key.quoted(), value);
        }
        Ok(())
    })?;
    delta.end();
    Ok(())
}
