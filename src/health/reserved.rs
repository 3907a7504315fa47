//! What this isolate has sent to candidates and what they have not answered yet: their figures of what is left may not
//! count it.

use super::headroom::Load;

/// One request on its way. Whoever gets it gives it back when the headers are there, or when none come any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// What it needs.
    pub load: Load,
    /// When it was sent, milliseconds since the Unix epoch.
    pub sent_ms: u64,
}

/// The sums, by candidate. Only those are in it who have a request on its way.
#[derive(Debug, Default)]
pub struct Reserved(Vec<Sum>);

#[derive(Debug)]
struct Sum {
    provider: String,
    model: String,
    load: Load,
}

impl Reserved {
    /// What is on its way to a candidate.
    pub fn load(&self, provider: &str, model: &str) -> Load {
        self.place(provider, model).and_then(|at| self.0.get(at)).map(|sum| sum.load).unwrap_or_default()
    }

    /// Adds a request.
    pub fn add(&mut self, provider: &str, model: &str, load: Load) {
        match self.place(provider, model).and_then(|at| self.0.get_mut(at)) {
            Some(sum) => sum.load = sum.load.plus(load),
            None => self.0.push(Sum { provider: provider.to_owned(), model: model.to_owned(), load }),
        }
    }

    /// Takes a request out.
    pub fn remove(&mut self, provider: &str, model: &str, load: Load) {
        let Some(at) = self.place(provider, model) else { return };
        let Some(sum) = self.0.get_mut(at) else { return };
        sum.load = sum.load.minus(load);
        if sum.load.requests == 0 {
            self.0.swap_remove(at);
        }
    }

    fn place(&self, provider: &str, model: &str) -> Option<usize> {
        self.0.iter().position(|sum| sum.provider == provider && sum.model == model)
    }
}
