//! What this isolate has sent to candidates and what they have not answered yet: their figures of what is left may not
//! count it.

use super::headroom::{Load, MAX_BELIEVED_MS};

/// A request counts for so long at most: no figures are believed longer. One whose task the platform forgot is never given
/// back.
pub const MAX_RESERVED_MS: u64 = MAX_BELIEVED_MS;

/// One request on its way. Whoever gets it gives it back when the headers are there, or when none come any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// What it needs.
    pub load: Load,
    /// When it was sent, milliseconds since the Unix epoch.
    pub sent_ms: u64,
}

/// All of them, by candidate. Only those candidates are in it that have a request on its way.
#[derive(Debug, Default)]
pub struct Reserved(Vec<Out>);

#[derive(Debug)]
struct Out {
    provider: String,
    model: String,
    requests: Vec<Reservation>,
}

impl Reserved {
    /// What is on its way to a candidate that has `tokens_left`. Who claims more than that is refused, or has claimed what
    /// it does not need: its tokens keep nobody else away.
    pub fn load(&self, provider: &str, model: &str, tokens_left: impl FnOnce() -> u64, now_ms: u64) -> Load {
        let Some(out) = self.place(provider, model).and_then(|at| self.0.get(at)) else { return Load::default() };
        let tokens_left = tokens_left();
        let counted = |tokens: u64| if tokens > tokens_left { 0 } else { tokens };
        out.requests.iter().filter(|request| request.counts(now_ms)).fold(Load::default(), |sum, request| {
            sum.plus(Load { tokens: counted(request.load.tokens), ..request.load })
        })
    }

    /// Adds a request, which is sent now.
    pub fn add(&mut self, provider: &str, model: &str, request: Reservation) {
        match self.place(provider, model).and_then(|at| self.0.get_mut(at)) {
            Some(out) => {
                out.requests.retain(|known| known.counts(request.sent_ms));
                out.requests.push(request);
            }
            None => {
                let (provider, model) = (provider.to_owned(), model.to_owned());
                self.0.push(Out { provider, model, requests: vec![request] });
            }
        }
    }

    /// Takes a request out.
    pub fn remove(&mut self, provider: &str, model: &str, request: Reservation) {
        let Some(at) = self.place(provider, model) else { return };
        let Some(out) = self.0.get_mut(at) else { return };
        if let Some(place) = out.requests.iter().position(|known| *known == request) {
            out.requests.swap_remove(place);
        }
        if out.requests.is_empty() {
            self.0.swap_remove(at);
        }
    }

    fn place(&self, provider: &str, model: &str) -> Option<usize> {
        self.0.iter().position(|out| out.provider == provider && out.model == model)
    }
}

impl Reservation {
    const fn counts(&self, now_ms: u64) -> bool {
        now_ms < self.sent_ms.saturating_add(MAX_RESERVED_MS)
    }
}
