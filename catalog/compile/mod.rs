//! Turns the TOML files of the catalogue into the Rust tables that `src/catalog/tables.rs` includes: read, check, emit.
//! Every mistake is collected and told at once. It touches no files: `build.rs` reads and writes them, and the tests
//! hand in small texts.

pub(crate) mod alias;
mod check;
mod emit;
mod fields;
pub(crate) mod model;
pub(crate) mod money;
pub(crate) mod price;
pub(crate) mod problem;
pub(crate) mod provider;
pub(crate) mod reasoning;

use alias::{Alias, Retired};
use fields::{File, Report};
use model::Model;
pub(crate) use problem::Problem;
use provider::Provider;

/// A TOML file: the path that error messages name, and its text.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The parsed and checked catalogue.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) providers: Vec<Provider>,
    pub(crate) models: Vec<Model>,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) retired: Vec<Retired>,
}

impl Catalogue {
    /// Reads and checks all files. Models come in the order of their providers, then of their file; problems in the order
    /// of files and lines.
    pub(crate) fn compile(providers: &Source, models: &[Source], aliases: &Source) -> Result<Self, Vec<Problem>> {
        let report = Report::default();
        let (aliases, retired) = alias::read(&File::new(aliases, &report));
        let mut catalogue = Self {
            providers: provider::read(&File::new(providers, &report)),
            models: models.iter().flat_map(|source| model::read(&File::new(source, &report))).collect(),
            aliases,
            retired,
        };
        check::check(&catalogue, &report);
        let providers = &catalogue.providers;
        let rank = |model: &Model| providers.iter().position(|provider| provider.id == model.provider);
        catalogue.models.sort_by_key(rank);
        let problems = report.into_problems();
        if problems.is_empty() { Ok(catalogue) } else { Err(problems) }
    }

    /// The Rust text of `PROVIDERS`, `MODELS`, `ALIASES` and `RETIRED`.
    pub(crate) fn emit(&self) -> String {
        emit::emit(self)
    }
}
