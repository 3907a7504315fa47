//! `GET /v1/providers`: how each provider and each of its models is doing, for the operator.

use super::setup::Gateway;
use crate::catalog::provider::ProviderSpec;
use crate::health::circuit::{Circuit, LastError, Standing, State};
use crate::health::circuits::{Circuits, WHOLE_PROVIDER};
use crate::health::window::RATE_WINDOW_MS;
use crate::json::ObjectWriter;
use crate::routing::failure::ErrorClass;

/// The list of all providers, those that are on first. Of models it names those that were used since the health object
/// knows of them.
pub fn list(gateway: &Gateway, circuits: &Circuits, now_ms: u64) -> String {
    let mut out = String::new();
    let mut list = ObjectWriter::new(&mut out);
    list.string("object", "list");
    list.number("as_of", now_ms);
    list.number("window_ms", RATE_WINDOW_MS);
    let entries = list.key("data");
    entries.push('[');
    let (on, off): (Vec<_>, Vec<_>) =
        gateway.catalog.providers().iter().partition(|provider| gateway.is_configured(&provider.id));
    for (index, provider) in on.into_iter().chain(off).enumerate() {
        if index > 0 {
            entries.push(',');
        }
        entry(gateway, provider, circuits, now_ms, entries);
    }
    entries.push(']');
    list.end();
    out
}

fn entry(gateway: &Gateway, provider: &ProviderSpec, circuits: &Circuits, now_ms: u64, out: &mut String) {
    let access = gateway.config.access(&provider.id);
    let health_id = access.map_or(provider.id.as_ref(), |access| access.health_id.as_str());
    let whole = circuits.get(health_id, WHOLE_PROVIDER).map(|circuit| circuit.standing(now_ms));
    let mut entry = ObjectWriter::new(out);
    entry.string("id", &provider.id);
    entry.string("object", "provider");
    entry.string("name", &provider.name);
    entry.boolean("configured", access.is_some());
    let benched = match whole {
        Some(Standing::Benched { until_ms, class }) => Some((until_ms, class)),
        Some(
            Standing::Healthy
            | Standing::Degraded
            | Standing::Probe { .. }
            | Standing::Spent { .. }
            | Standing::Open { .. }
            | Standing::Limited { .. },
        )
        | None => None,
    };
    entry.string(
        "status",
        match (access, benched) {
            (None, _) => "off",
            (Some(_), None) => "in_use",
            (Some(_), Some(_)) => "benched",
        },
    );
    entry.optional_string("reason", benched.map(|(_, class)| class.as_str()));
    entry.optional_string(
        "message",
        benched
            .map(|(_, class)| message(provider, access.is_some_and(|access| access.key.is_some()), class))
            .as_deref(),
    );
    entry.optional_number("cooldown_ms", benched.map(|(until_ms, _)| until_ms.saturating_sub(now_ms)));
    figures(&mut entry, &Figures::of(circuits.of(health_id).map(|(_, circuit)| circuit), now_ms));
    let models = entry.key("models");
    models.push('[');
    // In the catalogue's order; then those that clients named of a provider that takes any.
    let catalogued = gateway.catalog.models().iter().filter(|model| model.provider == provider.id);
    let known: Vec<(&str, &str)> = catalogued.map(|model| (model.upstream_id.as_ref(), model.id.as_ref())).collect();
    let is_known = |upstream_id: &str| known.iter().any(|(other, _)| *other == upstream_id);
    let others = circuits.of(health_id).filter(|(id, _)| *id != WHOLE_PROVIDER && !is_known(id));
    let mut separator = "";
    for (upstream_id, id) in
        known.iter().map(|(upstream_id, id)| (*upstream_id, Some(*id))).chain(others.map(|(id, _)| (id, None)))
    {
        if let Some(circuit) = circuits.get(health_id, upstream_id) {
            models.push_str(separator);
            separator = ",";
            model(id, upstream_id, circuit, now_ms, models);
        }
    }
    models.push(']');
    entry.end();
}

