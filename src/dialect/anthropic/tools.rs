//! Tools, the choice among them, and the web search, in Anthropic's form. Sources:
//! platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools, /strict-tool-use and /web-search-tool.

use super::blocks::{filled, string, word};
use super::marks::Marks;
use super::parts::comma;
use super::schema;
use super::usage::inside;
use crate::catalog::model::{ModelSpec, Thinking};
use crate::json::{Kind, ObjectWriter, ReadError, Reader, Str, pick};
use crate::openai::request::{ChatRequest, ToolChoice, WebSearch};

/// The most tools whose parameters are promised to follow their schema; more are an error. Source: /strict-tool-use.
const MAX_STRICT: usize = 20;
/// The version of the web search that every model has. The newer one filters what it finds by running code.
const WEB_SEARCH: &str = "web_search_20250305";
/// What takes the place of parameters that a tool does not have.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

/// Which tool is to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice<'a> {
    /// The model must, may or must not call one.
    kind: ToolChoice,
    /// The one to call.
    name: Option<Str<'a>>,
    /// The only ones that may be called, where the client narrows them down.
    allowed: Vec<Str<'a>>,
    /// At most one call.
    single: bool,
}

impl<'a> Choice<'a> {
    /// What the request says.
    pub(super) fn of(request: &'a ChatRequest<'_>) -> Self {
        let single = request.get("parallel_tool_calls") == Some("false");
        let mut choice = Self { kind: request.tool_choice, name: None, allowed: Vec::new(), single };
        let [function, allowed] = inside(request.get("tool_choice"), ["function", "allowed_tools"]);
        choice.name = string(inside(function, ["name"])[0]);
        if let Some(tools) = inside(allowed, ["tools"])[0] {
            // What is no list names nothing.
            let _read = Reader::new(tools).array::<ReadError>(|reader, _| {
                let [function] = inside(Some(reader.skip()?), ["function"]);
                choice.allowed.extend(string(inside(function, ["name"])[0]));
                Ok(())
            });
        }
        choice
    }

    /// Whether a tool must be called.
    pub(super) fn is_forced(&self) -> bool {
        self.kind == ToolChoice::Forced
    }

    fn allows(&self, name: Option<&str>) -> bool {
        self.allowed.is_empty()
            || string(name).is_some_and(|name| self.allowed.iter().any(|one| one.raw() == name.raw()))
    }

    /// Writes `tool_choice`, where it is not what is done anyway.
    pub(super) fn write(&self, body: &mut ObjectWriter<'_>, takes_forced: bool) {
        let kind = match self.kind {
            ToolChoice::Auto if !self.single => return,
            ToolChoice::None => "none",
            ToolChoice::Forced if takes_forced && self.name.is_some() => "tool",
            ToolChoice::Forced if takes_forced => "any",
            ToolChoice::Auto | ToolChoice::Forced => "auto",
        };
        let mut choice = ObjectWriter::new(body.key("tool_choice"));
        choice.string("type", kind);
        if let Some(name) = self.name.filter(|_| kind == "tool") {
            choice.raw("name", name.quoted());
        }
        if self.single && self.kind != ToolChoice::None {
            choice.boolean("disable_parallel_tool_use", true);
        }
        choice.end();
    }

    /// What the model is told in words where it cannot be forced.
    pub(super) fn instruction(&self) -> String {
        match self.name.and_then(Str::decode) {
            Some(name) => format!("Answer with a call of the tool `{name}`."),
            None => "Answer with a call of one of the tools.".to_owned(),
        }
    }
}

/// Whether a model can be forced to call a tool.
pub(super) const fn takes_forced(model: &ModelSpec) -> bool {
    match model.thinking {
        Thinking::Bound | Thinking::BoundBetweenTools => false,
        Thinking::None
        | Thinking::Budget
        | Thinking::Either
        | Thinking::Adaptive
        | Thinking::DefaultOn
        | Thinking::Always => true,
    }
}

/// Appends the items of `tools`.
pub(super) fn push_tools(out: &mut String, raw: &str, choice: &Choice<'_>, model: &ModelSpec, marks: &mut Marks) {
    let mut strict = if model.capabilities.json_schema { MAX_STRICT } else { 0 };
    // It was read before, so this can be read as well.
    let _read = Reader::new(raw).array::<ReadError>(|reader, _| {
        let tool = reader.skip()?;
        let [kind, function, mark] = inside(Some(tool), ["type", "function", "cache_control"]);
        let Some(function) = function.filter(|_| word(kind) == "function") else {
            // One of Anthropic's own, or one that it refuses by name.
            comma(out);
            out.push_str(tool);
            return Ok(());
        };
        let names = ["name", "description", "parameters", "strict", "cache_control"];
        let [name, description, parameters, is_strict, inner_mark] = inside(Some(function), names);
        if !choice.allows(name) {
            return Ok(());
        }
        comma(out);
        let mut tool = ObjectWriter::new(out);
        tool.raw("name", name.unwrap_or("\"\""));
        if let Some(description) = filled(description) {
            tool.raw("description", description);
        }
        let parameters = parameters.map_or_else(|| NO_PARAMETERS.to_owned(), object_schema);
        let promised = if is_strict == Some("true") && strict > 0 { schema::fit(&parameters) } else { None };
        tool.raw("input_schema", promised.as_ref().unwrap_or(&parameters));
        if promised.is_some() {
            strict -= 1;
            tool.boolean("strict", true);
        }
        marks.write(&mut tool, mark.or(inner_mark));
        tool.end();
        Ok(())
    });
}

/// A tool's parameters, which must say that they are an object.
fn object_schema(raw: &str) -> String {
    let is_object = Reader::new(raw).peek() == Ok(Kind::Object);
    if !is_object || pick(raw, ["type"]).is_ok_and(|[kind]| kind.is_some()) {
        return raw.to_owned();
    }
    let members = raw.trim_start_matches('{').trim_start();
    let comma = if members.starts_with('}') { "" } else { "," };
    format!("{{\"type\":\"object\"{comma}{members}")
}

/// Appends the web search to `tools`. A tool in Anthropic's own form stays as it is.
pub(super) fn push_web_search(out: &mut String, search: &WebSearch<'_>) {
    let names = ["type", "user_location", "max_uses", "allowed_domains", "blocked_domains", "filters"];
    let [kind, location, max_uses, allowed, blocked, filters] = inside(search.tool, names);
    comma(out);
    if let Some(tool) = search.tool.filter(|_| word(kind).starts_with("web_search_20")) {
        out.push_str(tool);
        return;
    }
    let mut tool = ObjectWriter::new(out);
    tool.string("type", WEB_SEARCH);
    tool.string("name", "web_search");
    let [filtered] = inside(filters, ["allowed_domains"]);
    for (name, value) in
        [("max_uses", max_uses), ("allowed_domains", allowed.or(filtered)), ("blocked_domains", blocked)]
    {
        if let Some(value) = value {
            tool.raw(name, value);
        }
    }
    let [chat_location] = inside(search.options.as_deref(), ["user_location"]);
    if let Some(location) = location.or(chat_location) {
        // Chat completions have one object more around it than responses.
        let [inner] = inside(Some(location), ["approximate"]);
        let members = ["city", "region", "country", "timezone"];
        let mut place = ObjectWriter::new(tool.key("user_location"));
        place.string("type", "approximate");
        for (name, value) in members.iter().zip(inside(inner.or(Some(location)), members)) {
            if let Some(value) = value {
                place.raw(name, value);
            }
        }
        place.end();
    }
    tool.end();
}
