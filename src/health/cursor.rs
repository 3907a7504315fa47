//! Round robin: a counter for each set of candidates. Isolates lease blocks of tickets of it; each block is a run of
//! numbers, so each isolate by itself goes round evenly.

use std::collections::HashMap;

/// The most cursors that are kept. Keys are names of models and needs with sets of providers, a few hundred in practice;
/// the bound is there because clients choose the combinations.
pub const MAX_CURSORS: usize = 4096;
/// How far ahead a cursor is stored: after an eviction it goes on there, so no ticket is given twice, and only one lease
/// in many costs a written row.
pub const STORED_AHEAD: u64 = 4096;
/// The most tickets of one lease: what an isolate uses in a second at most. The rest of a lease is lost with its isolate.
pub const MAX_LEASE: u64 = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    next: u64,
    /// What is stored: no ticket from here on was given.
    stored: u64,
}

/// The cursors of one owner.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cursors {
    by_key: HashMap<String, Cursor>,
}

/// A block of tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first one.
    pub from: u64,
    /// How many.
    pub count: u64,
}

/// What must be stored before a block is given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CursorChange {
    /// From here on no ticket was given.
    Stored {
        /// The first ticket after an eviction.
        next: u64,
    },
    /// There were too many cursors: all begin anew.
    Cleared {
        /// The first ticket of this one after an eviction.
        next: u64,
    },
}

impl Cursors {
    /// Puts a stored cursor back.
    pub fn restore(&mut self, key: &str, stored: u64) {
        self.by_key.insert(key.to_owned(), Cursor { next: stored, stored });
    }

    /// The next `count` tickets of `key`, at most [`MAX_LEASE`].
    pub fn lease(&mut self, key: &str, count: u64) -> (Block, Option<CursorChange>) {
        let count = count.clamp(1, MAX_LEASE);
        let known = self.by_key.contains_key(key);
        let clear = !known && self.by_key.len() >= MAX_CURSORS;
        if clear {
            self.by_key.clear();
        }
        let cursor = self.by_key.entry(key.to_owned()).or_insert(Cursor { next: 0, stored: 0 });
        let block = Block { from: cursor.next, count };
        cursor.next = cursor.next.saturating_add(count);
        if cursor.next <= cursor.stored {
            return (block, None);
        }
        let next = cursor.next.saturating_add(STORED_AHEAD);
        cursor.stored = next;
        (block, Some(if clear { CursorChange::Cleared { next } } else { CursorChange::Stored { next } }))
    }
}
