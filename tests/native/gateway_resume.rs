//! A stream that is cut goes on with somebody else, and the client sees one answer.

use opengateway::gateway::resume::{LOOK_MS, MAX_RESUMES, SHORT_ANSWER_BYTES};
use opengateway::gateway::stream::Verdict;
use opengateway::health::outcome::Outcome;
use opengateway::routing::failure::ErrorClass;
use opengateway::sse::standstill::STANDSTILL_IDLE_LIMITS;
use serde_json::{Value, json};

use crate::gateway_world::{
    DONE, Got, Part, Script, World, event_of, gateway_with, no_connection, parts, reply, stream,
};

const CUT: Verdict = Verdict::Failed(ErrorClass::StreamCut);
/// Long enough for others to be asked to go on with it.
const BEGUN: &str = "The quick brown fox, who had not slept for a good three or four nights, jumps";
const REST: &str = " over the lazy dog.";

/// A streamed request for `m` over `first`, then the others.
fn body(first: &str, more: &str) -> String {
    format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"hi there"}}],"stream":true,"provider":{{"order":["{first}","beta","gamma"]}}{more}}}"#
    )
}

fn says(id: &str, text: &str) -> String {
    let delta = json!({"content": text});
    json!({"id": id, "created": id.len(), "model": format!("{id}'s"), "choices": [{"index": 0, "delta": delta}]})
        .to_string()
}

fn stops(id: &str, usage: Option<(u64, u64)>) -> String {
    let mut chunk = json!({"id": id, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    if let Some((prompt, completion)) = usage {
        chunk["usage"] =
            json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion});
    }
    chunk.to_string()
}

/// A provider that begins to say this and breaks off.
fn cut(id: &str, text: &str) -> Script {
    stream(&[&says(id, text)])
}

/// A provider that says this to its end.
fn whole(id: &str, text: &str) -> Script {
    stream(&[&says(id, text), &stops(id, Some((10, 5))), DONE])
}

fn chunks(got: &Got) -> Vec<Value> {
    let data = got.text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != DONE);
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn text(got: &Got) -> String {
    let deltas = chunks(got);
    deltas.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
}

/// `code` of the error event, which is the last thing in the stream.
fn error(got: &Got) -> String {
    assert!(!got.text.contains(DONE) && !got.text.contains("finish_reason\":\"stop"), "{}", got.text);
    let last = chunks(got).pop().unwrap();
    last["error"]["code"].as_str().unwrap_or_default().to_owned()
}

/// Who was asked, and whether to go on with the beginning of the answer.
fn asked(world: &World) -> Vec<(String, Option<String>)> {
    let calls = world.calls.borrow();
    let each = calls.iter().map(|call| {
        let body: Value = serde_json::from_str(&call.body).unwrap();
        let last = body["messages"].as_array().unwrap().last().unwrap().clone();
        let given = (last["role"] == "assistant").then(|| last["content"].as_str().unwrap().to_owned());
        let provider = ["alpha", "beta"].into_iter().find(|name| call.url.contains(name)).unwrap_or("gamma");
        (provider.to_owned(), given)
    });
    each.collect()
}

fn names(world: &World) -> Vec<String> {
    asked(world).into_iter().map(|(name, given)| if given.is_some() { format!("{name}+") } else { name }).collect()
}

