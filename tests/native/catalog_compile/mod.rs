//! The catalogue's compiler: what it refuses, where it says the mistake is, and how it reads prices.

#[path = "../../../catalog/compile/mod.rs"]
mod compile;

mod aliases;
mod files;
mod models;
mod prices;
mod providers;

use compile::{Catalogue, Problem, Source};

const PROVIDER: &str = r#"[[provider]]
id = "acme"
name = "Acme"
dialect = "openai"
base_url = "https://api.acme.test/v1"
base_url_var = "ACME_BASE_URL"
key_vars = ["ACME_API_KEY"]
key = "required"
any_model = false
multiple_choices = false
image_urls = false
stream_usage = "trailing"
stream_options = true
output_limit = "either"
quota_headers = "openai"
body = "open"
errors = [
  { status = 402, message = "pay first", class = "billing" },
]
"#;

const MODELS: &str = r#"provider = "acme"

[[model]]
id = "anvil"
upstream_id = "anvil-1"
context_window = 1000
max_output = 100
price = { input = 0.15, output = 2 }
capabilities = ["tools", "reasoning"]
efforts = ["low", "high"]
reasoning_level = "low"
"#;

const ALIASES: &str = "[aliases]\nhammer = \"anvil\"\n\"old-anvil\" = \"acme/anvil-1\"\n";

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

fn compile(providers: &str, models: &str, aliases: &str) -> Result<Catalogue, Vec<Problem>> {
    Catalogue::compile(
        &source("providers.toml", providers),
        &[source("models.toml", models)],
        &source("aliases.toml", aliases),
    )
}

/// The problems as `file:line: text`.
fn problems(providers: &str, models: &str, aliases: &str) -> Vec<String> {
    let problems = compile(providers, models, aliases).unwrap_err();
    problems.iter().map(Problem::to_string).collect()
}

/// The one problem of a provider row in which `from` is replaced.
fn provider_problem(from: &str, to: &str) -> String {
    assert!(PROVIDER.contains(from));
    one(problems(&PROVIDER.replacen(from, to, 1), MODELS, ALIASES))
}

/// The one problem of a model row in which `from` is replaced.
fn model_problem(from: &str, to: &str) -> String {
    assert!(MODELS.contains(from));
    one(problems(PROVIDER, &MODELS.replacen(from, to, 1), ALIASES))
}

fn alias_problem(line: &str) -> String {
    one(problems(PROVIDER, MODELS, &format!("[aliases]\n{line}\n")))
}

fn one(mut problems: Vec<String>) -> String {
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.remove(0)
}
