//! The query of an address: names and values, percent-decoded. What they mean is the use cases'.

use crate::openai::error::ApiError;

/// The query of an absolute or relative URL, without the question mark; empty where there is none.
pub fn of(url: &str) -> &str {
    let before_fragment = url.split_once('#').map_or(url, |(before, _)| before);
    before_fragment.split_once('?').map_or("", |(_, query)| query)
}

/// The parameters in the order of `names`.
///
/// # Errors
/// 400 for a name that is not among `names` (a slip of the keyboard must not answer another question than was asked), for
/// one that comes twice, and for a value that is not UTF-8.
pub fn parameters(query: &str, names: &[&str]) -> Result<Vec<Option<String>>, ApiError> {
    let mut found = vec![None; names.len()];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).unwrap_or_else(|| name.to_owned());
        let place = names.iter().position(|known| *known == name).and_then(|at| found.get_mut(at));
        let problem = match (place, decode(value)) {
            (Some(place @ None), Some(value)) => {
                *place = Some(value);
                continue;
            }
            (Some(None), None) => ("invalid_value", "is not UTF-8"),
            (Some(Some(_)), _) => ("invalid_value", "is given twice"),
            (None, _) => ("unknown_parameter", "is unknown"),
        };
        let name: String = name.chars().take(60).collect();
        let message = format!("The parameter `{name}` {}. There are: {}.", problem.1, names.join(", "));
        return Err(ApiError::invalid(problem.0, message).with_param(name));
    }
    Ok(found)
}

/// A name or a value as forms write it: a plus sign is a space.
fn decode(text: &str) -> Option<String> {
    percent_decode(&text.replace('+', " "))
}

/// Resolves `%2F` and the like; `None` where the result is not UTF-8.
pub(super) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                digit(high).zip(digit(low)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
            }
            _ => None,
        };
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}
