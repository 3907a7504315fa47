//! The decoder gives the same events however the bytes are split, and never loses one.

use opengateway::sse::decoder::{Decoder, EventTooLarge, MAX_EVENT_BYTES};
use proptest::prelude::*;

use crate::sse_streams::{any_cuts, any_stream, split, stream_like_noise};

/// An event's data: text, or not UTF-8, or none at all.
type Data = Option<Result<String, ()>>;

#[derive(Clone, Debug, PartialEq)]
struct Owned {
    raw: Vec<u8>,
    data: Data,
    event: Option<String>,
}

/// The events of all pieces and what is left pending.
fn decode(pieces: &[&[u8]]) -> (Vec<Owned>, Vec<u8>, bool) {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for piece in pieces {
        decoder
            .push(piece, &mut |event| {
                events.push(Owned {
                    raw: event.raw.to_vec(),
                    data: event.data.map(|data| data.map(str::to_owned).map_err(|_| ())),
                    event: event.event.map(str::to_owned),
                });
            })
            .unwrap();
    }
    let inside = decoder.is_inside_event();
    (events, decoder.pending().to_vec(), inside)
}

fn data_of(bytes: &[u8]) -> Vec<Data> {
    decode(&[bytes]).0.into_iter().map(|event| event.data).collect()
}

#[test]
fn fields_are_read_as_the_standard_says() {
    let text = |text: &str| Some(Ok(text.to_owned()));
    let cases: &[(&[u8], Vec<Data>)] = &[
        (b"data: a\n\n", vec![text("a")]),
        (b"data:a\r\n\r\n", vec![text("a")]),
        (b"data:  a\r\rx", vec![text(" a")]),
        (b"data: a\ndata:b\r\ndata\n\n", vec![text("a\nb\n")]),
        (b"data\n\n", vec![text("")]),
        (b"database: a\n\n", vec![None]),
        (b" data: a\n\n", vec![None]),
        (b": only a comment\n\n", vec![None]),
        (b": a comment\ndata: a\n: another\n\n", vec![text("a")]),
        (b"id: 1\nretry: 5\ndata: a\n\n", vec![text("a")]),
        (b"\n\ndata: a\n\n", vec![None, None, text("a")]),
        (b"\xef\xbb\xbfdata: a\n\ndata: b\n\n", vec![text("a"), text("b")]),
        (b"\xef\xbb\xbf\ndata: a\n\n", vec![None, text("a")]),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", vec![text("a"), None]),
        (b"data: \xff\n\n", vec![Some(Err(()))]),
        (b"data: a", vec![]),
        (b"data: a\n", vec![]),
        (b"", vec![]),
    ];
    for (bytes, expected) in cases {
        assert_eq!(data_of(bytes), *expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn the_event_name_and_all_raw_bytes_come_with_the_data() {
    let bytes: &[u8] = b": c\r\nevent: error\r\ndata: {}\r\n\r\ndata: x\n\ndata: rest";
    let (events, pending, inside) = decode(&[bytes]);
    assert_eq!(events[0].event.as_deref(), Some("error"));
    assert_eq!(events[0].raw, b": c\r\nevent: error\r\ndata: {}\r\n\r\n");
    assert_eq!(events[1].event, None);
    assert_eq!(pending, b"data: rest");
    assert!(inside);
}

#[test]
fn a_carriage_return_at_the_end_waits_for_its_line_feed() {
    let mut decoder = Decoder::default();
    let mut raws = Vec::new();
    decoder.push(b"data: a\r\n\r", &mut |event| raws.push(event.raw.to_vec())).unwrap();
    assert!(raws.is_empty());
    assert!(!decoder.is_inside_event(), "a client has the whole event");
    decoder.push(b"", &mut |_| unreachable!()).unwrap();
    assert!(!decoder.is_inside_event());
    assert_eq!(decoder.tail(|event| event.data.map(|data| data.unwrap().to_owned())), Some(Some("a".to_owned())));
    decoder.push(b"\n", &mut |event| raws.push(event.raw.to_vec())).unwrap();
    assert_eq!(raws, [b"data: a\r\n\r\n"]);
}

#[test]
fn a_tail_reads_as_if_a_blank_line_followed() {
    for (bytes, expected) in [
        ("data: a", Some("data: a\n\n")),
        ("data: a\n", Some("data: a\n\n")),
        ("data: a\r", Some("data: a\r\n\n")),
        ("data: x\n\n\u{feff}", Some("\u{feff}\n\n")),
        ("data: x\n\n", None),
        ("", None),
    ] {
        let mut decoder = Decoder::default();
        decoder.push(bytes.as_bytes(), &mut |_| {}).unwrap();
        let raw = decoder.tail(|event| str::from_utf8(event.raw).unwrap().to_owned());
        assert_eq!(raw.as_deref(), expected, "{bytes:?}");
    }
}

#[test]
fn an_event_has_a_bound_whether_it_comes_at_once_or_in_pieces() {
    let event = |length: usize| [b"data: ".as_slice(), &vec![b'x'; length - 8], b"\n\n"].concat();
    let pushed = |bytes: &[u8], size: usize| {
        let mut decoder = Decoder::default();
        let mut events = 0;
        let result = bytes.chunks(size).try_for_each(|piece| decoder.push(piece, &mut |_| events += 1));
        (result, events, decoder.has_overflowed())
    };
    for size in [64 * 1024, usize::MAX] {
        assert_eq!(pushed(&event(MAX_EVENT_BYTES), size), (Ok(()), 1, false));
        assert_eq!(pushed(&event(MAX_EVENT_BYTES + 1), size), (Err(EventTooLarge), 0, true));
    }
    let mut decoder = Decoder::default();
    assert!(decoder.push(&event(MAX_EVENT_BYTES + 1), &mut |_| {}).is_err());
    assert_eq!(decoder.push(b"data: a\n\n", &mut |_| unreachable!()), Err(EventTooLarge));
    assert!(decoder.is_inside_event());
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(stream in any_stream(), cuts in any_cuts()) {
        prop_assert_eq!(decode(&split(stream.bytes, &cuts)), decode(&[stream.bytes]));
    }

    #[test]
    fn noise_gives_the_same_events_in_any_split_and_loses_no_byte(bytes in stream_like_noise(), cuts in any_cuts()) {
        let (events, pending, inside) = decode(&[&bytes]);
        let mut joined: Vec<u8> = events.iter().flat_map(|event| event.raw.clone()).collect();
        joined.extend_from_slice(&pending);
        prop_assert_eq!(&joined, &bytes);
        prop_assert_eq!(decode(&split(&bytes, &cuts)), (events, pending, inside));
    }

    #[test]
    fn one_byte_at_a_time_is_a_split_too(bytes in stream_like_noise()) {
        let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(decode(&pieces), decode(&[&bytes]));
    }
}
