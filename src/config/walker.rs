//! A value inside a JSON variable together with its path, so that every complaint can say where. It reads what is asked
//! for and leaves the meaning to its caller.

use std::borrow::Cow;

use super::error::ConfigError;
use super::json_error::JsonProblem;
use super::secret::is_visible_ascii;
use crate::json::{Kind, ReadError, Reader};

/// One value and where it stands.
pub(super) struct Walker<'a> {
    var: &'static str,
    path: String,
    json: &'a str,
}

/// The members of an object whose keys are all known.
pub(super) struct Object<'a> {
    members: Vec<(Cow<'a, str>, Walker<'a>)>,
    var: &'static str,
    path: String,
}

impl<'a> Walker<'a> {
    /// The whole document in `var`.
    pub(super) fn parse(var: &'static str, text: &'a str) -> Result<Self, Box<ConfigError>> {
        let mut reader = Reader::new(text);
        let checked = reader.skip().and_then(|json| reader.end().map(|()| json));
        checked
            .map(|json| Self { var, path: String::new(), json })
            .map_err(|error| Box::new(ConfigError::Json { var, path: String::new(), problem: syntax(text, error) }))
    }

    /// The complaint about this value.
    pub(super) fn wrong<T>(&self, problem: JsonProblem) -> Result<T, Box<ConfigError>> {
        Err(ConfigError::Json { var: self.var, path: self.path.clone(), problem }.into())
    }

    fn kind(&self) -> Kind {
        // The document was checked as a whole, so a value always begins here.
        Reader::new(self.json).peek().unwrap_or(Kind::Null)
    }

    fn must_be(&self, kind: Kind, expected: &'static str) -> Result<(), Box<ConfigError>> {
        let found = self.kind();
        if found == kind { Ok(()) } else { self.wrong(JsonProblem::WrongKind { expected, found: found.as_str() }) }
    }

    /// The members of an object with keys of the operator's choice.
    pub(super) fn entries(&self) -> Result<Vec<(Cow<'a, str>, Self)>, Box<ConfigError>> {
        self.must_be(Kind::Object, Kind::Object.as_str())?;
        let mut entries: Vec<(Cow<'a, str>, Self)> = Vec::new();
        let mut repeated = None;
        let read: Result<(), ReadError> = Reader::new(self.json).object(|reader, key| {
            // A lone surrogate is no text; as it was written it still is a key that nothing knows.
            let key = key.decode().unwrap_or_else(|| Cow::Borrowed(key.raw()));
            let member = Self { var: self.var, path: child(&self.path, &key), json: reader.skip()? };
            if entries.iter().any(|(earlier, _)| *earlier == key) {
                repeated.get_or_insert_with(|| member.wrong(JsonProblem::DuplicateKey));
            }
            entries.push((key, member));
            Ok(())
        });
        self.read(read)?;
        repeated.unwrap_or(Ok(entries))
    }

    /// The members of an object that has these keys only.
    pub(super) fn object(&self, known: &'static [&'static str]) -> Result<Object<'a>, Box<ConfigError>> {
        let members = self.entries()?;
        match members.iter().find(|(key, _)| !known.contains(&key.as_ref())) {
            Some((_, member)) => member.wrong(JsonProblem::UnknownKey { known }),
            None => Ok(Object { members, var: self.var, path: self.path.clone() }),
        }
    }

    pub(super) fn array(&self) -> Result<Vec<Self>, Box<ConfigError>> {
        self.must_be(Kind::Array, Kind::Array.as_str())?;
        let mut elements = Vec::new();
        let read: Result<(), ReadError> = Reader::new(self.json).array(|reader, index| {
            elements.push(Self { var: self.var, path: format!("{}[{index}]", self.path), json: reader.skip()? });
            Ok(())
        });
        self.read(read)?;
        Ok(elements)
    }

    pub(super) fn string(&self) -> Result<Cow<'a, str>, Box<ConfigError>> {
        self.must_be(Kind::String, Kind::String.as_str())?;
        let text = Reader::new(self.json).string().ok().and_then(|text| text.decode());
        match text {
            Some(text) => Ok(text),
            None => self.wrong(JsonProblem::NotAName),
        }
    }

    /// A string that may stand in a URL, a header and a log line as it is.
    pub(super) fn name(&self) -> Result<String, Box<ConfigError>> {
        let text = self.string()?;
        if is_visible_ascii(&text) { Ok(text.into_owned()) } else { self.wrong(JsonProblem::NotAName) }
    }

    /// An array of names, each of them once.
    pub(super) fn names(&self) -> Result<Vec<String>, Box<ConfigError>> {
        let mut names = Vec::new();
        for element in self.array()? {
            let name = element.name()?;
            if names.contains(&name) {
                return element.wrong(JsonProblem::Duplicate { name });
            }
            names.push(name);
        }
        Ok(names)
    }

    pub(super) fn boolean(&self) -> Result<bool, Box<ConfigError>> {
        self.must_be(Kind::Bool, "true or false")?;
        Ok(self.json == "true")
    }

    /// The text of a number as it was written, so that nothing is rounded.
    pub(super) fn number(&self) -> Result<&'a str, Box<ConfigError>> {
        self.must_be(Kind::Number, Kind::Number.as_str())?;
        Ok(self.json)
    }

    /// The value as it was written.
    pub(super) const fn json(&self) -> &'a str {
        self.json
    }

    /// A number of something, at least one.
    pub(super) fn count(&self) -> Result<u32, Box<ConfigError>> {
        let text = self.number()?;
        match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => self.wrong(JsonProblem::NotANumber { found: text.to_owned(), min: 1, max: u32::MAX }),
        }
    }

    /// What a word means, given all the words there are.
    pub(super) fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Result<T, Box<ConfigError>> {
        let found = self.string()?;
        match words.iter().find(|(word, _)| *word == found) {
            Some((_, meaning)) => Ok(*meaning),
            None => self.wrong(JsonProblem::NotOneOf {
                found: found.into_owned(),
                allowed: words.iter().map(|(word, _)| *word).collect(),
            }),
        }
    }

    fn read(&self, read: Result<(), ReadError>) -> Result<(), Box<ConfigError>> {
        // The document was checked as a whole, so this never fails.
        read.or_else(|error| self.wrong(syntax(self.json, error)))
    }
}

impl<'a> Object<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&Walker<'a>> {
        self.members.iter().find(|(name, _)| name == key).map(|(_, member)| member)
    }

    /// What `read` makes of the member; none where it is missing.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Walker<'a>) -> Result<T, Box<ConfigError>>,
    ) -> Result<Option<T>, Box<ConfigError>> {
        self.get(key).map(read).transpose()
    }

    pub(super) fn required(&self, key: &str, expected: &'static str) -> Result<&Walker<'a>, Box<ConfigError>> {
        self.get(key).ok_or_else(|| self.wrong(key, JsonProblem::Missing { expected }))
    }

    /// The complaint about a member, be it there or not.
    pub(super) fn wrong(&self, key: &str, problem: JsonProblem) -> Box<ConfigError> {
        Box::new(ConfigError::Json { var: self.var, path: child(&self.path, key), problem })
    }
}

fn syntax(text: &str, error: ReadError) -> JsonProblem {
    let before = text.get(..error.offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    JsonProblem::Syntax { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
}

/// The path of a member: `a.b`, or `a["b c"]` where the key is more than a word.
fn child(path: &str, key: &str) -> String {
    let word = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if !word {
        format!("{path}[{}]", super::error::shown(key))
    } else if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
