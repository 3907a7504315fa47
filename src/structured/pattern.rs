//! Regular expressions of schemas, as far as they are simple: literals, classes, groups, alternatives, counts and anchors, with
//! the meaning that ECMA-262 gives them under its flag `u`, which JSON Schema asks for. What goes beyond (looking around,
//! references back, `\b`, `\p`, what the flag forbids) is not checked, here or elsewhere: a schema comes from a client, and
//! the platform's own expressions may take for ever. Here all readings of a text go on side by side, one character at a
//! time, so the work is bounded by the length of the text times the length of the pattern.

use super::check::BYTES_A_STEP;

/// The longest pattern, in bytes; what clients send for dates, ids and addresses has some 20 to 200.
const MAX_BYTES: usize = 1_000;
/// The most steps that a pattern may come to when its counts are written out: `.{1,500}` has twice 500.
const MAX_CODE: usize = 2_000;
/// How deep groups may lie in each other; it bounds the stack.
const MAX_DEPTH: u32 = 16;
/// What half of a surrogate pair was read as: it stands for anything.
const HALF_A_PAIR: char = char::REPLACEMENT_CHARACTER;

/// From one code point to another, both included.
type Range = (u32, u32);

const LAST: u32 = char::MAX as u32;
const DIGITS: &[Range] = &[(0x30, 0x39)];
const WORD: &[Range] = &[(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)];
/// ECMA-262's `WhiteSpace` and `LineTerminator`, which are not quite Unicode's.
const SPACE: &[Range] = &[
    (0x09, 0x0D),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
];
/// What `.` does not mean.
const LINE_ENDS: &[Range] = &[(0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)];

/// One step. Others are named by how far they are behind or before it, so that steps can be repeated as they are.
#[derive(Clone, Copy)]
enum Step {
    /// One character of these ranges, or of all others.
    Class {
        from: usize,
        to: usize,
        negated: bool,
    },
    /// Either the next step or that one.
    Either(isize),
    Jump(isize),
    /// `^`
    Start,
    /// `$`
    End,
}

/// A pattern that can be checked.
pub(super) struct Pattern {
    /// It has a class of letters or digits.
    has_words: bool,
    code: Vec<Step>,
    ranges: Vec<Range>,
}

impl Pattern {
    /// `None` for what cannot be checked, or where `work` does not suffice.
    pub(super) fn parse(text: &str, work: &mut u32) -> Option<Self> {
        if text.len() > MAX_BYTES || text.contains(HALF_A_PAIR) {
            return None;
        }
        spend(work, text.len())?;
        let mut compiler =
            Compiler { has_words: false, rest: text, code: Vec::new(), ranges: Vec::new(), depth: 0, work };
        compiler.alternatives()?;
        compiler.rest.is_empty().then_some(Self {
            has_words: compiler.has_words,
            code: compiler.code,
            ranges: compiler.ranges,
        })
    }

    /// Whether some part of `text` is what the pattern says. `None` where nobody knows, or `work` did not suffice.
    pub(super) fn is_in(&self, text: &str, work: &mut u32) -> Option<bool> {
        // `\w` is also `é` for those who wrote most schemas, in Python and Rust.
        if text.contains(HALF_A_PAIR) || self.has_words && !text.is_ascii() {
            return None;
        }
        spend(work, self.code.len() + text.len() / BYTES_A_STEP)?;
        let mut characters = text.chars();
        // The steps that are gone to next, those that wait for a character, and where each was come to last.
        let (mut next, mut waiting) = (Vec::new(), Vec::new());
        let mut seen = vec![usize::MAX; self.code.len()];
        for place in 0.. {
            let character = characters.next();
            next.push(0);
            while let Some(at) = next.pop() {
                spend(work, 1)?;
                let Some(step) = self.code.get(at) else { return Some(true) };
                let seen = seen.get_mut(at)?;
                if *seen == place {
                    continue;
                }
                *seen = place;
                match *step {
                    Step::Class { from, to, negated } => waiting.push((at, from, to, negated)),
                    Step::Either(far) => next.extend([at + 1, at.checked_add_signed(far)?]),
                    Step::Jump(far) => next.push(at.checked_add_signed(far)?),
                    Step::Start if place == 0 => next.push(at + 1),
                    Step::End if character.is_none() => next.push(at + 1),
                    Step::Start | Step::End => {}
                }
            }
            let Some(character) = character.map(u32::from) else { break };
            for (at, from, to, negated) in waiting.drain(..) {
                let ranges = self.ranges.get(from..to)?;
                spend(work, ranges.len())?;
                if ranges.iter().any(|(first, last)| (*first..=*last).contains(&character)) != negated {
                    next.push(at + 1);
                }
            }
        }
        Some(false)
    }
}

/// Reads a pattern; `None` anywhere is what cannot be checked.
struct Compiler<'p, 'w> {
    has_words: bool,
    rest: &'p str,
    code: Vec<Step>,
    ranges: Vec<Range>,
    depth: u32,
    work: &'w mut u32,
}

