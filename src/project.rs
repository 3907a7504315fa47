//! The id of a project: who the usage and the cost are recorded for. It does not say which projects exist.

use std::fmt;

/// The longest id. It names a Durable Object and is written into every usage record.
pub const MAX_PROJECT_ID_LENGTH: usize = 64;

/// A project id of the form `[A-Za-z0-9._-]{1,64}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectId(String);

/// What is wrong with a text that should be a project id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectIdError {
    /// No character at all.
    Empty,
    /// More than [`MAX_PROJECT_ID_LENGTH`] characters.
    TooLong,
    /// A character that the form does not have.
    Character(char),
}

impl ProjectId {
    /// Takes `text` as it is: nothing is trimmed.
    ///
    /// # Errors
    /// When it has not the form of a project id.
    pub fn parse(text: &str) -> Result<Self, ProjectIdError> {
        let allowed = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
        match text.chars().find(|character| !allowed(character)) {
            _ if text.is_empty() => Err(ProjectIdError::Empty),
            Some(character) => Err(ProjectIdError::Character(character)),
            None if text.len() > MAX_PROJECT_ID_LENGTH => Err(ProjectIdError::TooLong),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The id as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ProjectIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a project id has at least one character"),
            Self::TooLong => write!(f, "a project id has at most {MAX_PROJECT_ID_LENGTH} characters"),
            Self::Character(character) => {
                write!(f, "a project id has letters, digits, `.`, `_` and `-` only, not {character:?}")
            }
        }
    }
}

impl std::error::Error for ProjectIdError {}
