//! Reading the JSON of the health object's messages and rows. Written by this program and read by it, perhaps by another
//! version of it: what is missing or of another kind is no error to tell, the whole is of no use.

use crate::json::Value;

pub(super) fn number(value: &Value, key: &str) -> Option<u64> {
    value.get(key)?.as_u64()
}

pub(super) fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

pub(super) fn owned(value: &Value, key: &str) -> Option<String> {
    text(value, key).map(str::to_owned)
}

pub(super) fn boolean(value: &Value, key: &str) -> Option<bool> {
    value.get(key)?.as_bool()
}

/// A member that must be there, but may be `null`.
pub(super) fn optional<T>(value: &Value, key: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<Option<T>> {
    let member = value.get(key)?;
    if member.is_null() { Some(None) } else { read(member).map(Some) }
}

pub(super) fn optional_number(value: &Value, key: &str) -> Option<Option<u64>> {
    optional(value, key, Value::as_u64)
}

pub(super) fn list<T>(value: &Value, key: &str, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.get(key)?.as_array()?.iter().map(read).collect()
}

/// Writes the members of an array.
pub(super) fn write_list<T>(out: &mut String, items: &[T], write: impl Fn(&T, &mut String)) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}
