//! Replies and streams of providers that differ from OpenAI's form. The fixtures name the public source of each shape.

use proptest::prelude::*;

use crate::dialect_fixture::{able, plain};
use crate::sse_streams::any_cuts;
use opengateway::catalog::model::{Capabilities, ModelSpec};
use opengateway::catalog::provider::{Mend, ProviderSpec};
use opengateway::dialect::openai::mend::{Mender, Mends, Untold, mend_reply, native_reply};
use opengateway::openai::request::ChatRequest;
use opengateway::sse::scan::{Expected, StreamEnd, StreamScan};
use opengateway::sse::translate::Translate;

const UNTOLD: Untold<'static> = Untold { model: "@cf/meta/old", now_ms: 1_760_000_000_123, limit: Some(64) };

struct Fixture {
    name: &'static str,
    mends: Mends,
    provider: &'static str,
    client: &'static str,
}

fn fixture(name: &'static str, text: &'static str) -> Fixture {
    let (head, rest) = text.split_once("===== provider\n").unwrap();
    let (provider, client) = rest.split_once("===== client\n").unwrap();
    let words = head.lines().find_map(|line| line.strip_prefix("# mends: ")).unwrap();
    Fixture { name, mends: mends(words), provider, client }
}

/// The mends of these names.
fn mends(words: &str) -> Mends {
    let named = |word: &str| Mend::ALL.iter().find(|(name, _)| *name == word).unwrap().1;
    words.split(' ').map(named).collect()
}

macro_rules! fixtures {
    ($($name:literal),* $(,)?) => {
        [$(fixture($name, include_str!(concat!("../fixtures/mend/", $name)))),*]
    };
}

fn streams() -> [Fixture; 15] {
    fixtures![
        "deepseek.sse",
        "mistral_thinking.sse",
        "mistral_tools.sse",
        "sambanova_tags.sse",
        "gemini_text.sse",
        "gemini_tools.sse",
        "gemini_tools_numbered_0.sse",
        "together.sse",
        "vllm_picture.sse",
        "cut_tag.sse",
        "workers_ai.sse",
        "workers_ai_tools.sse",
        "workers_ai_limit.sse",
        "workers_ai_cut.sse",
        "groq_search.sse",
    ]
}

fn replies() -> [Fixture; 14] {
    fixtures![
        "deepseek.json",
        "mistral_thinking.json",
        "mistral_tools.json",
        "gemini_tools.json",
        "gemini_thought.json",
        "sambanova_role.json",
        "fireworks_tags.json",
        "xai.json",
        "vllm_both.json",
        "workers_ai.json",
        "workers_ai_tools.json",
        "workers_ai_object.json",
        "workers_ai_limit.json",
        "groq_search.json",
    ]
}

/// What a client gets of pieces that come one after another.
fn mended<'p>(mends: Mends, pieces: impl IntoIterator<Item = &'p [u8]>) -> String {
    let mut mender = Mender::new(mends, 1, UNTOLD);
    let mut out = Vec::new();
    for piece in pieces {
        mender.push(piece, &mut out).unwrap();
    }
    mender.end(&mut out);
    mender.end(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn streams_are_brought_to_openais_form() {
    for Fixture { name, mends, provider, client } in streams() {
        assert_eq!(mended(mends, [provider.as_bytes()]), client, "{name}");
        let bytes = provider.as_bytes().chunks(1);
        assert_eq!(mended(mends, bytes), client, "{name}, byte by byte");
    }
}

#[test]
fn replies_are_brought_to_openais_form() {
    for Fixture { name, mends, provider, client } in replies() {
        let native = native_reply(provider.trim_end(), UNTOLD).filter(|_| mends.has(Mend::NativeForm));
        let reply = mend_reply(native.as_deref().unwrap_or(provider.trim_end()), mends).or(native);
        let reply = reply.unwrap_or_else(|| panic!("{name} is not mended"));
        assert_eq!(reply, client.trim_end(), "{name}");
        assert_eq!(mend_reply(&reply, mends), None, "{name}: what was mended needs nothing more");
    }
}

proptest! {
    #[test]
    fn how_a_stream_is_cut_up_makes_no_difference(which in 0..15_usize, cuts in any_cuts()) {
        let Fixture { mends, provider, client, .. } = &streams()[which];
        let bytes = provider.as_bytes();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let pieces = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        prop_assert_eq!(mended(*mends, pieces), *client);
    }

    #[test]
    fn how_a_text_with_tags_is_cut_up_makes_no_difference(
        text in "[ \n]{0,3}(<think>)?[a<\n/ ]{0,6}(</think>)?[\n<k>é😀]{0,6}(</think>)?",
        cuts in any_cuts(),
    ) {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        places.retain(|place| text.is_char_boundary(*place));
        places.extend([0, text.len()]);
        places.sort_unstable();
        let pieces: Vec<&str> = places.windows(2).map(|pair| text.get(pair[0]..pair[1]).unwrap()).collect();
        let whole = told(&streamed(&[&text]));
        prop_assert_eq!(&told(&streamed(&pieces)), &whole);
        // A whole reply is read the same way.
        let body = serde_json::json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}).to_string();
        let reply = mend_reply(&body, mends("think_tags")).unwrap_or(body);
        let reply: serde_json::Value = serde_json::from_str(&reply).unwrap();
        let message = &reply["choices"][0]["message"];
        let member = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        prop_assert_eq!((member("reasoning"), member("content")), whole);
    }

    #[test]
    fn noise_never_breaks_anything(json in ".{0,80}", noise in crate::sse_streams::stream_like_noise()) {
        let all: Mends = Mend::ALL.iter().map(|(_, mend)| *mend).collect();
        let _any = mend_reply(&json, all);
        let (mut mender, mut whole, mut out) = (Mender::new(all, 1, UNTOLD), Vec::new(), Vec::new());
        mender.push(&noise, &mut whole).unwrap();
        mender = Mender::new(all, 1, UNTOLD);
        for byte in noise {
            mender.push(&[byte], &mut out).unwrap();
        }
        prop_assert_eq!(whole, out);
    }
}

