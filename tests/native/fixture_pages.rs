//! Each fixture names the public page that its form comes from, or says that none was found.

use std::path::{Path, PathBuf};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

/// Where providers document themselves.
const HOSTS: [&str; 19] = [
    "ai.google.dev",
    "api-docs.deepseek.com",
    "build.nvidia.com",
    "console.groq.com",
    "developers.cloudflare.com",
    "docs.api.nvidia.com",
    "docs.fireworks.ai",
    "docs.mistral.ai",
    "docs.ollama.com",
    "docs.sambanova.ai",
    "docs.together.ai",
    "docs.vllm.ai",
    "docs.x.ai",
    "inference-docs.cerebras.ai",
    "learn.microsoft.com",
    "models.dev",
    "openrouter.ai",
    "platform.claude.com",
    "platform.openai.com",
];

/// What a line says where there is no page to name: nobody found one, or the form is nobody's in particular.
const WITHOUT_A_PAGE: [&str; 2] = [", page not found", "no provider in particular:"];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The lines of a fixture that are about it, and are no part of what is tested.
fn about(path: &Path, text: &str) -> Vec<String> {
    let is_json = path.extension().is_some_and(|extension| extension == "json") && text.starts_with('{');
    if is_json {
        let json: serde_json::Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let named = ["documentation", "source"].into_iter().filter_map(|name| json[name].as_str());
        // The data set of models.dev has a page with each of its providers.
        let pages = json.as_object().into_iter().flatten().filter_map(|(_, provider)| provider["doc"].as_str());
        return named.chain(pages).map(str::to_owned).collect();
    }
    let text = text.trim_start_matches('\u{feff}');
    text.lines().take_while(|line| line.starts_with(['#', ':'])).map(str::to_owned).collect()
}

/// The addresses in a line, without `https://`.
fn pages(line: &str) -> impl Iterator<Item = &str> {
    line.split("https://").skip(1).map(|rest| {
        let page = rest.split([' ', '"', ',', ';', ')']).next().unwrap_or_default();
        page.trim_end_matches([':', '.'])
    })
}

/// Whether a line names a page, or says why not. An address must be one of a known host.
fn is_sourced(line: &str, what: &str) -> bool {
    for page in pages(line) {
        let host = page.split('/').next().unwrap_or_default();
        assert!(HOSTS.contains(&host), "{what}: is {page} documentation?");
    }
    pages(line).next().is_some() || WITHOUT_A_PAGE.iter().any(|words| line.contains(words))
}

#[test]
fn every_fixture_names_the_page_that_its_form_comes_from() {
    let files = files(Path::new(FIXTURES));
    assert!(files.len() > 100, "only {}", files.len());
    for path in files {
        let name = path.strip_prefix(FIXTURES).unwrap().display().to_string();
        // What a client gets of a stream stands beside the stream, which names the page.
        if let Some(upstream) = name.strip_suffix(".client.sse") {
            assert!(Path::new(FIXTURES).join(format!("{upstream}.sse")).exists(), "{name} stands alone");
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = about(&path, &text);
        if name != "errors.txt" {
            let sourced = lines.iter().filter(|line| is_sourced(line, &name)).count();
            assert!(sourced > 0, "{name} names no page: {lines:?}");
        }
    }
}

#[test]
fn every_providers_error_bodies_name_their_page() {
    let text = include_str!("../fixtures/errors.txt");
    let (_, sections) = text.split_once("\n\n").unwrap();
    let mut about = "";
    for line in sections.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            about = comment;
            assert!(is_sourced(about, "errors.txt"), "{about}");
        }
        let provider = line.trim_start_matches("# ").split([' ', ':']).next().unwrap_or_default();
        assert!(about.starts_with(provider), "{line} stands under {about}");
    }
}

#[test]
fn a_line_without_a_page_or_a_reason_is_noticed() {
    for line in ["# docs.mistral.ai/capabilities/reasoning", "# the same form", ": keep-alive", "#"] {
        assert!(!is_sourced(line, line), "{line}");
    }
    for line in [": https://docs.x.ai/developers/debugging", "# shape from litellm, page not found: flat"] {
        assert!(is_sourced(line, line), "{line}");
    }
    let line = "# https://docs.x.ai/a: b (https://openrouter.ai/docs/c), https://docs.vllm.ai/d.";
    let found: Vec<&str> = pages(line).collect();
    assert_eq!(found, ["docs.x.ai/a", "openrouter.ai/docs/c", "docs.vllm.ai/d"]);
}
