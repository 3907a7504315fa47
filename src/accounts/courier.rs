//! Group commit of one project's usage records in one isolate: one message at a time, and the records that come in the
//! meantime join the next one. It is a state machine that is asked, never a task: a request cannot be woken by another
//! one once its response has ended, so whoever watches over records does it with timers of its own. That is dear, so
//! records are watched over in groups: the requests of the first two do it for all of them, and the others end at once
//! (`couriers.rs` has the records of all projects). It sends nothing and knows no clock.

use super::couriers::Ticket;

/// How many requests watch over a group. The platform may end any of them, so one alone would be too few.
pub const WATCHERS: usize = 2;
/// The most records in a group: what its watchers can lose together if the platform ends both. And one request logs
/// those that nobody takes, of which it may write 256 KB; they have 600 bytes each.
pub const GROUP_RECORDS: usize = 100;
/// For how long a group takes records. Those that come later are given up with the first one, so this is what they lose
/// of [`GIVE_UP_MS`]; and while both watchers of a group are gone, it is how long nobody new watches.
pub const GROUP_MS: u64 = 1_000;

/// How far apart messages begin. At 50 ms the ledger of a busy project gets 20 messages a second from an isolate,
/// whatever its requests; it can take some 500 from all of them.
pub const PACE_MS: u64 = 50;
/// How much later than a message begins those ask who only wait for it, at the least: normally it is acknowledged by then,
/// so that one timer is enough. A ledger far away takes longer, and then they wait a quarter longer than it took lately.
pub const SETTLE_MS: u64 = 25;
/// The longest wait between two looks at a record. It bounds how long the end of an outage goes unnoticed.
pub const LONGEST_POLL_MS: u64 = 1_000;
/// The most records in a message: with [`PACE_MS`] 6,000 requests a second, more than an isolate can serve.
pub const MESSAGE_RECORDS: usize = 300;
/// The most bytes in a message. Its sender may have to log all of it, and of one invocation the platform keeps 256 KB of log
/// (Cloudflare's changelog of 2025-04-07); a line is some 40 % longer than its record. A record alone is far below it: 2.5 KB
/// at the most.
pub const MESSAGE_BYTES: usize = 160 * 1024;
/// How long a sender may wait for the ledger's acknowledgement, which normally takes milliseconds. After an eviction
/// the object has to start first.
pub const LEDGER_MS: u32 = 3_000;
/// How long a sender may take to write a message into D1, which is slower and may be far away.
pub const DATABASE_MS: u64 = 5_000;
/// A message that is in flight for longer has lost its sender, who would have ended it long before.
pub const TAKEOVER_MS: u64 = 2 * DATABASE_MS;
/// How long the ledger is left alone after it failed. Each message would wait for it in vain, while D1 takes them.
pub const REST_MS: u64 = 10_000;
/// When a request takes its group back to put it into the log: the platform lets it live for 30 seconds after its
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
    /// Never falls from one record to the next.
    group: u64,
    pub(super) added_ms: u64,
    pub(super) record: String,
}

/// The group of the record that was added last.
#[derive(Debug, Default)]
struct Group {
    id: u64,
    opened_ms: u64,
    records: usize,
}

#[derive(Debug)]
struct InFlight {
    id: u64,
    begun_ms: u64,
    entries: Vec<Entry>,
}

/// One project's records that are not settled yet. They are settled in the order of adding, whatever settles them, so a
/// group's watchers know that nothing before it is left behind.
#[derive(Debug, Default)]
pub(super) struct Courier {
    /// In the order of adding; all come after those in flight.
    waiting: Vec<Entry>,
    in_flight: Option<InFlight>,
    /// Of what waits, or over.
    group: Group,
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

    /// Takes a record in. Its request watches over the group that is returned, as its opener or not; with `None` others
    /// do. `id` is above all before it.
    pub(super) fn add(&mut self, record: String, id: u64, now_ms: u64) -> Option<(u64, bool)> {
        let age_ms = now_ms.saturating_sub(self.group.opened_ms);
        // With nothing waiting, the last group is in flight or settled: its watchers are about to end.
        if self.waiting.is_empty() || self.group.records >= GROUP_RECORDS || age_ms >= GROUP_MS {
            self.group = Group { id, opened_ms: now_ms, records: 0 };
        }
        let group = self.group.id;
        self.waiting.push(Entry { group, added_ms: now_ms, record });
        self.group.records += 1;
        (self.group.records <= WATCHERS).then_some((group, self.group.records == 1))
    }

    /// Whether any record of the group is not settled yet.
    pub(super) fn holds(&self, group: u64) -> bool {
        self.is_in_flight(group) || is_among(&self.waiting, group)
    }

    fn is_in_flight(&self, group: u64) -> bool {
        self.in_flight.as_ref().is_some_and(|message| is_among(&message.entries, group))
    }

    /// Takes back all records of the group, wherever they are, and all before it: their watchers would have done it.
    pub(super) fn take_through(&mut self, group: u64) -> Vec<Entry> {
        self.take_while(&|entry| entry.group <= group)
    }

    /// Takes back all records that were added before `added_ms`.
    pub(super) fn take_older(&mut self, added_ms: u64) -> Vec<Entry> {
        self.take_while(&|entry| entry.added_ms < added_ms)
    }

    fn take_while(&mut self, is_taken: &dyn Fn(&Entry) -> bool) -> Vec<Entry> {
        let mut taken = Vec::new();
        let in_flight = self.in_flight.as_mut().map(|message| &mut message.entries);
        for entries in in_flight.into_iter().chain([&mut self.waiting]) {
            let rest = entries.split_off(entries.partition_point(is_taken));
            taken.append(&mut std::mem::replace(entries, rest));
        }
        taken
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

    /// How long the watcher of `ticket` sleeps before it asks again.
    pub(super) fn wait_ms(&self, ticket: &mut Ticket, now_ms: u64) -> u64 {
        let expected_ms = self.expected_ms(ticket);
        let wait_ms = if expected_ms > now_ms {
            expected_ms - now_ms
        } else {
            ticket.polls = ticket.polls.saturating_add(1);
            SETTLE_MS.checked_shl(ticket.polls - 1).unwrap_or(LONGEST_POLL_MS).min(LONGEST_POLL_MS)
        };
        let give_up_ms = ticket.added_ms.saturating_add(GIVE_UP_MS);
        wait_ms.min(give_up_ms.saturating_sub(now_ms)).max(1)
    }

    /// When there should be something to do or to know for a group: its opener sends the next message if it is the first,
    /// and all others look when that should have arrived.
    fn expected_ms(&self, ticket: &Ticket) -> u64 {
        let settle_ms = (self.answer_ms + self.answer_ms / 4).clamp(SETTLE_MS, LONGEST_POLL_MS);
        let answered_ms = self.in_flight.as_ref().map_or(0, |message| message.begun_ms.saturating_add(settle_ms));
        if self.is_in_flight(ticket.group) {
            return answered_ms;
        }
        let begins_ms = self.due_ms.max(answered_ms);
        let is_first = self.waiting.first().is_some_and(|first| first.group == ticket.group);
        if is_first && ticket.opened { begins_ms } else { begins_ms + settle_ms }
    }
}

/// Whether any of the entries, which are in the order of their groups, is of this one.
fn is_among(entries: &[Entry], group: u64) -> bool {
    entries.binary_search_by_key(&group, |entry| entry.group).is_ok()
}
