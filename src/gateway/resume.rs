//! Finds somebody who goes on with an answer that broke off.

use super::ask::Asker;
use super::attempt::Answered;
use super::chat::{Incoming, candidates, named_efforts, seed, targets};
use super::ports::{HealthPort, Ports};
use super::served::tried;
use super::setup::Gateway;
use super::stream::{Leg, Relay, StreamAccount};
use super::trail::End;
use crate::catalog::provider::{Prefill, Text};
use crate::dialect::classify::Failure;
use crate::health::circuit::{Admission, Permit};
use crate::health::outcome::Outcome;
use crate::json::decimal;
use crate::openai::request::ChatRequest;
use crate::routing::failover::{MIN_ATTEMPT_MS, MIN_DEADLINE_MS};
use crate::routing::failure::ErrorClass;
use crate::routing::plan::Candidate;
use crate::routing::rank::sort_by_rank;
use crate::routing::requirements::Requirements;
use crate::routing::target::Target;
use crate::routing::tokens;
use crate::sse::splice::{Asked, BEGUN_ANEW_BYTES};
use crate::sse::transcript::Transcript;

/// How often in all somebody is asked to go on with one answer: the client waits in the middle of a sentence, and each
/// time is paid for.
pub const MAX_RESUMES: usize = 3;
/// How long somebody is looked for, in milliseconds: no longer than for an answer that has not begun.
pub const LOOK_MS: u64 = MIN_DEADLINE_MS;
/// Up to this length an answer may come out the same when it is asked for again: short ones often do, and little is lost
/// where they do not.
pub const SHORT_ANSWER_BYTES: usize = 2 * 1024;

/// Somebody was asked to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumed {
    provider: Text,
    model: Text,
    asked: Asked,
    /// How much text there was.
    bytes: usize,
}

impl Resumed {
    fn new(candidate: &Candidate<'_>, asked: Asked, so_far: &Transcript) -> Self {
        let (provider, model) = (candidate.provider.id.clone(), candidate.model.upstream_id.clone());
        Self { provider, model, asked, bytes: so_far.text.len() }
    }
}

/// Asks others to go on with `so_far`, and then its own provider once more, nobody twice the same. `None` where nobody does;
/// what was tried is in `account`.
pub(super) async fn resume<P: Ports>(
    gateway: &Gateway,
    ports: &P,
    incoming: &Incoming,
    so_far: Transcript,
    account: &mut StreamAccount,
) -> Option<Leg<P::Reply>> {
    let until_ms = ports.now_ms().saturating_add(LOOK_MS);
    // It was read and planned before, so what fails now is that nobody is left.
    let mut request = ChatRequest::parse(&incoming.body).ok()?;
    request.named_efforts = named_efforts(&request, gateway);
    let custom = incoming.custom.access(gateway).ok()?;
    let targets = targets(&request, gateway, custom.as_ref()).ok()?;
    incoming.wishes.join(&mut request.preferences, &targets, gateway).ok()?;
    // The plan would have the one candidate whose turn it is now.
    let only_the_same = std::mem::take(&mut request.preferences.no_fallbacks);
    let mut requirements = Requirements::detect(&request);
    requirements.prompt_tokens += tokens::of_text(so_far.text.len() as u64);
    let seed = seed(&incoming.request_id);
    let candidates = candidates(gateway, ports, &request, &requirements, &targets, seed).await.ok()?;
    let asker = Asker {
        gateway,
        ports,
        incoming,
        custom: custom.as_ref(),
        request: &request,
        requested_provider: targets.first().and_then(Target::pinned_provider),
        prompt_tokens: requirements.prompt_tokens,
        patience: incoming.wishes.patience().ok()?,
        // What must be JSON is not resumed.
        schema: None,
    };
    // The client waits in the middle of a sentence: not for the end of a limit, too.
    let now = candidates.iter().filter(|candidate| candidate.not_before_ms.is_none());
    let allowed = now.filter(|candidate| !only_the_same || account.is_by(candidate)).collect();
    let ways = order(allowed, account, &request, &so_far);
    // Whose circuit is open is left alone unless nobody else is left.
    let insisted = ways.iter().map(|way| (way, true));
    for ((candidate, asked), insist) in ways.iter().map(|way| (way, false)).chain(insisted) {
        let way = Resumed::new(candidate, *asked, &so_far);
        if account.resumes.contains(&way) {
            continue;
        }
        let left_ms = until_ms.saturating_sub(ports.now_ms());
        if ports.client_gone() || account.resumes.len() >= MAX_RESUMES || left_ms < MIN_ATTEMPT_MS {
            return None;
        }
        let (provider, model) = (&candidate.provider.id, &candidate.model.upstream_id);
        let permit = Permit(seed);
        let admission = ports.health().admit(provider, model, permit, insist).await;
        if admission == Admission::Busy && !insist {
            continue;
        }
        let permit = (admission == Admission::Probe).then_some(permit);
        account.resumes.push(way);
        match ask(&asker, (candidate, *asked), left_ms, permit, &so_far, account).await {
            Ok(leg) => return Some(leg),
            Err(failure) => {
                let now_ms = ports.now_ms();
                let failure = failure.to_reset(candidate.provider, now_ms);
                let nothing_to_add = *asked == Asked::ToContinue && failure.class == ErrorClass::InvalidReply;
                let hurried = failure.class == ErrorClass::Timeout && left_ms < asker.timeout_ms(candidate);
                let outcome = if nothing_to_add || hurried {
                    // Where the answer broke off at its end, there is nothing to go on with.
                    Outcome::Inconclusive
                } else {
                    Outcome::of_failure(failure.class, failure.status, failure.retry_after_ms, now_ms)
                };
                ports.health().record(provider, model, outcome, permit, now_ms);
                account.trail.push(tried(candidate, failure.status, End::Failed(failure.class)));
            }
        }
    }
    None
}

