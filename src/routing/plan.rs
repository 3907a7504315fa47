//! The ordered list of candidates for one request. Deterministic: the same catalogue, health and tickets give the
//! same plan.

use super::rank::sort_by_rank;
use super::requirements::{Need, Requirements};
use super::target::{Offer, Target};
use super::tiers::tiers;
use crate::catalog::lookup::Catalog;
use crate::catalog::model::ModelSpec;
use crate::catalog::price::Prices;
use crate::catalog::provider::{KeyPolicy, ProviderSpec, Text};
use crate::health::circuit::Standing;
use crate::openai::request::{ProviderPreferences, Sort};
use crate::routing::failover::MAX_WAIT_OUT_MS;
use crate::routing::failure::ErrorClass;
use crate::structured::ask::FormatBy;

/// What a plan asks of the health of candidates.
pub trait Health {
    /// How a candidate stands now for a request of so many tokens, prompt and answer.
    fn standing(&self, provider: &str, model: &str, tokens: u64) -> Standing;
    /// The mean time to its first token in milliseconds, where anything is known.
    fn first_token_ms(&self, provider: &str, model: &str) -> Option<u64>;
    /// Its mean speed in completion tokens a second, where anything is known.
    fn tokens_per_second(&self, provider: &str, model: &str) -> Option<u64>;
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
    /// The next round-robin ticket of a set of candidates.
    fn ticket(&self, key: &str) -> u64;
}

/// One offer of a model that the request may be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<'c> {
    /// Who serves it.
    pub provider: &'c ProviderSpec,
    /// What is served.
    pub model: Offer<'c>,
    /// The client asked for exactly this one: it is tried again before others are.
    pub pinned: bool,
    /// Chosen by `auto`.
    pub auto: bool,
    /// How its answer comes to be in the format that the client wants.
    pub format: FormatBy,
    /// Not to be asked before then, since it said so; milliseconds since the Unix epoch.
    pub not_before_ms: Option<u64>,
}

/// Why there is no candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// Nothing in the catalogue meets these needs together.
    NoCapableModel {
        /// The needs that the nearest candidate does not meet.
        unmet: Vec<Need>,
    },
    /// Every provider that serves it lacks a key (or a base URL).
    NotConfigured {
        /// The providers that could serve it, and the variable that would turn each on.
        providers: Vec<(String, String)>,
    },
    /// The client's `provider` preferences leave nobody.
    Excluded,
    /// Every candidate asked to be left alone until a known time.
    Limited {
        /// The soonest of them, milliseconds since the Unix epoch.
        until_ms: u64,
    },
    /// Every candidate is known to fail for the same kind of reason.
    Benched {
        /// Provider and class, one for each candidate.
        reasons: Vec<(String, ErrorClass)>,
        /// The soonest end, milliseconds since the Unix epoch.
        until_ms: u64,
    },
}

/// Everything a plan is made from.
pub struct Planner<'p, 'c, H> {
    /// The catalogue.
    pub catalog: &'c Catalog,
    /// Whether a provider is configured.
    pub configured: &'p dyn Fn(&str) -> bool,
    /// How candidates are doing.
    pub health: &'p H,
    /// The operator's own list for `auto`; empty = by capability and cost.
    pub auto_models: &'p [String],
    /// What the request needs.
    pub requirements: &'p Requirements,
    /// The client's wishes.
    pub preferences: &'p ProviderPreferences,
    /// The parameters of the request that would be left out at a candidate. Asked only where the client requires all of them.
    pub left_out: &'p dyn Fn(&ProviderSpec, &ModelSpec) -> Vec<String>,
}

/// A candidate with what decides its place.
pub(super) struct Ranked<'c> {
    pub(super) candidate: Candidate<'c>,
    pub(super) standing: Standing,
    pub(super) fits: bool,
}

/// The candidates of one target, in order.
struct Ordered<'c> {
    /// Those that may be used now.
    usable: Vec<Candidate<'c>>,
    /// Those where nothing is left by their own figures.
    spent: Vec<Candidate<'c>>,
    /// Those with an open circuit, soonest first: nobody knows that they would fail, so they are better than no answer.
    last_resort: Vec<Candidate<'c>>,
}

/// How far down the list a standing puts a candidate; `None` = not at all.
pub(super) const fn band(standing: Standing) -> Option<u8> {
    match standing {
        Standing::Healthy | Standing::Probe { last: false } => Some(0),
        Standing::Degraded => Some(1),
        Standing::Probe { last: true } => Some(2),
        Standing::Spent { .. } => Some(3),
        Standing::Open { .. } | Standing::Limited { .. } | Standing::Benched { .. } => None,
    }
}

