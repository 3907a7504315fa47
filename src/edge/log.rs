//! Log lines: one JSON object each, of named fields. Never a body, never a key.

use wasm_bindgen::JsValue;

use crate::json::ObjectWriter;

/// An error that the operator should see.
pub(super) fn error(event: &str, fields: &[(&str, &str)]) {
    let mut line = String::with_capacity(128);
    let mut object = ObjectWriter::new(&mut line);
    object.string("level", "error");
    object.string("event", event);
    for (name, value) in fields {
        object.string(name, value);
    }
    object.end();
    web_sys::console::error_1(&JsValue::from_str(&line));
}

/// What an operator may want to know: a JSON object.
pub(super) fn line(line: &str) {
    web_sys::console::log_1(&JsValue::from_str(line));
}