/// A stream whose deltas have these texts, mended for think tags.
fn streamed(texts: &[&str]) -> String {
    let chunk = |text: &&str| {
        let chunk = serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]});
        format!("data: {chunk}\n\n")
    };
    let mut stream: String = texts.iter().map(chunk).collect();
    stream.push_str("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    mended(mends("think_tags"), [stream.as_bytes()])
}

/// All reasoning and all content of a stream.
fn told(stream: &str) -> (String, String) {
    let mut told = (String::new(), String::new());
    for data in stream.lines().filter_map(|line| line.strip_prefix("data: {")) {
        let chunk: serde_json::Value = serde_json::from_str(&format!("{{{data}")).unwrap();
        let delta = &chunk["choices"][0]["delta"];
        told.0.push_str(delta["reasoning"].as_str().unwrap_or_default());
        told.1.push_str(delta["content"].as_str().unwrap_or_default());
    }
    told
}

#[test]
fn what_needs_no_change_goes_on_byte_for_byte() {
    let all: Mends = Mend::ALL.iter().map(|(_, mend)| *mend).collect();
    let stream = concat!(
        "\u{feff}: a comment\r\n\r\n",
        "data: { \"choices\" : [ {\"index\":0, \"delta\":{\"role\":\"assistant\",\"content\":\"Hi\"} , \"logprobs\":null} ] }\r\n\r\n",
        "event: x\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\\"reasoning_content\\\":\\\"no\\\"\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"<think>\",\"reasoning\":\"named well\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"error\":{\"message\":\"\\\"tool_calls\\\":[1]\"}}\n\n",
        "event: error\ndata: {\"choices\":[{\"delta\":{\"reasoning_content\":\"x\"}}]}\n\n",
        "data: not json at all \"content\":[1]\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\ndata: [DONE]\n\n",
    );
    assert_eq!(mended(all, [stream.as_bytes()]), stream);
    let reply = r#"{"choices":[{"message":{"role":"assistant","content":"Hi <think>"},"finish_reason":"stop"}]}"#;
    assert_eq!(mend_reply(reply, all), None);
    for broken in ["", "<html>", "[1]", r#"{"choices":[{"message":{"content":["#, r#"{"error":"\"content\":[\"x\""}"#] {
        assert_eq!(mend_reply(broken, all), None, "{broken}");
    }
}

#[test]
fn a_picture_of_4_mb_goes_through_in_one_event() {
    let picture = "iVBORw0KGgo".repeat(512 * 1024);
    let chunk = |content: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{{content}\"images\":[{{\"image_url\":{{\"url\":\"data:image/png;base64,{picture}\"}}}}]}}}}]}}\n\n"
        )
    };
    assert!(picture.len() > 5_500_000);
    let plain = chunk("");
    assert!(mended(mends("reasoning_content think_tags"), plain.as_bytes().chunks(65_536)) == plain);
    let mended =
        mended(mends("reasoning_content"), chunk("\"reasoning_content\":\"A cat\",").as_bytes().chunks(65_536));
    assert!(mended.contains("\"reasoning\":\"A cat\"") && mended.contains(&picture) && !mended.contains("_content"));
}

#[test]
fn a_torn_tail_stays_torn_and_a_whole_one_is_mended() {
    let chunk = r#"data: {"choices":[{"index":0,"delta":{"reasoning_content":"Hm"}}]}"#;
    let flags = mends("reasoning_content");
    assert_eq!(mended(flags, [chunk.as_bytes()]), chunk.replace("reasoning_content", "reasoning") + "\n\n");
    let torn = chunk.strip_suffix("}}]}").unwrap();
    assert_eq!(mended(flags, [torn.as_bytes()]), torn);
    assert_eq!(mended(flags, [b"data: [DONE]".as_slice()]), "data: [DONE]\n\n");
    assert_eq!(mended(flags, [b": keep-alive\n".as_slice()]), ": keep-alive\n");
}

