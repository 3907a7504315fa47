//! The marks of a prompt cache (`cache_control`), which are passed on.

use crate::json::ObjectWriter;

/// The most marks that a request may have; more are an error there. Source:
/// platform.claude.com/docs/en/build-with-claude/prompt-caching.
const MAX_MARKS: u8 = 4;

/// How many marks may still be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks(u8);

impl Marks {
    /// None is written yet.
    pub(super) const fn new() -> Self {
        Self(MAX_MARKS)
    }

    /// Writes a client's mark, if there is one, and room for it.
    pub(super) fn write(&mut self, object: &mut ObjectWriter<'_>, mark: Option<&str>) {
        if let Some(mark) = mark.filter(|_| self.0 > 0) {
            self.0 -= 1;
            object.raw("cache_control", mark);
        }
    }
}
