//! How much a model is to think, in Anthropic's words. Sources: platform.claude.com/docs/en/build-with-claude/thinking, /effort
//! and the migration guides of the models.

use crate::catalog::model::{Effort, ModelSpec, Thinking};
use crate::catalog::reasoning::ReasoningBudget;
use crate::dialect::effort::{budget_of, clamp, effort_of, is_step, nearest};
use crate::dialect::encoded::AppliedEffort;
use crate::json::{ObjectWriter, push_number};
use crate::openai::request::ChatRequest;

/// The least budget that is accepted, in tokens.
const MIN_BUDGET: u32 = 1024;

/// What the client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// Nothing.
    None,
    /// No thinking.
    Off,
    /// Thinking: an effort or a budget, where it says how much.
    On { effort: Option<Effort>, tokens: Option<u32> },
}

impl Wish {
    fn of(request: &ChatRequest<'_>, model: &ModelSpec) -> Self {
        let reasoning = &request.reasoning;
        if reasoning.enabled == Some(false) {
            return Self::Off;
        }
        let (effort, tokens) = (reasoning.effort, reasoning.max_tokens);
        match effort {
            Some(Effort::None) if tokens.is_none() => Self::Off,
            Some(Effort::Default) => Self::On { effort: None, tokens },
            Some(_) => Self::On { effort, tokens },
            None if tokens.is_some() || reasoning.enabled == Some(true) => Self::On { effort, tokens },
            None => match request.implied_effort(model) {
                Some(Effort::None) => Self::Off,
                Some(effort) => Self::On { effort: Some(effort), tokens },
                None => Self::None,
            },
        }
    }
}

/// The object `thinking`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// It is left out.
    Unsaid,
    Disabled,
    BetweenTools,
    Adaptive,
    Budget(u32),
}

/// What is sent about thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    mode: Mode,
    /// `output_config.effort`.
    pub(super) effort: Option<Effort>,
    /// What the client is told.
    pub(super) told: AppliedEffort,
    /// The client asked for thinking that it does not get.
    pub(super) refused: bool,
    /// The client asked for a computational effort that there is not.
    pub(super) effort_refused: bool,
}

impl Plan {
    /// What `request` asks of `model`. `forced`: a tool must be called, which rules thinking out.
    pub(super) fn new(request: &ChatRequest<'_>, model: &ModelSpec, forced: bool) -> Self {
        let wish = Wish::of(request, model);
        let mode = mode(wish, model, forced);
        let asked = match wish {
            Wish::None => None,
            // The least, where it cannot be off.
            Wish::Off => Some(Effort::Low).filter(|_| mode == Mode::Adaptive),
            Wish::On { effort, tokens } => tokens.map(effort_of).or(effort),
        };
        let thinks_by_itself = thinks_by_itself(model.thinking);
        let asked = asked.filter(|_| mode == Mode::Adaptive || thinks_by_itself);
        let step = |asked: Effort| nearest(asked, &model.efforts).filter(|effort| is_step(*effort));
        let asked = asked.and_then(step);
        let computational = request.computational_effort.and_then(step);
        // With less thinking than by itself, the highest efforts are an error.
        let most = if matches!(mode, Mode::Disabled | Mode::BetweenTools) { Effort::High } else { Effort::Max };
        let is_on = mode == Mode::Adaptive || mode == Mode::Unsaid && thinks_by_itself;
        let told = match (wish, mode) {
            (_, Mode::Budget(tokens)) => AppliedEffort::Budget(tokens),
            (Wish::None, _) => AppliedEffort::None,
            (Wish::Off | Wish::On { .. }, _) if is_on => {
                AppliedEffort::Effort(computational.or(asked).unwrap_or(Effort::Default))
            }
            (Wish::Off | Wish::On { .. }, _) => AppliedEffort::Effort(Effort::None),
        };
        Self {
            mode,
            effort: computational.or(asked).map(|effort| effort.min(most)),
            told,
            refused: told == AppliedEffort::Effort(Effort::None) && wish != Wish::Off && !request.reasoning.is_silent(),
            effort_refused: request.computational_effort.is_some() && computational.is_none(),
        }
    }

    /// Whether `thinking` switches it on, so that sampling and a prefill are errors.
    pub(super) const fn is_on(&self) -> bool {
        matches!(self.mode, Mode::Adaptive | Mode::Budget(_))
    }

