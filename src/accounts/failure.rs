//! What a call to D1 may come to. D1 tells its errors as text, and nothing is decided by it: whether the data or the database
//! is to blame, [`super::flush`] finds out by trying.

/// Why a call to D1 came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum D1Failure {
    /// There is no binding `DB`.
    NotBound,
    /// D1 refused the call, did not answer in time, or gave an answer that does not fit. It may have been done all the same.
    Failed {
        /// D1's words. They name tables and columns, no values.
        problem: String,
    },
}

impl D1Failure {
    /// What happened, for the log.
    pub fn problem(&self) -> &str {
        match self {
            Self::NotBound => "there is no binding DB",
            Self::Failed { problem } => problem,
        }
    }
}
