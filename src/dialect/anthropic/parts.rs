//! Parts of a message's content as Anthropic's content blocks. Sources: platform.claude.com/docs/en/api/messages,
//! /docs/en/build-with-claude/vision and /pdf-support.

use super::marks::Marks;
use crate::json::{Kind, ObjectWriter, ReadError, Reader, Str};

/// One part as it is read. What has megabytes (an image) is read once and stays where it is.
#[derive(Debug, Default)]
struct Part<'a> {
    kind: Option<Str<'a>>,
    text: Option<Str<'a>>,
    url: Option<Str<'a>>,
    name: Option<Str<'a>>,
    mark: Option<&'a str>,
}

/// Appends the block for the part that comes next in `reader`, which reads `source`, and a comma before it if there is one
/// before. Nothing is appended for a blank text, which is an error there.
///
/// A part that there is no block for stays as it is, for the provider to refuse: an answer to less than was asked would be
/// untrue. Blocks in Anthropic's own form pass the same way.
pub(super) fn push_part<'a>(
    out: &mut String,
    reader: &mut Reader<'a>,
    source: &'a str,
    marks: &mut Marks,
) -> Result<(), ReadError> {
    reader.peek()?;
    let start = reader.offset();
    let mut part = Part::default();
    reader.object::<ReadError>(|reader, key| {
        let kind = reader.peek()?;
        match (key.raw(), kind) {
            ("type", Kind::String) => part.kind = Some(reader.string()?),
            ("text" | "refusal", Kind::String) => part.text = Some(reader.string()?),
            ("image_url", Kind::String) => part.url = Some(reader.string()?),
            ("image_url" | "file", Kind::Object) => {
                reader.object::<ReadError>(|reader, key| {
                    let kind = reader.peek()?;
                    match (key.raw(), kind) {
                        ("url" | "file_data", Kind::String) => part.url = Some(reader.string()?),
                        ("filename", Kind::String) => part.name = Some(reader.string()?),
                        _ => drop(reader.skip()?),
                    }
                    Ok(())
                })?;
            }
            ("cache_control", Kind::Object) => part.mark = Some(reader.skip()?),
            _ => drop(reader.skip()?),
        }
        Ok(())
    })?;
    let kind = part.kind.map(Str::raw).unwrap_or_default();
    match (kind, part.text, part.url) {
        ("text" | "refusal", Some(text), _) => push_text(out, text, part.mark, marks),
        ("image_url", _, Some(url)) => {
            comma(out);
            let mut block = ObjectWriter::new(out);
            block.string("type", "image");
            source_of(&mut block, url, "");
            marks.write(&mut block, part.mark);
            block.end();
        }
        ("file", _, Some(data)) => {
            comma(out);
            let mut block = ObjectWriter::new(out);
            let is_image = head(data).is_some_and(|(media_type, _)| media_type.starts_with("image/"));
            block.string("type", if is_image { "image" } else { "document" });
            source_of(&mut block, data, PDF);
            if let Some(name) = part.name.filter(|name| !is_image && !name.is_empty()) {
                block.raw("title", name.quoted());
            }
            marks.write(&mut block, part.mark);
            block.end();
        }
        _ => {
            comma(out);
            out.push_str(source.get(start..reader.offset()).unwrap_or_default());
        }
    }
    Ok(())
}

/// Appends a text block, if the text is not blank.
pub(super) fn push_text(out: &mut String, text: Str<'_>, mark: Option<&str>, marks: &mut Marks) {
    if is_blank(text) {
        return;
    }
    comma(out);
    let mut block = ObjectWriter::new(out);
    block.string("type", "text");
    block.raw("text", text.quoted());
    marks.write(&mut block, mark);
    block.end();
}

/// A comma, unless a list or an object has just been opened.
pub(super) fn comma(out: &mut String) {
    if !out.is_empty() && !out.ends_with(['[', '{', ':', ',']) {
        out.push(',');
    }
}

/// Whether there is nothing but white space in it.
fn is_blank(text: Str<'_>) -> bool {
    let mut bytes = text.raw().bytes();
    while let Some(byte) = bytes.next() {
        let blank = match byte {
            b'\\' => matches!(bytes.next(), Some(b'n' | b'r' | b't')),
            byte => byte == b' ',
        };
        if !blank {
            return false;
        }
    }
    true
}

/// The media type of a file whose data are given without one: OpenAI takes no other.
const PDF: &str = "application/pdf";

/// Writes `source`: an address, or the data of a data URI. `bare` is the media type of data without a head; without it they
/// are taken for an address.
fn source_of(block: &mut ObjectWriter<'_>, url: Str<'_>, bare: &str) {
    let raw = url.raw();
    let is_remote = raw.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"));
    let data = head(url).or_else(|| (!is_remote && !bare.is_empty()).then(|| (bare.to_owned(), raw)));
    let mut source = ObjectWriter::new(block.key("source"));
    match data {
        Some((media_type, data)) => {
            source.string("type", "base64");
            source.string("media_type", &media_type);
            // Megabytes of them, and nothing in them that would have to be escaped anew.
            let out = source.key("data");
            out.push('"');
            out.push_str(data);
            out.push('"');
        }
        None => {
            source.string("type", "url");
            source.raw("url", url.quoted());
        }
    }
    source.end();
}

/// The media type and the data of a base64 data URI, the data as they are written.
fn head(url: Str<'_>) -> Option<(String, &str)> {
    let (head, data) = url.raw().split_once(',')?;
    // Some encoders write a slash with a backslash.
    let head = head.replace("\\/", "/").to_ascii_lowercase();
    let media_type = head.strip_prefix("data:")?.strip_suffix(";base64")?;
    let media_type = media_type.split(';').next().unwrap_or_default();
    Some((if media_type == "image/jpg" { "image/jpeg" } else { media_type }.to_owned(), data))
}