#[test]
fn halves_of_characters_go_on_as_they_are_written() {
    let stream = r#"data: {"choices":[{"index":0,"delta":{"content":"<think>a\ud83d"}}]}

data: {"choices":[{"index":0,"delta":{"content":"\ude00b"}}]}

data: {"choices":[{"index":0,"delta":{"content":"</think>\u003cc"}}]}

"#;
    // The first cannot be read as a text, so it is taken for the answer.
    assert_eq!(mended(mends("think_tags"), [stream.as_bytes()]), stream);
    let open = stream.replace(r#"<think>a\ud83d"#, r#"\u003cthink\u003e"#);
    let mended = mended(mends("think_tags"), [open.as_bytes()]);
    assert!(mended.contains(r#""reasoning":"\ude00b""#) && mended.contains(r#""content":"<c""#), "{mended}");
}

#[test]
fn each_choice_has_its_own_thoughts_and_calls() {
    let chunk =
        |index: u32, delta: &str| format!("data: {{\"choices\":[{{\"index\":{index},\"delta\":{delta}}}]}}\n\n");
    let stream = [
        chunk(0, r#"{"content":"plain"}"#),
        chunk(1, r#"{"content":"<think>deep"}"#),
        chunk(0, r#"{"tool_calls":[{"id":"a","function":{"name":"f"}}]}"#),
        chunk(1, r#"{"tool_calls":[{"id":"b","function":{"name":"f"}}]}"#),
    ]
    .concat();
    let mut mender = Mender::new(mends("think_tags tool_calls"), 2, UNTOLD);
    let mut out = Vec::new();
    mender.push(stream.as_bytes(), &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("\"content\":\"plain\"") && out.contains("\"reasoning\":\"deep\""), "{out}");
    assert_eq!(out.matches("{\"index\":0,\"type\":\"function\",\"id\":").count(), 2, "{out}");
}

#[test]
fn a_call_without_an_id_gets_one_that_no_other_answer_has() {
    let reply = |id: &str| {
        let body = r#"{"choices":[{"message":{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}}],"id":"ID"}"#;
        mend_reply(&body.replace("ID", id), mends("tool_calls")).unwrap()
    };
    assert_eq!(reply("one"), reply("one"));
    assert!(reply("one").contains(r#"{"id":"call_"#));
    assert_ne!(reply("one").replace("\"id\":\"one\"", ""), reply("two").replace("\"id\":\"two\"", ""));
}

#[test]
fn what_is_mended_depends_on_provider_model_and_request() {
    let request =
        |more: &str| format!("{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hi\"}}]{more}}}");
    let of = |provider: &ProviderSpec, model: &ModelSpec, more: &str| {
        Mends::of(provider, model, &ChatRequest::parse(request(more).as_bytes()).unwrap())
    };
    let provider = ProviderSpec {
        mends: Mend::ALL.iter().filter(|(name, _)| *name != "think_tags").map(|(_, mend)| *mend).collect(),
        ..plain()
    };
    let tools = r#","tools":[{"type":"function","function":{"name":"f"}}]"#;
    let rest = "reasoning_content content_parts thought_tags finish_reasons roles native_form";
    assert_eq!(of(&provider, &able(), ""), mends(rest));
    assert_eq!(of(&provider, &able(), tools), mends(&format!("{rest} tool_calls")));
    let tagged = ModelSpec { mends: [Mend::ThinkTags].as_slice().into(), ..able() };
    assert_eq!(of(&provider, &tagged, ""), mends(&format!("{rest} think_tags")));
    let quick = ModelSpec { capabilities: Capabilities { reasoning: false, ..able().capabilities }, ..able() };
    let text_only = ModelSpec { capabilities: Capabilities::default(), ..tagged.clone() };
    assert_eq!(of(&provider, &text_only, ""), mends("finish_reasons roles native_form"));
    // All but reasoning is what is said of a model of which nothing is known.
    assert_eq!(quick.capabilities, Capabilities::UNKNOWN);
    assert_eq!(of(&provider, &quick, ""), mends(rest));
    assert!(of(&plain(), &able(), tools).is_empty());
    let searching =
        |tools| ModelSpec { capabilities: Capabilities { web_search: true, tools, ..able().capabilities }, ..able() };
    let search = r#","web_search":true"#;
    assert_eq!(of(&provider, &searching(true), search), mends(&format!("{rest} search_results")));
    assert_eq!(of(&provider, &searching(true), ""), mends(rest), "nobody asked for a search");
    assert_eq!(of(&provider, &searching(false), ""), mends(&format!("{rest} search_results")), "it searches by itself");
    assert_eq!(of(&provider, &able(), search), mends(rest));
}

#[test]
fn a_mended_stream_of_a_model_that_thinks_can_be_resumed() {
    let Fixture { mends, provider, .. } = &streams()[1];
    let scan = |stream: &str| {
        let mut scan = StreamScan::new(Expected { resumable: true, ..Expected::default() });
        scan.push(stream.as_bytes());
        scan
    };
    let cut = provider.split_inclusive("\n\n").take(4).collect::<String>();
    assert!(scan(&cut).transcript().is_none(), "an array is not text");
    let mut scan = scan(&mended(*mends, [cut.as_bytes()]));
    assert_eq!(scan.transcript().unwrap().text, "It is six.");
    assert_eq!(scan.end(), StreamEnd::Cut { mid_event: false });
}
