//! A world for the use cases: three providers that answer from scripts, and a clock that moves only when nothing else
//! can. Every request that goes through it is searched for keys and counted in the accounts.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use opengateway::accounts::projects::Projects;
use opengateway::gateway::chat::{Answer, Incoming, chat};
use opengateway::gateway::deliver::{Carrier, ClientLeft, Kept, deliver};
use opengateway::gateway::headers;
use opengateway::gateway::ports::{HealthPort, Ports, TransportError, UpstreamCall, UpstreamReply};
use opengateway::gateway::setup::Gateway;
use opengateway::gateway::stream::{BodyEnd, Relay, Verdict};
use opengateway::health::circuit::{Admission, Permit, Standing};
use opengateway::health::coordinator::Coordinator;
use opengateway::health::headroom::Headroom;
use opengateway::health::outcome::Outcome;
use opengateway::health::reserved::Reservation;
use opengateway::health::view::HealthView;
use opengateway::project::ProjectId;
use opengateway::sse::standstill::Standstill;
use opengateway::usage::record::UsageRecord;
use serde_json::Value;

/// When every test begins.
pub(crate) const START: u64 = 1_700_000_000_000;
pub(crate) const REQUEST_ID: &str = "7d0c4ac1-5b4e-4c86-9f0e-3f6f9c1d2b3a";
/// The keys that no client may ever see.
const KEYS: [&str; 4] = ["alpha-SECRET-1", "beta-SECRET-2", "gamma-SECRET-3", "gateway-SECRET-4"];

/// `alpha`, `beta` and `gamma` serve `m`; each has a model of its own beside it.
const PROVIDERS: &str = r#"{"providers": {
  "alpha": {"base_url": "https://alpha.test/v1", "key": "ALPHA_KEY", "any_model": false, "drops": ["top_k", "messages.name"],
    "models": [
      {"id": "m", "upstream_id": "alpha/m-1", "context_window": 1000, "max_output": 500, "input_usd_per_mtok": 1,
       "output_usd_per_mtok": 4, "cached_input_usd_per_mtok": 0.5, "capabilities": ["tools", "json_object"]},
      {"id": "solo", "upstream_id": "alpha/solo-1", "capabilities": ["reasoning"], "reasoning_efforts": ["low", "high"],
       "reasoning_level": "high", "auto": false}]},
  "beta": {"base_url": "https://beta.test/v1", "key": "BETA_KEY", "any_model": false, "stream_usage": "in_last_choice",
    "models": [
      {"id": "m", "upstream_id": "beta/m-1", "context_window": 100000, "input_usd_per_mtok": 1.5,
       "output_usd_per_mtok": 5, "capabilities": ["tools", "json_object"]}]},
  "gamma": {"base_url": "http://localhost:9/v1", "key": "GAMMA_KEY", "any_model": true, "stream_usage": "none",
    "stream_options": false, "prefill": "assistant",
    "models": [{"id": "m", "upstream_id": "gamma/m-1", "context_window": 50000, "capabilities": ["tools", "json_object"]}]}
}, "aliases": {"fast": "alpha/m"}}"#;

pub(crate) fn gateway_with(vars: &[(&str, &str)]) -> Gateway {
    let all = [
        ("GATEWAY_CONFIG", PROVIDERS),
        ("ALPHA_KEY", KEYS[0]),
        ("BETA_KEY", KEYS[1]),
        ("GAMMA_KEY", KEYS[2]),
        ("GATEWAY_API_KEY", KEYS[3]),
    ];
    let find = |vars: &[(&str, &str)], name: &str| {
        vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    Gateway::new(&|name| find(vars, name).or_else(|| find(&all, name))).unwrap()
}

// --- Scripts ---------------------------------------------------------------------------------------------------------

/// One step of a reply's body.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Bytes(Vec<u8>),
    /// Nothing for so many milliseconds.
    Pause(u64),
    /// The connection breaks.
    Break,
    /// Nothing, ever.
    Hang,
}

/// What a provider does with one call.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    after_ms: u64,
    status: Option<u16>,
    headers: Vec<(&'static str, String)>,
    parts: Vec<Part>,
    client_leaves: bool,
    memory_is_needed: bool,
}

/// A whole body with this status.
pub(crate) fn reply(status: u16, body: impl Into<String>) -> Script {
    parts(status, vec![Part::Bytes(body.into().into_bytes())])
}

pub(crate) fn parts(status: u16, parts: Vec<Part>) -> Script {
    Script { after_ms: 0, status: Some(status), headers: vec![], parts, client_leaves: false, memory_is_needed: false }
}

