//! Who is let in.

use opengateway::config::Config;
use opengateway::gateway::auth::{Credentials, authorize};

use crate::config_fixture::config;

fn shown<'a>(authorization: Option<&'a str>, api_key: Option<&'a str>) -> Credentials<'a> {
    Credentials { authorization, api_key, host: "gateway.example" }
}

fn keys(list: &str) -> Config {
    config(&[("GATEWAY_API_KEY", list)]).unwrap()
}

fn bearer(config: &Config, authorization: &str) -> Result<(), u16> {
    authorize(config, shown(Some(authorization), None)).map_err(|error| error.status)
}

#[test]
fn a_right_key_is_let_in_however_it_is_shown() {
    let config = keys("key-one-1234, key-two-5678");
    for authorization in [
        "Bearer key-one-1234",
        "Bearer key-two-5678",
        "bearer key-one-1234",
        "BEARER   key-one-1234  ",
        "  Bearer key-one-1234",
    ] {
        assert_eq!(bearer(&config, authorization), Ok(()), "{authorization}");
    }
    assert!(authorize(&config, shown(None, Some("key-two-5678"))).is_ok());
    assert!(authorize(&config, shown(None, Some(" key-two-5678 "))).is_ok());
    assert!(authorize(&config, shown(Some("Basic dXNlcg=="), Some("key-one-1234"))).is_ok());
    assert!(authorize(&config, shown(Some("Bearer "), Some("key-one-1234"))).is_ok());
}

#[test]
fn anything_else_is_401_in_openais_form_and_says_what_to_do() {
    let config = keys("key-one-1234,key-two-5678");
    for authorization in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer key-one-123",
        "Bearer key-one-12345",
        "Bearer KEY-ONE-1234",
        "Bearer key-one-1234,key-two-5678",
        "Bearer key-one-1234 key-two-5678",
        "key-one-1234",
        "Basic key-one-1234",
        "Bearer\tkey-one-1234",
    ] {
        assert_eq!(bearer(&config, authorization), Err(401), "{authorization}");
    }
    let none = authorize(&config, shown(None, None)).unwrap_err();
    assert_eq!((none.error_type.as_str(), none.code), ("authentication_error", "invalid_api_key"));
    assert!(none.message.contains("Authorization: Bearer"), "{}", none.message);
    let wrong = authorize(&config, shown(Some("Bearer wrong-key-99"), None)).unwrap_err();
    assert!(!wrong.message.contains("wrong-key-99") && wrong.should_retry.is_none());
}

#[test]
fn a_wrong_bearer_is_not_made_good_by_another_header() {
    let config = keys("key-one-1234");
    assert!(authorize(&config, shown(Some("Bearer wrong"), Some("key-one-1234"))).is_err());
}

#[test]
fn without_a_configured_key_nobody_is_let_in() {
    for vars in [&[] as &[(&str, &str)], &[("GATEWAY_API_KEY", "")], &[("GATEWAY_API_KEY", " , ")]] {
        let config = config(vars).unwrap();
        for authorization in [None, Some("Bearer "), Some("Bearer x")] {
            let error = authorize(&config, shown(authorization, None)).unwrap_err();
            assert_eq!((error.status, error.code, error.should_retry), (503, "gateway_not_configured", Some(false)));
            assert!(error.message.contains("GATEWAY_API_KEY"));
        }
    }
}

#[test]
fn demo_mode_lets_in_this_machine_alone() {
    let demo = config(&[("GATEWAY_DEMO", "1")]).unwrap();
    let at = |host| authorize(&demo, Credentials { authorization: None, api_key: None, host }).is_ok();
    for host in ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "::1"] {
        assert!(at(host), "{host}");
    }
    for host in [
        "",
        "gateway.example",
        "localhost.example",
        "127.0.0.1.example",
        "notlocalhost",
        "10.0.0.1",
        "0.0.0.0",
        "192.168.1.1",
        "[::]",
        "[fe80::1]",
        "localhost:8787",
    ] {
        assert!(!at(host), "{host}");
    }
}

#[test]
fn demo_mode_with_a_key_asks_for_it_everywhere() {
    let demo = config(&[("GATEWAY_DEMO", "1"), ("GATEWAY_API_KEY", "key-one-1234")]).unwrap();
    assert_eq!(bearer(&demo, "Bearer key-one-1234"), Ok(()));
    assert_eq!(bearer(&demo, "Bearer wrong"), Err(401));
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let here = |authorization| Credentials { authorization, api_key: None, host };
        for wrong in [None, Some(""), Some("Bearer "), Some("Bearer wrong")] {
            assert_eq!(authorize(&demo, here(wrong)).map_err(|error| error.status), Err(401), "{host}: a key is a key");
        }
        assert_eq!(authorize(&demo, here(Some("Bearer key-one-1234"))).map_err(|error| error.status), Ok(()));
    }
    let off = config(&[("GATEWAY_DEMO", "0")]).unwrap();
    let here = Credentials { authorization: None, api_key: None, host: "localhost" };
    assert_eq!(authorize(&off, here).map_err(|error| error.status), Err(503));
}
