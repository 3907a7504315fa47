//! Price tiers: which models `auto` tries before which others.

use std::cmp::Reverse;

use super::order::{Ranked, band};
use super::rank::sort_by_rank;
use super::requirements::is_free;
use crate::catalog::lookup::Catalog;
use crate::catalog::model::ReasoningLevel;
use crate::catalog::price::Prices;

/// Price tiers for `auto`: what is free; then up to twice the cheapest that is left, and so on. In each tier one best
/// model of each provider; the second-best models of all tiers come after every tier.
pub(super) fn tiers<'c>(mut ranked: Vec<Ranked<'c>>, catalog: &Catalog) -> Vec<Vec<Ranked<'c>>> {
    let price = |entry: &Ranked<'c>| match (is_free(&entry.candidate.model), &entry.candidate.model.prices) {
        (true, _) => 0,
        (false, Some(prices)) => prices.blended(),
        (false, None) => u128::MAX,
    };
    sort_by_rank(&mut ranked, price);
    let mut best: Vec<Vec<Ranked<'c>>> = Vec::new();
    let mut others: Vec<Vec<Ranked<'c>>> = Vec::new();
    let mut ceiling = None;
    for entry in ranked {
        let cost = price(&entry);
        if ceiling.is_none_or(|ceiling| cost > ceiling) {
            ceiling = Some(cost.saturating_mul(2));
            best.push(Vec::new());
            others.push(Vec::new());
        }
        let (Some(tier), Some(rest)) = (best.last_mut(), others.last_mut()) else { continue };
        match tier.iter().position(|known| known.candidate.provider.id == entry.candidate.provider.id) {
            None => tier.push(entry),
            Some(at) => {
                let better = tier.get(at).is_some_and(|known| preference(&entry) > preference(known));
                match tier.get_mut(at).filter(|_| better) {
                    Some(known) => rest.push(std::mem::replace(known, entry)),
                    None => rest.push(entry),
                }
            }
        }
    }
    // Within a tier providers stand in catalogue order, so that the rotation does not depend on prices.
    let place = |id: &str| catalog.provider_index(id).unwrap_or(usize::MAX);
    for tier in &mut best {
        sort_by_rank(tier, |entry| place(&entry.candidate.provider.id) as u128);
    }
    best.into_iter().chain(others).filter(|tier| !tier.is_empty()).collect()
}

/// Which of two models of one provider `auto` would rather use: one that is usable at all, then the better reasoner,
/// then the cheaper one. Equal ones stay in catalogue order.
fn preference(entry: &Ranked<'_>) -> (bool, Reverse<u8>, ReasoningLevel, Reverse<u128>) {
    let model = &entry.candidate.model;
    (
        entry.fits,
        Reverse(band(entry.standing).unwrap_or(u8::MAX)),
        model.reasoning_level,
        Reverse(model.prices.as_ref().map_or(u128::MAX, Prices::blended)),
    )
}
