//! Small documents as trees, against `serde_json`.

use opengateway::json::Value;
use proptest::prelude::*;

fn any_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..5).prop_map(serde_json::Value::from_iter),
        ]
    })
}

#[test]
fn members_are_read_by_name() {
    let value = Value::parse(r#"{"a":1,"b":[true,null,"x",-1,1.5],"a":2}"#).unwrap();
    assert_eq!(value.get("a").and_then(Value::as_u64), Some(2), "the last one counts");
    let items = value.get("b").and_then(Value::as_array).unwrap();
    assert_eq!((items[0].as_bool(), items[1].is_null(), items[2].as_str()), (Some(true), true, Some("x")));
    assert_eq!((items[3].as_u64(), items[4].as_u64(), items[0].get("a")), (None, None, None));
    assert_eq!(value.to_json(), r#"{"a":1,"b":[true,null,"x",-1,1.5],"a":2}"#);
    for broken in ["", "{", "[1,]", "{} x", "nul"] {
        assert!(Value::parse(broken).is_err(), "{broken}");
    }
}

proptest! {
    #[test]
    fn any_document_comes_back(value in any_value()) {
        let written = Value::parse(&value.to_string()).unwrap().to_json();
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value);
    }
}