#[test]
fn however_it_was_cut_the_client_gets_one_whole_answer() {
    for first in ["alpha", "beta"] {
        for end in [vec![], vec![Part::Break], vec![Part::Hang], vec![event_of(r#"{"error":{"message":"m"}}"#)]] {
            let told = matches!(end.as_slice(), [Part::Bytes(_)]);
            let script = parts(200, [event_of(&says("one", BEGUN))].into_iter().chain(end).collect());
            let other = if first == "alpha" { "beta" } else { "alpha" };
            let again = format!("{BEGUN}{REST}");
            let world =
                World::new().on(first, [script]).on("gamma", [whole("two", REST)]).on(other, [whole("two", &again)]);
            let got = world.ask(&gateway_with(&[]), &body(first, ""));
            if told && first == "beta" {
                // Natively carried, the client has the error already.
                assert_eq!((got.stream.unwrap().0, names(&world)), (CUT, vec!["beta".to_owned()]));
                continue;
            }
            assert_eq!(got.stream.unwrap().0, Verdict::Whole, "{}", got.text);
            assert_eq!(text(&got), again);
            assert!(got.text.ends_with("data: [DONE]\n\n") && got.text.matches(DONE).count() == 1);
            for chunk in chunks(&got) {
                assert_eq!((&chunk["id"], chunk.get("error")), (&json!("one"), None), "{chunk}");
            }
            // Gamma goes on with what it is given, so it is asked before the others.
            assert_eq!(asked(&world).last().unwrap(), &("gamma".to_owned(), Some(BEGUN.to_owned())));
            let record = got.record();
            assert_eq!((record.status, record.error_class, record.attempts), (200, None, 2));
            assert_eq!(record.trail, format!("{first}/m=stream_cut; gamma/m=200"));
            assert_eq!(record.provider.as_deref(), Some("gamma"));
        }
    }
}

#[test]
fn each_chunk_names_the_model_that_wrote_it() {
    let world = World::new().on("beta", [cut("one", BEGUN)]).on("gamma", [whole("two", REST)]);
    let got = world.ask(&gateway_with(&[]), &body("beta", ""));
    let models: Vec<Value> = chunks(&got).iter().map(|chunk| json!([chunk["model"], chunk["created"]])).collect();
    assert_eq!(models[..2], [json!(["one's", 3]), json!(["two's", 3])]);
}

#[test]
fn the_accounts_and_the_client_get_the_sum_of_what_was_billed() {
    // 77 bytes are 20 tokens; the prompt of 8 bytes and a message is 5.
    let (first, second) = ((5, 20), (30, 7));
    let with_usage = r#","stream_options":{"include_usage":true}"#;
    for more in [with_usage, r#","usage":{"include":true}"#, ""] {
        let world = World::new()
            .on("alpha", [cut("one", BEGUN)])
            .on("gamma", [no_connection()])
            .on("beta", [stream(&[&says("two", &format!("{BEGUN}{REST}")), &stops("two", Some(second)), DONE])]);
        let got = world.ask(&gateway_with(&[]), &body("alpha", more));
        let record = got.record();
        let cost = first.0 * 1_000_000 + first.1 * 4_000_000 + second.0 * 1_500_000 + second.1 * 5_000_000;
        assert_eq!((record.prompt_tokens, record.completion_tokens), (first.0 + second.0, first.1 + second.1));
        assert_eq!((record.cost_pico_usd, record.estimated), (Some(cost), true));
        assert_eq!(record.trail, "alpha/m=stream_cut; gamma/m=connect; beta/m=200");
        let told: Vec<Value> = chunks(&got).into_iter().filter(|chunk| chunk.get("usage").is_some()).collect();
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((&told["usage"]["prompt_tokens"], &told["usage"]["estimated"]), (&json!(35), &json!(true)));
        let routing = told["metadata"]["routing"].as_array();
        assert_eq!(routing.map(Vec::len), more.contains("include\":").then_some(3), "{told}");
    }
}

#[test]
fn who_refuses_the_beginning_of_an_answer_is_asked_from_the_start() {
    let refusal = reply(400, r#"{"error":{"message":"last message must be of the user"}}"#);
    let only_gamma = r#","models":["gamma/m"],"temperature":0.0"#;
    let request = body("alpha", only_gamma)
        .replace("\"order\":[\"alpha\",\"beta\",\"gamma\"]", "\"only\":[\"alpha\",\"gamma\"],\"order\":[\"alpha\"]");
    let world =
        World::new().on("alpha", [cut("one", BEGUN)]).on("gamma", [refusal, whole("two", &format!("{BEGUN}{REST}"))]);
    let got = world.ask(&gateway_with(&[]), &request);
    assert_eq!((got.stream.unwrap().0, text(&got)), (Verdict::Whole, format!("{BEGUN}{REST}")));
    assert_eq!(names(&world), ["alpha", "gamma+", "gamma"]);
}

#[test]
fn another_answer_is_never_mixed_in() {
    let other = "A slow brown fox, who had slept for a good three or four nights, creeps under the lazy dog.";
    let world = World::new()
        .on("alpha", [cut("one", BEGUN), whole("four", other)])
        .on("gamma", [reply(500, "")])
        .on("beta", [whole("three", other)]);
    let got = world.ask(&gateway_with(&[]), &body("alpha", ""));
    assert_eq!(
        (got.stream.unwrap().0, text(&got), error(&got)),
        (Verdict::Diverged, BEGUN.into(), "stream_cut".into())
    );
    let record = got.record();
    assert_eq!(record.error_class, Some("stream_cut"));
    assert_eq!(
        record.trail,
        "alpha/m=stream_cut; gamma/m=500; beta/m=diverged; gamma/m=diverged"
            .replace("; gamma/m=diverged", "; alpha/m=diverged")
    );
    assert_eq!(names(&world), ["alpha", "gamma+", "beta", "alpha"]);
}

#[test]
fn a_long_answer_is_only_asked_for_again_where_it_may_come_out_the_same() {
    let long = BEGUN.repeat(SHORT_ANSWER_BYTES / BEGUN.len() + 1);
    for (more, again) in
        [("", false), (r#","temperature":0.1"#, false), (r#","temperature":0"#, true), (r#","seed":7"#, true)]
    {
        let world = World::new()
            .on("alpha", [cut("one", &long)])
            .on("gamma", [no_connection(), no_connection()])
            .on("beta", [whole("two", &format!("{long}{REST}"))]);
        let got = world.ask(&gateway_with(&[]), &body("alpha", more));
        let wanted = if again { Verdict::Whole } else { CUT };
        assert_eq!((got.stream.unwrap().0, names(&world).contains(&"beta".to_owned())), (wanted, again), "{more}");
        if !again {
            assert_eq!(error(&got), "stream_cut");
        }
    }
}

#[test]
fn a_provider_that_breaks_off_each_time_is_asked_again_a_few_times_only() {
    let world = World::new().on("alpha", [cut("a", BEGUN)]).on("gamma", (0..9).map(|_| cut("b", " and")));
    let got = world.ask(&gateway_with(&[]), &body("alpha", ""));
    assert_eq!(world.calls.borrow().len(), 1 + MAX_RESUMES);
    assert_eq!(text(&got), format!("{BEGUN}{}", " and".repeat(MAX_RESUMES)));
    assert_eq!((got.stream.unwrap().0, error(&got)), (CUT, "stream_cut".to_owned()));
    assert!(got.record().trail.ends_with("gamma/m=stream_cut"), "{}", got.record().trail);
}

#[test]
fn nobody_is_looked_for_longer_than_for_an_answer_that_has_not_begun() {
    let silent = || parts(200, vec![Part::Hang]);
    let world = World::new().on("alpha", [cut("one", "begun")]).on("beta", [silent()]).on("gamma", [silent()]);
    let got = world.ask(&gateway_with(&[]), &body("alpha", ""));
    assert_eq!((got.stream.unwrap().0, error(&got), got.took_ms), (CUT, "stream_cut".to_owned(), LOOK_MS));
    assert_eq!(names(&world), ["alpha", "beta", "gamma"], "30 s for the first one, the rest for the second one");
}

#[test]
fn somebody_else_goes_on_with_an_answer_whose_provider_only_pings() {
    for first in ["alpha", "beta"] {
        let pings = (0..1_000).flat_map(|_| [Part::Pause(10_000), Part::Bytes(b": ping\n\n".to_vec())]);
        let endless = parts(200, [event_of(&says("one", BEGUN))].into_iter().chain(pings).collect());
        let world = World::new().on(first, [endless]).on("gamma", [whole("two", REST)]);
        let got = world.ask(&gateway_with(&[]), &body(first, ""));
        assert_eq!((got.stream.unwrap().0, text(&got)), (Verdict::Whole, format!("{BEGUN}{REST}")), "{}", got.text);
        assert_eq!(names(&world), [first, "gamma+"]);
        assert_eq!(got.record().trail, format!("{first}/m=stream_cut; gamma/m=200"));
        assert_eq!(got.took_ms, 20_000 * STANDSTILL_IDLE_LIMITS);
    }
}

#[test]
fn nobody_goes_on_with_what_is_no_text_or_was_let_go() {
    let call = r#"{"id":"one","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{"}}]}}]}"#;
    let choice = r#"{"id":"one","choices":[{"index":1,"delta":{"content":"b"}}]}"#;
    for (script, more, forgets) in [
        (stream(&[&says("one", BEGUN), call]), "", false),
        (stream(&[&says("one", BEGUN), choice]), r#","n":2"#, false),
        (cut("one", BEGUN), r#","response_format":{"type":"json_object"}"#, false),
        (cut("one", BEGUN), "", true),
    ] {
        let world = World::new().on("beta", [script]);
        world.forgets.set(forgets);
        let got = world.ask(&gateway_with(&[]), &body("beta", more));
        assert_eq!(
            (got.stream.unwrap().0, error(&got), names(&world)),
            (CUT, "stream_cut".into(), vec!["beta".into()])
        );
    }
}

#[test]
fn without_fallbacks_only_the_same_provider_is_asked_again() {
    let world = World::new().on("alpha", [cut("one", BEGUN), whole("two", &format!("{BEGUN}{REST}"))]);
    let request = body("alpha", "").replace("\"order\"", "\"allow_fallbacks\":false,\"order\"");
    let got = world.ask(&gateway_with(&[]), &request);
    assert_eq!((got.stream.unwrap().0, text(&got)), (Verdict::Whole, format!("{BEGUN}{REST}")));
    assert_eq!(names(&world), ["alpha", "alpha"]);
}

#[test]
fn without_fallbacks_it_is_the_same_provider_whosever_turn_it_is() {
    let all = format!("{BEGUN}{REST}");
    let world = World::new().on("alpha", [cut("one", BEGUN), whole("two", &all)]);
    let request = body("alpha", "");
    let request =
        request.replace(r#""order":["alpha","beta","gamma"]"#, r#""ignore":["gamma"],"allow_fallbacks":false"#);
    let got = world.ask(&gateway_with(&[]), &request);
    assert_eq!((got.stream.unwrap().0, text(&got)), (Verdict::Whole, all), "{}", got.record().trail);
}

#[test]
fn a_cut_before_any_text_starts_the_answer_anew() {
    let thought = r#"{"id":"one","choices":[{"index":0,"delta":{"reasoning":"hm"}}]}"#;
    let world = World::new().on("beta", [stream(&[thought])]).on("alpha", [whole("two", "hello")]);
    let world = world.on("gamma", [whole("two", "hello")]);
    let got = world.ask(&gateway_with(&[]), &body("beta", ""));
    assert_eq!((got.stream.unwrap().0, text(&got)), (Verdict::Whole, "hello".to_owned()));
    assert!(asked(&world).iter().all(|(_, given)| given.is_none()));
}

#[test]
fn who_was_asked_to_go_on_is_in_the_health_like_anybody_else() {
    let gateway = gateway_with(&[]);
    let world =
        World::new().on("alpha", (0..3).map(|_| cut("one", BEGUN))).on("gamma", (0..3).map(|_| no_connection()));
    let again = format!("{BEGUN}{REST}");
    let world = world.on("beta", (0..5).map(|_| whole("two", &again)));
    for _ in 0..3 {
        assert_eq!(text(&world.ask(&gateway, &body("alpha", ""))), again);
    }
    assert_eq!(world.ask(&gateway, &body("alpha", "")).trail(), "beta/m=200", "alpha's circuit is open");
    assert_eq!(world.ask(&gateway, &body("gamma", "")).trail(), "beta/m=200", "and so is gamma's");
}

#[test]
fn whoever_had_no_turn_yet_is_asked_first() {
    let more = " and more";
    let all = format!("begun{more}{more}");
    let world = World::new()
        .on("alpha", [cut("a", "begun")])
        .on("beta", [cut("b", &format!("begun{more}"))])
        .on("gamma", [whole("c", &all)]);
    let got = world.ask(&gateway_with(&[]), &body("alpha", ""));
    assert_eq!((got.stream.unwrap().0, text(&got)), (Verdict::Whole, all));
    assert_eq!(names(&world), ["alpha", "beta", "gamma"]);
    assert_eq!(got.record().trail, "alpha/m=stream_cut; beta/m=stream_cut; gamma/m=200");
}

#[test]
fn who_is_limited_for_a_moment_is_not_asked_to_go_on_before_that_is_over() {
    let world = World::new();
    let until_ms = world.now() + 3_000;
    let limited = Outcome::Limited { until_ms };
    world.health.borrow_mut().record("beta", "beta/m-1", limited, None, world.now());
    let world = world.on("alpha", [cut("first", "Hello"), whole("again", "Hello there")]);
    let got = world.ask(&gateway_with(&[]), &body("alpha", "").replace(r#","gamma""#, "").replace("order", "only"));
    assert_eq!((text(&got).as_str(), names(&world)), ("Hello there", vec!["alpha".to_owned(), "alpha".to_owned()]));
}

#[test]
fn what_is_let_go_while_somebody_uses_it_is_counted_to_the_end_of_that() {
    let world = World::new().on("beta", [cut("one", BEGUN)]);
    let world = world.on("gamma", [whole("two", REST).while_memory_is_needed()]);
    let got = world.ask(&gateway_with(&[]), &body("beta", ""));
    assert_eq!((got.stream.unwrap().0, text(&got)), (Verdict::Whole, format!("{BEGUN}{REST}")));
}

#[test]
fn a_prompt_is_estimated_without_what_was_not_in_it() {
    // Gamma tells no tokens: 5 of the prompt, and 20 of the 77 bytes where it is given them.
    for (again, prompt) in [(false, 5 + 20), (true, 5)] {
        let refusal = reply(400, r#"{"error":{"message":"last message must be of the user"}}"#);
        let answer = if again { format!("{BEGUN}{REST}") } else { REST.to_owned() };
        let answer = stream(&[&says("two", &answer), &stops("two", None), DONE]);
        let scripts = if again { vec![refusal, answer] } else { vec![answer] };
        let world = World::new().on("alpha", [cut("one", BEGUN), no_connection()]).on("gamma", scripts);
        let request = body("alpha", "").replace("\"order\"", "\"only\":[\"alpha\",\"gamma\"],\"order\"");
        let got = world.ask(&gateway_with(&[]), &request);
        assert_eq!((got.stream.unwrap().0, text(&got)), (Verdict::Whole, format!("{BEGUN}{REST}")));
        assert_eq!(got.record().prompt_tokens, 5 + prompt, "{}", got.record().trail);
    }
}

#[test]
fn who_has_nothing_to_add_to_an_answer_is_not_to_blame() {
    let gateway = gateway_with(&[]);
    let long = BEGUN.repeat(SHORT_ANSWER_BYTES / BEGUN.len() + 1);
    let world = World::new().on("beta", (0..3).map(|_| cut("one", &long)));
    let world = world.on("gamma", (0..3).map(|_| stream(&[&stops("two", None), DONE])));
    for _ in 0..3 {
        let got = world.ask(&gateway, &body("beta", ""));
        assert_eq!((error(&got), names(&world).pop().unwrap()), ("stream_cut".to_owned(), "gamma+".to_owned()));
        assert_eq!(got.record().trail, "beta/m=stream_cut; gamma/m=invalid_reply");
    }
    world.expect("gamma", whole("four", "hi"));
    assert_eq!(world.ask(&gateway, &body("gamma", "")).trail(), "gamma/m=200");
}

#[test]
fn who_is_the_only_one_is_asked_again_although_its_circuit_is_open() {
    let says = ["begun", "begun and", "begun and more"].map(|text| cut("one", text));
    let world = World::new().on("alpha", says).on("alpha", [whole("two", "begun and more.")]);
    let request = body("alpha", "").replace("\"order\"", "\"only\":[\"alpha\"],\"order\"");
    let got = world.ask(&gateway_with(&[]), &request);
    assert_eq!((got.stream.unwrap().0, text(&got)), (Verdict::Whole, "begun and more.".to_owned()));
    assert_eq!(got.record().trail, "alpha/m=stream_cut; alpha/m=stream_cut; alpha/m=stream_cut; alpha/m=200");
}

#[test]
fn wherever_a_stream_is_cut_the_client_gets_the_whole_answer_or_an_error() {
    let words = ["The quick \u{1f98a}", " jumps over", " the \"lazy\" dog."];
    let all = words.concat();
    let said = words.map(|word| says("one", word));
    let usage = json!({"id": "one", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 9}}).to_string();
    let data = [&said[0], &said[1], &said[2], &stops("one", None), &usage, DONE].map(|data| format!("data: {data}"));
    let events = [&data[0], ": still here", &data[1], &data[2], &data[3], &data[4], &data[5]];
    let with_usage = r#","stream_options":{"include_usage":true}"#;
    for (more, ends) in [("", "\n\n"), ("", "\r\n\r\n"), (with_usage, "\n\n"), (r#","usage":{"include":true}"#, "\n\n")]
    {
        let bytes = events.map(|event| format!("{event}{ends}")).concat().into_bytes();
        for (first, other) in [("alpha", "beta"), ("beta", "alpha")] {
            for cut_at in 0..=bytes.len() {
                let broken = parts(200, vec![Part::Bytes(bytes[..cut_at].to_vec()), Part::Break]);
                let world = World::new().on(first, [broken]).on(other, [whole("two", &all)]);
                let request = body(first, more).replace("\"order\"", "\"ignore\":[\"gamma\"],\"order\"");
                let mut got = world.ask(&gateway_with(&[]), &request);
                let shown = format!("{first} {more} {}", bytes[..cut_at].escape_ascii());
                // What stands without its blank line at the end is read by no client.
                let read = got.text.rfind("\n\n").max(got.text.rfind("\r\n\r\n").map(|at| at + 2)).unwrap() + 2;
                let torn = got.text.split_off(read);
                match got.stream.unwrap() {
                    (Verdict::Whole, native) => {
                        assert_eq!(text(&got), all, "{shown}");
                        assert_eq!(got.text.matches("finish_reason\":\"stop\"").count(), 1, "{shown}");
                        assert_eq!(got.text.matches(DONE).count(), usize::from(torn.is_empty()), "{shown}");
                        assert!(torn.is_empty() || native, "{shown}");
                    }
                    (verdict, native) => {
                        assert_eq!(
                            (verdict, native, torn.as_str(), got.text.contains(DONE)),
                            (CUT, true, "", false),
                            "{shown}"
                        );
                        // Half a chunk, which no client can read, and the word about it.
                        assert!(got.text.contains("\n\ndata: {\"error\":"), "{shown}");
                    }
                }
            }
        }
    }
}

#[test]
fn another_model_that_had_no_turn_comes_before_the_provider_that_broke_off() {
    let world = World::new().on("alpha", [cut("a", "begun")]).on("gamma", [whole("c", "begun and more")]);
    let request =
        r#"{"model":"alpha/m","models":["gamma/zeta"],"messages":[{"role":"user","content":"hi"}],"stream":true}"#;
    let got = world.ask(&gateway_with(&[]), request);
    assert_eq!(
        (text(&got).as_str(), got.record().trail.as_str()),
        ("begun and more", "alpha/m=stream_cut; gamma/zeta=200")
    );
}
