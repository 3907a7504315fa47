//! The native tests, in one binary: everything below `edge/`, without a Worker in sight. Tests are sentences.
// With this, clippy's exceptions for tests cover the functions that tests share, too.
#![cfg(test)]

mod catalog_compile;
mod catalog_lookup;
mod catalog_tables;
mod config_access;
mod config_fixture;
mod config_json;
mod config_json_errors;
mod config_vars;
mod dialect_classify;
mod dialect_encode;
mod dialect_fixture;
mod dialect_reply;
mod dialect_retry_after;
mod dialect_scrub;
mod gateway_chat;
mod gateway_world;
mod health_circuit;
mod health_view;
mod json_reader;
mod openai_error;
mod openai_messages;
mod openai_request;
mod routing_exhaustion;
mod routing_failover;
mod routing_fixture;
mod routing_plan;
mod routing_preferences;
mod routing_requirements;
mod routing_rotation;
mod routing_target;
mod sse_chunk;
mod sse_decoder;
mod sse_gate;
mod sse_rewrite;
mod sse_scan;
mod sse_streams;
mod usage_price;
mod usage_record;
mod usage_render;
mod usage_tokens;
