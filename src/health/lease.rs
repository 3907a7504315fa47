//! The tickets that an isolate has leased, by cursor.

use std::collections::{HashMap, VecDeque};

use super::cursor::{MAX_CURSORS, MAX_LEASE};
use super::message::{TicketLease, TicketWish};

/// The tickets of a first lease: enough for an isolate that is asked now and then, and few to lose with it. A prime, so
/// that the first tickets of many isolates that are asked only once are even too: of blocks of eight, each would begin
/// with the same one of two, four or eight providers.
pub const FIRST_LEASE: u64 = 13;
/// A lease that lasted less than this was too small, and the next one is twice as large: the object is asked about once
/// in this time, as it is for everything else.
pub const SHORT_LEASE_MS: u64 = 1_000;

#[derive(Debug)]
struct Lease {
    /// Runs of tickets that are left, `from..to`.
    runs: VecDeque<(u64, u64)>,
    /// Where it goes on when nothing is left and nobody can be asked.
    next: u64,
    size: u64,
    leased_ms: u64,
    wanted: bool,
}

/// The leases of one isolate.
#[derive(Debug, Default)]
pub struct Leases {
    by_key: HashMap<String, Lease>,
    /// The keys of those that are wanted: every request asks whether there are any.
    wanted: Vec<String>,
}

impl Leases {
    /// The next ticket of `key`; `None` where none is left. More are wished for in time.
    pub fn ticket(&mut self, key: &str) -> Option<u64> {
        let lease = self.by_key.get_mut(key)?;
        let (from, to) = lease.runs.front_mut()?;
        let ticket = *from;
        *from += 1;
        lease.next = *from;
        if from >= to {
            lease.runs.pop_front();
        }
        let left: u64 = lease.runs.iter().map(|(from, to)| to.saturating_sub(*from)).sum();
        if left * 2 < lease.size && !lease.wanted {
            lease.wanted = true;
            self.wanted.push(key.to_owned());
        }
        Some(ticket)
    }

    /// A ticket that was not leased: after the last one, or from `seed` on for a cursor of which nothing is known.
    pub fn overdraw(&mut self, key: &str, seed: u64) -> u64 {
        let lease = self.lease(key, seed);
        let ticket = lease.next;
        lease.next = ticket.wrapping_add(1);
        ticket
    }

    /// Whether a ticket of `key` is at hand.
    pub fn has(&self, key: &str) -> bool {
        self.by_key.get(key).is_some_and(|lease| !lease.runs.is_empty())
    }

    /// Asks for tickets of `key` at the next occasion.
    pub fn wish(&mut self, key: &str, seed: u64) {
        let lease = self.lease(key, seed);
        if !lease.wanted {
            lease.wanted = true;
            self.wanted.push(key.to_owned());
        }
    }

    /// Whether more tickets should be asked for.
    pub const fn any_wish(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// What to ask for. It stays wished for until it is granted.
    pub fn wishes(&self) -> Vec<TicketWish> {
        let size = |key: &String| self.by_key.get(key).map_or(FIRST_LEASE, |lease| lease.size);
        self.wanted.iter().map(|key| TicketWish { key: key.clone(), count: size(key) }).collect()
    }

    /// Takes tickets in.
    pub fn grant(&mut self, granted: &TicketLease, now_ms: u64) {
        let lease = self.lease(&granted.key, granted.from);
        lease.runs.push_back((granted.from, granted.from.saturating_add(granted.count)));
        let short = now_ms.saturating_sub(lease.leased_ms) < SHORT_LEASE_MS;
        lease.size = if short { (lease.size * 2).min(MAX_LEASE) } else { (lease.size / 2).max(FIRST_LEASE) };
        lease.leased_ms = now_ms;
        lease.wanted = false;
        self.wanted.retain(|key| *key != granted.key);
    }

    fn lease(&mut self, key: &str, next: u64) -> &mut Lease {
        if self.by_key.len() >= MAX_CURSORS && !self.by_key.contains_key(key) {
            self.by_key.clear();
            self.wanted.clear();
        }
        self.by_key.entry(key.to_owned()).or_insert_with(|| Lease {
            runs: VecDeque::new(),
            next,
            size: FIRST_LEASE,
            leased_ms: 0,
            wanted: false,
        })
    }
}
