//! Tool calls: each piece of a stream gets the index of its call, each call an id and a type, and arguments are text.

use crate::hash::{fnv_1a, fnv_1a_of};
use crate::json::{Kind, ObjectWriter, ReadError, Reader, Str, push_number, push_string, rewrite_objects};

/// The most calls of one choice that are told apart: OpenAI takes 128 tools. Pieces of any more belong to the last one.
const MAX_CALLS: usize = 128;

/// The calls of one choice so far, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    known: Vec<Known>,
}

/// What a call is known by.
#[derive(Clone, Debug)]
struct Known {
    /// The provider's own index.
    index: Option<usize>,
    id: String,
}

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'p> {
    /// In a chunk of a stream, so it may be a piece.
    pub(super) pieces: bool,
    /// The completion's id, as JSON.
    pub(super) completion: &'p str,
    /// The choice's index.
    pub(super) choice: usize,
}

/// The members of one call.
#[derive(Default)]
struct Call<'a> {
    members: Vec<(Str<'a>, &'a str)>,
    index: Option<usize>,
    id: Option<Str<'a>>,
    kind: bool,
    name: Option<Str<'a>>,
}

impl Calls {
    /// Whether any call has begun.
    pub(super) fn any(&self) -> bool {
        !self.known.is_empty()
    }

    /// Writes `array` with what is missing in it, and says whether anything was.
    pub(super) fn write(&mut self, array: &str, place: Place<'_>, out: &mut String) -> Result<bool, ReadError> {
        let mut changed = false;
        rewrite_objects(&mut Reader::new(array), out, &mut |reader, _, out| {
            let call = Call::read(reader)?;
            let id = call.id.filter(|id| !id.is_empty());
            let known = self.known.len();
            let index = self.index_of(&call, id, place.pieces);
            let begins = index >= known;
            changed |= place.pieces && call.index != Some(index) || begins && (id.is_none() || !call.kind);
            let mut object = ObjectWriter::new(out);
            if place.pieces {
                object.number("index", index as u64);
            }
            if begins && id.is_none() {
                make_id(place, index, object.key("id"));
            }
            if begins && !call.kind {
                object.string("type", "function");
            }
            for (key, value) in call.members {
                if key.is("function") && value.starts_with('{') {
                    changed |= function(value, object.key("function"))?;
                } else if !(key.is("index") || key.is("id") && id.is_none()) {
                    object.verbatim(key.quoted(), value);
                }
            }
            object.end();
            Ok(())
        })?;
        Ok(changed)
    }

    /// Which call this is; one that is not known yet becomes known. A name begins a call: Gemini numbers none, and older
    /// versions of it all with 0. A number with nothing else goes on with the call of that number.
    fn index_of(&mut self, call: &Call<'_>, id: Option<Str<'_>>, pieces: bool) -> usize {
        let id = id.map(Str::raw).unwrap_or_default();
        let named = call.name.is_some_and(|name| !name.is_empty());
        let same_id = self.known.iter().position(|known| !id.is_empty() && known.id == id);
        let same_index = self.known.iter().rposition(|known| call.index.is_some() && known.index == call.index);
        let found = match (same_id, same_index) {
            _ if !pieces => None,
            (Some(at), _) => Some(at),
            // The same call as before with another id, or none.
            (None, Some(at)) if !named || id.is_empty() => Some(at),
            (None, None) if !named && call.index.is_none() => self.known.len().checked_sub(1),
            (None, _) => None,
        };
        if let Some(at) = found {
            return at;
        }
        if self.known.len() >= MAX_CALLS && pieces {
            return MAX_CALLS - 1;
        }
        self.known.push(Known { index: call.index, id: id.to_owned() });
        self.known.len() - 1
    }
}

impl<'a> Call<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, ReadError> {
        let mut call = Self::default();
        reader.object::<ReadError>(|reader, key| {
            let kind = reader.peek()?;
            let value = reader.skip()?;
            if key.is("index") {
                call.index = value.parse().ok();
            } else if key.is("id") && kind == Kind::String {
                call.id = Some(Reader::new(value).string()?);
            } else if key.is("type") {
                call.kind = kind == Kind::String;
                if !call.kind {
                    return Ok(());
                }
            } else if key.is("function") && kind == Kind::Object {
                Reader::new(value).object::<ReadError>(|reader, key| {
                    if key.is("name") && reader.peek()? == Kind::String {
                        call.name = Some(reader.string()?);
                    } else {
                        reader.skip()?;
                    }
                    Ok(())
                })?;
            }
            call.members.push((key, value));
            Ok(())
        })?;
        Ok(call)
    }
}

/// A function whose arguments are text: some servers send the object itself. Says whether they did.
fn function(raw: &str, out: &mut String) -> Result<bool, ReadError> {
    let mut changed = false;
    let mut function = ObjectWriter::new(out);
    Reader::new(raw).object::<ReadError>(|reader, key| {
        let kind = reader.peek()?;
        let value = reader.skip()?;
        if key.is("arguments") && kind == Kind::Object {
            push_string(function.key("arguments"), value);
            changed = true;
        } else {
            function.verbatim(key.quoted(), value);
        }
        Ok(())
    })?;
    function.end();
    Ok(changed)
}

/// An id for a call that has none, as a JSON string: the same each time it is made, and another in each completion, since the
/// client sends the calls of several back.
fn make_id(place: Place<'_>, index: usize, out: &mut String) {
    let of = [place.choice as u64, index as u64];
    let hash = of.into_iter().fold(fnv_1a(place.completion), fnv_1a_of);
    out.push_str("\"call_");
    push_number(out, hash);
    out.push('"');
}
