//! Reads TOML tables field by field, so that one bad field does not hide the next. Values that are missing or of the
//! wrong type are reported and read as empty; nothing is emitted then.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Source;
use super::problem::{Place, Problem, ProblemKind};

/// A word in the files and the name of its enum variant in `src/catalog`.
pub(crate) type Word = (&'static str, &'static str);

/// Collects problems.
#[derive(Default)]
pub(crate) struct Report(RefCell<Vec<Problem>>);

impl Report {
    pub(crate) fn add(&self, place: Place, kind: ProblemKind) {
        self.0.borrow_mut().push(Problem { place, kind });
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.0.into_inner();
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        problems
    }
}

/// A file being read.
pub(crate) struct File<'a> {
    pub(crate) source: &'a Source,
    pub(crate) report: &'a Report,
}

impl<'a> File<'a> {
    pub(crate) fn new(source: &'a Source, report: &'a Report) -> Self {
        Self { source, report }
    }

    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        let before = self.source.text.bytes().take(span.start);
        Place { path: self.source.path.clone(), line: 1 + before.filter(|byte| *byte == b'\n').count() }
    }

    /// The whole file; what is not TOML is reported and left out.
    pub(crate) fn parse(&self) -> Spanned<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(&self.source.text);
        for error in errors {
            self.report.add(
                self.place(error.span().unwrap_or_default()),
                ProblemKind::Syntax { message: error.message().to_owned() },
            );
        }
        table
    }
}