/// What the operator can do about a provider that is benched as a whole. It names the variable, never what is in it.
fn message(provider: &ProviderSpec, has_key: bool, class: ErrorClass) -> String {
    let key = provider.key_vars.first().map_or("its key", |name| name.as_ref());
    // Only these two bench a provider as a whole.
    if !has_key && class == ErrorClass::Billing {
        "The provider says that there is no credit left, and no key is configured.".to_owned()
    } else if !has_key {
        "The provider asks for a key, and none is configured.".to_owned()
    } else if class == ErrorClass::Billing {
        format!("The account of the key in {key} has no credit left.")
    } else {
        format!("The provider refuses the key in {key}. Set another one.")
    }
}

fn model(id: Option<&str>, upstream_id: &str, circuit: &Circuit, now_ms: u64, out: &mut String) {
    let (standing, until_ms, reason) = standing(circuit.standing(now_ms));
    let mut model = ObjectWriter::new(out);
    model.optional_string("id", id);
    model.string("upstream_id", upstream_id);
    model.string(
        "circuit",
        match circuit.state() {
            State::Closed { .. } => "closed",
            State::Open { .. } => "open",
            State::HalfOpen { .. } => "half_open",
        },
    );
    model.string("status", standing);
    model.optional_string("reason", reason.map(ErrorClass::as_str));
    model.optional_number("cooldown_ms", until_ms.map(|until_ms| until_ms.saturating_sub(now_ms)));
    figures(&mut model, &Figures::of(std::iter::once(circuit), now_ms));
    model.optional_number("first_token_ms", circuit.first_token_ms());
    model.optional_number("tokens_per_second", circuit.tokens_per_second());
    let headroom = circuit.headroom();
    let (requests, tokens) = headroom.map_or((None, None), |headroom| (headroom.requests, headroom.tokens));
    model.optional_number("requests_left", requests.map(|left| left.left));
    model.optional_number("requests_reset_at", requests.and_then(|left| left.reset_ms));
    model.optional_number("tokens_left", tokens.map(|left| left.left));
    model.optional_number("tokens_reset_at", tokens.and_then(|left| left.reset_ms));
    model.optional_number("left_as_of", headroom.and_then(|headroom| headroom.at_ms()));
    model.end();
}

/// What is told alike of a model, and of a provider with all its models.
#[derive(Default)]
struct Figures {
    succeeded: u32,
    failed: u32,
    last_error: Option<LastError>,
}

impl Figures {
    fn of<'c>(circuits: impl Iterator<Item = &'c Circuit>, now_ms: u64) -> Self {
        let mut all = Self::default();
        for circuit in circuits {
            let (succeeded, failed) = circuit.totals(now_ms);
            all.succeeded = all.succeeded.saturating_add(succeeded);
            all.failed = all.failed.saturating_add(failed);
            let newer = circuit.last_error().filter(|error| all.last_error.is_none_or(|last| error.at_ms > last.at_ms));
            all.last_error = newer.or(all.last_error);
        }
        all
    }
}

fn figures(out: &mut ObjectWriter<'_>, figures: &Figures) {
    out.number("succeeded", figures.succeeded.into());
    out.number("failed", figures.failed.into());
    out.raw("success_rate", &rate(figures.succeeded, figures.failed));
    out.optional_string("last_error", figures.last_error.map(|error| error.class.as_str()));
    out.optional_number("last_error_at", figures.last_error.map(|error| error.at_ms));
}

const fn standing(standing: Standing) -> (&'static str, Option<u64>, Option<ErrorClass>) {
    match standing {
        Standing::Healthy => ("healthy", None, None),
        Standing::Degraded => ("degraded", None, None),
        Standing::Probe { .. } => ("probe", None, None),
        Standing::Spent { until_ms } => ("spent", Some(until_ms), None),
        Standing::Open { until_ms } => ("open", Some(until_ms), None),
        Standing::Limited { until_ms } => ("limited", Some(until_ms), Some(ErrorClass::RateLimited)),
        Standing::Benched { until_ms, class } => ("benched", Some(until_ms), Some(class)),
    }
}

/// The share of successes with three digits; `null` where there was nothing.
fn rate(ok: u32, failed: u32) -> String {
    let all = u64::from(ok) + u64::from(failed);
    let Some(thousandths) = (u64::from(ok) * 1000).checked_div(all) else { return "null".to_owned() };
    if thousandths == 1000 { "1".to_owned() } else { format!("0.{thousandths:03}") }
}