/// The connection fails.
pub(crate) fn no_connection() -> Script {
    Script { status: None, ..parts(0, vec![]) }
}

/// A stream of these events, each its own chunk, `data: ` and blank line added.
pub(crate) fn stream(events: &[&str]) -> Script {
    parts(200, events.iter().map(|event| event_of(event)).collect())
}

pub(crate) fn event_of(data: &str) -> Part {
    Part::Bytes(format!("data: {data}\n\n").into_bytes())
}

impl Script {
    pub(crate) fn after(self, ms: u64) -> Self {
        Self { after_ms: ms, ..self }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The memory of the request is needed for others while this call is on its way.
    pub(crate) fn while_memory_is_needed(self) -> Self {
        Self { memory_is_needed: true, ..self }
    }

    /// The client leaves while this call is on its way.
    pub(crate) fn while_the_client_leaves(self) -> Self {
        Self { client_leaves: true, ..self }
    }
}

/// A good whole answer.
pub(crate) const GOOD: &str = r#"{"id":"c1","object":"chat.completion","model":"upstream-name","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4}}}"#;

pub(crate) const ROLE: &str =
    r#"{"id":"s1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
pub(crate) const HELLO: &str =
    r#"{"id":"s1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"hello"}}]}"#;
pub(crate) const STOP: &str =
    r#"{"id":"s1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
pub(crate) const USAGE: &str = r#"{"id":"s1","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}"#;
pub(crate) const DONE: &str = "[DONE]";

// --- The world -------------------------------------------------------------------------------------------------------

/// What a provider was sent.
pub(crate) struct Call {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

pub(crate) struct World {
    now: Cell<u64>,
    /// When each sleeper wakes.
    sleepers: RefCell<HashMap<u64, u64>>,
    next_sleeper: Cell<u64>,
    scripts: RefCell<HashMap<String, VecDeque<Script>>>,
    pub(crate) calls: RefCell<Vec<Call>>,
    pub(crate) records: RefCell<Vec<UsageRecord>>,
    pub(crate) health: RefCell<HealthView>,
    projects: RefCell<Projects>,
    /// What the isolate shares with others.
    pub(crate) object: RefCell<Coordinator>,
    /// The health object cannot be reached.
    pub(crate) object_away: Cell<bool>,
    pub(crate) gone: Cell<bool>,
    /// A client that leaves a stream resets its connection, so that it is known to be gone.
    pub(crate) resets: Cell<bool>,
    leaves_at: Cell<u64>,
    /// The memory of requests whose answers stream is needed for others.
    pub(crate) forgets: Cell<bool>,
    kept: RefCell<Option<Rc<Kept<Rc<()>>>>>,
    /// The guard that counts its bytes.
    counted: RefCell<Weak<()>>,
    /// The client takes no close: it has left when there is nothing more to read.
    pub(crate) takes_no_close: Cell<bool>,
}

pub(crate) struct Sleep<'w> {
    world: &'w World,
    id: u64,
    until: u64,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.world.now.get() >= self.until {
            return Poll::Ready(());
        }
        self.world.sleepers.borrow_mut().insert(self.id, self.until);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        self.world.sleepers.borrow_mut().remove(&self.id);
    }
}

pub(crate) struct FakeReply<'w> {
    world: &'w World,
    status: u16,
    headers: Vec<(&'static str, String)>,
    parts: VecDeque<Part>,
}

impl UpstreamReply for FakeReply<'_> {
    fn status(&self) -> u16 {
        self.status
    }

    fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone())
    }

    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        loop {
            match self.parts.pop_front() {
                None => return Ok(None),
                Some(Part::Bytes(bytes)) => return Ok(Some(bytes)),
                Some(Part::Pause(ms)) => self.world.sleep(ms).await,
                Some(Part::Break) => return Err(broken()),
                Some(Part::Hang) => std::future::pending().await,
            }
        }
    }
}

fn broken() -> TransportError {
    TransportError { detail: format!("https://alpha.test/ {}", KEYS[0]) }
}

impl<'w> Ports for &'w World {
    type Reply = FakeReply<'w>;

    fn now_ms(&self) -> u64 {
        self.now.get()
    }

    fn random(&self) -> u64 {
        0
    }

    fn sleep(&self, ms: u64) -> impl Future<Output = ()> {
        World::sleep(self, ms)
    }