/// The fields of one table.
pub(crate) struct Fields<'a> {
    file: &'a File<'a>,
    place: Place,
    table: &'a DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(file: &'a File<'a>, span: Range<usize>, table: &'a DeTable<'a>) -> Self {
        Self { file, place: file.place(span), table, known: Vec::new() }
    }

    /// Where the table begins.
    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }

    /// Reports a problem of the table as a whole.
    pub(crate) fn report(&self, kind: ProblemKind) {
        self.file.report.add(self.place(), kind);
    }

    /// Reports a problem at a value.
    pub(crate) fn report_at(&self, value: &Spanned<DeValue<'_>>, kind: ProblemKind) {
        self.file.report.add(self.file.place(value.span()), kind);
    }

    pub(crate) fn get(&mut self, field: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(field);
        self.table.iter().find(|(key, _)| key.get_ref() == field).map(|(_, value)| value)
    }

    fn required(&mut self, field: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        let value = self.get(field);
        if value.is_none() {
            self.report(ProblemKind::MissingField { field });
        }
        value
    }

    fn wrong_type(&self, value: &Spanned<DeValue<'_>>, field: &str, wanted: &'static str) {
        let field = field.to_owned();
        self.report_at(value, ProblemKind::WrongType { field, wanted });
    }

    fn as_text(&self, field: &str, value: &'a Spanned<DeValue<'a>>) -> Option<&'a str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(value, field, "a text in quotes");
        }
        text
    }

    pub(crate) fn text(&mut self, field: &'static str) -> String {
        self.required(field).and_then(|value| self.as_text(field, value)).unwrap_or_default().to_owned()
    }

    pub(crate) fn optional_text(&mut self, field: &'static str) -> Option<String> {
        let value = self.get(field)?;
        self.as_text(field, value).map(str::to_owned)
    }

    /// The values of an optional list, empty where it is left out.
    fn list(&mut self, field: &'static str) -> &'a [Spanned<DeValue<'a>>] {
        let Some(value) = self.get(field) else {
            return &[];
        };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(value, field, "a list");
            return &[];
        };
        list
    }

    pub(crate) fn texts(&mut self, field: &'static str) -> Vec<String> {
        let list = self.list(field);
        list.iter().filter_map(|value| self.as_text(field, value)).map(str::to_owned).collect()
    }

    /// The tables of an optional list.
    pub(crate) fn tables(&mut self, field: &'static str) -> Vec<Fields<'a>> {
        let list = self.list(field);
        list.iter()
            .filter_map(|value| match value.get_ref().as_table() {
                Some(table) => Some(Fields::new(self.file, value.span(), table)),
                None => {
                    self.wrong_type(value, field, "a list of tables");
                    None
                }
            })
            .collect()
    }

    /// The fields of an optional table.
    pub(crate) fn table(&mut self, field: &'static str) -> Option<Fields<'a>> {
        let value = self.get(field)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(value, field, "a table");
        }
        Some(Fields::new(self.file, value.span(), table?))
    }

    /// The names and values of an optional table, as `read` takes them, with the place of each.
    fn entries<T>(
        &mut self,
        field: &'static str,
        wanted: &'static str,
        read: impl Fn(&Self, &str, &'a Spanned<DeValue<'a>>) -> Option<T>,
    ) -> Vec<(Place, String, T)> {
        let Some(value) = self.get(field) else {
            return Vec::new();
        };
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(value, field, wanted);
            return Vec::new();
        };
        table
            .iter()
            .filter_map(|(key, value)| {
                let value = read(self, key.get_ref(), value)?;
                Some((self.file.place(key.span()), key.get_ref().to_string(), value))
            })
            .collect()
    }

    /// The names and texts of an optional table, with the place of each.
    pub(crate) fn pairs(&mut self, field: &'static str) -> Vec<(Place, String, String)> {
        self.entries(field, "a table of texts", |fields, key, value| fields.as_text(key, value).map(str::to_owned))
    }

    /// The names of an optional table and what stands behind them: texts, or tables, which `read` reads.
    pub(crate) fn texts_or<T>(
        &mut self,
        field: &'static str,
        wanted: &'static str,
        read: impl Fn(Fields<'a>) -> (String, Option<T>),
    ) -> Vec<(Place, String, (String, Option<T>))> {
        self.entries(field, "a table", |fields, key, value| {
            if let Some(table) = value.get_ref().as_table() {
                return Some(read(Fields::new(fields.file, value.span(), table)));
            }
            let text = value.get_ref().as_str();
            if text.is_none() {
                fields.wrong_type(value, key, wanted);
            }
            text.map(|text| (text.to_owned(), None))
        })
    }

    /// The names and whole numbers of an optional table.
    pub(crate) fn counts(&mut self, field: &'static str) -> Vec<(String, u32)> {
        let wanted = "a table of whole numbers";
        let counts = self.entries(field, wanted, |fields, key, value| fields.as_number(key, value, "a whole number"));
        counts.into_iter().map(|(_, key, count)| (key, count)).collect()
    }

    /// The names and numbers of an optional table, as JSON text.
    pub(crate) fn numbers(&mut self, field: &'static str) -> Vec<(String, String)> {
        let numbers = self.entries(field, "a table of numbers", |fields, key, value| {
            let number = value.get_ref();
            let whole = number.as_integer().filter(|integer| integer.radix() == 10).map(|integer| integer.as_str());
            let text = whole.or_else(|| number.as_float().map(|float| float.as_str()));
            if text.is_none() {
                fields.wrong_type(value, key, "a number");
            }
            text.map(str::to_owned)
        });
        numbers.into_iter().map(|(_, key, number)| (key, number)).collect()
    }

    fn as_flag(&self, field: &str, value: &Spanned<DeValue<'_>>) -> bool {
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_type(value, field, "true or false");
            false
        })
    }

    pub(crate) fn flag(&mut self, field: &'static str) -> bool {
        self.required(field).is_some_and(|value| self.as_flag(field, value))
    }

    pub(crate) fn flag_or(&mut self, field: &'static str, default: bool) -> bool {
        self.get(field).map_or(default, |value| self.as_flag(field, value))
    }

    fn as_number<T: std::str::FromStr>(
        &self,
        field: &str,
        value: &Spanned<DeValue<'_>>,
        wanted: &'static str,
    ) -> Option<T> {
        let number = value.get_ref().as_integer().and_then(|integer| integer.as_str().parse().ok());
        if number.is_none() {
            self.wrong_type(value, field, wanted);
        }
        number
    }

    /// A required number of tokens, `None` where it says "unknown".
    pub(crate) fn tokens(&mut self, field: &'static str) -> Option<u32> {
        let value = self.required(field)?;
        if value.get_ref().as_str() == Some("unknown") {
            return None;
        }
        self.as_number(field, value, "a whole number of tokens, or \"unknown\"")
    }

    /// A required number of something.
    pub(crate) fn count(&mut self, field: &'static str) -> u32 {
        let value = self.required(field);
        value.and_then(|value| self.as_number(field, value, "a whole number")).unwrap_or_default()
    }

    /// A number above 0, if it is there.
    pub(crate) fn optional_count(&mut self, field: &'static str) -> Option<u32> {
        let value = self.get(field)?;
        self.as_number(field, value, "a whole number")
    }

    pub(crate) fn optional_status(&mut self, field: &'static str) -> Option<u16> {
        let value = self.get(field)?;
        self.as_number(field, value, "an HTTP status")
    }

    fn as_word(&self, field: &'static str, value: &'a Spanned<DeValue<'a>>, words: &[Word]) -> Option<&'static str> {
        let text = self.as_text(field, value)?;
        let variant = words.iter().find(|(word, _)| *word == text).map(|(_, variant)| *variant);
        if variant.is_none() {
            let kind = ProblemKind::UnknownWord {
                field,
                word: text.to_owned(),
                known: words.iter().map(|(word, _)| *word).collect(),
            };
            self.report_at(value, kind);
        }
        variant
    }

    /// The variant that a required word names.
    pub(crate) fn word(&mut self, field: &'static str, words: &[Word]) -> &'static str {
        self.required(field).and_then(|value| self.as_word(field, value, words)).unwrap_or_default()
    }

    /// The variant that an optional word names.
    pub(crate) fn word_or(&mut self, field: &'static str, words: &[Word], default: &'static str) -> &'static str {
        self.get(field).and_then(|value| self.as_word(field, value, words)).unwrap_or(default)
    }

    /// The same where nothing is named.
    pub(crate) fn optional_word(&mut self, field: &'static str, words: &[Word]) -> Option<&'static str> {
        let value = self.get(field)?;
        self.as_word(field, value, words)
    }

    /// The variants that an optional list of words names.
    pub(crate) fn words(&mut self, field: &'static str, words: &[Word]) -> Vec<&'static str> {
        let list = self.list(field);
        list.iter().filter_map(|value| self.as_word(field, value, words)).collect()
    }

    /// Reports the fields that nobody asked for.
    pub(crate) fn finish(self) {
        for (key, _) in self.table.iter() {
            if !self.known.contains(&key.get_ref().as_ref()) {
                let kind = ProblemKind::UnknownField { field: key.get_ref().to_string(), known: self.known.clone() };
                self.file.report.add(self.file.place(key.span()), kind);
            }
        }
    }
}
