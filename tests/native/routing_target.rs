//! What a model name means.

use std::borrow::Cow;

use opengateway::catalog::{Additions, Catalog};
use opengateway::routing::target::{Target, UnknownModel};

/// `provider/own id` of every offer, and the pinned provider.
fn meaning(name: &str, catalog: &Catalog) -> (Vec<String>, Option<String>) {
    let target = Target::resolve(name, catalog).unwrap_or_else(|unknown| panic!("{unknown:?}"));
    let pinned = target.pinned_provider().map(str::to_owned);
    match target {
        Target::Auto => (Vec::new(), pinned),
        Target::Model { offers, .. } => {
            (offers.iter().map(|offer| format!("{}/{}", offer.provider, offer.upstream_id)).collect(), pinned)
        }
    }
}

fn pin(name: &str) -> (Vec<String>, String) {
    let (offers, pinned) = meaning(name, &Catalog::builtin());
    (offers, pinned.unwrap_or_else(|| panic!("{name} is no pin")))
}

fn providers(name: &str) -> Vec<String> {
    let (offers, pinned) = meaning(name, &Catalog::builtin());
    assert_eq!(pinned, None, "{name} is a pin");
    offers.iter().map(|offer| offer.split('/').next().unwrap().to_owned()).collect()
}

#[test]
fn auto_is_auto_and_nothing_else_is() {
    let catalog = Catalog::builtin();
    assert_eq!(Target::resolve("auto", &catalog), Ok(Target::Auto));
    assert_eq!(Target::resolve(" auto\n", &catalog), Ok(Target::Auto));
    for name in ["AUTO", "Auto", "groq/auto", "automatic"] {
        assert!(Target::resolve(name, &catalog).is_err(), "{name}");
    }
}

#[test]
fn the_names_that_examples_of_common_gateways_use_all_lead_somewhere() {
    for name in
        ["gpt-5", "gpt-4o", "gpt-4o-mini", "claude-3-5-sonnet-20241022", "claude-opus-4-5", "llama-3.3-70b-versatile"]
    {
        assert!(!providers(name).is_empty(), "{name}");
    }
}

#[test]
fn every_alias_and_every_row_of_the_catalogue_can_be_named() {
    let catalog = Catalog::builtin();
    for (alias, _) in catalog.aliases() {
        assert!(!meaning(alias, &catalog).0.is_empty(), "{alias}");
    }
    for model in catalog.models() {
        let this = format!("{}/{}", model.provider, model.upstream_id);
        for name in [model.id.to_string(), model.upstream_id.to_string(), format!("{}/{}", model.provider, model.id)] {
            let (offers, pinned) = meaning(&name, &catalog);
            // OpenRouter's `deepseek/deepseek-v4-pro` is first of all a pin to DeepSeek.
            let pins_another = pinned.is_some_and(|pinned| pinned != model.provider);
            assert!(offers.contains(&this) || pins_another, "{name} does not lead to {this}");
        }
        assert_eq!(meaning(&this, &catalog), (vec![this.clone()], Some(model.provider.to_string())), "{this}");
    }
}

#[test]
fn a_catalogue_id_means_every_provider_that_serves_it() {
    let all = ["groq", "sambanova", "nvidia", "cerebras", "openrouter", "together", "fireworks", "workers-ai"];
    assert_eq!(providers("gpt-oss-120b"), all);
    assert_eq!(providers("  gpt-oss-120b "), all);
}

#[test]
fn a_pin_takes_a_catalogue_id_an_own_id_with_slashes_or_an_alias() {
    let groq = (vec!["groq/openai/gpt-oss-120b".to_owned()], "groq".to_owned());
    assert_eq!(pin("groq/gpt-oss-120b"), groq);
    assert_eq!(pin("groq/openai/gpt-oss-120b"), groq);
    assert_eq!(pin("openai/gpt-5"), (vec!["openai/gpt-5.1".to_owned()], "openai".to_owned()));
}

