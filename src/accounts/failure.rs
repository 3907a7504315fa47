//! What a call to D1 may come to. D1 tells its errors as text, so the words that SQLite uses decide.

/// Why a call to D1 came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum D1Failure {
    /// There is no binding `DB`.
    NotBound,
    /// D1 takes these data at no time: a constraint, a wrong type, malformed JSON, too many bytes. What else was in the
    /// same call may be good.
    Refused {
        /// D1's words. They name tables and columns, no values.
        problem: String,
    },
    /// D1 did not answer in time, is overloaded, or lacks a table. The same call may succeed later.
    Unavailable {
        /// D1's words.
        problem: String,
    },
}

/// What SQLite says when it is the data that are wrong.
const REFUSALS: [&str; 6] = [
    // Constraints, and `cannot store TEXT value in INTEGER column` of STRICT tables.
    "SQLITE_CONSTRAINT",
    "constraint failed",
    "SQLITE_MISMATCH",
    "SQLITE_TOOBIG",
    "malformed JSON",
    "integer overflow",
];

impl D1Failure {
    /// Reads the text of an error that D1 threw.
    pub fn of(problem: String) -> Self {
        if REFUSALS.iter().any(|word| problem.contains(word)) {
            Self::Refused { problem }
        } else {
            Self::Unavailable { problem }
        }
    }

    /// What happened, for the log.
    pub fn problem(&self) -> &str {
        match self {
            Self::NotBound => "there is no binding DB",
            Self::Refused { problem } | Self::Unavailable { problem } => problem,
        }
    }
}
