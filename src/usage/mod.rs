//! What was used, what it cost, and the record of it.

pub mod charge;
pub mod hours;
pub mod price;
pub mod record;
pub mod render;
pub mod tokens;
