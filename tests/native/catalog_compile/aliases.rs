//! What is refused in `aliases.toml`.

use super::{MODELS, PROVIDER, alias_problem, one, problems};

#[test]
fn an_alias_to_nothing_or_to_an_alias_is_refused() {
    assert!(
        alias_problem("hammer = \"nail\"")
            .starts_with("aliases.toml:2: alias \"hammer\" leads to \"nail\", which is neither")
    );
    assert!(alias_problem("hammer = \"acme/nail\"").contains("leads to \"acme/nail\""));
    let chain = problems(PROVIDER, MODELS, "[aliases]\na = \"anvil\"\nb = \"a\"\n");
    assert!(one(chain).contains("which is an alias itself"));
}

#[test]
fn an_alias_with_the_name_of_a_model_is_refused() {
    assert_eq!(
        alias_problem("anvil = \"acme/anvil-1\""),
        "aliases.toml:2: alias \"anvil\" would hide the model of that name at models.toml:3: remove the alias"
    );
    assert!(alias_problem("\"anvil-1\" = \"anvil\"").contains("would hide the model"));
}

#[test]
fn auto_is_no_name_for_a_model_or_an_alias() {
    assert!(alias_problem("auto = \"anvil\"").contains("\"auto\" has a meaning of its own"));
    let models = MODELS.replace("id = \"anvil\"", "id = \"auto\"");
    assert!(one(problems(PROVIDER, &models, "")).contains("\"auto\" has a meaning of its own"));
}
