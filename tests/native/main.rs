//! The native tests, in one binary: everything below `edge/`, without a Worker in sight. Tests are sentences.

mod catalog_compile;
mod catalog_lookup;
mod catalog_tables;
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "functions that tests share may fail like tests; clippy's own exception covers #[test] functions alone"
)]

mod json_reader;
mod sse_chunk;
mod sse_decoder;
mod sse_gate;
mod sse_rewrite;
mod sse_scan;
mod sse_streams;
mod usage_tokens;
