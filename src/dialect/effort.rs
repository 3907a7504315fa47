//! Efforts and thinking budgets, each made into the other, and both into what a model has.

use crate::catalog::model::Effort;
use crate::catalog::reasoning::ReasoningBudget;

/// The budgets that stand for efforts, in tokens, lowest first. `low`, `medium` and `high` are Google's own
/// (ai.google.dev/gemini-api/docs/openai: 1024, 8192, 24576); `minimal` and `xhigh` are the least and the most that a
/// Gemini 2.5 takes (512 on flash-lite, 32768 on pro; ai.google.dev/gemini-api/docs/thinking).
const BUDGETS: [(Effort, u32); 5] = [
    (Effort::Minimal, 512),
    (Effort::Low, 1024),
    (Effort::Medium, 8192),
    (Effort::High, 24_576),
    (Effort::Xhigh, 32_768),
];

/// The budget for an effort: all that the model takes for [`Effort::Max`], the least for none.
pub fn budget_of(effort: Effort, range: ReasoningBudget) -> u32 {
    let tokens = match effort {
        Effort::None => 0,
        Effort::Max => u32::MAX,
        // No more is known of it than that it is the usual amount.
        Effort::Default => budget(Effort::Medium),
        Effort::Minimal | Effort::Low | Effort::Medium | Effort::High | Effort::Xhigh => budget(effort),
    };
    clamp(tokens, range)
}

/// `tokens`, moved into the range.
pub fn clamp(tokens: u32, range: ReasoningBudget) -> u32 {
    tokens.min(range.max).max(range.min)
}

/// The effort for a budget. A budget is the most that may be thought, so it is the highest effort that stays below it; the
/// lowest there is for less than that. No budget is [`Effort::Max`], which knows no bound.
pub fn effort_of(tokens: u32) -> Effort {
    BUDGETS.iter().rev().find(|(_, budget)| *budget <= tokens).map_or(Effort::Minimal, |(effort, _)| *effort)
}

fn budget(effort: Effort) -> u32 {
    BUDGETS.iter().find(|(known, _)| *known == effort).map_or(0, |(_, budget)| *budget)
}

/// The nearest effort at or below `asked`, else the lowest. Who asks for some thought never gets none, and where a provider
/// only knows "off" and "on" ([`Effort::Default`]) is given "on"; where it has a scale, its default is to be told none.
pub fn nearest(asked: Effort, known: &[Effort]) -> Option<Effort> {
    if known.contains(&asked) {
        return Some(asked);
    }
    let thinking = match known {
        [Effort::None, thinking @ ..] => thinking,
        all => all,
    };
    if asked == Effort::Default {
        return None;
    }
    if asked != Effort::None && thinking.contains(&Effort::Default) {
        return Some(Effort::Default);
    }
    thinking.iter().rev().find(|effort| **effort <= asked).or(thinking.first()).copied()
}

/// Whether an effort is a step of a scale: neither "off" nor "on".
pub fn is_step(effort: Effort) -> bool {
    !matches!(effort, Effort::None | Effort::Default)
}
