//! Reads `aliases.toml`.

use super::fields::{Fields, File};
use super::problem::Place;

/// A name that clients send and the model that answers to it: a catalogue id, or `provider/model`.
#[derive(Debug)]
pub(crate) struct Alias {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) target: String,
}

pub(crate) fn read(file: &File<'_>) -> Vec<Alias> {
    let document = file.parse();
    let mut root = Fields::new(file, document.span(), document.get_ref());
    let aliases =
        root.pairs("aliases").into_iter().map(|(place, name, target)| Alias { place, name, target }).collect();
    root.finish();
    aliases
}