impl Compiler<'_, '_> {
    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    fn take(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn alternatives(&mut self) -> Option<()> {
        let mut jumps = Vec::new();
        loop {
            let start = self.code.len();
            while !self.rest.is_empty() && !self.rest.starts_with(['|', ')']) {
                self.term()?;
            }
            if !self.take("|") {
                break;
            }
            self.code.insert(start, Step::Either(distance(start, self.code.len() + 2)?));
            jumps.push(self.code.len());
            self.code.push(Step::Jump(0));
        }
        let end = self.code.len();
        for at in jumps {
            *self.code.get_mut(at)? = Step::Jump(distance(at, end)?);
        }
        (end <= MAX_CODE).then_some(())
    }

    fn term(&mut self) -> Option<()> {
        let start = self.code.len();
        match self.next()? {
            // Nothing may say how often these come.
            '^' => {
                self.code.push(Step::Start);
                return Some(());
            }
            '$' => {
                self.code.push(Step::End);
                return Some(());
            }
            '(' => {
                // Which group took what does not matter here.
                if !self.take("?:") && self.rest.starts_with('?') || self.depth == MAX_DEPTH {
                    return None;
                }
                self.depth += 1;
                self.alternatives()?;
                self.depth -= 1;
                self.take(")").then_some(())?;
            }
            '[' => self.class()?,
            '*' | '+' | '?' | '{' | '}' | ']' | ')' | '|' => return None,
            one => {
                let from = self.ranges.len();
                match one {
                    '.' => self.all_but(LINE_ENDS),
                    '\\' => {
                        let one = self.escape(false)?;
                        self.ranges.extend(one.map(only));
                    }
                    literal => self.ranges.push(only(literal.into())),
                }
                self.step(from, false);
            }
        }
        self.counted(start)
    }

    fn step(&mut self, from: usize, negated: bool) {
        self.code.push(Step::Class { from, to: self.ranges.len(), negated });
    }

    fn all_but(&mut self, ranges: &[Range]) {
        let mut from = 0;
        for (first, last) in ranges {
            self.ranges.push((from, first - 1));
            from = last + 1;
        }
        self.ranges.push((from, LAST));
    }

    /// What follows a `\`: one character, or `None` for a class, which is added to the ranges.
    fn escape(&mut self, in_class: bool) -> Option<Option<u32>> {
        let letter = self.next()?;
        let class = match letter.to_ascii_lowercase() {
            'd' => DIGITS,
            'w' => WORD,
            's' => SPACE,
            _ => &[],
        };
        self.has_words |= matches!(letter, 'd' | 'D' | 'w' | 'W');
        if !class.is_empty() {
            if letter.is_ascii_lowercase() {
                self.ranges.extend_from_slice(class);
            } else {
                self.all_but(class);
            }
            return Some(None);
        }
        Some(Some(match letter {
            't' => 0x09,
            'n' => 0x0A,
            'v' => 0x0B,
            'f' => 0x0C,
            'r' => 0x0D,
            'b' if in_class => 0x08,
            '-' if in_class => '-'.into(),
            'x' => self.hexadecimal(2)?,
            'u' => self.hexadecimal(4)?,
            '^' | '$' | '\\' | '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '/' => letter.into(),
            _ => return None,
        }))
    }

    /// A character by its number, of so many digits. Halves of pairs are none.
    fn hexadecimal(&mut self, digits: usize) -> Option<u32> {
        let number = (0..digits).try_fold(0, |number, _| Some(number * 16 + self.next()?.to_digit(16)?))?;
        char::from_u32(number).map(u32::from)
    }

    fn class(&mut self) -> Option<()> {
        let negated = self.take("^");
        let from = self.ranges.len();
        while !self.take("]") {
            let first = self.of_class()?;
            // At the end of a class it stands for itself.
            if self.rest.starts_with("-]") || !self.take("-") {
                self.ranges.extend(first.map(only));
                continue;
            }
            let range = (first?, self.of_class()??);
            if range.0 > range.1 {
                return None;
            }
            self.ranges.push(range);
        }
        self.step(from, negated);
        Some(())
    }

    fn of_class(&mut self) -> Option<Option<u32>> {
        match self.next()? {
            '\\' => self.escape(true),
            character => Some(Some(character.into())),
        }
    }

    /// How often the steps from `start` on come. Whether it takes many or few first is all the same.
    fn counted(&mut self, start: usize) -> Option<()> {
        let (least, most) = match self.rest.chars().next() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                let (inside, _) = self.rest.get(1..)?.split_once('}')?;
                self.rest = self.rest.get(1 + inside.len()..)?;
                let (least, most) = inside.split_once(',').unwrap_or((inside, inside));
                (count(least)?, if most.is_empty() { None } else { Some(count(most)?) })
            }
            _ => return Some(()),
        };
        self.next();
        self.take("?");
        let unit: Vec<Step> = self.code.drain(start..).collect();
        let more = most.map_or(Some(1), |most| most.checked_sub(least))?;
        if unit.is_empty() {
            return Some(());
        }
        let steps = least * unit.len() + more * (unit.len() + 1) + 1;
        if start + steps > MAX_CODE {
            return None;
        }
        spend(self.work, steps)?;
        for _ in 0..least {
            self.code.extend_from_slice(&unit);
        }
        let again = distance(0, unit.len() + 1)?;
        let end = self.code.len() + more * (unit.len() + 1);
        for _ in 0..more {
            let here = self.code.len();
            self.code.push(Step::Either(if most.is_none() { again + 1 } else { distance(here, end)? }));
            self.code.extend_from_slice(&unit);
        }
        if most.is_none() {
            self.code.push(Step::Jump(-again));
        }
        Some(())
    }
}

fn spend(work: &mut u32, steps: usize) -> Option<()> {
    *work = work.checked_sub(u32::try_from(steps).ok()?)?;
    Some(())
}

const fn only(character: u32) -> Range {
    (character, character)
}

fn distance(from: usize, to: usize) -> Option<isize> {
    isize::try_from(to - from).ok()
}

/// A number of times; more than [`MAX_CODE`] cannot be written out.
fn count(digits: &str) -> Option<usize> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|times| plain && *times <= MAX_CODE)
}
