//! What a method and a path mean.

use opengateway::gateway::route::{Route, host_and_path, not_found, wrong_method};
use proptest::prelude::*;

const POST: &str = "POST, OPTIONS";
const GET: &str = "GET, HEAD, OPTIONS";

#[test]
fn every_path_works_with_and_without_v1_and_with_a_slash_at_its_end() {
    for (method, path, route) in [
        ("POST", "/chat/completions", Route::ChatCompletions),
        ("GET", "/models", Route::Models),
        ("HEAD", "/models", Route::Models),
        ("GET", "/health", Route::Health),
        ("GET", "/analytics", Route::Analytics),
        ("GET", "/generations/01991234-abcd", Route::Generation("01991234-abcd".into())),
        ("HEAD", "/health", Route::Health),
        ("GET", "/models/m", Route::Model("m".into())),
        ("GET", "/models/groq/openai/gpt-oss-120b", Route::Model("groq/openai/gpt-oss-120b".into())),
        ("GET", "/models/groq%2Fopenai%2fgpt", Route::Model("groq/openai/gpt".into())),
        ("GET", "/models/%C3%A4%20b", Route::Model("ä b".into())),
        ("GET", "/models/100%", Route::Model("100%".into())),
        ("GET", "/models/a%zz%4", Route::Model("a%zz%4".into())),
        ("GET", "/models/a:free", Route::Model("a:free".into())),
    ] {
        for path in [path.to_owned(), format!("/v1{path}"), format!("{path}/"), format!("/v1{path}/")] {
            assert_eq!(Route::parse(method, &path), route, "{method} {path}");
        }
    }
}

#[test]
fn a_known_path_with_another_method_says_which_it_has() {
    for method in ["GET", "PUT", "DELETE", "HEAD", "PATCH", "post"] {
        assert_eq!(Route::parse(method, "/v1/chat/completions"), Route::WrongMethod { allow: POST }, "{method}");
    }
    for path in ["/v1/models", "/v1/models/a/b", "/health", "/v1/analytics", "/v1/generations/x"] {
        assert_eq!(Route::parse("POST", path), Route::WrongMethod { allow: GET }, "{path}");
        assert_eq!(Route::parse("OPTIONS", path), Route::Preflight { allow: GET }, "{path}");
    }
    assert_eq!(Route::parse("OPTIONS", "/v1/chat/completions"), Route::Preflight { allow: POST });
    let error = wrong_method("PUT", POST);
    assert_eq!((error.status, error.code, error.allow), (405, "method_not_allowed", Some(POST)));
}

#[test]
fn nothing_else_is_there() {
    for path in [
        "",
        "/",
        "/v1",
        "/v1/",
        "/v1chat/completions",
        "/v2/chat/completions",
        "/v1/v1/models",
        "/v1/completions",
        "/v1/embeddings",
        "/V1/models",
        "/v1/chat/completions/x",
        "/models%2Fm",
        "/v1/analytics/day",
        "/v1/generations",
        "/v1/generations/",
        "/v1/models/%ff",
        "//models",
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            assert_eq!(Route::parse(method, path), Route::NotFound, "{method} {path:?}");
        }
    }
    let error = not_found("GET", &format!("/{}", "ä".repeat(500)));
    assert_eq!((error.status, error.code), (404, "unknown_url"));
    assert!(error.message.chars().count() < 400 && error.message.contains("/v1/chat/completions"));
}

#[test]
fn an_address_is_taken_apart() {
    for (url, host, path) in [
        ("https://gateway.example/v1/models?x=/y#z", "gateway.example", "/v1/models"),
        ("http://localhost:8787/", "localhost", "/"),
        ("http://[::1]:8787/health", "[::1]", "/health"),
        ("https://gateway.example", "gateway.example", "/"),
        ("https://gateway.example?x", "gateway.example", "/"),
    ] {
        assert_eq!(host_and_path(url), (host, path), "{url}");
    }
}

proptest! {
    #[test]
    fn no_path_makes_it_panic(method in "[A-Z]{0,8}", path in "/?(v1/)?(models/)?.{0,40}", url in ".{0,60}") {
        Route::parse(&method, &path);
        not_found(&method, &path);
        host_and_path(&url);
    }

    #[test]
    fn an_encoded_id_is_found_again(id in "[ -~äöü/]{1,20}") {
        prop_assume!(!id.ends_with('/') && !id.contains('%'));
        let encoded: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        prop_assert_eq!(Route::parse("GET", &format!("/v1/models/{encoded}")), Route::Model(id));
    }
}
