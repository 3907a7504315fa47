//! The `tools` and `tool_choice` of a request. A web search among the tools is taken out: each provider has its own form
//! of it.

use std::borrow::Cow;

use super::fields::{self, RequestError};
use super::request::ToolChoice;
use crate::json::{Kind, Reader};

/// What `type` of a tool begins with that is a web search: `web_search`, OpenAI's `web_search_preview`, Anthropic's
/// `web_search_20250305`.
const WEB_SEARCH: &str = "web_search";

/// What `tools` holds.
#[derive(Debug, Default)]
pub(super) struct Tools<'a> {
    /// How many tools there are, the web search not counted.
    pub(super) functions: usize,
    /// The tools to send, without the web search; `None` where there are none.
    pub(super) others: Option<Cow<'a, str>>,
    /// The tool that is a web search.
    pub(super) web_search: Option<&'a str>,
}

pub(super) fn tools(raw: &str) -> Result<Tools<'_>, Box<RequestError>> {
    fields::array("tools", raw)?;
    let mut tools = Tools::default();
    let mut spans = Vec::new();
    Reader::new(raw).array::<Box<RequestError>>(|reader, index| {
        let path = |member: &str| format!("tools[{index}]{member}");
        let kind = reader.peek()?;
        let tool = reader.skip()?;
        if kind != Kind::Object {
            return Err(RequestError::Type { param: path(""), expected: "an object", found: kind.as_str() }.into());
        }
        let tool_type =
            fields::member(tool, "type")?.ok_or_else(|| Box::new(RequestError::Missing { param: path(".type") }))?;
        let tool_type = fields::string(&path(".type"), tool_type)?;
        if tool_type.starts_with(WEB_SEARCH) {
            tools.web_search = Some(tool);
            return Ok(());
        }
        if tool_type == "function" {
            let missing = |member: &str| RequestError::Missing { param: path(member) };
            let function = fields::member(tool, "function")?.ok_or_else(|| missing(".function"))?;
            fields::object(&path(".function"), function)?;
            let name = fields::member(function, "name")?.ok_or_else(|| missing(".function.name"))?;
            fields::string(&path(".function.name"), name)?;
        }
        spans.push(tool);
        Ok(())
    })?;
    tools.functions = spans.len();
    tools.others = match (spans.is_empty(), tools.web_search) {
        (true, _) => None,
        (false, None) => Some(Cow::Borrowed(raw)),
        (false, Some(_)) => Some(Cow::Owned(format!("[{}]", spans.join(",")))),
    };
    Ok(tools)
}

/// What `tool_choice` means; `None` where it names the web search, which is no function.
pub(super) fn tool_choice(raw: &str) -> Result<Option<ToolChoice>, Box<RequestError>> {
    let allowed = "none, auto, required or an object naming a function";
    if raw.starts_with('{') {
        if let Some(kind) = fields::member(raw, "type")?
            && fields::string("tool_choice.type", kind)?.starts_with(WEB_SEARCH)
        {
            return Ok(None);
        }
        // `{"type":"allowed_tools","allowed_tools":{"mode":"auto"}}` narrows the tools down and leaves the choice.
        let mode = fields::member(raw, "allowed_tools")?.filter(|allowed| allowed.starts_with('{'));
        let mode = mode.map(|allowed| fields::member(allowed, "mode")).transpose()?.flatten();
        return Ok(Some(if mode == Some("\"auto\"") { ToolChoice::Auto } else { ToolChoice::Forced }));
    }
    if !raw.starts_with('"') {
        return Err(RequestError::value("tool_choice", allowed, raw));
    }
    match fields::string("tool_choice", raw)?.as_ref() {
        "auto" => Ok(Some(ToolChoice::Auto)),
        "none" => Ok(Some(ToolChoice::None)),
        "required" => Ok(Some(ToolChoice::Forced)),
        other => Err(RequestError::value("tool_choice", allowed, other)),
    }
}