#[test]
fn an_alias_that_is_itself_a_pin_can_stand_behind_its_own_provider() {
    assert_eq!(pin("compound-beta"), pin("groq/groq/compound"));
    assert_eq!(pin("groq/compound-beta"), pin("groq/groq/compound"));
    assert!(Target::resolve("openai/compound-beta", &Catalog::builtin()).is_err());
}

#[test]
fn a_pin_of_a_model_with_two_offers_means_both() {
    let (offers, pinned) = pin("openrouter/glm-5.2");
    assert_eq!(offers, ["openrouter/z-ai/glm-5.2:free", "openrouter/z-ai/glm-5.2"]);
    assert_eq!(pinned, "openrouter");
}

#[test]
fn a_providers_own_id_that_looks_like_a_pin_is_none() {
    assert_eq!(providers("openai/gpt-oss-120b"), ["groq", "nvidia", "openrouter", "together"]);
}

#[test]
fn a_provider_that_takes_any_model_takes_any_name() {
    for name in ["ollama/qwen3:8b", "vllm/org/model/with/slashes", "ollama/auto", "ollama/gpt-4o"] {
        let (provider, model) = name.split_once('/').unwrap();
        assert_eq!(pin(name), (vec![format!("{provider}/{model}")], provider.to_owned()));
    }
    let catalog = Catalog::builtin();
    let Ok(Target::Model { offers, .. }) = Target::resolve("ollama/mine", &catalog) else { panic!("a model") };
    assert_eq!(offers[0].prices, None, "an unknown price is not zero");
    assert!(!offers[0].free && !offers[0].auto);
    assert!(Target::resolve("ollama/", &catalog).is_err());
}

#[test]
fn an_unknown_name_is_told_with_the_provider_that_was_meant() {
    let catalog = Catalog::builtin();
    let unknown = |name: &str, provider: Option<&str>| {
        Err(UnknownModel { name: name.to_owned(), provider: provider.map(str::to_owned), retired: None })
    };
    for (name, provider) in [
        ("gpt-oss", None),
        ("groq/nothing", Some("groq")),
        ("nobody/gpt-4o", None),
        ("groq", None),
        ("groq/", Some("groq")),
        ("/", None),
        ("", None),
        ("GPT-4O", None),
        ("gpt-4o/groq", None),
    ] {
        assert_eq!(Target::resolve(name, &catalog), unknown(name, provider));
    }
}

#[test]
fn an_operators_alias_may_lead_to_any_model_of_a_provider_that_takes_any() {
    let alias = |name: &'static str, target: &'static str| (Cow::Borrowed(name), Cow::Borrowed(target));
    let aliases = vec![alias("fast", "ollama/qwen3:8b"), alias("gpt-4o", "groq/gpt-oss-120b")];
    let added = Catalog::builtin().with(Additions { aliases, ..Additions::default() });
    // The second one has the name of a model, so it is refused together with the first.
    assert!(added.is_err());
    let aliases = vec![alias("fast", "ollama/qwen3:8b"), alias("gpt-5", "groq/gpt-oss-120b")];
    let catalog = Catalog::builtin().with(Additions { aliases, ..Additions::default() }).unwrap();
    assert_eq!(meaning("fast", &catalog), (vec!["ollama/qwen3:8b".into()], Some("ollama".into())));
    assert_eq!(meaning("ollama/fast", &catalog), meaning("fast", &catalog));
    assert_eq!(meaning("groq/gpt-5", &catalog), meaning("gpt-5", &catalog));
    assert_eq!(meaning("gpt-5", &catalog), (vec!["groq/openai/gpt-oss-120b".into()], Some("groq".into())));
}

#[test]
fn a_retired_model_is_told_with_the_day_it_went() {
    let catalog = Catalog::builtin();
    for name in ["o3-deep-research", "openai/o3-deep-research"] {
        let unknown = Target::resolve(name, &catalog).unwrap_err();
        assert_eq!((unknown.name.as_str(), unknown.retired), (name, Some("2026-07-23")));
    }
}
