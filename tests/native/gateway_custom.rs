//! An endpoint of the client's own: allowed only where the operator says so, asked alone, with the client's key or none.

use opengateway::config::{CustomHosts, EndpointError};
use opengateway::gateway::chat::Incoming;
use opengateway::gateway::custom::{CustomHeaders, ENDPOINT};
use opengateway::gateway::wishes::HeaderWishes;
use opengateway::health::circuit::Standing;

use crate::config_fixture::{config, refusal};
use crate::gateway_world::{
    DONE, GOOD, Got, HELLO, Part, REQUEST_ID, STOP, World, event_of, gateway_with, has_no_key, parts, reply, stream,
};

const KEY: &str = "client-SECRET-5";
const HERE: &str = "https://mine.test/v1";

fn hosts(listed: &str) -> CustomHosts {
    config(&[(CustomHosts::VAR, listed)]).unwrap().custom_hosts
}

fn ask(world: &World, endpoint: Option<&str>, key: Option<&str>, members: &str) -> Got {
    ask_wishing(world, (endpoint, key), members, HeaderWishes::default())
}

fn ask_wishing(
    world: &World,
    (endpoint, key): (Option<&str>, Option<&str>),
    members: &str,
    wishes: HeaderWishes,
) -> Got {
    let own = |text: Option<&str>| text.map(str::to_owned);
    let incoming = Incoming {
        body: format!(r#"{{"messages":[{{"role":"user","content":"hi"}}],{members}}}"#).into_bytes(),
        request_id: REQUEST_ID.into(),
        received_ms: world.now(),
        project_header: Some("shop".into()),
        custom: CustomHeaders { endpoint: own(endpoint), api_key: own(key) },
        wishes,
        ..Incoming::default()
    };
    world.ask_with(&gateway_with(&[(CustomHosts::VAR, "mine.test")]), incoming)
}

#[test]
fn only_listed_hosts_and_ports_are_allowed() {
    let listed = "gpu.example.com, Proxy.example.com:8443,127.0.0.1:8000,[::1]:9,10.0.0.5";
    for (endpoint, url) in [
        ("https://gpu.example.com/v1", "https://gpu.example.com/v1"),
        ("https://GPU.example.com:443/v1/", "https://gpu.example.com:443/v1"),
        ("https://gpu.example.com/v1/chat/completions", "https://gpu.example.com/v1"),
        ("https://proxy.example.com:8443", "https://proxy.example.com:8443"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://[::1]:9/v1", "http://[::1]:9/v1"),
        ("http://10.0.0.5/v1", "http://10.0.0.5/v1"),
    ] {
        assert_eq!(hosts(listed).check(endpoint), Ok(url.to_owned()), "{endpoint}");
    }
    for (endpoint, host) in [
        ("https://example.com/v1", "example.com"),
        ("https://gpu.example.com.evil.test/v1", "gpu.example.com.evil.test"),
        ("https://gpu.example.com:8443/v1", "gpu.example.com:8443"),
        ("https://proxy.example.com/v1", "proxy.example.com"),
        ("http://proxy.example.com/v1", "proxy.example.com"),
        ("http://127.0.0.1/v1", "127.0.0.1"),
        ("http://127.0.0.1:8001/v1", "127.0.0.1:8001"),
        ("http://localhost:8000/v1", "localhost:8000"),
        ("http://169.254.169.254/latest", "169.254.169.254"),
        ("http://192.168.1.1/v1", "192.168.1.1"),
        ("http://[fe80::1]/v1", "[fe80::1]"),
        ("http://[::ffff:127.0.0.1]:8000/v1", "[::ffff:127.0.0.1]:8000"),
        ("https://10.0.0.5:8000/v1", "10.0.0.5:8000"),
    ] {
        assert_eq!(hosts(listed).check(endpoint), Err(EndpointError::Refused { host: host.into() }), "{endpoint}");
        assert!(hosts("").check(endpoint).is_err(), "nothing is allowed by default");
    }
    assert_eq!(hosts(listed).check("https://me:pw@gpu.example.com/v1"), Err(EndpointError::UserInfo));
    assert_eq!(hosts("gpu.example.com:80").check("http://gpu.example.com/v1"), Err(EndpointError::PlainHttp));
    for malformed in
        ["gpu.example.com", "ftp://gpu.example.com", "https://2130706433/v1", "https://gpu.example.com/?x", ""]
    {
        assert!(matches!(hosts(listed).check(malformed), Err(EndpointError::Malformed(_))), "{malformed}");
    }
}

#[test]
fn a_list_that_cannot_be_read_is_refused() {
    let message = refusal(&[(CustomHosts::VAR, "ok.test,https://bad.test")]);
    assert!(message.contains(CustomHosts::VAR) && message.contains("https://bad.test"), "{message}");
}

#[test]
fn the_request_goes_to_the_endpoint_alone_with_the_clients_key() {
    for (model, sent) in [
        ("qwen", "qwen"),
        ("org/qwen", "org/qwen"),
        ("custom/org/qwen", "org/qwen"),
        ("vllm/org/qwen", "org/qwen"),
        ("m", "m"),
    ] {
        let world = World::new().on("mine.test", [reply(200, GOOD)]);
        let got = ask(&world, Some(HERE), Some(KEY), &format!(r#""model":"{model}""#));
        assert_eq!((got.status, got.header("x-gateway-provider")), (200, Some("custom")), "{}", got.text);
        let calls = world.calls.borrow();
        assert_eq!(calls[0].url, "https://mine.test/v1/chat/completions");
        assert!(calls[0].body.contains(&format!(r#""model":"{sent}""#)), "{}", calls[0].body);
        let bearer = format!("Bearer {KEY}");
        assert!(calls[0].headers.iter().any(|(name, value)| name == "authorization" && *value == bearer));
        let json = got.json();
        assert_eq!(json["metadata"]["used_provider"], "custom");
        assert!(json["usage"]["cost_usd_total"].is_null(), "nobody knows its price");
        assert_eq!(got.record().provider.as_deref(), Some("custom"));
    }
}

#[test]
fn without_a_key_none_is_sent_and_never_one_of_the_gateways() {
    let world = World::new().on("mine.test", [reply(200, GOOD)]);
    assert_eq!(ask(&world, Some(HERE), None, r#""model":"m""#).status, 200);
    assert!(world.calls.borrow()[0].headers.iter().all(|(name, _)| name != "authorization"));
}

#[test]
fn what_is_not_allowed_is_refused_before_anybody_is_asked() {
    for (endpoint, key, members, status, code, param) in [
        (Some("https://other.test/v1"), None, r#""model":"m""#, 403, "custom_endpoint_not_allowed", ENDPOINT),
        (Some("https://a:b@mine.test/v1"), None, r#""model":"m""#, 403, "custom_endpoint_not_allowed", ENDPOINT),
        (Some("https://mine.test:8443/v1"), None, r#""model":"m""#, 403, "custom_endpoint_not_allowed", ENDPOINT),
        (Some("nonsense"), None, r#""model":"m""#, 400, "invalid_value", ENDPOINT),
        (Some(HERE), Some("two words"), r#""model":"m""#, 400, "invalid_value", "x-opengateway-vllm-api-key"),
        (None, Some(KEY), r#""model":"m""#, 400, "missing_required_parameter", ENDPOINT),
        (Some(HERE), None, r#""model":"auto""#, 400, "invalid_value", "model"),
        (Some(HERE), None, r#""model":"m","models":["auto"]"#, 400, "invalid_value", "models[0]"),
    ] {
        let world = World::new();
        let got = ask(&world, endpoint, key, members);
        let json = got.json();
        assert_eq!((got.status, &*got.code()), (status, code), "{endpoint:?}: {}", got.text);
        assert_eq!(json["error"]["param"], param);
        assert!(!got.text.contains("b@") && !got.text.contains(KEY) && world.calls.borrow().is_empty());
    }
}

#[test]
fn an_endpoint_is_asked_alone_so_providers_cannot_be_chosen_beside_it() {
    let world = World::new();
    let got = ask(&world, Some(HERE), None, r#""model":"m","provider":{"only":["groq"]}"#);
    assert_eq!((got.status, got.json()["error"]["param"].as_str()), (400, Some("provider.only")), "{}", got.text);
    let wishes = HeaderWishes { failover_sequence: Some(r#"["groq"]"#.into()), ..HeaderWishes::default() };
    let got = ask_wishing(&world, (Some(HERE), None), r#""model":"m""#, wishes);
    assert_eq!((got.status, got.json()["error"]["param"].as_str()), (400, Some("x-opengateway-failover-sequence")));
    assert!(got.text.contains("asked alone"), "{}", got.text);
    assert!(world.calls.borrow().is_empty());
}

#[test]
fn a_refused_key_is_told_as_the_clients_not_as_the_gateways() {
    let world = World::new().on("mine.test", vec![reply(401, r#"{"error":{"message":"Invalid API key"}}"#); 5]);
    let got = ask(&world, Some(HERE), Some(KEY), r#""model":"m""#);
    assert_eq!((got.status, &*got.code()), (502, "provider_authentication_failed"), "{}", got.text);
    assert!(got.text.contains("x-opengateway-vllm-api-key") && !got.text.contains("gateway's key"), "{}", got.text);
}

#[test]
fn a_redirect_is_refused() {
    let world = World::new().on("mine.test", vec![reply(302, "").header("location", "http://169.254.169.254/"); 5]);
    let got = ask(&world, Some(HERE), None, r#""model":"m""#);
    assert_eq!((got.status, &*got.code()), (403, "custom_endpoint_redirects"), "{}", got.text);
    assert!(world.calls.borrow().iter().all(|call| call.url.starts_with(HERE)));
}

#[test]
fn what_fails_there_harms_nobody_and_is_told_without_the_key() {
    let world = World::new().on("mine.test", vec![reply(500, format!("no {KEY} here")); 5]);
    let got = ask(&world, Some(HERE), Some(KEY), r#""model":"m""#);
    assert_eq!(got.status, 502, "{}", got.text);
    assert!(!got.text.contains(KEY));
    has_no_key(&got.text);
    let standing = world.health.borrow().standing("custom", "m", 1, world.now());
    assert_eq!(standing, Standing::Healthy, "the next client has another endpoint in mind");
}

#[test]
fn a_cut_stream_is_gone_on_with_at_the_same_endpoint() {
    let hello = HELLO.replace("hello", &"word ".repeat(20));
    let cut = parts(200, vec![event_of(&hello), Part::Break]);
    let world = World::new().on("mine.test", [cut, stream(&[HELLO, STOP, DONE])]);
    let got = ask(&world, Some(HERE), Some(KEY), r#""model":"m","stream":true"#);
    assert_eq!(got.status, 200);
    assert!(got.text.contains("hello") && got.text.contains("[DONE]"), "{}", got.text);
    assert!(world.calls.borrow().iter().all(|call| call.url.starts_with(HERE)));
}