/// Asks one candidate to go on, up to its first token, for `left_ms` milliseconds at most.
async fn ask<P: Ports>(
    asker: &Asker<'_, P>,
    (candidate, asked): (&Candidate<'_>, Asked),
    left_ms: u64,
    permit: Option<Permit>,
    so_far: &Transcript,
    account: &mut StreamAccount,
) -> Result<Leg<P::Reply>, Failure> {
    // Many servers cut white space off at its end, or refuse it (Anthropic: "final assistant content cannot end with trailing
    // whitespace").
    let text = (asked == Asked::ToContinue).then(|| so_far.text.trim_ascii_end());
    let reply = asker.ask(candidate, asker.timeout_ms(candidate).min(left_ms), text).await?;
    let Answered::Stream { gate, reply: rest } = reply.answered else {
        return Err(Failure::told(ErrorClass::InvalidReply, None, "the reply is not an event stream"));
    };
    let now_ms = asker.ports.now_ms();
    let outcome = Outcome::FirstToken { after_ms: now_ms.saturating_sub(reply.started_ms) };
    asker.ports.health().record(&candidate.provider.id, &candidate.model.upstream_id, outcome, permit, now_ms);
    account.served = asker.served(candidate, 200, &account.served.record, &mut account.trail);
    account.permit = permit;
    account.served.prompt_estimate = match asked {
        Asked::ToContinue => asker.prompt_tokens,
        Asked::Again => asker.prompt_tokens.saturating_sub(tokens::of_text(so_far.text.len() as u64)),
    };
    account.attempt_started_ms = reply.started_ms;
    account.secret = reply.secret.cloned();
    let (relay, prefix) = Relay::join(asker.request, &account.served, *gate, &account.used, (so_far.clone(), asked));
    Ok(Leg { prefix, reply: rest, relay, idle_ms: asker.idle_ms(candidate) })
}

/// Whether the same request may bring the same answer.
fn may_ask_again(request: &ChatRequest<'_>, so_far: &Transcript) -> bool {
    let is_zero = |text: &str| decimal(text) == Some(0.0);
    so_far.text.len() < SHORT_ANSWER_BYTES
        || request.get("seed").is_some()
        || request.get("temperature").is_some_and(is_zero)
}

/// Whom to ask, and how: first those who go on with what they are given, then those who may write it again, those of the
/// same model first. Among each, those who had their turn already come last.
fn order<'o, 'c>(
    mut allowed: Vec<&'o Candidate<'c>>,
    account: &StreamAccount,
    request: &ChatRequest<'_>,
    so_far: &Transcript,
) -> Vec<(&'o Candidate<'c>, Asked)> {
    sort_by_rank(&mut allowed, |candidate| {
        let turns = account.trail.turns(&candidate.provider.id, &candidate.model.id) as u128;
        turns << 1 | u128::from(candidate.model.id != account.served.model)
    });
    let mut again = allowed.clone();
    allowed.retain(|candidate| {
        so_far.text.trim_ascii_end().len() >= BEGUN_ANEW_BYTES
            && candidate.provider.prefill != Prefill::None
            && !candidate.model.capabilities.reasoning
    });
    if !may_ask_again(request, so_far) {
        again.clear();
    }
    let ways = allowed.into_iter().map(|candidate| (candidate, Asked::ToContinue));
    ways.chain(again.into_iter().map(|candidate| (candidate, Asked::Again))).collect()
}
