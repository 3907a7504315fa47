//! OpenAI's annotations, which tell the sources of an answer.

use crate::json::{ObjectWriter, push_number};

/// Appends a citation of a page, and a comma before it if it is not the first. `url`, `title` and `cited`, what is cited of
/// it, are JSON strings; `from` and `to` are the place of the text in the answer, in characters, both 0 where it is not known.
pub fn push_url_citation(
    out: &mut String,
    (from, to): (u64, u64),
    url: &str,
    title: Option<&str>,
    cited: Option<&str>,
) {
    if !out.is_empty() {
        out.push(',');
    }
    let mut annotation = ObjectWriter::new(out);
    annotation.string("type", "url_citation");
    let mut place = ObjectWriter::new(annotation.key("url_citation"));
    push_number(place.key("start_index"), from);
    push_number(place.key("end_index"), to);
    place.raw("url", url);
    place.raw("title", title.unwrap_or("\"\""));
    if let Some(cited) = cited {
        place.raw("content", cited);
    }
    place.end();
    annotation.end();
}