    async fn send(&self, call: UpstreamCall<'_>) -> Result<FakeReply<'w>, TransportError> {
        let world: &'w World = self;
        let script = world.scripts.borrow_mut().iter_mut().find_map(|(provider, scripts)| {
            let host = if provider == "gamma" { "localhost:9" } else { provider };
            call.url.contains(host).then(|| scripts.pop_front()).flatten()
        });
        let script = script.unwrap_or_else(|| panic!("nobody expected a call of {}", call.url));
        let body = call.body.whole().into_owned();
        world.calls.borrow_mut().push(Call { url: call.url, headers: call.headers, body });
        world.sleep(script.after_ms).await;
        if script.client_leaves {
            world.gone.set(true);
        }
        if script.memory_is_needed {
            world.kept.take().unwrap().release();
            assert_eq!(world.counted.borrow().strong_count(), 1, "it is in use");
        }
        let Some(status) = script.status else { return Err(broken()) };
        Ok(FakeReply { world, status, headers: script.headers, parts: script.parts.into() })
    }

    fn client_gone(&self) -> bool {
        self.gone.get() || self.now.get() >= self.leaves_at.get()
    }

    fn health(&self) -> &impl HealthPort {
        *self
    }

    fn admit_project(&self, project: &ProjectId, most_new: u64) -> Result<(), u64> {
        self.projects.borrow_mut().admit(project.as_str(), most_new, self.now())
    }

    fn account(&self, record: UsageRecord) {
        self.records.borrow_mut().push(record);
    }
}

impl World {
    /// The isolate and the health object talk to each other.
    pub(crate) fn sync(&self) {
        let (mut view, now_ms) = (self.health.borrow_mut(), self.now());
        let message = view.begin(now_ms);
        if self.object_away.get() {
            return view.failed(now_ms);
        }
        let (reply, _) = self.object.borrow_mut().sync(&message, now_ms);
        view.answered(reply, message.batch, now_ms, now_ms);
    }
}

impl World {
    /// Another isolate probes a candidate.
    pub(crate) fn another_isolate_probes(&self, provider: &str, model: &str) {
        let permit = Permit(4711);
        let mut other = HealthView::new(2);
        other.wish_probe(provider, model, permit);
        let message = other.begin(self.now());
        let (reply, _) = self.object.borrow_mut().sync(&message, self.now());
        other.answered(reply, message.batch, self.now(), self.now());
        assert_eq!(other.admission(provider, model, permit), Some(Admission::Probe), "{provider}/{model}");
    }
}

/// The object answers at once.
impl HealthPort for World {
    fn standing(&self, provider: &str, model: &str, tokens: u64, now_ms: u64) -> Standing {
        self.health.borrow().standing(provider, model, tokens, now_ms)
    }

    fn reserve(&self, provider: &str, model: &str, tokens: u64, now_ms: u64) -> Reservation {
        self.health.borrow_mut().reserve(provider, model, tokens, now_ms)
    }

    fn settle(&self, provider: &str, model: &str, reservation: Reservation, told: Option<Headroom>, now_ms: u64) {
        self.health.borrow_mut().settle(provider, model, reservation, told, now_ms);
    }

    fn first_token_ms(&self, provider: &str, model: &str) -> Option<u64> {
        self.health.borrow().first_token_ms(provider, model)
    }

    fn tokens_per_second(&self, provider: &str, model: &str) -> Option<u64> {
        self.health.borrow().tokens_per_second(provider, model)
    }

    async fn refreshed(&self) {
        self.sync();
    }

    fn ticket(&self, key: &str) -> Option<u64> {
        self.health.borrow_mut().leases().ticket(key)
    }

    async fn lease(&self, keys: &[String], seed: u64) {
        keys.iter().for_each(|key| self.health.borrow_mut().leases().wish(key, seed));
        self.sync();
    }

    fn overdraw(&self, key: &str, seed: u64) -> u64 {
        self.health.borrow_mut().leases().overdraw(key, seed)
    }

    async fn admit(&self, provider: &str, model: &str, permit: Permit, insist: bool) -> Admission {
        if !insist && self.health.borrow().rests(provider, model, self.now()) {
            return Admission::Busy;
        }
        let known = self.health.borrow().admission(provider, model, permit);
        if let Some(known) = known {
            return known;
        }
        self.health.borrow_mut().wish_probe(provider, model, permit);
        self.sync();
        self.health.borrow_mut().admit(provider, model, permit, self.now())
    }

