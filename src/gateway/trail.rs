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
    /// Why it failed; `None` = it succeeded.
    pub class: Option<ErrorClass>,
}

/// All attempts, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail(pub Vec<Tried>);

impl Trail {
    /// `groq/gpt-oss-120b=429; cerebras/gpt-oss-120b=200`. Where a status does not tell the failure, its class stands.
    pub fn summary(&self) -> String {
        let mut summary = String::new();
        for tried in &self.0 {
            let end = match (tried.status, tried.class) {
                (Some(status), None) => status.to_string(),
                (Some(status), Some(_)) if !(200..300).contains(&status) => status.to_string(),
                (_, Some(class)) => class.as_str().to_owned(),
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
            entry.optional_string("error_type", tried.class.map(ErrorClass::as_str));
            entry.boolean("succeeded", tried.class.is_none());
            entry.end();
        }
        out.push(']');
        out
    }
}
