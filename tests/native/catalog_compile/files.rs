//! The whole: files in, tables out, all mistakes told.

use std::fs;

use opengateway::catalog::price::Extra;
use opengateway::catalog::{price, tables};

use super::compile::price::{Prices, Rates};
use super::compile::problem::ProblemKind;
use super::compile::{Catalogue, Source};
use super::{ALIASES, MODELS, PROVIDER, compile, problems, source};

/// The catalogue's own files, read as the build script reads them.
fn repository_catalogue() -> Catalogue {
    let read = |path: &str| source(path, &fs::read_to_string(path).unwrap());
    let mut paths: Vec<String> =
        fs::read_dir("catalog/models").unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect();
    paths.sort();
    let models: Vec<Source> = paths.iter().map(|path| read(path)).collect();
    Catalogue::compile(&read("catalog/providers.toml"), &models, &read("catalog/aliases.toml")).unwrap()
}

/// Prices of the tables as the compiler reads them.
fn as_parsed(emitted: &price::Prices) -> Prices {
    const NAMES: [(Extra, &str); 5] = [
        (Extra::CacheWrite, "CacheWrite"),
        (Extra::CacheWrite1h, "CacheWrite1h"),
        (Extra::Request, "Request"),
        (Extra::Search, "Search"),
        (Extra::Image, "Image"),
    ];
    let rates = |rates: &price::Rates| Rates {
        input: rates.input,
        output: rates.output,
        cached_input: rates.cached_input,
        extras: rates
            .extras
            .iter()
            .map(|(extra, pico)| (NAMES.iter().find(|(known, _)| known == extra).unwrap().1, *pico))
            .collect(),
    };
    Prices {
        base: rates(&emitted.base),
        tiers: emitted.tiers.iter().map(|tier| (tier.above, rates(&tier.rates))).collect(),
    }
}

#[test]
fn the_same_files_give_the_same_tables() {
    let compiled_in = include_str!(concat!(env!("OUT_DIR"), "/catalog.rs"));
    assert_eq!(repository_catalogue().emit(), compiled_in);
}

#[test]
fn texts_are_escaped_in_the_tables() {
    let providers = PROVIDER.replace("\"Acme\"", r#"'A "big" \ acme'"#);
    let emitted = compile(&providers, MODELS, ALIASES).unwrap().emit();
    assert!(emitted.contains(r#"name: Cow::Borrowed("A \"big\" \\ acme")"#), "{emitted}");
}

#[test]
fn the_tables_are_what_the_files_say() {
    let catalogue = repository_catalogue();
    let providers: Vec<&str> = catalogue.providers.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(providers, tables::PROVIDERS.iter().map(|row| &row.id).collect::<Vec<_>>());
    assert_eq!(catalogue.models.len(), tables::models().len());
    for (parsed, emitted) in catalogue.models.iter().zip(tables::models()) {
        assert_eq!(parsed.id, emitted.id);
        assert_eq!(parsed.provider, emitted.provider);
        assert_eq!(parsed.upstream_id, emitted.upstream_id);
        assert_eq!(parsed.context_window, emitted.context_window);
        assert_eq!(parsed.max_output, emitted.max_output);
        assert_eq!(parsed.prices, emitted.prices.as_ref().map(as_parsed), "{}", parsed.upstream_id);
        assert_eq!(parsed.efforts.len(), emitted.efforts.len());
        assert_eq!((parsed.free, parsed.auto), (emitted.free, emitted.auto));
        assert_eq!(parsed.drops, *emitted.drops);
    }
    let mut aliases: Vec<(&str, &str)> =
        catalogue.aliases.iter().map(|alias| (alias.name.as_str(), alias.target.as_str())).collect();
    aliases.sort_unstable();
    assert_eq!(aliases, tables::aliases().iter().map(|(name, target)| (&**name, &**target)).collect::<Vec<_>>());
}

#[test]
fn a_correct_catalogue_compiles() {
    let catalogue = compile(PROVIDER, MODELS, ALIASES).unwrap();
    let model = catalogue.models.first().unwrap();
    assert_eq!((catalogue.providers.len(), catalogue.models.len(), catalogue.aliases.len()), (1, 1, 2));
    assert_eq!(model.upstream_id, "anvil-1");
    let base = Rates { input: 150_000, output: 2_000_000, ..Rates::default() };
    let prices = Prices { base, tiers: Vec::new() };
    assert_eq!(model.prices, Some(prices));
    assert!(model.auto && !model.free);
}

#[test]
fn models_come_in_the_order_of_their_providers() {
    let second = PROVIDER.replace("acme", "aaa").replace("ACME", "AAA");
    let providers = format!("{PROVIDER}{second}");
    let files = [source("a.toml", &MODELS.replace("acme", "aaa")), source("b.toml", MODELS)];
    let catalogue = Catalogue::compile(&source("p.toml", &providers), &files, &source("x.toml", "")).unwrap();
    let order: Vec<&str> = catalogue.models.iter().map(|model| model.provider.as_str()).collect();
    assert_eq!(order, ["acme", "aaa"]);
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_files_and_lines() {
    let providers = PROVIDER.replace("https://", "ftp://").replace("\"trailing\"", "\"sometimes\"");
    let models = MODELS.replace("max_output = 100", "max_output = 2000").replace("0.15", "0.00000015");
    let found = problems(&providers, &models, "[aliases]\nhammer = \"nail\"\n");
    let places: Vec<&str> = found.iter().map(|problem| problem.split_once(": ").unwrap().0).collect();
    assert_eq!(places, ["aliases.toml:2", "models.toml:3", "models.toml:8", "providers.toml:1", "providers.toml:12"]);
}

#[test]
fn broken_toml_is_told_with_its_line() {
    let problem = problems(PROVIDER, &format!("{MODELS}free = = true\n"), ALIASES);
    assert!(problem.iter().any(|line| line.starts_with("models.toml:12: not TOML: ")), "{problem:?}");
}

#[test]
fn a_problem_carries_its_parts() {
    let problem = compile(PROVIDER, MODELS, "[aliases]\na = \"b\"\n").unwrap_err().remove(0);
    assert_eq!((problem.place.path.as_str(), problem.place.line), ("aliases.toml", 2));
    let (alias, target) = ("a".to_owned(), "b".to_owned());
    assert_eq!(problem.kind, ProblemKind::AliasToNothing { alias, target });
}
