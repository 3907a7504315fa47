//! The events that the gateway writes itself.

use crate::json::ObjectWriter;

/// The last event of a whole stream.
pub const DONE: &str = "data: [DONE]\n\n";

/// Ends the event that a stream stopped in, whatever it stopped at: where its last line was ended already, the second
/// line feed is one blank line more, which every parser passes over.
pub const EVENT_END: &str = "\n\n";

/// An error in the middle of a stream: a data line with a top-level `error`, which OpenAI's SDKs raise. `kind` is the
/// error's `type`.
pub fn error_event(message: &str, kind: &str, code: Option<&str>, request_id: &str) -> String {
    let mut event = String::from("data: ");
    let mut outer = ObjectWriter::new(&mut event);
    let mut error = ObjectWriter::new(outer.key("error"));
    error.string("message", message);
    error.string("type", kind);
    error.raw("param", "null");
    error.optional_string("code", code);
    error.end();
    outer.string("request_id", request_id);
    outer.end();
    event.push_str(EVENT_END);
    event
}

/// Appends an event with that data, one `data` line for each of its lines.
pub fn push_data(data: &str, out: &mut Vec<u8>) {
    for (index, line) in data.lines().enumerate() {
        if index > 0 {
            out.push(b'\n');
        }
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line.as_bytes());
    }
    out.extend_from_slice(EVENT_END.as_bytes());
}