    fn record(&self, provider: &str, model: &str, outcome: Outcome, permit: Option<Permit>, now_ms: u64) {
        self.health.borrow_mut().record(provider, model, outcome, permit, now_ms);
        if self.health.borrow().has_urgent_news() {
            self.sync();
        }
    }
}

/// What the client got in the end.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// The body: JSON, or the bytes of a stream.
    pub(crate) text: String,
    /// How a stream went, and whether it was carried natively.
    pub(crate) stream: Option<(Verdict, bool)>,
    /// What went into the accounts.
    pub(crate) records: Vec<UsageRecord>,
    /// Milliseconds that it took.
    pub(crate) took_ms: u64,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn trail(&self) -> &str {
        self.header("x-gateway-trail").unwrap_or_default()
    }

    /// The one record of the request.
    pub(crate) fn record(&self) -> &UsageRecord {
        let [record] = self.records.as_slice() else { panic!("not one record: {:?}", self.records) };
        record
    }

    /// `error.code`.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            now: Cell::new(START),
            sleepers: RefCell::default(),
            next_sleeper: Cell::new(0),
            scripts: RefCell::default(),
            calls: RefCell::default(),
            records: RefCell::default(),
            projects: RefCell::default(),
            health: RefCell::new(HealthView::new(1)),
            object: RefCell::new(Coordinator::new(1)),
            object_away: Cell::new(false),
            gone: Cell::new(false),
            resets: Cell::new(false),
            leaves_at: Cell::new(u64::MAX),
            forgets: Cell::new(false),
            kept: RefCell::default(),
            counted: RefCell::default(),
            takes_no_close: Cell::new(false),
        }
    }

    /// What `provider` does with its next calls.
    pub(crate) fn on(self, provider: &str, scripts: impl IntoIterator<Item = Script>) -> Self {
        self.scripts.borrow_mut().entry(provider.to_owned()).or_default().extend(scripts);
        self
    }

    /// What `provider` does with one more call.
    pub(crate) fn expect(&self, provider: &str, script: Script) {
        self.scripts.borrow_mut().entry(provider.to_owned()).or_default().push_back(script);
    }

    /// The providers with calls that they still expect.
    pub(crate) fn scripts_left(&self) -> Vec<String> {
        let scripts = self.scripts.borrow();
        scripts.iter().filter(|(_, left)| !left.is_empty()).map(|(provider, _)| provider.clone()).collect()
    }

    /// The client leaves at this time.
    pub(crate) fn leaves_at(self, ms: u64) -> Self {
        self.leaves_at.set(ms);
        self
    }

    pub(crate) fn now(&self) -> u64 {
        self.now.get()
    }

    pub(crate) fn wait(&self, ms: u64) {
        self.now.set(self.now.get() + ms);
    }

    fn sleep(&self, ms: u64) -> Sleep<'_> {
        let id = self.next_sleeper.get();
        self.next_sleeper.set(id + 1);
        Sleep { world: self, id, until: self.now.get() + ms }
    }

    /// Runs to the end. Where nothing can go on, time goes on to the next sleeper.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            if let Poll::Ready(output) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return output;
            }
            let next = self.sleepers.borrow().values().min().copied();
            let next = next.expect("everything waits and nobody sleeps");
            self.now.set(next.max(self.now.get()));
        }
    }

    /// Sends a body and takes the answer to its end, as the edge does.
    pub(crate) fn ask(&self, gateway: &Gateway, body: &str) -> Got {
        let incoming = Incoming {
            body: body.as_bytes().to_vec(),
            request_id: REQUEST_ID.to_owned(),
            received_ms: self.now(),
            project_header: Some("shop".to_owned()),
            ..Incoming::default()
        };
        self.ask_with(gateway, incoming)
    }

    pub(crate) fn ask_with(&self, gateway: &Gateway, incoming: Incoming) -> Got {
        self.ask_until(gateway, incoming, None)
    }

    /// The same with a client that leaves after so many pieces of the stream.
    pub(crate) fn ask_until(&self, gateway: &Gateway, incoming: Incoming, leaves_after: Option<usize>) -> Got {
        let (began, calls_before) = (self.now(), self.calls.borrow().len());
        let got = self.run(async {
            let ports = &self;
            match chat(gateway, ports, incoming).await {
                Answer::Error { error, headers } => {
                    let text = error.to_json(REQUEST_ID);
                    Got::new(error.status, headers.into_iter().chain(headers::of_error(&error)), text, None)
                }
                Answer::Whole { headers, body } => Got::new(200, headers, body, None),
                Answer::Replayed { headers, body } => Got::new(200, headers, String::from_utf8(body).unwrap(), None),
                Answer::Stream(mut committed) => {
                    let headers = std::mem::take(&mut committed.headers);
                    let native = matches!(committed.leg.relay, Relay::Native(_));
                    let guard = Rc::new(());
                    self.counted.replace(Rc::downgrade(&guard));
                    let kept = Rc::new(Kept::new(committed.request.take(), guard));
                    if self.forgets.get() {
                        kept.release();
                    }
                    self.kept.replace(Some(Rc::clone(&kept)));
                    let client = Client { world: self, leaves_after, pieces: Cell::new(0), bytes: RefCell::default() };
                    let verdict = deliver(gateway, ports, &client, *committed, &kept, REQUEST_ID).await;
                    assert_eq!(self.counted.borrow().strong_count(), 0, "nothing is kept for an answer that has ended");
                    let text = String::from_utf8(client.bytes.into_inner()).unwrap();
                    Got::new(200, headers, text, Some((verdict, native)))
                }
            }
        });
        let records = self.records.take();
        let called = self.calls.borrow().len() > calls_before;
        assert!(records.len() <= 1 && (!called || records.len() == 1), "accounted {} times", records.len());
        let got = Got { records, took_ms: self.now() - began, ..got };
        got.has_no_key();
        got
    }
}

