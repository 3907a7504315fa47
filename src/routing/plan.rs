//! The ordered list of candidates for one request. Deterministic: the same catalogue, health and tickets give the
//! same plan.

use super::order::{Ranked, band, last_resort};
use super::rank::sort_by_rank;
use super::requirements::{Need, Requirements};
use super::target::{Offer, Target};
use crate::catalog::lookup::Catalog;
use crate::catalog::model::ModelSpec;
use crate::catalog::provider::{KeyPolicy, ProviderSpec};
use crate::health::circuit::Standing;
use crate::openai::request::ProviderPreferences;
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

/// The candidates of one target, in order.
struct Ordered<'c> {
    /// Those that may be used now.
    usable: Vec<Candidate<'c>>,
    /// Those where nothing is left by their own figures.
    spent: Vec<Candidate<'c>>,
    /// Those with an open circuit, soonest first: nobody knows that they would fail, so they are better than no answer.
    last_resort: Vec<Candidate<'c>>,
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
    /// A model that the client named is not refused for four reasons: its tools are left out unless one must be called or
    /// the client requires its parameters, so are images and sound that it shall return, its window is the provider's to judge, since the estimate may be wrong, and
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
        // What is asked for by other means is no lack.
        let minor = |need: &Need| matches!(need, Need::Context { .. } | Need::JsonObject | Need::JsonSchema);
        let anyone_can = judged.iter().any(|(candidate, unmet)| !candidate.auto && unmet.iter().all(minor));
        let mut nearest: Option<Vec<Need>> = None;
        let mut capable = Vec::new();
        for (candidate, unmet) in judged {
            let excused = |need: &Need| match need {
                Need::Context { .. } | Need::NoReasoning => !candidate.auto,
                Need::Tools => {
                    let required = self.requirements.forced_tool || self.preferences.require_parameters;
                    !candidate.auto && !anyone_can && !required
                }
                // A text instead, and the field is named as left out.
                Need::ImageOutput | Need::AudioOutput => {
                    !candidate.auto && !anyone_can && !self.preferences.require_parameters
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
}

fn same_offer(one: &Candidate<'_>, other: &Candidate<'_>) -> bool {
    // All of them are of one catalogue.
    std::ptr::eq(one.provider, other.provider) && one.model.upstream_id == other.model.upstream_id
}
