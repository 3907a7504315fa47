//! What the pure core costs, function by function: `cargo bench`, or `cargo bench -- parse` for some of it. Natively, so the
//! figures are for comparing one version with another; what a request costs on Workers is measured by `npm run bench`.
//! `cargo test` runs each of them once, to see that it still works.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use opengateway::accounts::flush::Flush;
use opengateway::accounts::outbox::Row;
use opengateway::catalog::Catalog;
use opengateway::dialect::openai::encode::encode;
use opengateway::health::circuit::Standing;
use opengateway::openai::request::ChatRequest;
use opengateway::routing::plan::{Health, Planner};
use opengateway::routing::requirements::Requirements;
use opengateway::routing::target::Target;
use opengateway::sse::rewrite::{Rewriter, UsageChunk, UsageMembers, UsagePolicy};
use opengateway::sse::scan::{Expected, StreamEnd, StreamScan};
use opengateway::usage::record::UsageRecord;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    requests(&mut criterion);
    plans(&mut criterion);
    streams(&mut criterion);
    accounts(&mut criterion);
    criterion.final_summary();
}

// --- Requests --------------------------------------------------------------------------------------------------------

/// A question of one message with so many bytes.
fn question(bytes: usize) -> String {
    format!(r#"{{"model":"auto","messages":[{{"role":"user","content":"{}"}}],"temperature":0.5}}"#, "x".repeat(bytes))
}

/// A conversation of messages of 2 KB.
fn conversation(bytes: usize) -> String {
    let messages: Vec<String> = (0..bytes / 2048)
        .map(|at| {
            let role = if at % 2 == 0 { "user" } else { "assistant" };
            format!(r#"{{"role":"{role}","content":"{}"}}"#, "word \\n".repeat(2000 / 7))
        })
        .collect();
    format!(r#"{{"model":"auto","messages":[{}],"max_tokens":500}}"#, messages.join(","))
}

/// A question about an image of so many bytes.
fn image(bytes: usize) -> String {
    let image = "QUJD".repeat(bytes / 4);
    format!(
        r#"{{"model":"auto","messages":[{{"role":"user","content":[{{"type":"text","text":"What is this?"}},
        {{"type":"image_url","image_url":{{"url":"data:image/png;base64,{image}"}}}}]}}]}}"#
    )
}

fn requests(criterion: &mut Criterion) {
    let bodies =
        [("1 KB", question(900)), ("200 KB conversation", conversation(200 << 10)), ("8 MB image", image(8 << 20))];
    let catalog = Catalog::builtin();
    let candidate = catalog.models().iter().find_map(|model| Some((catalog.provider(&model.provider)?, model)));
    for (name, body) in bodies {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("parse", |bench| bench.iter(|| ChatRequest::parse(black_box(body.as_bytes())).is_ok()));
        let parsed = ChatRequest::parse(body.as_bytes());
        assert!(parsed.is_ok() && candidate.is_some(), "{name}: {parsed:?}");
        if let (Ok(request), Some((provider, model))) = (parsed, candidate) {
            group.bench_function("encode", |bench| bench.iter(|| encode(black_box(&request), provider, model, None)));
        }
        group.finish();
    }
}

// --- Plans -----------------------------------------------------------------------------------------------------------

/// Everybody is well.
struct Healthy;

impl Health for Healthy {
    fn standing(&self, _: &str, _: &str, _: u64) -> Standing {
        Standing::Healthy
    }

    fn first_token_ms(&self, _: &str, _: &str) -> Option<u64> {
        None
    }

    fn tokens_per_second(&self, _: &str, _: &str) -> Option<u64> {
        None
    }

    fn now_ms(&self) -> u64 {
        0
    }

    fn ticket(&self, _: &str) -> u64 {
        7
    }
}

