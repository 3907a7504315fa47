//! The JSON body of a request to a provider. A long conversation, an image in it for the most part, is not copied into it: it is
//! sent from where the client's body has it.

use std::borrow::Cow;

/// From this length on a body is sent piece by piece, as 8 MB at once cost 5 ms of page faults in the copies that they need; and
/// messages of this length are sent from where they stand. A shorter body goes to the platform in one piece.
pub const LONG_BODY_BYTES: usize = 512 * 1024;

/// A body, in at most three pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestBody<'a> {
    /// All that was written.
    written: String,
    /// Where in that something of the client's belongs.
    at: usize,
    /// That.
    long: &'a str,
}

impl<'a> RequestBody<'a> {
    /// What was written, with `long` at the offset `at`.
    pub fn new(written: String, at: usize, long: &'a str) -> Self {
        Self { written, at, long }
    }

    /// The pieces, in order.
    pub fn pieces(&self) -> [&str; 3] {
        let (before, behind) = self.written.split_at_checked(self.at).unwrap_or((&self.written, ""));
        [before, self.long, behind]
    }

    /// Bytes of all pieces.
    pub fn len(&self) -> usize {
        self.written.len() + self.long.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In one piece.
    pub fn whole(&self) -> Cow<'_, str> {
        if self.long.is_empty() { Cow::Borrowed(&self.written) } else { Cow::Owned(self.pieces().concat()) }
    }

    /// With a copy of what is the client's.
    pub fn into_owned(self) -> RequestBody<'static> {
        if self.long.is_empty() { RequestBody::from(self.written) } else { RequestBody::from(self.pieces().concat()) }
    }
}

impl From<String> for RequestBody<'_> {
    fn from(written: String) -> Self {
        Self::new(written, 0, "")
    }
}