impl<'c, H: Health> Planner<'_, 'c, H> {
    /// The candidates of all targets, those of the first target first. Those who have nothing left come after all others,
    /// those that are a last resort after these, and last those for whose sake a request may wait a moment.
    ///
    /// # Errors
    /// [`PlanError`] if nobody is left; that of the first target, as it is what the client asked for.
    pub fn plan(&self, targets: &[Target<'c>]) -> Result<Vec<Candidate<'c>>, PlanError> {
        let (mut usable, mut emulating, mut spent, mut last_resort) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut first_error = None;
        let mut soon: Vec<Candidate<'c>> = Vec::new();
        for (index, target) in targets.iter().enumerate() {
            // Clients name their model again in `models`: planned twice, it would take two tickets.
            if targets.iter().take(index).any(|earlier| earlier == target) {
                continue;
            }
            match self.target(target, index == 0, &mut soon) {
                Ok(more) => {
                    // Nobody knows whether a model keeps a format that it is only told of, so it comes after all that
                    // keep theirs, unless the client wants exactly this one.
                    let wanted = target.pinned_provider().is_some() || index == 0;
                    let (native, others): (Vec<_>, Vec<_>) = more
                        .usable
                        .into_iter()
                        .partition(|candidate| !candidate.format.is_emulated() || (wanted && candidate.pinned));
                    usable.extend(native);
                    emulating.extend(others);
                    spent.extend(more.spent);
                    last_resort.extend(more.last_resort);
                }
                // Waiting helps against a limit, so that is what the client is told, with the soonest end.
                Err(PlanError::Limited { until_ms: other_ms }) => match &mut first_error {
                    Some(PlanError::Limited { until_ms }) => *until_ms = other_ms.min(*until_ms),
                    None | Some(PlanError::Benched { .. }) => {
                        first_error = Some(PlanError::Limited { until_ms: other_ms });
                    }
                    Some(PlanError::NoCapableModel { .. } | PlanError::NotConfigured { .. } | PlanError::Excluded) => {}
                },
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        let mut candidates: Vec<Candidate<'c>> = Vec::new();
        sort_by_rank(&mut soon, |candidate| u128::from(candidate.not_before_ms.unwrap_or(0)));
        let others = usable.len() + emulating.len() + spent.len() + last_resort.len();
        // Where everybody has said when to come again the client is told, unless it wants exactly this one.
        soon.retain(|candidate| candidate.pinned || others > 0);
        for candidate in usable.into_iter().chain(emulating).chain(spent).chain(last_resort).chain(soon) {
            if !candidates.iter().any(|known| same_offer(known, &candidate)) {
                candidates.push(candidate);
            }
        }
        match (candidates.is_empty(), first_error) {
            (true, Some(error)) => Err(error),
            (true, None) => Err(PlanError::Excluded),
            (false, _) => {
                if self.preferences.no_fallbacks {
                    candidates.truncate(1);
                }
                Ok(candidates)
            }
        }
    }

    /// The candidates of one target; those that are limited for a moment only go into `soon`.
    fn target(
        &self,
        target: &Target<'c>,
        first: bool,
        soon: &mut Vec<Candidate<'c>>,
    ) -> Result<Ordered<'c>, PlanError> {
        let offers = self.offers(target);
        let on: Vec<Candidate<'c>> = self.configured(offers)?;
        let wanted: Vec<Candidate<'c>> = on.into_iter().filter(|candidate| self.allowed(candidate)).collect();
        if wanted.is_empty() {
            return Err(PlanError::Excluded);
        }
        let mut ranked: Vec<Ranked<'c>> = self
            .capable(wanted)?
            .into_iter()
            .map(|(candidate, fits)| {
                let tokens = self.requirements.tokens(&candidate.model);
                let standing = self.health.standing(&candidate.provider.id, &candidate.model.upstream_id, tokens);
                Ranked { candidate, standing, fits }
            })
            .collect();
        let pinned = target.pinned_provider().is_some() || ranked.len() == 1;
        for entry in &mut ranked {
            entry.candidate.pinned = pinned && !entry.candidate.auto;
        }
        for Ranked { candidate, standing, .. } in &ranked {
            if let Standing::Limited { until_ms } = *standing
                && until_ms.saturating_sub(self.health.now_ms()) <= MAX_WAIT_OUT_MS
            {
                soon.push(Candidate { not_before_ms: Some(until_ms), ..candidate.clone() });
            }
        }
        let (usable, others): (Vec<_>, Vec<_>) = ranked.into_iter().partition(|entry| band(entry.standing).is_some());
        match last_resort(others) {
            Err(error) if usable.is_empty() => Err(error),
            open => {
                let is_spent = |entry: &Ranked<'c>| matches!(entry.standing, Standing::Spent { .. });
                let (spent, usable): (Vec<_>, Vec<_>) = usable.into_iter().partition(is_spent);
                let spent = if usable.is_empty() {
                    self.order(target, first, spent)
                } else {
                    // Hardly ever asked, so that nobody has to wait for a ticket.
                    spent.into_iter().map(|entry| entry.candidate).collect()
                };
                Ok(Ordered { usable: self.order(target, first, usable), spent, last_resort: open.unwrap_or_default() })
            }
        }
    }

    /// Every offer of a target, in catalogue order.
    fn offers(&self, target: &Target<'c>) -> Vec<Candidate<'c>> {
        let at = |provider: &'c ProviderSpec, model: Offer<'c>, auto: bool| Candidate {
            provider,
            format: FormatBy::of(self.requirements, provider, &model),
            model,
            pinned: false,
            auto,
            not_before_ms: None,
        };
        let candidate = |model: Offer<'c>, auto: bool| Some(at(self.catalog.provider(&model.provider)?, model, auto));
        match target {
            // A client's own endpoint is in no catalogue.
            Target::Model { offers, pinned: Some(provider) } => {
                offers.iter().map(|model| at(provider, model.clone(), false)).collect()
            }
            Target::Model { offers, pinned: None } => {
                offers.iter().filter_map(|model| candidate(model.clone(), false)).collect()
            }
            Target::Auto if self.auto_models.is_empty() => {
                let models = self.catalog.models().iter().filter(|model| model.auto);
                models.filter_map(|model| candidate(Offer::Listed(model), true)).collect()
            }
            Target::Auto => {
                let named = self.auto_models.iter().filter_map(|name| Target::resolve(name, self.catalog).ok());
                named
                    .filter_map(|target| match target {
                        Target::Auto => None,
                        Target::Model { offers, .. } => Some(offers),
                    })
                    .flatten()
                    .filter_map(|model| candidate(model, true))
                    .collect()
            }
        }
    }

    fn configured(&self, offers: Vec<Candidate<'c>>) -> Result<Vec<Candidate<'c>>, PlanError> {
        let (on, off): (Vec<_>, Vec<_>) =
            offers.into_iter().partition(|candidate| (self.configured)(&candidate.provider.id));
        if !on.is_empty() {
            return Ok(on);
        }
        let mut providers: Vec<(String, String)> = Vec::new();
        for candidate in off {
            let spec = candidate.provider;
            if !providers.iter().any(|(id, _)| *id == spec.id) {
                let variable = match (spec.key, spec.key_vars.first()) {
                    (KeyPolicy::Required, Some(key)) => key,
                    (KeyPolicy::Required, None) | (KeyPolicy::Optional, _) => &spec.base_url_var,
                };
                providers.push((spec.id.to_string(), variable.to_string()));
            }
        }
        Err(PlanError::NotConfigured { providers })
    }

    fn allowed(&self, candidate: &Candidate<'c>) -> bool {
        let is = |id: &String| *id == candidate.provider.id;
        let wishes = self.preferences;
        // An order without fallbacks is all there is.
        let ordered = !wishes.no_fallbacks || wishes.order.is_empty() || wishes.order.iter().any(is);
        ordered && (wishes.only.is_empty() || wishes.only.iter().any(is)) && !wishes.ignore.iter().any(is)
    }

    /// Those who can do what the request needs, and whether the prompt fits by the estimate.
    ///
    /// A model that the client named is not refused for three reasons: its tools are left out unless one must be called or
    /// the client requires its parameters, its window is the provider's to judge, since the estimate may be wrong, and
    /// `no_reasoning` is about the gateway's choice.
    fn capable(&self, candidates: Vec<Candidate<'c>>) -> Result<Vec<(Candidate<'c>, bool)>, PlanError> {
        let judged: Vec<(Candidate<'c>, Vec<Need>)> = candidates
            .into_iter()
            .map(|candidate| {
                let mut unmet = self.requirements.unmet(candidate.provider, &candidate.model);
                if self.preferences.require_parameters {
                    let left_out = (self.left_out)(candidate.provider, &candidate.model);
                    for name in left_out {
                        if !unmet.iter().any(|need| need.param() == name) {
                            unmet.push(Need::Parameter { name });
                        }
                    }
                }
                (candidate, unmet)
            })
            .collect();
        let with_tools = judged
            .iter()
            .any(|(candidate, unmet)| unmet.iter().all(|need| matches!(need, Need::Context { .. }) && !candidate.auto));
        let mut nearest: Option<Vec<Need>> = None;
        let mut capable = Vec::new();
        for (candidate, unmet) in judged {
            let excused = |need: &Need| match need {
                Need::Context { .. } | Need::NoReasoning => !candidate.auto,
                Need::Tools => {
                    let required = self.requirements.forced_tool || self.preferences.require_parameters;
                    !candidate.auto && !with_tools && !required
                }
                // It is asked for by other means.
                Need::JsonObject | Need::JsonSchema => !self.preferences.require_parameters,
                Need::Vision
                | Need::ImageUrls
                | Need::Choices
                | Need::ReasoningLevel(_)
                | Need::Free
                | Need::WebSearch
                | Need::Parameter { .. } => false,
            };
            let fits = !unmet.iter().any(|need| matches!(need, Need::Context { .. }));
            let hard: Vec<Need> = unmet.into_iter().filter(|need| !excused(need)).collect();
            if hard.is_empty() {
                capable.push((candidate, fits));
            } else if nearest.as_ref().is_none_or(|least| hard.len() < least.len()) {
                nearest = Some(hard);
            }
        }
        match nearest {
            Some(unmet) if capable.is_empty() => Err(PlanError::NoCapableModel { unmet }),
            _ => Ok(capable),
        }
    }

    /// All that is healthy comes before anything degraded, whatever its tier; a prompt that seems too long for a model
    /// tries the others first.
    fn order(&self, target: &Target<'c>, first: bool, ranked: Vec<Ranked<'c>>) -> Vec<Candidate<'c>> {
        let groups = match target {
            Target::Auto if self.auto_models.is_empty() => {
                let (native, emulated) = ranked.into_iter().partition(|entry| !entry.candidate.format.is_emulated());
                let mut groups = tiers(native, self.catalog);
                groups.extend(tiers(emulated, self.catalog));
                groups
            }
            Target::Auto | Target::Model { .. } => vec![ranked],
        };
        let mut shelves: Vec<((bool, bool, u8), Vec<Ranked<'c>>)> = Vec::new();
        for group in groups {
            let mut bands: Vec<((bool, bool, u8), Vec<Ranked<'c>>)> = Vec::new();
            for entry in group {
                let Some(at) = band(entry.standing) else { continue };
                let place = (entry.candidate.format.is_emulated(), !entry.fits, at);
                match bands.iter_mut().find(|(known, _)| *known == place) {
                    Some((_, members)) => members.push(entry),
                    None => bands.push((place, vec![entry])),
                }
            }
            shelves.append(&mut bands);
        }
        // The sort is stable, so the order of the tiers stays.
        sort_by_rank(&mut shelves, |((emulated, unfit, at), _)| {
            u128::from(*emulated) << 9 | u128::from(*unfit) << 8 | u128::from(*at)
        });
        let rotating = shelves.iter().map(|(_, members)| providers(members)).find(|ids| ids.len() > 1);
        let affinity = self.requirements.affinity;
        let rotating = rotating.filter(|_| affinity.is_none());
        let ticket = rotating.map_or(0, |ids| self.health.ticket(&self.cursor(target, first, &ids)));
        let mut ordered = Vec::new();
        for (_, mut members) in shelves {
            match affinity {
                // The highest first; the offers of one provider stay together and in order.
                Some(affinity) => sort_by_rank(&mut members, |entry| {
                    u128::from(u64::MAX - affinity.draw(&entry.candidate.provider.id))
                }),
                None => rotate(&mut members, ticket),
            }
            ordered.extend(members.into_iter().map(|entry| entry.candidate));
        }
        self.prefer(&mut ordered);
        ordered
    }

    /// The cursor of these providers. What is asked in another way, or of other providers, has another cursor: requests
    /// of two kinds that take turns at one cursor would each get every second ticket, and so always the same provider.
    fn cursor(&self, target: &Target<'c>, first: bool, providers: &[Text]) -> String {
        let name = match target {
            Target::Auto => format!("auto:{}", self.requirements.signature()),
            Target::Model { offers, .. } => offers.first().map(|model| model.id.to_string()).unwrap_or_default(),
        };
        let turn = if first { "" } else { "then:" };
        let wishes = self.preferences.sort.is_some() || !self.preferences.order.is_empty();
        format!("{turn}{}{name}|{}", if wishes { "wished:" } else { "" }, providers.join(","))
    }

    /// The client's own order, on top of everything else.
    fn prefer(&self, candidates: &mut Vec<Candidate<'c>>) {
        let measured = |candidate: &Candidate<'c>, sort: Sort| {
            let (provider, model) = (candidate.provider.id.as_ref(), candidate.model.upstream_id.as_ref());
            match sort {
                Sort::Price => candidate.model.prices.as_ref().map_or(u128::MAX, Prices::blended),
                Sort::Latency => self.health.first_token_ms(provider, model).map_or(u128::MAX, u128::from),
                Sort::Throughput => u128::MAX - self.health.tokens_per_second(provider, model).map_or(0, u128::from),
            }
        };
        if let Some(sort) = self.preferences.sort {
            sort_by_rank(candidates, |candidate| measured(candidate, sort));
        }
        let order = &self.preferences.order;
        if !order.is_empty() {
            // What `auto` chose takes turns over these providers: all models of the first one would use up the attempts.
            let mut turns = vec![0_u64; order.len()];
            let mut ranked: Vec<(u64, Candidate<'c>)> = Vec::new();
            for candidate in candidates.drain(..) {
                let place = order.iter().position(|wanted| *wanted == *candidate.provider.id);
                let turn = place.and_then(|place| turns.get_mut(place)).filter(|_| candidate.auto);
                let turn = turn.map_or(0, |turn| std::mem::replace(turn, *turn + 1));
                let rank = place.map_or(u64::MAX, |place| turn << 32 | place as u64);
                ranked.push((rank, candidate));
            }
            sort_by_rank(&mut ranked, |(rank, _)| u128::from(*rank));
            candidates.extend(ranked.into_iter().map(|(_, candidate)| candidate));
        }
    }
}

fn same_offer(one: &Candidate<'_>, other: &Candidate<'_>) -> bool {
    // All of them are of one catalogue.
    std::ptr::eq(one.provider, other.provider) && one.model.upstream_id == other.model.upstream_id
}

/// Nobody may be used: the one whose time is up soonest, unless each of them has told when it will answer again.
fn last_resort(ranked: Vec<Ranked<'_>>) -> Result<Vec<Candidate<'_>>, PlanError> {
    let mut open: Vec<(u64, Candidate<'_>)> = Vec::new();
    let mut limited_until = u64::MAX;
    let mut benched_until = u64::MAX;
    let mut reasons = Vec::new();
    for entry in ranked {
        match entry.standing {
            Standing::Open { until_ms } => open.push((until_ms, entry.candidate)),
            Standing::Limited { until_ms } => limited_until = limited_until.min(until_ms),
            Standing::Benched { until_ms, class } => {
                benched_until = benched_until.min(until_ms);
                reasons.push((entry.candidate.provider.id.to_string(), class));
            }
            Standing::Healthy | Standing::Degraded | Standing::Probe { .. } | Standing::Spent { .. } => {}
        }
    }
    if open.is_empty() {
        return Err(match limited_until {
            u64::MAX => PlanError::Benched { reasons, until_ms: benched_until },
            until_ms => PlanError::Limited { until_ms },
        });
    }
    sort_by_rank(&mut open, |(until_ms, _)| u128::from(*until_ms));
    Ok(open.into_iter().map(|(_, candidate)| candidate).collect())
}

/// The providers, each once, in order.
fn providers(members: &[Ranked<'_>]) -> Vec<Text> {
    let mut providers: Vec<Text> = Vec::new();
    for entry in members {
        if !providers.contains(&entry.candidate.provider.id) {
            providers.push(entry.candidate.provider.id.clone());
        }
    }
    providers
}

/// Rotates over the providers, keeping the offers of one provider together and in order.
fn rotate(members: &mut Vec<Ranked<'_>>, ticket: u64) {
    let mut providers = providers(members);
    let count = providers.len().max(1);
    let first = usize::try_from(ticket % count as u64).unwrap_or(0);
    providers.rotate_left(first);
    let place = |id: &Text| providers.iter().position(|known| known == id).unwrap_or(providers.len());
    sort_by_rank(members, |entry| place(&entry.candidate.provider.id) as u128);
}
