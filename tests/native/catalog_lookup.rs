//! Finding rows, and adding an operator's own.

use std::borrow::Cow;

use opengateway::catalog::model::{Effort, ModelSpec};
use opengateway::catalog::provider::ProviderSpec;
use opengateway::catalog::{Additions, Catalog, CatalogError};

fn own_provider(id: &'static str) -> ProviderSpec {
    let vllm = Catalog::builtin().provider("vllm").cloned().expect("vllm is compiled in");
    ProviderSpec { id: Cow::Borrowed(id), ..vllm }
}

fn own_model(provider: &'static str, id: &'static str) -> ModelSpec {
    let any = Catalog::builtin().models()[0].clone();
    ModelSpec { id: Cow::Borrowed(id), provider: Cow::Borrowed(provider), upstream_id: Cow::Borrowed(id), ..any }
}

fn own_alias(name: &'static str, target: &'static str) -> Additions {
    Additions { aliases: vec![(Cow::Borrowed(name), Cow::Borrowed(target))], ..Additions::default() }
}

#[test]
fn a_provider_is_found_by_its_id() {
    let catalog = Catalog::builtin();
    let index = catalog.provider_index("gemini").unwrap();
    assert_eq!(catalog.providers()[index].name, "Google Gemini");
    assert_eq!(catalog.provider("gemini"), catalog.providers().get(index));
    assert_eq!(catalog.provider("nobody"), None);
    assert_eq!(catalog.provider_index("Groq"), None);
}

#[test]
fn a_catalogue_id_names_the_rows_of_all_providers_that_serve_the_model() {
    let catalog = Catalog::builtin();
    let providers: Vec<&str> = catalog.models_by_id("gpt-oss-120b").map(|row| &*row.provider).collect();
    assert_eq!(
        providers,
        ["groq", "sambanova", "nvidia", "cerebras", "openrouter", "together", "fireworks", "workers-ai"]
    );
}

#[test]
fn several_providers_may_use_one_own_id() {
    let catalog = Catalog::builtin();
    let providers: Vec<&str> = catalog.models_by_upstream_id("openai/gpt-oss-120b").map(|row| &*row.provider).collect();
    assert_eq!(providers, ["groq", "nvidia", "openrouter", "together"]);
}

#[test]
fn a_pin_names_a_row_by_catalogue_id_or_by_the_providers_own_id() {
    let catalog = Catalog::builtin();
    let own = |provider: &'static str, name: &'static str| -> Vec<String> {
        catalog.model_at(provider, name).map(|row| row.upstream_id.to_string()).collect()
    };
    assert_eq!(own("groq", "gpt-oss-120b"), ["openai/gpt-oss-120b"]);
    assert_eq!(own("groq", "openai/gpt-oss-120b"), ["openai/gpt-oss-120b"]);
    assert_eq!(own("openrouter", "glm-5.2"), ["z-ai/glm-5.2:free", "z-ai/glm-5.2"]);
    assert_eq!(own("openrouter", "z-ai/glm-5.2:free"), ["z-ai/glm-5.2:free"]);
    assert_eq!(own("openai", "gpt-oss-120b"), [""; 0]);
    assert_eq!(own("nobody", "gpt-oss-120b"), [""; 0]);
}

#[test]
fn an_alias_leads_to_its_target() {
    let catalog = Catalog::builtin();
    assert_eq!(catalog.alias("gpt-5"), Some("gpt-5.1"));
    assert_eq!(catalog.alias("gpt-4o"), None);
}

#[test]
fn an_operators_rows_are_found_beside_the_compiled_in_ones() {
    let additions = Additions {
        providers: vec![own_provider("mine")],
        models: vec![own_model("mine", "tiny"), own_model("groq", "tiny")],
        aliases: vec![(Cow::Borrowed("fast"), Cow::Borrowed("mine/tiny"))],
    };
    let catalog = Catalog::builtin().with(additions).unwrap();
    let providers: Vec<&str> = catalog.models_by_id("tiny").map(|row| &*row.provider).collect();
    assert_eq!(providers, ["mine", "groq"]);
    assert_eq!(catalog.alias("fast"), Some("mine/tiny"));
    assert_eq!(catalog.provider_index("mine"), Some(Catalog::builtin().providers().len()));
    assert_eq!(catalog.models().len(), Catalog::builtin().models().len() + 2);
}

