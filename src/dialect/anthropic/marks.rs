//! The marks of a prompt cache (`cache_control`), which are passed on.

use crate::json::ObjectWriter;

/// The most marks that a request may have; more are an error there. Source:
/// platform.claude.com/docs/en/build-with-claude/prompt-caching.
const MAX_MARKS: u8 = 4;

/// How many marks may still be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    left: u8,
    /// There was one more than there is room for.
    overflowed: bool,
}

impl Marks {
    /// None is written yet.
    pub(super) const fn new() -> Self {
        Self { left: MAX_MARKS, overflowed: false }
    }

    /// Writes a client's mark, if there is one, and room for it.
    pub(super) fn write(&mut self, object: &mut ObjectWriter<'_>, mark: Option<&str>) {
        let Some(mark) = mark else { return };
        self.overflowed |= self.left == 0;
        if self.left > 0 {
            self.left -= 1;
            object.raw("cache_control", mark);
        }
    }

    /// Whether a mark was left out.
    pub(super) const fn overflowed(self) -> bool {
        self.overflowed
    }
}
