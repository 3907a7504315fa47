//! Reads `aliases.toml`: names that lead to a model, and names of models that are gone.

use super::fields::{Fields, File};
use super::model::EFFORTS;
use super::problem::Place;

/// A name that clients send and the model that answers to it: a catalogue id, or `provider/model`.
#[derive(Debug)]
pub(crate) struct Alias {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) target: String,
    /// How much the model thinks under this name where the client says nothing: a variant of `Effort`.
    pub(crate) effort: Option<&'static str>,
}

/// A model that no provider here serves any more, and for which nobody has named a successor.
#[derive(Debug)]
pub(crate) struct Retired {
    pub(crate) place: Place,
    pub(crate) name: String,
    /// The day on which its row was removed, `YYYY-MM-DD`.
    pub(crate) day: String,
}

pub(crate) fn read(file: &File<'_>) -> (Vec<Alias>, Vec<Retired>) {
    let document = file.parse();
    let mut root = Fields::new(file, document.span(), document.get_ref());
    let plain = root.texts_or("aliases", "a text or { model, effort }", |mut row| {
        let read = (row.text("model"), row.optional_word("effort", &EFFORTS));
        row.finish();
        read
    });
    let aliases =
        plain.into_iter().map(|(place, name, (target, effort))| Alias { place, name, target, effort }).collect();
    let retired = root.pairs("retired").into_iter().map(|(place, name, day)| Retired { place, name, day }).collect();
    root.finish();
    (aliases, retired)
}

/// Whether a text is a day, `YYYY-MM-DD`. Whether the calendar has it does not matter: it is only shown.
pub(crate) fn is_day(text: &str) -> bool {
    let is_in_form = |(position, byte): (usize, u8)| match position {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    text.len() == 10 && text.bytes().enumerate().all(is_in_form)
}