    /// Whether thoughts of earlier answers go back. Where thinking is kept to between calls, there is no way to say that
    /// those that are bound to another conversation may be left out, so that they would be an error. Source:
    /// /preserved-thinking/fix-bound-to-a-different-conversation.
    pub(super) const fn keeps_thoughts(&self) -> bool {
        !matches!(self.mode, Mode::BetweenTools)
    }

    /// Leaves out a budget where the calls that are being answered were made without a thought: with a budget, every answer
    /// that calls tools must begin with one, and this client has not kept it.
    pub(super) fn without_budget(&mut self, request: &ChatRequest<'_>) {
        if let Mode::Budget(_) = self.mode {
            self.mode = Mode::Unsaid;
            self.told = AppliedEffort::Effort(Effort::None);
            self.refused = !request.reasoning.is_silent();
        }
    }

    /// The limit of the answer with `budget` inside of it, of which `limit` tokens are the client's: both count together there.
    pub(super) fn fit_limit(&mut self, limit: u32, most: Option<u32>) -> u32 {
        let Mode::Budget(budget) = self.mode else { return limit };
        let raised = if limit <= budget { limit.saturating_add(budget) } else { limit };
        let raised = most.map_or(raised, |most| raised.min(most));
        let budget = budget.min(raised.saturating_sub(1)).max(MIN_BUDGET);
        self.mode = Mode::Budget(budget);
        self.told = AppliedEffort::Budget(budget);
        raised.max(budget + 1)
    }

    /// Writes `thinking`. `binds`: thoughts that are bound to the conversation go back. Where the client has changed the
    /// conversation since, they are left out instead of being an error.
    pub(super) fn write(&self, body: &mut ObjectWriter<'_>, hidden: bool, binds: bool) {
        let kind = match self.mode {
            Mode::Unsaid => return,
            Mode::Disabled => "disabled",
            Mode::BetweenTools => "between_tools",
            Mode::Adaptive => "adaptive",
            Mode::Budget(_) => "enabled",
        };
        let mut thinking = ObjectWriter::new(body.key("thinking"));
        thinking.string("type", kind);
        match self.mode {
            Mode::Unsaid | Mode::Disabled | Mode::BetweenTools => {}
            Mode::Adaptive => {
                if !hidden {
                    // The newer ones send no text of their thoughts otherwise, and nothing while they think.
                    thinking.string("display", "summarized");
                }
                if binds {
                    thinking.raw("block_binding", r#"{"prefix_mismatch_behavior":"drop_block"}"#);
                }
            }
            Mode::Budget(tokens) => push_number(thinking.key("budget_tokens"), tokens.into()),
        }
        thinking.end();
    }
}

fn mode(wish: Wish, model: &ModelSpec, forced: bool) -> Mode {
    match (model.thinking, wish) {
        (Thinking::DefaultOn, Wish::Off) => Mode::Disabled,
        (Thinking::BoundBetweenTools, Wish::Off) => Mode::BetweenTools,
        (Thinking::None, _) => Mode::Unsaid,
        (Thinking::Budget | Thinking::Either | Thinking::Adaptive, Wish::None | Wish::Off) => Mode::Unsaid,
        _ if forced => Mode::Unsaid,
        (Thinking::Budget, Wish::On { effort, tokens }) => Mode::Budget(budget(effort, tokens, model)),
        (Thinking::Either, Wish::On { effort, tokens: tokens @ Some(_) }) => {
            Mode::Budget(budget(effort, tokens, model))
        }
        (Thinking::Either | Thinking::Adaptive, Wish::On { .. }) => Mode::Adaptive,
        (Thinking::DefaultOn | Thinking::Always | Thinking::Bound | Thinking::BoundBetweenTools, _) => Mode::Adaptive,
    }
}

/// Whether it thinks without being told to.
const fn thinks_by_itself(thinking: Thinking) -> bool {
    match thinking {
        Thinking::None | Thinking::Budget | Thinking::Either | Thinking::Adaptive => false,
        Thinking::DefaultOn | Thinking::Always | Thinking::Bound | Thinking::BoundBetweenTools => true,
    }
}

/// The budget for what was asked for, as far as the longest answer has room for it.
fn budget(effort: Option<Effort>, tokens: Option<u32>, model: &ModelSpec) -> u32 {
    let most = model.max_output.map_or(u32::MAX, |most| most.saturating_sub(1)).max(MIN_BUDGET);
    let range = ReasoningBudget { min: MIN_BUDGET, max: most };
    tokens.map_or_else(|| budget_of(effort.unwrap_or(Effort::Default), range), |tokens| clamp(tokens, range))
}
