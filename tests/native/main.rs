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
mod json_reader;
mod sse_chunk;
mod sse_decoder;
mod sse_gate;
mod sse_rewrite;
mod sse_scan;
mod sse_streams;
mod usage_tokens;
