//! A stream that is translated before anything reads it: gate and rewriter see the translated bytes only.

use opengateway::sse::decoder::EventTooLarge;
use opengateway::sse::encode::DONE;
use opengateway::sse::gate::{Gate, GateFailure, GateState};
use opengateway::sse::rewrite::{Rewriter, UsageChunk, UsageMembers, UsagePolicy};
use opengateway::sse::scan::{Expected, StreamEnd};
use opengateway::sse::translate::Translate;

/// A line `say X` becomes a chunk with that text, `stop` the finish reason and `[DONE]`; an overlong line is refused.
#[derive(Debug, Default)]
struct Lines(Vec<u8>);

impl Translate for Lines {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), EventTooLarge> {
        for byte in bytes {
            match byte {
                b'\n' => self.end(out),
                _ => self.0.push(*byte),
            }
        }
        if self.0.len() > 40 { Err(EventTooLarge) } else { Ok(()) }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let line = String::from_utf8(std::mem::take(&mut self.0)).unwrap();
        if let Some(text) = line.strip_prefix("say ") {
            out.extend(
                format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n").bytes(),
            );
        } else if line == "stop" {
            let finish = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
            out.extend(format!("data: {finish}\n\n{DONE}").bytes());
        }
    }
}

/// Adds nothing to what the provider says of usage.
#[derive(Debug)]
pub(crate) struct NoDetails;

impl UsageChunk for NoDetails {
    fn members(&mut self, usage: &str, _: u64) -> UsageMembers {
        UsageMembers { usage: usage.to_owned(), metadata: None }
    }
}

fn gate() -> Gate {
    Gate::new(Expected::default(), Some(Box::<Lines>::default()))
}

/// What a client gets of a stream that comes in these pieces, and what its end means.
fn relayed(pieces: &[&str]) -> (String, StreamEnd) {
    let mut gate = gate();
    let mut rest = pieces.iter();
    while *gate.state() == GateState::Waiting {
        gate.push(rest.next().unwrap().as_bytes());
    }
    assert!(gate.is_translated() && *gate.state() == GateState::Open);
    let (bytes, translator) = gate.into_bytes();
    let mut rewriter = Rewriter::<NoDetails>::new(UsagePolicy::Keep, Expected::default());
    let mut out = Vec::new();
    rewriter.push(&bytes, &mut out).unwrap();
    rewriter.translate(translator);
    for piece in rest {
        rewriter.push(piece.as_bytes(), &mut out).unwrap();
    }
    let end = rewriter.finish(&mut out);
    assert_eq!(rewriter.finish(&mut out), end, "asked again, it says the same");
    (String::from_utf8(out).unwrap(), end)
}

#[test]
fn gate_and_rewriter_see_the_translated_stream_however_it_is_split() {
    let stream = "ping\nsay a\nsay b\nstop\n";
    let (whole, end) = relayed(&[stream]);
    assert_eq!(end, StreamEnd::Complete { append: "" });
    assert_eq!(whole.matches("data: ").count(), 4, "{whole}");
    for at in 1..stream.len() {
        let (first, second) = stream.split_at(at);
        assert_eq!(relayed(&[first, second]), (whole.clone(), end), "split at {at}");
    }
}

#[test]
fn an_unfinished_last_event_is_translated_at_the_end() {
    let (whole, end) = relayed(&["say a\nstop"]);
    assert!(whole.ends_with(DONE), "{whole}");
    assert_eq!(end, StreamEnd::Complete { append: "" });
}

#[test]
fn a_translated_stream_without_an_end_is_cut() {
    assert_eq!(relayed(&["say a\nsay b\n", "ping\n"]).1, StreamEnd::Cut { mid_event: false });
}

#[test]
fn a_body_that_is_no_stream_is_told_as_it_came() {
    let mut gate = gate();
    gate.push(b"{\"error\":\n{\"message\":");
    gate.push(b"\"no\"}}\n");
    assert_eq!(*gate.end(), GateState::Failed(GateFailure::NotAStream));
    assert_eq!(gate.body(), b"{\"error\":\n{\"message\":\"no\"}}\n");
}

#[test]
fn a_stream_that_ends_before_its_first_token_has_failed() {
    let mut gate = gate();
    gate.push(b"stop\n");
    assert!(matches!(gate.end(), GateState::Failed(GateFailure::Empty { .. })));
}

#[test]
fn an_event_too_large_to_be_translated_fails_the_gate_and_cuts_the_stream() {
    let mut gate = gate();
    assert_eq!(*gate.push(&[b'x'; 41]), GateState::Failed(GateFailure::TooLarge));
    let mut rewriter = Rewriter::<NoDetails>::new(UsagePolicy::Keep, Expected::default());
    rewriter.translate(Some(Box::<Lines>::default()));
    let mut out = Vec::new();
    rewriter.push(b"say a\n", &mut out).unwrap();
    assert_eq!(rewriter.push(&[b'x'; 41], &mut out), Err(EventTooLarge));
    assert_eq!(rewriter.finish(&mut out), StreamEnd::Cut { mid_event: false });
}
