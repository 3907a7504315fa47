//! A small world to plan in: providers named by one letter, models as the test wants them, health that the test sets.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use opengateway::catalog::model::{Capabilities, Effort, ModelSpec, ReasoningLevel, Thinking};
use opengateway::catalog::price::Prices;
use opengateway::catalog::provider::ProviderSpec;
use opengateway::catalog::reasoning::ModelReasoning;
use opengateway::catalog::{Additions, Catalog};
use opengateway::dialect::encoded::unsupported;
use opengateway::health::circuit::Standing;
use opengateway::health::cursor::Cursors;
use opengateway::openai::request::ChatRequest;
use opengateway::routing::plan::{Candidate, Health, PlanError, Planner};
use opengateway::routing::requirements::{Need, Requirements};
use opengateway::routing::target::Target;

/// A provider that takes everything.
pub(crate) fn provider(id: &str) -> ProviderSpec {
    let vllm = Catalog::builtin().provider("vllm").cloned().expect("vllm is compiled in");
    ProviderSpec {
        id: Cow::Owned(id.to_owned()),
        key_vars: Cow::Owned(vec![Cow::Owned(format!("{}_KEY", id.to_uppercase()))]),
        any_model: false,
        image_urls: true,
        multiple_choices: true,
        drops: Cow::Borrowed(&[]),
        ..vllm
    }
}

/// `at("a/m")`: model `m` at provider `a`, which can do everything, for 1 USD in and 1 USD out.
pub(crate) fn at(name: &str) -> ModelSpec {
    let (provider, id) = name.split_once('/').expect(name);
    ModelSpec {
        id: Cow::Owned(id.to_owned()),
        provider: Cow::Owned(provider.to_owned()),
        upstream_id: Cow::Owned(id.to_owned()),
        context_window: Some(100_000),
        max_output: Some(10_000),
        prices: prices(1, 1),
        capabilities: Capabilities {
            tools: true,
            json_object: true,
            json_schema: true,
            vision: true,
            reasoning: false,
            web_search: false,
            image_output: true,
            audio_output: true,
        },
        efforts: Cow::Borrowed(&[Effort::Low, Effort::High]),
        reasoning: ModelReasoning::AS_PROVIDER,
        reasoning_level: ReasoningLevel::Medium,
        free: false,
        auto: true,
        drops: Cow::Borrowed(&[]),
        mends: Cow::Borrowed(&[]),
        thinking: Thinking::None,
    }
}

/// A model without tools.
pub(crate) fn toolless(name: &str) -> ModelSpec {
    let model = at(name);
    ModelSpec { capabilities: Capabilities { tools: false, ..model.capabilities }, ..model }
}

/// A model at this price, in USD per million tokens.
pub(crate) fn priced(name: &str, input: u64, output: u64) -> ModelSpec {
    ModelSpec { prices: prices(input, output), ..at(name) }
}

/// List prices in USD per million tokens.
pub(crate) const fn prices(input: u64, output: u64) -> Option<Prices> {
    Some(Prices::of_tokens(input * 1_000_000, output * 1_000_000, None))
}

/// A request for `model`, with more members: `, "n": 2`.
pub(crate) fn ask(model: &str, more: &str) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]{more}}}"#)
}

/// A request for `model` with a prompt of about so many tokens.
pub(crate) fn ask_long(model: &str, tokens: usize) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"{}"}}]}}"#, "word".repeat(tokens))
}

pub(crate) const TOOLS: &str = r#","tools":[{"type":"function","function":{"name":"f"}}]"#;

/// Health as the test says; healthy where it says nothing.
#[derive(Default)]
pub(crate) struct FakeHealth {
    pub(crate) standings: HashMap<String, Standing>,
    pub(crate) first_token_ms: HashMap<String, u64>,
    pub(crate) tokens_per_second: HashMap<String, u64>,
    pub(crate) cursors: RefCell<Cursors>,
    /// The tokens of the requests that candidates were asked for.
    pub(crate) asked: RefCell<Vec<u64>>,
}

fn key(provider: &str, model: &str) -> String {
    format!("{provider}/{model}")
}

impl Health for FakeHealth {
    fn standing(&self, provider: &str, model: &str, tokens: u64) -> Standing {
        self.asked.borrow_mut().push(tokens);
        self.standings.get(&key(provider, model)).copied().unwrap_or(Standing::Healthy)
    }

