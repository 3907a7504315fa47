//! Group commit of one project's usage records in one isolate: one message at a time, and the records that come in the
//! meantime join the next one. It is a state machine that is asked, never a task: a request cannot be woken by another
//! one once its response has ended, so each request watches over its own record with its own timers (`couriers.rs` has
//! the records of all projects). It sends nothing and knows no clock.

use super::couriers::Ticket;

/// How far apart messages begin. At 50 ms the ledger of a busy project gets 20 messages a second from an isolate,
/// whatever its requests; it can take some 500 from all of them.
pub const PACE_MS: u64 = 50;
/// How much later than a message begins those ask who only wait for it, at the least: normally it is acknowledged by then,
/// so that one timer is enough. A ledger far away takes longer, and then they wait a quarter longer than it took lately.
pub const SETTLE_MS: u64 = 25;
/// The longest wait between two looks at a record. It bounds how long the end of an outage goes unnoticed.
pub const LONGEST_POLL_MS: u64 = 1_000;
/// The most records in a message: with [`PACE_MS`] 10,000 requests a second, more than an isolate can serve.
pub const MESSAGE_RECORDS: usize = 500;
/// The most bytes in a message, a quarter of what one row of SQLite may hold in a Durable Object and in D1 (2 MB). A
/// record alone is always below it: 2.5 KB at the most.
pub const MESSAGE_BYTES: usize = 512 * 1024;
/// How long a sender may wait for the ledger's acknowledgement, which normally takes milliseconds. After an eviction
/// the object has to start first.
pub const LEDGER_MS: u32 = 3_000;
/// After this long a sender makes no more calls to D1, which is slower and may be far away; each call is as long at most.
pub const DATABASE_MS: u64 = 5_000;
/// A message that is in flight for longer has lost its sender, who would have ended it before.
pub const TAKEOVER_MS: u64 = 2 * DATABASE_MS;
/// How long the ledger is left alone after it failed. Each message would wait for it in vain, while D1 takes them.
pub const REST_MS: u64 = 10_000;
/// When a request takes its record back to put it into the log: the platform lets it live for 30 seconds after its
/// response has ended, and a message may just have begun.
pub const GIVE_UP_MS: u64 = 25_000;

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To the project's ledger object.
    Ledger,
    /// To D1, since the ledger cannot be had.
    Database,
}

/// What is tried with a message and how long to wait before it, in milliseconds. Together with the waits for answers it
/// takes 21 seconds, which leaves time for the log. A Durable Object that moves is back within a second or two.
const LADDER: [(Route, u64); 5] =
    [(Route::Ledger, 0), (Route::Ledger, 200), (Route::Ledger, 1_000), (Route::Database, 0), (Route::Database, 1_000)];
/// The last try at the ledger: the only one after a rest.
const LAST_LEDGER: usize = 2;
/// The first try at D1.
const FIRST_DATABASE: usize = LAST_LEDGER + 1;

/// How sending a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Acknowledged: the records are safe.
    Accepted,
    /// No answer, or an error. It may have arrived all the same, and sending it again is safe: records count once.
    Failed,
    /// There is no such place, or it is full: trying again is of no use.
    Unavailable,
}

/// A message to send. Whoever gets it must send it and tell how that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Tells it from the messages before it.
    pub id: u64,
    /// Where it goes.
    pub route: Route,
    /// The records: the text of a JSON array.
    pub records: String,
}

/// A record until it is settled.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) added_ms: u64,
    pub(super) record: String,
}

#[derive(Debug)]
struct InFlight {
    id: u64,
    begun_ms: u64,
    entries: Vec<Entry>,
}

/// One project's records that are not settled yet.
#[derive(Debug, Default)]
pub(super) struct Courier {
    /// In the order of adding; all come after those in flight.
    waiting: Vec<Entry>,
    in_flight: Option<InFlight>,
    /// No message begins before.
    due_ms: u64,
    /// Where on the ladder the next message stands.
    rung: usize,
    /// The ledger is not asked before.
    rest_until_ms: u64,
    /// How long messages took lately until they were acknowledged.
    answer_ms: u64,
}

impl Courier {
    /// Nothing is held, and nothing would be forgotten that matters.
    pub(super) fn is_idle(&self, now_ms: u64) -> bool {
        self.waiting.is_empty() && self.in_flight.is_none() && now_ms >= self.due_ms && now_ms >= self.rest_until_ms
    }

    pub(super) fn add(&mut self, entry: Entry) {
        self.waiting.push(entry);
    }

    /// Whether the record is not settled yet.
    pub(super) fn holds(&self, seq: u64) -> bool {
        self.is_in_flight(seq) || position(&self.waiting, seq).is_some()
    }

    fn is_in_flight(&self, seq: u64) -> bool {
        self.in_flight.as_ref().is_some_and(|message| position(&message.entries, seq).is_some())
    }

    /// Takes a record back, wherever it is.
    pub(super) fn take(&mut self, seq: u64) -> Option<Entry> {
        let in_flight = self.in_flight.as_mut().map(|message| &mut message.entries);
        for entries in in_flight.into_iter().chain([&mut self.waiting]) {
            if let Some(at) = position(entries, seq) {
                return Some(entries.remove(at));
            }
        }
        None
    }

