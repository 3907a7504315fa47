//! What is refused in `aliases.toml`.

use super::{ALIASES, MODELS, PROVIDER, alias_problem, compile, one, problems};

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

#[test]
fn a_name_that_means_a_mode_has_an_effort_that_the_model_knows() {
    let with = |line: &str| compile(PROVIDER, MODELS, &format!("[aliases]\n{line}\n"));
    let emitted = with("quick = { model = \"anvil\", effort = \"low\" }\nplain = \"anvil\"").unwrap().emit();
    assert!(emitted.contains(r#"ALIASES: &str = "plain\tanvil\nquick\tanvil";"#), "{emitted}");
    assert!(emitted.contains("[\n    (\"quick\", Effort::Low),\n]"), "{emitted}");
    for (line, problem) in [
        ("a = { model = \"anvil\", effort = \"none\" }", "a\" has an effort that no row with the id \"anvil\" knows"),
        ("a = { model = \"acme/anvil\", effort = \"high\" }", "no row with the id \"acme/anvil\""),
        ("a = { model = \"anvil\", effort = \"much\" }", "much"),
        ("a = { model = \"anvil\", effort = \"low\", more = 1 }", "more"),
        ("a = 1", "a text or { model, effort }"),
    ] {
        let problem_told = one(with(line).unwrap_err().iter().map(ToString::to_string).collect());
        assert!(problem_told.contains(problem), "{problem_told}");
    }
}

#[test]
fn a_retired_model_is_a_name_that_nobody_answers_to_and_a_day() {
    let retired = |line: &str| format!("{ALIASES}\n[retired]\n{line}\n");
    let catalogue =
        compile(PROVIDER, MODELS, &retired("\"old-tongs\" = \"2026-10-23\"\ntongs = \"2025-01-31\"")).unwrap();
    assert!(catalogue.emit().contains(r#"RETIRED: &str = "old-tongs\t2026-10-23\ntongs\t2025-01-31";"#));
    for (line, problem) in [
        (
            "anvil = \"2026-10-23\"",
            "aliases.toml:6: \"anvil\" is retired, but models.toml:3 has that name: remove it from [retired]",
        ),
        (
            "hammer = \"2026-10-23\"",
            "aliases.toml:6: \"hammer\" is retired, but aliases.toml:2 has that name: remove it from [retired]",
        ),
        ("tongs = \"October\"", "aliases.toml:6: \"October\" is no day like 2026-10-23"),
        ("tongs = \"2026/10/23\"", "aliases.toml:6: \"2026/10/23\" is no day like 2026-10-23"),
    ] {
        assert_eq!(one(problems(PROVIDER, MODELS, &retired(line))), problem);
    }
}
