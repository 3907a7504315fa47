//! Every native test, in one binary. Tests are sentences.

mod catalog_compile;
mod catalog_lookup;
mod catalog_tables;
