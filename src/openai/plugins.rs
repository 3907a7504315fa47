//! The `plugins` of a request: those that the gateway has itself, and others, which are OpenRouter's.

use std::borrow::Cow;

use super::fields::{self, RequestError};
use crate::json::{Kind, Reader};

/// OpenRouter's own, which are sent on (openrouter.ai/docs/guides/features/plugins).
const OPENROUTERS: [&str; 4] = ["file-parser", "moderation", "auto-router", "context-compression"];
const KNOWN: &str = "one of response-healing, web, file-parser, moderation, auto-router, context-compression";

/// What `plugins` holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plugins<'a> {
    /// `response-healing`: the answer is mended and checked against its format.
    pub(super) healing: bool,
    /// `web`: a web search.
    pub(super) web: bool,
    /// All others.
    pub(super) others: Option<Cow<'a, str>>,
}

pub(super) fn read<'a>(param: &str, raw: &'a str) -> Result<Plugins<'a>, Box<RequestError>> {
    fields::array(param, raw)?;
    let mut plugins = Plugins::default();
    let (mut others, mut own) = (Vec::new(), false);
    Reader::new(raw).array::<Box<RequestError>>(|reader, index| {
        let path = |member: &str| format!("{param}[{index}]{member}");
        let kind = reader.peek()?;
        let plugin = reader.skip()?;
        if kind != Kind::Object {
            return Err(RequestError::Type { param: path(""), expected: "an object", found: kind.as_str() }.into());
        }
        let id = fields::member(plugin, "id")?.ok_or_else(|| Box::new(RequestError::Missing { param: path(".id") }))?;
        let enabled = match fields::member(plugin, "enabled")? {
            Some(enabled) => fields::boolean(&path(".enabled"), enabled)?,
            None => true,
        };
        match fields::string(&path(".id"), id)?.as_ref() {
            "response-healing" => (plugins.healing, own) = (plugins.healing || enabled, true),
            "web" => (plugins.web, own) = (plugins.web || enabled, true),
            other if OPENROUTERS.contains(&other) => others.push(plugin),
            // A wish that is not understood must not be taken for granted.
            other => return Err(RequestError::value(path(".id"), KNOWN, other)),
        }
        Ok(())
    })?;
    plugins.others = match (others.is_empty(), own) {
        (true, _) => None,
        (false, false) => Some(Cow::Borrowed(raw)),
        (false, true) => Some(Cow::Owned(format!("[{}]", others.join(",")))),
    };
    Ok(plugins)
}