    fn now_ms(&self) -> u64 {
        0
    }

    fn first_token_ms(&self, provider: &str, model: &str) -> Option<u64> {
        self.first_token_ms.get(&key(provider, model)).copied()
    }

    fn tokens_per_second(&self, provider: &str, model: &str) -> Option<u64> {
        self.tokens_per_second.get(&key(provider, model)).copied()
    }

    fn ticket(&self, key: &str) -> u64 {
        self.cursors.borrow_mut().lease(key, 1).0.from
    }
}

/// A catalogue, what is configured of it, and how it is doing.
pub(crate) struct World {
    pub(crate) catalog: Catalog,
    pub(crate) health: FakeHealth,
    pub(crate) auto_models: Vec<String>,
    /// Providers without a key.
    pub(crate) off: Vec<&'static str>,
}

impl World {
    /// These models at their providers, all of them configured and healthy; nothing else is configured.
    pub(crate) fn of(models: &[ModelSpec]) -> Self {
        Self::with(models, &provider)
    }

    /// The same, with providers of the test's own making.
    pub(crate) fn with(models: &[ModelSpec], provider: &dyn Fn(&str) -> ProviderSpec) -> Self {
        let mut ids: Vec<&str> = models.iter().map(|model| &*model.provider).collect();
        ids.sort_unstable();
        ids.dedup();
        let additions = Additions {
            providers: ids.into_iter().map(provider).collect(),
            models: models.to_vec(),
            aliases: Vec::new(),
        };
        let catalog = Catalog::builtin().with(additions).expect("the rows fit");
        Self { catalog, health: FakeHealth::default(), auto_models: Vec::new(), off: Vec::new() }
    }

    /// Says how `provider/model` stands.
    pub(crate) fn stands(mut self, name: &str, standing: Standing) -> Self {
        self.health.standings.insert(name.to_owned(), standing);
        self
    }

    /// The candidates for a request body.
    pub(crate) fn candidates(&self, body: &str) -> Result<Vec<Candidate<'_>>, PlanError> {
        let request = ChatRequest::parse(body.as_bytes()).expect(body);
        let names = std::iter::once(&*request.model).chain(request.models.iter().map(String::as_str));
        let targets: Vec<Target<'_>> =
            names.map(|name| Target::resolve(name, &self.catalog).expect("the model exists")).collect();
        let planner = Planner {
            catalog: &self.catalog,
            configured: &|id| id.len() == 1 && !self.off.contains(&id),
            health: &self.health,
            auto_models: &self.auto_models,
            requirements: &Requirements::detect(&request),
            preferences: &request.preferences,
            left_out: &|provider, model| unsupported(&request, provider, model),
        };
        planner.plan(&targets)
    }

    /// Their names, `provider/own id`, separated by spaces.
    pub(crate) fn plan(&self, body: &str) -> String {
        let candidates = self.candidates(body).expect("there is a candidate");
        let names: Vec<String> =
            candidates.iter().map(|one| format!("{}/{}", one.provider.id, one.model.upstream_id)).collect();
        names.join(" ")
    }

    /// Why there is no candidate.
    pub(crate) fn refusal(&self, body: &str) -> PlanError {
        self.candidates(body).expect_err("there is no candidate")
    }

    /// The needs that the nearest candidate does not meet.
    pub(crate) fn unmet(&self, body: &str) -> Vec<Need> {
        let refusal = self.refusal(body);
        let PlanError::NoCapableModel { unmet } = refusal else { panic!("{refusal:?}") };
        unmet
    }

    /// How often each candidate comes first when `bodies` are asked in turn, `times` times each; counted for the first
    /// body only.
    pub(crate) fn firsts(&self, bodies: &[&str], times: usize) -> Vec<(String, usize)> {
        let mut counts: Vec<(String, usize)> = Vec::new();
        for turn in 0..times * bodies.len() {
            let plan = self.plan(bodies[turn % bodies.len()]);
            let first = plan.split(' ').next().unwrap_or_default();
            if turn % bodies.len() == 0 {
                match counts.iter_mut().find(|(name, _)| name == first) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((first.to_owned(), 1)),
                }
            }
        }
        counts.sort();
        counts
    }
}
