//! What must hold between the rows of all files.

use std::collections::HashMap;

use super::Catalogue;
use super::alias::is_day;
use super::fields::Report;
use super::model::{Model, RESERVED};
use super::problem::ProblemKind;
use super::reasoning::takes_budget;

pub(crate) fn check(catalogue: &Catalogue, report: &Report) {
    check_providers(catalogue, report);
    check_models(catalogue, report);
    check_aliases(catalogue, report);
    check_retired(catalogue, report);
}

fn check_providers(catalogue: &Catalogue, report: &Report) {
    let mut ids = HashMap::new();
    let mut variables = HashMap::new();
    for provider in &catalogue.providers {
        if let Some(first) = ids.insert(&provider.id, &provider.place) {
            let (id, first) = (provider.id.clone(), first.clone());
            report.add(provider.place.clone(), ProblemKind::DuplicateProvider { id, first });
        }
        for name in provider.key_vars.iter().chain([&provider.base_url_var]) {
            if let Some(first) = variables.insert(name, &provider.place) {
                let (name, first) = (name.clone(), first.clone());
                report.add(provider.place.clone(), ProblemKind::DuplicateVariable { name, first });
            }
        }
    }
}

fn check_models(catalogue: &Catalogue, report: &Report) {
    let mut rows = HashMap::<(&str, &str), &Model>::new();
    let mut unknown = None;
    for model in &catalogue.models {
        let is_known = catalogue.providers.iter().any(|provider| provider.id == model.provider);
        // Once for each file: all its rows have the same provider.
        if !is_known && unknown.replace(&model.place.path) != Some(&model.place.path) {
            let id = model.provider.clone();
            report.add(model.place.clone(), ProblemKind::UnknownProvider { id });
        }
        if let Some(first) = rows.insert((&model.provider, &model.upstream_id), model) {
            let kind = ProblemKind::DuplicateModel {
                provider: model.provider.clone(),
                upstream_id: model.upstream_id.clone(),
                first: first.place.clone(),
            };
            report.add(model.place.clone(), kind);
        }
    }
    for model in &catalogue.models {
        let provider = catalogue.providers.iter().find(|provider| provider.id == model.provider);
        if let (Some(provider), Some(reasoning)) = (provider, model.reasoning)
            && let control = reasoning.control.unwrap_or(provider.reasoning.control)
            && reasoning.budget.is_some()
            && !takes_budget(control)
        {
            report.add(model.place.clone(), ProblemKind::BudgetNotTaken { control });
        }
        if let Some(other) = rows.get(&(&model.provider, &model.id))
            && other.id != model.id
        {
            let kind = ProblemKind::AmbiguousModel {
                provider: model.provider.clone(),
                name: model.id.clone(),
                other: other.place.clone(),
            };
            report.add(model.place.clone(), kind);
        }
    }
}

fn check_aliases(catalogue: &Catalogue, report: &Report) {
    let names_model = |target: &str| {
        catalogue.models.iter().any(|model| {
            let own = target.strip_prefix(model.provider.as_str()).and_then(|rest| rest.strip_prefix('/'));
            model.id == target || own.is_some_and(|own| own == model.id || own == model.upstream_id)
        })
    };
    for alias in &catalogue.aliases {
        let (name, target) = (alias.name.clone(), alias.target.clone());
        if RESERVED.contains(&name.as_str()) {
            report.add(alias.place.clone(), ProblemKind::Reserved { name: name.clone() });
        }
        let hidden = catalogue.models.iter().find(|model| model.id == name || model.upstream_id == name);
        if let Some(model) = hidden {
            let kind = ProblemKind::AliasShadowsModel { alias: name.clone(), model: model.place.clone() };
            report.add(alias.place.clone(), kind);
        }
        let knows = |model: &Model| alias.effort.is_none_or(|effort| model.efforts.contains(&effort));
        let is_known = catalogue.models.iter().any(|model| model.id == target && knows(model));
        if alias.effort.is_some() && names_model(&target) && !is_known {
            let kind = ProblemKind::AliasEffort { alias: name.clone(), target: target.clone() };
            report.add(alias.place.clone(), kind);
        }
        if !names_model(&target) {
            let is_alias = catalogue.aliases.iter().any(|other| other.name == target);
            let kind = if is_alias {
                ProblemKind::AliasToAlias { alias: name, target }
            } else {
                ProblemKind::AliasToNothing { alias: name, target }
            };
            report.add(alias.place.clone(), kind);
        }
    }
}

fn check_retired(catalogue: &Catalogue, report: &Report) {
    for retired in &catalogue.retired {
        let name = retired.name.clone();
        let model = catalogue.models.iter().find(|model| model.id == name || model.upstream_id == name);
        let alias = catalogue.aliases.iter().find(|alias| alias.name == name);
        if let Some(other) = model.map(|model| &model.place).or(alias.map(|alias| &alias.place)) {
            report.add(retired.place.clone(), ProblemKind::RetiredLives { name, other: other.clone() });
        }
        if !is_day(&retired.day) {
            report.add(retired.place.clone(), ProblemKind::NotADay { text: retired.day.clone() });
        }
    }
}