    /// Takes back all records that were added before `added_ms`.
    pub(super) fn take_older(&mut self, added_ms: u64, older: &mut Vec<Entry>) {
        let in_flight = self.in_flight.as_mut().map(|message| &mut message.entries);
        for entries in in_flight.into_iter().chain([&mut self.waiting]) {
            let young = entries.partition_point(|entry| entry.added_ms < added_ms);
            let young = entries.split_off(young);
            older.append(&mut std::mem::replace(entries, young));
        }
    }

    /// The message in flight counts no longer: its records are the first of the next one.
    fn put_back(&mut self) {
        if let Some(mut message) = self.in_flight.take() {
            message.entries.append(&mut self.waiting);
            self.waiting = message.entries;
        }
    }

    /// The next message, if one is due and none is in flight.
    pub(super) fn begin(&mut self, id: u64, now_ms: u64) -> Option<Message> {
        if self.in_flight.as_ref().is_some_and(|message| now_ms.saturating_sub(message.begun_ms) >= TAKEOVER_MS) {
            self.put_back();
        }
        if self.in_flight.is_some() || self.waiting.is_empty() || now_ms < self.due_ms {
            return None;
        }
        if self.rung == FIRST_DATABASE && now_ms >= self.rest_until_ms {
            self.rung = LAST_LEDGER;
        }
        let mut records = String::new();
        let mut taken = 0;
        for entry in self.waiting.iter().take(MESSAGE_RECORDS) {
            // One byte before the record and one at the end.
            if taken > 0 && records.len() + entry.record.len() + 2 > MESSAGE_BYTES {
                break;
            }
            records.push(if taken == 0 { '[' } else { ',' });
            records.push_str(&entry.record);
            taken += 1;
        }
        records.push(']');
        self.due_ms = now_ms.saturating_add(PACE_MS);
        let rest = self.waiting.split_off(taken);
        self.in_flight = Some(InFlight { id, begun_ms: now_ms, entries: std::mem::replace(&mut self.waiting, rest) });
        Some(Message { id, route: self.route(), records })
    }

    fn route(&self) -> Route {
        LADDER.get(self.rung).map_or(Route::Database, |(route, _)| *route)
    }

    /// A message ended. Returns the records that are settled by it: acknowledged, or given up. The end of a message
    /// that was taken over is of no interest: its records are in other hands.
    pub(super) fn end(&mut self, id: u64, sent: Sent, now_ms: u64) -> Vec<Entry> {
        let Some(message) = self.in_flight.take_if(|message| message.id == id) else { return Vec::new() };
        let route = self.route();
        self.rung = match (sent, route) {
            (Sent::Accepted, Route::Ledger) => 0,
            (Sent::Accepted, Route::Database) => FIRST_DATABASE,
            (Sent::Failed, _) => self.rung + 1,
            (Sent::Unavailable, Route::Ledger) => FIRST_DATABASE,
            (Sent::Unavailable, Route::Database) => LADDER.len(),
        };
        if sent == Sent::Accepted {
            self.answer_ms = (3 * self.answer_ms + now_ms.saturating_sub(message.begun_ms)) / 4;
            return message.entries;
        }
        if route == Route::Ledger && self.rung == FIRST_DATABASE {
            self.rest_until_ms = now_ms.saturating_add(REST_MS);
        }
        let Some((_, wait_ms)) = LADDER.get(self.rung) else {
            self.rung = FIRST_DATABASE;
            return message.entries;
        };
        self.due_ms = self.due_ms.max(now_ms.saturating_add(*wait_ms));
        self.in_flight = Some(message);
        self.put_back();
        Vec::new()
    }

    /// How long the request of `ticket` sleeps before it asks again.
    pub(super) fn wait_ms(&self, ticket: &mut Ticket, now_ms: u64) -> u64 {
        let expected_ms = self.expected_ms(ticket.seq);
        let wait_ms = if expected_ms > now_ms {
            expected_ms - now_ms
        } else {
            ticket.polls = ticket.polls.saturating_add(1);
            SETTLE_MS.checked_shl(ticket.polls - 1).unwrap_or(LONGEST_POLL_MS).min(LONGEST_POLL_MS)
        };
        let give_up_ms = ticket.added_ms.saturating_add(GIVE_UP_MS);
        wait_ms.min(give_up_ms.saturating_sub(now_ms)).max(1)
    }

    /// When there should be something to do or to know for a record: whoever opened the next message sends it then, and
    /// the others look when it should have arrived.
    fn expected_ms(&self, seq: u64) -> u64 {
        let settle_ms = (self.answer_ms + self.answer_ms / 4).clamp(SETTLE_MS, LONGEST_POLL_MS);
        let answered_ms = self.in_flight.as_ref().map_or(0, |message| message.begun_ms.saturating_add(settle_ms));
        if self.is_in_flight(seq) {
            return answered_ms;
        }
        let begins_ms = self.due_ms.max(answered_ms);
        if self.waiting.first().is_some_and(|first| first.seq == seq) { begins_ms } else { begins_ms + settle_ms }
    }
}

/// Where a record is among entries, which are in the order of adding.
fn position(entries: &[Entry], seq: u64) -> Option<usize> {
    entries.binary_search_by_key(&seq, |entry| entry.seq).ok()
}
