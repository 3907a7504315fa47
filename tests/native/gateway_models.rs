//! `GET /v1/models`.

use std::collections::HashSet;

use opengateway::gateway::models::{list, retrieve};
use serde_json::{Value, json};

use crate::gateway_world::gateway_with;

fn data() -> Vec<Value> {
    let list: Value = serde_json::from_str(&list(&gateway_with(&[]))).unwrap();
    assert_eq!(list["object"], "list");
    list["data"].as_array().unwrap().clone()
}

fn retrieved(id: &str) -> Value {
    serde_json::from_str(&retrieve(&gateway_with(&[]), id).unwrap()).unwrap()
}

#[test]
fn one_model_has_this_form() {
    let wanted = concat!(
        r#"{"id":"m","object":"model","created":1793491200,"owned_by":"alpha","context_window":100000,"max_output_tokens":500,"#,
        r#""capabilities":{"tools":true,"json_object":true,"json_schema":false,"vision":false,"reasoning":false,"web_search":false,"image_output":false,"audio_output":false},"#,
        r#""reasoning_level":"low","reasoning_efforts":[],"free":false,"#,
        r#""pricing":{"input_usd_per_mtok":1,"output_usd_per_mtok":4,"cached_input_usd_per_mtok":0.5},"providers":["#,
        r#"{"id":"alpha","upstream_id":"alpha/m-1","configured":true,"context_window":1000,"max_output_tokens":500,"#,
        r#""capabilities":{"tools":true,"json_object":true,"json_schema":false,"vision":false,"reasoning":false,"web_search":false,"image_output":false,"audio_output":false},"#,
        r#""free":false,"pricing":{"input_usd_per_mtok":1,"output_usd_per_mtok":4,"cached_input_usd_per_mtok":0.5}},"#,
        r#"{"id":"beta","upstream_id":"beta/m-1","configured":true,"context_window":100000,"max_output_tokens":null,"#,
        r#""capabilities":{"tools":true,"json_object":true,"json_schema":false,"vision":false,"reasoning":false,"web_search":false,"image_output":false,"audio_output":false},"#,
        r#""free":false,"pricing":{"input_usd_per_mtok":1.5,"output_usd_per_mtok":5,"cached_input_usd_per_mtok":null}},"#,
        r#"{"id":"gamma","upstream_id":"gamma/m-1","configured":true,"context_window":50000,"max_output_tokens":null,"#,
        r#""capabilities":{"tools":true,"json_object":true,"json_schema":false,"vision":false,"reasoning":false,"web_search":false,"image_output":false,"audio_output":false},"#,
        r#""free":false,"pricing":null}]}"#,
    );
    assert_eq!(retrieve(&gateway_with(&[]), "m").unwrap(), wanted);
    assert!(list(&gateway_with(&[])).contains(wanted), "the list has the same");
}

#[test]
fn the_list_has_every_model_once_and_auto_first() {
    let gateway = gateway_with(&[]);
    let data = data();
    let ids: Vec<&str> = data.iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids[0], "auto");
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "no id twice");
    let known: HashSet<&str> = gateway.catalog.models().iter().map(|model| model.id.as_ref()).collect();
    assert_eq!(ids.iter().skip(1).copied().collect::<HashSet<_>>(), known);
}

#[test]
fn every_entry_has_what_openais_clients_read() {
    for model in data() {
        assert_eq!(model["object"], "model");
        assert!(model["id"].is_string() && model["owned_by"].is_string() && model["created"].is_u64());
    }
}

#[test]
fn every_listed_model_can_be_retrieved_alike() {
    let gateway = gateway_with(&[]);
    for model in data() {
        let id = model["id"].as_str().unwrap();
        let one: Value = serde_json::from_str(&retrieve(&gateway, id).unwrap()).unwrap();
        assert_eq!(one, model, "{id}");
    }
}

#[test]
fn auto_can_do_what_any_configured_model_can() {
    let auto = retrieved("auto");
    assert_eq!(
        (&auto["owned_by"], &auto["providers"], &auto["pricing"]),
        (&json!("opengateway"), &json!([]), &Value::Null)
    );
    assert_eq!((&auto["context_window"], &auto["capabilities"]["tools"]), (&json!(100_000), &json!(true)));
    assert_eq!(auto["capabilities"]["reasoning"], false, "`solo` is not for auto");
    let nothing = opengateway::gateway::setup::Gateway::new(&|_| None).unwrap();
    let auto: Value = serde_json::from_str(&retrieve(&nothing, "auto").unwrap()).unwrap();
    assert_eq!((&auto["context_window"], &auto["reasoning_level"]), (&Value::Null, &Value::Null));
}

#[test]
fn pins_aliases_and_own_ids_are_retrieved_under_the_name_that_was_asked_for() {
    for (name, offers) in [
        ("alpha/m", vec!["alpha/m-1"]),
        ("fast", vec!["alpha/m-1"]),
        ("alpha/m-1", vec!["alpha/m-1"]),
        ("beta/beta/m-1", vec!["beta/m-1"]),
        ("gamma/any/thing", vec!["any/thing"]),
    ] {
        let model = retrieved(name);
        assert_eq!(model["id"], name);
        let served: Vec<&str> =
            model["providers"].as_array().unwrap().iter().map(|offer| offer["upstream_id"].as_str().unwrap()).collect();
        assert_eq!(served, offers, "{name}");
    }
    assert_eq!(retrieved("gamma/any/thing")["pricing"], Value::Null);
}

#[test]
fn each_provider_says_whether_it_is_configured() {
    let gateway = gateway_with(&[("GROQ_API_KEY", "groq-key-123")]);
    let model: Value = serde_json::from_str(&retrieve(&gateway, "gpt-oss-120b").unwrap()).unwrap();
    for offer in model["providers"].as_array().unwrap() {
        assert_eq!(offer["configured"], offer["id"] == "groq", "{offer}");
    }
}

#[test]
fn an_unknown_model_is_404_and_not_repeated_at_length() {
    let error = retrieve(&gateway_with(&[]), &"x".repeat(5000)).unwrap_err();
    assert_eq!((error.status, error.code, error.param.as_deref()), (404, "model_not_found", Some("model")));
    assert!(error.message.len() < 300);
}

#[test]
fn a_retired_model_is_404_and_says_since_when() {
    let error = retrieve(&gateway_with(&[]), "o3-deep-research").unwrap_err();
    assert_eq!((error.status, error.code, error.param.as_deref()), (404, "model_not_found", Some("model")));
    assert_eq!(
        error.message,
        "The model `o3-deep-research` was retired: no provider here serves it since 2026-07-23, and no successor of it is \
         named. GET /v1/models lists what there is; `auto` chooses."
    );
}

#[test]
fn no_key_and_no_address_is_in_the_list() {
    let list = list(&gateway_with(&[]));
    for private in ["SECRET", "https://", "http://", "_KEY", "localhost"] {
        assert!(!list.contains(private), "{private}");
    }
}
