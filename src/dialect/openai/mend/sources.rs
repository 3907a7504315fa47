//! What Groq's models found in the web: `executed_tools[].search_results.results[]`, each `{"title","url","content","score"}`, in a
//! message or a delta (console.groq.com/docs/web-search, -/browser-search; groq-python, `ExecutedTool`). Where in the answer
//! they are cited it does not say.

use crate::dialect::annotation::push_url_citation;
use crate::json::{Kind, ReadError, Reader, pick};

/// Appends an annotation for each page that `executed_tools` found, without brackets.
pub(super) fn read(executed_tools: &str, out: &mut String) -> Result<(), ReadError> {
    each(executed_tools, &mut |tool| {
        let [found] = pick(tool, ["search_results"])?;
        let [results] = pick(found.filter(|found| found.starts_with('{')).unwrap_or("{}"), ["results"])?;
        each(results.filter(|results| results.starts_with('[')).unwrap_or("[]"), &mut |result| {
            let [url, title] = pick(result, ["url", "title"])?;
            if let Some(url) = url.filter(|url| url.len() > 2 && url.starts_with('"')) {
                push_url_citation(out, (0, 0), url, title.filter(|title| title.starts_with('"')), None);
            }
            Ok(())
        })
    })
}

/// Each object of an array.
fn each(array: &str, take: &mut dyn FnMut(&str) -> Result<(), ReadError>) -> Result<(), ReadError> {
    Reader::new(array).array::<ReadError>(|reader, _| {
        let kind = reader.peek()?;
        let element = reader.skip()?;
        if kind == Kind::Object { take(element) } else { Ok(()) }
    })
}
