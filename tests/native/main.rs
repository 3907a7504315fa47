//! The native tests, in one binary: everything below `edge/`, without a Worker in sight. Tests are sentences.

mod catalog_compile;
mod catalog_lookup;
mod catalog_tables;
mod json_reader;
