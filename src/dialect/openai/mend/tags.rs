//! Reasoning at the beginning of a text: `<think>...</think>`, over any number of pieces. What the tags stand in later is
//! text like any other.

/// The most white space before an opening tag: templates write a line feed or two. More is the answer's own.
const MAX_LEADING_SPACE: usize = 32;
/// What templates write behind both tags.
const LINE_ENDS: [char; 2] = ['\n', '\r'];

/// A pair of tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) open: &'static str,
    pub(super) close: &'static str,
}

/// What most open models write.
pub(super) const THINK: Pair = Pair { open: "<think>", close: "</think>" };
/// What Gemini's compatible endpoint writes around thoughts.
pub(super) const THOUGHT: Pair = Pair { open: "<thought>", close: "</thought>" };

/// What a piece of text was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) reasoning: String,
    pub(super) content: String,
}

/// Where a text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing but white space and the beginning of the tag, which are held.
    #[default]
    Before,
    /// Behind the opening tag, and no thought yet.
    Opened,
    /// Among the thoughts; what may be the beginning of the closing tag is held.
    Inside,
    /// Behind the closing tag, and no answer yet.
    Closed,
    /// Among the answer.
    After,
}

/// One text on its way.
#[derive(Clone, Debug, Default)]
pub(super) struct Tags {
    stage: Stage,
    held: String,
}

impl Tags {
    /// Whether every piece to come is text as it stands.
    pub(super) fn is_settled(&self) -> bool {
        self.stage == Stage::After
    }

    /// Whether a piece of it is held.
    pub(super) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// The provider says that what comes next is thought, whatever came before.
    pub(super) fn begin_thought(&mut self, text: &str, pair: Pair, out: &mut Split) {
        if matches!(self.stage, Stage::Closed | Stage::After) {
            self.stage = Stage::Before;
        }
        if self.stage == Stage::Before {
            let piece = self.held.clone() + text;
            let word = piece.trim_ascii_start();
            if !is_prefix(pair.open, word) && !word.starts_with(pair.open) {
                self.stage = Stage::Opened;
            }
        }
        self.push(text, pair, out);
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, text: &str, pair: Pair, out: &mut Split) {
        let piece = if self.held.is_empty() { text.to_owned() } else { std::mem::take(&mut self.held) + text };
        let mut rest = piece.as_str();
        loop {
            match self.stage {
                Stage::Before => {
                    let word = rest.trim_ascii_start();
                    let space = rest.len() - word.len();
                    if let Some(behind) = word.strip_prefix(pair.open) {
                        self.stage = Stage::Opened;
                        rest = behind;
                    } else if space <= MAX_LEADING_SPACE && is_prefix(pair.open, word) {
                        rest.clone_into(&mut self.held);
                        return;
                    } else {
                        self.stage = Stage::After;
                    }
                }
                Stage::Opened => {
                    rest = rest.trim_start_matches(LINE_ENDS);
                    if rest.is_empty() {
                        return;
                    }
                    self.stage = Stage::Inside;
                }
                Stage::Inside => {
                    if let Some((thought, behind)) = rest.split_once(pair.close) {
                        out.reasoning.push_str(thought);
                        self.stage = Stage::Closed;
                        rest = behind;
                    } else {
                        let (thought, held) = without_beginning_of(pair.close, rest);
                        out.reasoning.push_str(thought);
                        held.clone_into(&mut self.held);
                        return;
                    }
                }
                Stage::Closed => {
                    rest = rest.trim_start_matches(LINE_ENDS);
                    if rest.is_empty() {
                        return;
                    }
                    self.stage = Stage::After;
                }
                Stage::After => {
                    out.content.push_str(rest);
                    return;
                }
            }
        }
    }

    /// The text has ended: what was held is what it looks like.
    pub(super) fn end(&mut self, out: &mut Split) {
        let held = std::mem::take(&mut self.held);
        match self.stage {
            Stage::Opened | Stage::Inside => out.reasoning.push_str(&held),
            Stage::Before | Stage::Closed | Stage::After => out.content.push_str(&held),
        }
        self.stage = Stage::After;
    }

    /// Whether what comes next is thought, unless it is the closing tag.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Opened | Stage::Inside)
    }

    /// What cannot be read comes next: what was held is released, and the stage is settled but for thoughts.
    pub(super) fn pass(&mut self, out: &mut Split) {
        if self.is_open() {
            out.reasoning.push_str(&std::mem::take(&mut self.held));
            self.stage = Stage::Inside;
        } else {
            self.end(out);
        }
    }
}

/// Whether `text` is the beginning of `tag`, but not all of it. The empty text is one.
fn is_prefix(tag: &str, text: &str) -> bool {
    text.len() < tag.len() && tag.starts_with(text)
}

/// The text without what may be the beginning of `tag` at its end, and that.
fn without_beginning_of<'t>(tag: &str, text: &'t str) -> (&'t str, &'t str) {
    let longest = (1..tag.len()).rev().find(|length| tag.get(..*length).is_some_and(|start| text.ends_with(start)));
    text.split_at_checked(text.len() - longest.unwrap_or(0)).unwrap_or((text, ""))
}
