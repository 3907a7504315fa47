//! The records of one isolate that are on their way to their projects' ledgers: who holds what, and how much.

use super::courier::{Courier, Entry, GIVE_UP_MS, Message, Sent};

/// The most bytes of records that an isolate holds, an eighth of its memory. It is reached only while neither ledger
/// nor D1 takes anything; at 600 bytes a record that is some 28,000 requests within the 25 seconds that they wait.
pub const HELD_BYTES: usize = 16 * 1024 * 1024;
/// From this many projects on those with nothing on its way are forgotten.
pub const MAX_COURIERS: usize = 1_000;
/// No request watches over a record that is older: the platform has ended them. Nobody but the log can have it.
const ORPHAN_MS: u64 = 2 * GIVE_UP_MS;

/// A watcher's hold on a group of records, of which its own is one.
#[derive(Debug)]
pub struct Ticket {
    pub(super) project: String,
    pub(super) group: u64,
    /// Its record is the first of the group.
    pub(super) opened: bool,
    pub(super) added_ms: u64,
    pub(super) polls: u32,
}

impl Ticket {
    /// The project whose records they are.
    pub fn project(&self) -> &str {
        &self.project
    }
}

/// What a watcher does next for its group.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: all records are settled.
    Done,
    /// Ask again after so many milliseconds.
    Sleep(u64),
    /// Send this message, and tell [`Couriers::end`] how it went. Its group is not always in it.
    Send(Message),
    /// Put these records into the log: there is no time left to try anything else.
    Log(Vec<String>),
}

/// What became of a record that was added.
#[derive(Debug)]
pub enum Added {
    /// It is held; its request watches over it from now on, and over those that are entrusted to its group.
    Watched(Ticket),
    /// It is held; the watchers of its group settle it.
    Entrusted,
    /// The isolate holds too much: it must go into the log at once.
    Full(String),
}

/// The couriers of an isolate's projects.
#[derive(Debug, Default)]
pub struct Couriers {
    /// In the order of their names: a map's code weighs more than it saves among so few.
    by_project: Vec<(String, Courier)>,
    /// Counts groups and messages of all projects, so that what is forgotten never comes again.
    last_seq: u64,
    held_bytes: usize,
}

impl Couriers {
    /// Takes a record, and returns those for the log that nobody watches over any more.
    pub fn add(&mut self, project: &str, record: String, now_ms: u64) -> (Added, Vec<String>) {
        let mut orphans = Vec::new();
        if self.held_bytes + record.len() > HELD_BYTES {
            orphans = self.take_orphans(now_ms);
            if self.held_bytes + record.len() > HELD_BYTES {
                return (Added::Full(record), orphans);
            }
        }
        if self.by_project.len() >= MAX_COURIERS && self.courier(project).is_none() {
            self.by_project.retain(|(_, courier)| !courier.is_idle(now_ms));
        }
        self.held_bytes += record.len();
        let id = self.next_seq();
        if let Err(at) = self.position(project) {
            self.by_project.insert(at, (project.to_owned(), Courier::default()));
        }
        let watched = self.courier(project).and_then(|courier| courier.add(record, id, now_ms));
        let added = watched.map_or(Added::Entrusted, |(group, opened)| {
            Added::Watched(Ticket { project: project.to_owned(), group, opened, added_ms: now_ms, polls: 0 })
        });
        (added, orphans)
    }

    /// What the watcher of `ticket` does next.
    pub fn step(&mut self, ticket: &mut Ticket, now_ms: u64) -> Step {
        let message_id = self.next_seq();
        let Some(courier) = self.courier(&ticket.project) else { return Step::Done };
        if !courier.holds(ticket.group) {
            return Step::Done;
        }
        if now_ms.saturating_sub(ticket.added_ms) >= GIVE_UP_MS {
            let given_up = courier.take_through(ticket.group);
            return Step::Log(self.release(given_up));
        }
        match courier.begin(message_id, now_ms) {
            Some(message) => Step::Send(message),
            None => Step::Sleep(courier.wait_ms(ticket, now_ms)),
        }
    }

    /// Takes in how the message `id` of `project` ended, and returns the records that must go into the log since
    /// nothing has helped.
    pub fn end(&mut self, project: &str, id: u64, sent: Sent, now_ms: u64) -> Vec<String> {
        let Some(courier) = self.courier(project) else { return Vec::new() };
        let settled = courier.end(id, sent, now_ms);
        let records = self.release(settled);
        if sent == Sent::Accepted { Vec::new() } else { records }
    }

    /// The bytes of all records that are not settled.
    pub const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// The projects that are known.
    pub fn len(&self) -> usize {
        self.by_project.len()
    }

    /// Whether no project is known.
    pub fn is_empty(&self) -> bool {
        self.by_project.is_empty()
    }

    fn position(&self, project: &str) -> Result<usize, usize> {
        self.by_project.binary_search_by(|(name, _)| name.as_str().cmp(project))
    }

    fn courier(&mut self, project: &str) -> Option<&mut Courier> {
        let at = self.position(project).ok()?;
        self.by_project.get_mut(at).map(|(_, courier)| courier)
    }

    const fn next_seq(&mut self) -> u64 {
        self.last_seq += 1;
        self.last_seq
    }

    fn release(&mut self, entries: Vec<Entry>) -> Vec<String> {
        let records: Vec<String> = entries.into_iter().map(|entry| entry.record).collect();
        for record in &records {
            self.held_bytes = self.held_bytes.saturating_sub(record.len());
        }
        records
    }

    fn take_orphans(&mut self, now_ms: u64) -> Vec<String> {
        let mut orphans = Vec::new();
        for (_, courier) in &mut self.by_project {
            orphans.append(&mut courier.take_older(now_ms.saturating_sub(ORPHAN_MS)));
        }
        self.release(orphans)
    }
}
