//! Reads single variables: trimmed, empty as unset, numbers within bounds. What they mean is said elsewhere.

use super::error::ConfigError;
use super::secret::Secret;

/// The variables and secrets of the environment.
pub(super) struct Vars<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Vars<'a> {
    pub(super) const fn new(read: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { read }
    }

    /// The value without surrounding white space (secrets piped into `wrangler secret put` often end with a line
    /// break); none where nothing is left.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.document(name).map(|value| value.trim().to_owned())
    }

    /// The value as it is, so that lines can be counted in it; none where it is blank.
    pub(super) fn document(&self, name: &str) -> Option<String> {
        (self.read)(name).filter(|value| !value.trim().is_empty())
    }

    pub(super) fn number(&self, name: &'static str, default: u64, min: u64, max: u64) -> Result<u64, Box<ConfigError>> {
        let Some(value) = self.text(name) else { return Ok(default) };
        // `u64::from_str` takes a leading plus sign.
        let digits_only = value.bytes().all(|byte| byte.is_ascii_digit());
        match value.parse() {
            Ok(number) if digits_only && (min..=max).contains(&number) => Ok(number),
            _ => Err(ConfigError::Number { var: name, value, min, max }.into()),
        }
    }

    pub(super) fn switch(&self, name: &'static str) -> Result<bool, Box<ConfigError>> {
        match self.text(name).as_deref() {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(value) => Err(ConfigError::Value { var: name, value: value.to_owned(), allowed: "1 or 0" }.into()),
        }
    }

    /// The members of a comma-separated list, trimmed; empty ones (a comma at the end) are none.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let value = self.text(name).unwrap_or_default();
        value.split(',').map(str::trim).filter(|member| !member.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn secret(&self, name: &str) -> Result<Option<Secret>, Box<ConfigError>> {
        match self.text(name) {
            None => Ok(None),
            Some(value) => {
                Secret::parse(&value).map(Some).ok_or_else(|| Box::new(ConfigError::Secret { var: name.to_owned() }))
            }
        }
    }
}
