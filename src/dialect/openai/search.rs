//! The web search of a provider that speaks OpenAI's format: a tool of its own, beside the client's.

use crate::catalog::model::ModelSpec;
use crate::catalog::provider::ProviderSpec;
use crate::openai::request::ChatRequest;

/// The provider's tool, where the client wants a search; none where the model searches by itself and takes no tools.
pub(super) fn tool<'p>(request: &ChatRequest<'_>, provider: &'p ProviderSpec, model: &ModelSpec) -> Option<&'p str> {
    let can = model.capabilities;
    let tool = provider.web_search_tool.as_ref();
    (request.web_search.is_some() && can.web_search && can.tools && !tool.is_empty()).then_some(tool)
}

/// The client's `tools` with that one behind them.
pub(super) fn joined(tools: &str, search: &str) -> String {
    let open = tools.trim_end().strip_suffix(']').unwrap_or("[");
    let mut all = String::with_capacity(open.len() + search.len() + 2);
    all.push_str(open);
    if open.trim_end() != "[" {
        all.push(',');
    }
    all.push_str(search);
    all.push(']');
    all
}