fn plans(criterion: &mut Criterion) {
    let catalog = Catalog::builtin();
    let mut group = criterion.benchmark_group("plan");
    for model in ["auto", "gpt-oss-120b", "groq/gpt-oss-120b"] {
        let body = question(900);
        let (request, target) = (ChatRequest::parse(body.as_bytes()), Target::resolve(model, &catalog));
        assert!(request.is_ok() && target.is_ok(), "{model}: {request:?}");
        let (Ok(request), Ok(target)) = (request, target) else { continue };
        let requirements = Requirements::detect(&request);
        let planner = Planner {
            catalog: &catalog,
            configured: &|_| true,
            health: &Healthy,
            auto_models: &[],
            requirements: &requirements,
            preferences: &request.preferences,
            left_out: &|_, _| Vec::new(),
        };
        let targets = [target];
        assert!(planner.plan(&targets).is_ok(), "{model} can be planned");
        group.bench_function(model, |bench| bench.iter(|| planner.plan(black_box(&targets))));
    }
    group.finish();
}

// --- Streams ---------------------------------------------------------------------------------------------------------

const CHUNKS: usize = 500;

/// The chunks of an answer, usage at its end.
fn chunks() -> Vec<String> {
    let head = r#""id":"chatcmpl-bench","object":"chat.completion.chunk","created":1790000000,"model":"m""#;
    let text = r#""choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]"#;
    let mut chunks = vec![format!("data: {{{head},{text}}}\n\n"); CHUNKS];
    chunks
        .push(format!("data: {{{head},\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n"));
    let usage = r#""choices":[],"usage":{"prompt_tokens":200,"completion_tokens":500,"total_tokens":700}"#;
    chunks.push(format!("data: {{{head},{usage}}}\n\n"));
    chunks.push("data: [DONE]\n\n".to_owned());
    chunks
}

struct NoDetails;

impl UsageChunk for NoDetails {
    fn members(&mut self, usage: &str, _: u64) -> UsageMembers {
        UsageMembers { usage: usage.to_owned(), metadata: None }
    }
}

fn streams(criterion: &mut Criterion) {
    let chunks = chunks();
    let expected = Expected { resumable: true, ..Expected::default() };
    let complete = StreamEnd::Complete { append: "" };
    let mut group = criterion.benchmark_group("stream of 500 chunks");
    group.throughput(Throughput::Bytes(chunks.iter().map(|chunk| chunk.len() as u64).sum()));
    group.bench_function("scan", |bench| {
        bench.iter(|| {
            let mut scan = StreamScan::new(expected);
            black_box(&chunks).iter().for_each(|chunk| scan.push(chunk.as_bytes()));
            assert_eq!(scan.end(), complete);
        });
    });
    group.bench_function("rewrite", |bench| {
        bench.iter(|| {
            let mut rewriter = Rewriter::<NoDetails>::new(UsagePolicy::Drop, expected);
            let mut out = Vec::new();
            for chunk in black_box(&chunks) {
                assert!(rewriter.push(chunk.as_bytes(), &mut out).is_ok());
                out.clear();
            }
            assert_eq!(rewriter.finish(&mut out), complete);
        });
    });
    group.finish();
}

// --- Accounts --------------------------------------------------------------------------------------------------------

fn record() -> UsageRecord {
    UsageRecord {
        id: "01a1ffcf-b3e5-792a-985c-27793f73e93f".to_owned(),
        project_id: "bench".to_owned(),
        created_at: 1_790_000_000_000,
        requested_model: "groq/gpt-oss-120b".to_owned(),
        model: Some("gpt-oss-120b".to_owned()),
        provider: Some("groq".to_owned()),
        upstream_model: Some("openai/gpt-oss-120b".to_owned()),
        status: 200,
        attempts: 1,
        prompt_tokens: 200,
        completion_tokens: 200,
        cost_pico_usd: Some(150_000_000),
        latency_ms: 297,
        trail: "groq/gpt-oss-120b=200".to_owned(),
        ..UsageRecord::default()
    }
}

fn accounts(criterion: &mut Criterion) {
    let record = record();
    let messages: Vec<Row> = (0..100)
        .map(|seq| Row { seq, count: 10, records: format!("[{}]", vec![record.to_json(); 10].join(",")) })
        .collect();
    let mut group = criterion.benchmark_group("accounts");
    group.bench_function("a record as JSON", |bench| bench.iter(|| black_box(&record).to_json()));
    group.bench_function("the text of a D1 batch of 1000 records", |bench| {
        bench.iter(|| Flush::new(black_box(&messages).clone()).next_action());
    });
    group.finish();
}
