//! Round robin: a counter for each set of candidates. Whoever asks next gets the next ticket.

use std::collections::HashMap;

/// The most cursors that are kept. Keys are names of models and needs with sets of providers, a few hundred in practice;
/// the bound is there because clients choose the combinations.
pub const MAX_CURSORS: usize = 4096;

/// The cursors of one owner.
#[derive(Debug, Default)]
pub struct Cursors {
    next: HashMap<String, u64>,
}

impl Cursors {
    /// The next ticket of `key`: 0, 1, 2, ...
    pub fn ticket(&mut self, key: &str) -> u64 {
        if let Some(next) = self.next.get_mut(key) {
            let ticket = *next;
            *next = next.wrapping_add(1);
            return ticket;
        }
        if self.next.len() >= MAX_CURSORS {
            self.next.clear();
        }
        self.next.insert(key.to_owned(), 1);
        0
    }
}
