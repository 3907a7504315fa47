//! Models and providers as data. The tables are compiled in from `catalog/*.toml` by `build.rs`; an operator's
//! `GATEWAY_CONFIG` may add to them. Nothing here decides anything.

pub mod lookup;
pub mod model;
mod packed;
pub mod price;
pub mod provider;
pub mod quirk;
pub mod reasoning;
pub mod tables;

pub use lookup::{Additions, Catalog, CatalogError};
