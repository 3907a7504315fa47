//! The native tests, in one binary: everything below `edge/`, without a Worker in sight. Tests are sentences.
#![cfg(test)]

mod catalog_compile;
mod catalog_lookup;
mod catalog_tables;
mod config_access;
mod config_fixture;
mod config_json;
mod config_json_errors;
mod config_vars;
mod json_reader;