#[test]
fn an_operators_alias_beats_a_compiled_in_one() {
    let catalog = Catalog::builtin().with(own_alias("gpt-5", "gpt-6-sol")).unwrap();
    assert_eq!(catalog.alias("gpt-5"), Some("gpt-6-sol"));
    assert_eq!(catalog.alias("o3"), Some("gpt-5.1"));
}

#[test]
fn a_name_that_means_a_mode_says_how_much_the_model_thinks() {
    let catalog = Catalog::builtin();
    for (name, expected) in [
        ("deepseek-chat", Some(("deepseek-v4.1-flash", Effort::None))),
        ("deepseek-reasoner", Some(("deepseek-v4.1-flash", Effort::High))),
        (" deepseek/deepseek-reasoner", Some(("deepseek-v4.1-flash", Effort::High))),
        ("deepseek-r1", Some(("deepseek-v4-pro", Effort::High))),
        ("deepseek-v3", Some(("deepseek-v3.2", Effort::None))),
        ("grok-4-fast-non-reasoning", Some(("grok-4.3", Effort::None))),
        ("o3", Some(("gpt-5.1", Effort::Medium))),
        ("o4-mini", Some(("gpt-5.4-mini", Effort::Medium))),
        ("grok-4-fast-reasoning", None),
        ("deepseek-v4.1-flash", None),
        ("gpt-4o", None),
        ("auto", None),
        ("nobody", None),
    ] {
        assert_eq!(catalog.named_effort(name), expected, "{name}");
    }
    let own = Catalog::builtin().with(own_alias("deepseek-chat", "gpt-6-sol")).unwrap();
    assert_eq!(own.named_effort("deepseek-chat"), None, "an operator's name means what the operator says");
}

#[test]
fn an_operators_alias_may_lead_to_any_model_of_a_server_of_their_own() {
    let catalog = Catalog::builtin().with(own_alias("local", "ollama/whatever:8b")).unwrap();
    assert_eq!(catalog.alias("local"), Some("ollama/whatever:8b"));
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let refused = |additions: Additions| Catalog::builtin().with(additions).unwrap_err();
    let text = |text: &'static str| Cow::Borrowed(text);

    let providers = vec![own_provider("groq")];
    assert_eq!(
        refused(Additions { providers, ..Additions::default() }),
        CatalogError::DuplicateProvider { id: text("groq") }
    );
    let models = vec![own_model("mine", "tiny")];
    assert_eq!(
        refused(Additions { models, ..Additions::default() }),
        CatalogError::UnknownProvider { provider: text("mine"), upstream_id: text("tiny") }
    );
    let models = vec![own_model("openai", "gpt-4o")];
    assert_eq!(
        refused(Additions { models, ..Additions::default() }),
        CatalogError::DuplicateModel { provider: text("openai"), upstream_id: text("gpt-4o") }
    );
    let aliases = vec![(text("a"), text("gpt-4o")), (text("a"), text("gpt-4o"))];
    assert_eq!(
        refused(Additions { aliases, ..Additions::default() }),
        CatalogError::DuplicateAlias { name: text("a") }
    );
    assert_eq!(refused(own_alias("gpt-4o", "gpt-5.1")), CatalogError::AliasShadowsModel { name: text("gpt-4o") });
    assert_eq!(
        refused(own_alias("a", "groq/gpt-4o")),
        CatalogError::AliasToNothing { name: text("a"), target: text("groq/gpt-4o") }
    );
}

#[test]
fn a_row_can_be_changed_but_not_moved() {
    let catalog = Catalog::builtin()
        .with_changed_model("openrouter", "glm-5.2", |model| {
            model.auto = false;
            model.provider = Cow::Borrowed("elsewhere");
        })
        .unwrap();
    let rows: Vec<bool> = catalog.model_at("openrouter", "glm-5.2").map(|row| row.auto).collect();
    assert_eq!(rows, [false, false]);
    let unchanged = catalog.model_at("fireworks", "glm-5.2").all(|row| row.auto);
    assert!(unchanged);
}

#[test]
fn a_row_that_is_not_there_cannot_be_changed() {
    let error = Catalog::builtin().with_changed_model("groq", "gpt-4o", |_| {}).unwrap_err();
    let (provider, name) = (Cow::Borrowed("groq"), Cow::Borrowed("gpt-4o"));
    assert_eq!(error, CatalogError::UnknownModel { provider, name });
    assert_eq!(error.to_string(), "groq has no model \"gpt-4o\"");
}
