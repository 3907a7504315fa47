//! What was tried for one request, as the client, the accounts and the log are told.

use crate::json::ObjectWriter;
use crate::routing::failure::ErrorClass;

/// The longest `x-gateway-trail`, in bytes.
pub const MAX_TRAIL_BYTES: usize = 1024;

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The provider's id.
    pub provider: String,
    /// The catalogue id of the model.
    pub model: String,
    /// The HTTP status, if the provider answered at all.
    pub status: Option<u16>,
    /// What came of it.
    pub end: End,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It answered.
    Answered,
    /// It failed.
    Failed(ErrorClass),
    /// Another candidate, which was asked beside it, was faster, so it was given up.
    Hedged,
    /// Asked to go on with an answer, it wrote another one.
    Diverged,
}

impl End {
    /// Its name, where it did not answer.
    pub const fn problem(self) -> Option<&'static str> {
        match self {
            Self::Answered => None,
            Self::Failed(class) => Some(class.as_str()),
            Self::Hedged => Some("hedged"),
            Self::Diverged => Some("diverged"),
        }
    }
}

/// All attempts, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail(pub Vec<Tried>);

impl Trail {
    /// One more attempt.
    pub fn push(&mut self, tried: Tried) {
        self.0.push(tried);
    }

    /// The last attempt, which had begun well, failed after all.
    pub fn end_with(&mut self, end: End) {
        if let Some(last) = self.0.last_mut() {
            last.end = end;
        }
    }

    /// How many of them were at this model of this provider.
    pub fn turns(&self, provider: &str, model: &str) -> usize {
        self.0.iter().filter(|tried| tried.provider == provider && tried.model == model).count()
    }

    /// The HTTP status of the last one, if the provider answered at all.
    pub fn last_status(&self) -> Option<u16> {
        self.0.last()?.status
    }

    /// How many there were.
    pub fn attempts(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// `groq/gpt-oss-120b=429; cerebras/gpt-oss-120b=200`. Where a status does not tell the failure, its class stands.
    pub fn summary(&self) -> String {
        let mut summary = String::new();
        for tried in &self.0 {
            let end = match (tried.status, tried.end.problem()) {
                (Some(status), None) => status.to_string(),
                (Some(status), Some(_)) if !(200..300).contains(&status) => status.to_string(),
                (_, Some(problem)) => problem.to_owned(),
                (None, None) => "ok".to_owned(),
            };
            let entry = format!("{}/{}={end}", tried.provider, tried.model);
            let separator = if summary.is_empty() { "" } else { "; " };
            if summary.len() + separator.len() + entry.len() > MAX_TRAIL_BYTES {
                break;
            }
            summary.push_str(separator);
            summary.push_str(&entry);
        }
        summary
    }

    /// `[{"provider","model","outcome"}]` of a [`Self::summary`], which is what the accounts keep.
    pub fn summary_json(summary: &str) -> String {
        let mut out = String::from("[");
        for entry in summary.split("; ") {
            // A provider's id holds no slash, an outcome no equals sign; a model's name may hold both.
            let parts = entry.rsplit_once('=').and_then(|(target, outcome)| Some((target.split_once('/')?, outcome)));
            let Some(((provider, model), outcome)) = parts else { continue };
            if out.len() > 1 {
                out.push(',');
            }
            let mut object = ObjectWriter::new(&mut out);
            object.string("provider", provider);
            object.string("model", model);
            object.string("outcome", outcome);
            object.end();
        }
        out.push(']');
        out
    }

    /// `[{"provider","model","status_code","error_type","succeeded"}]`.
    pub fn routing_json(&self) -> String {
        let mut out = String::from("[");
        for (index, tried) in self.0.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            let mut entry = ObjectWriter::new(&mut out);
            entry.string("provider", &tried.provider);
            entry.string("model", &tried.model);
            match tried.status {
                Some(status) => entry.number("status_code", status.into()),
                None => entry.raw("status_code", "null"),
            }
            entry.optional_string("error_type", tried.end.problem());
            entry.boolean("succeeded", tried.end == End::Answered);
            entry.end();
        }
        out.push(']');
        out
    }
}