/// The reader of a stream, who may leave after so many pieces.
struct Client<'w> {
    world: &'w World,
    leaves_after: Option<usize>,
    pieces: Cell<usize>,
    bytes: RefCell<Vec<u8>>,
}

impl<'w> Carrier<FakeReply<'w>> for Client<'_> {
    async fn write(&self, bytes: &[u8]) -> Result<(), ClientLeft> {
        self.bytes.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }

    async fn carry(&self, mut reply: FakeReply<'w>, relay: &mut Relay, idle_ms: u64) -> BodyEnd {
        let mut standstill = Standstill::new(idle_ms, relay.scan().progress(), self.world.now());
        loop {
            if self.leaves_after == Some(self.pieces.get()) {
                self.world.gone.set(self.world.resets.get());
                return BodyEnd::ClientClosed;
            }
            self.pieces.set(self.pieces.get() + 1);
            if let Relay::Rewriting(rewriter) = relay {
                let scan = rewriter.scan();
                if scan.error().is_some() || scan.lost_a_piece() || rewriter.has_diverged() {
                    return BodyEnd::Broken;
                }
            }
            let chunk = {
                let idle = pin!(self.world.sleep(idle_ms));
                let chunk = pin!(reply.chunk());
                match futures::future::select(chunk, idle).await {
                    futures::future::Either::Left((chunk, _)) => chunk,
                    futures::future::Either::Right(_) => return BodyEnd::Stalled,
                }
            };
            let mut bytes = self.bytes.borrow_mut();
            match (chunk, &mut *relay) {
                (Ok(None), _) => return BodyEnd::Finished,
                (Err(_), _) => return BodyEnd::Broken,
                (Ok(Some(chunk)), Relay::Native(scan)) => {
                    bytes.extend_from_slice(&chunk);
                    scan.push(&chunk);
                }
                (Ok(Some(chunk)), Relay::Rewriting(rewriter)) => {
                    if rewriter.push(&chunk, &mut bytes).is_err() {
                        return BodyEnd::Broken;
                    }
                }
            }
            if standstill.came(relay.scan().progress(), self.world.now()) {
                return BodyEnd::Stalled;
            }
        }
    }

    async fn close(&self, bytes: &[u8]) -> Result<(), ClientLeft> {
        self.write(bytes).await?;
        if self.world.takes_no_close.get() { Err(ClientLeft) } else { Ok(()) }
    }
}

impl Got {
    fn new(
        status: u16,
        headers: impl IntoIterator<Item = headers::Header>,
        text: String,
        stream: Option<(Verdict, bool)>,
    ) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { status, headers, text, stream, records: vec![], took_ms: 0 }
    }

    fn has_no_key(&self) {
        let json: String = self.records.iter().map(UsageRecord::to_json).collect();
        let all = format!("{:?} {} {json}", self.headers, self.text);
        has_no_key(&all);
        for (name, value) in &self.headers {
            assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name}: {value:?}");
        }
    }
}

/// No key may stand in a text that somebody gets to read.
pub(crate) fn has_no_key(text: &str) {
    for key in KEYS {
        assert!(!text.contains(key), "{key} in {text}");
    }
}
