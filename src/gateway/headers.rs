//! The gateway's own response headers.

use crate::openai::error::ApiError;

/// A response header.
pub type Header = (&'static str, String);

/// The request id: a UUID.
pub const REQUEST_ID: &str = "x-gateway-request-id";
/// The same under the name that OpenAI's SDKs read.
pub const OPENAI_REQUEST_ID: &str = "x-request-id";
/// The provider that answered.
pub const PROVIDER: &str = "x-gateway-provider";
/// The provider's own id of the model that answered.
pub const MODEL: &str = "x-gateway-model";
/// Attempts at providers.
pub const ATTEMPTS: &str = "x-gateway-attempts";
/// The reasoning effort that was asked for, or `none`.
pub const REASONING_EFFORT: &str = "x-gateway-reasoning-effort";
/// The attempts and what came of them.
pub const TRAIL: &str = "x-gateway-trail";
/// Fields that were left out because the provider does not take them.
pub const DROPPED_PARAMS: &str = "x-gateway-dropped-params";
/// What a non-streamed answer cost, in USD.
pub const COST_USD: &str = "x-gateway-cost-usd";

/// What a browser's script may read of a response.
pub const EXPOSED: &str = "x-gateway-provider, x-gateway-model, x-gateway-attempts, x-gateway-request-id, \
                           x-request-id, x-gateway-reasoning-effort, x-gateway-trail, x-gateway-dropped-params, \
                           x-gateway-cost-usd, retry-after, retry-after-ms, x-should-retry";

/// `text` as a header value: model names come from clients, and a header holds visible ASCII only.
pub fn value(text: &str) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    text.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).collect()
}

/// The longest list of names in a header, in bytes: clients and proxies refuse heads of more than some KB.
pub const MAX_LIST_BYTES: usize = 1024;

/// `names`, comma-separated; where they are too many, the number of those that are left out stands at the end: `a,b,+7`.
pub fn list(names: &[String]) -> String {
    let mut list = String::new();
    for (index, name) in names.iter().enumerate() {
        if list.len() + name.len() >= MAX_LIST_BYTES {
            list.push_str(&format!("{}+{}", if index > 0 { "," } else { "" }, names.len() - index));
            break;
        }
        if index > 0 {
            list.push(',');
        }
        list.push_str(&value(name));
    }
    list
}

/// The headers that an error carries beside the request id.
pub fn of_error(error: &ApiError) -> Vec<Header> {
    let mut headers = Vec::new();
    if let Some(ms) = error.retry_after_ms {
        headers.push(("retry-after", ms.div_ceil(1000).to_string()));
        headers.push(("retry-after-ms", ms.to_string()));
    }
    if let Some(retry) = error.should_retry {
        headers.push(("x-should-retry", retry.to_string()));
    }
    if let Some(allow) = error.allow {
        headers.push(("allow", allow.to_owned()));
    }
    headers
}
