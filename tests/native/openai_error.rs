//! The error object: the one shape in which refusals and failures leave.

use opengateway::openai::error::{ApiError, ErrorType};
use opengateway::openai::request::ChatRequest;

#[test]
fn the_error_object_has_openais_shape() {
    let error = ApiError::new(503, ErrorType::Server, "provider_overloaded", "Say \"please\".\n");
    assert_eq!(
        error.to_json("id-1"),
        r#"{"error":{"message":"Say \"please\".\n","type":"server_error","param":null,"code":"provider_overloaded"},"request_id":"id-1"}"#
    );
    let error =
        ApiError { metadata: Some(r#"{"routing":[]}"#.to_owned()), ..ApiError::invalid("invalid_value", "No.") };
    assert_eq!(
        error.with_param("n").to_json("id-2"),
        r#"{"error":{"message":"No.","type":"invalid_request_error","param":"n","code":"invalid_value","metadata":{"routing":[]}},"request_id":"id-2"}"#
    );
}

#[test]
fn the_types_have_openais_names() {
    let names = [
        (ErrorType::InvalidRequest, "invalid_request_error"),
        (ErrorType::Authentication, "authentication_error"),
        (ErrorType::Permission, "permission_error"),
        (ErrorType::RateLimit, "rate_limit_error"),
        (ErrorType::Server, "server_error"),
    ];
    for (error_type, name) in names {
        assert_eq!(error_type.as_str(), name);
    }
}

#[test]
fn whatever_a_client_sends_its_refusal_is_valid_json() {
    for body in [
        "{\"a\\u0000\\\"b\":1,\"a\\u0000\\\"b\":2}",
        "{\"\\ud800\":1}",
        "{\"reasoning_effort\":\"\\\"\\u0001\u{2028}\"}",
        "{\"provider\":{\"\\u0007\":1}}",
        "\u{7}",
    ] {
        let error = ApiError::from(ChatRequest::parse(body.as_bytes()).expect_err(body));
        let json: serde_json::Value = serde_json::from_str(&error.to_json("id")).expect(body);
        assert_eq!(json.pointer("/error/type").and_then(|value| value.as_str()), Some("invalid_request_error"));
    }
}
