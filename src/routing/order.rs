//! In which order those who can are asked: by their health, in turns, and by the client's own wishes.

use super::plan::{Candidate, Health, PlanError, Planner};
use super::rank::sort_by_rank;
use super::target::Target;
use super::tiers::tiers;
use crate::catalog::price::Prices;
use crate::catalog::provider::Text;
use crate::health::circuit::Standing;
use crate::openai::request::Sort;

/// A candidate with what decides its place.
pub(super) struct Ranked<'c> {
    pub(super) candidate: Candidate<'c>,
    pub(super) standing: Standing,
    pub(super) fits: bool,
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
    /// All that is healthy comes before anything degraded, whatever its tier; a prompt that seems too long for a model
    /// tries the others first.
    pub(super) fn order(&self, target: &Target<'c>, first: bool, ranked: Vec<Ranked<'c>>) -> Vec<Candidate<'c>> {
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

/// Nobody may be used: the one whose time is up soonest, unless each of them has told when it will answer again.
pub(super) fn last_resort(ranked: Vec<Ranked<'_>>) -> Result<Vec<Candidate<'_>>, PlanError> {
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
