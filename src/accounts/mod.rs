//! What lies in D1: the statements, the histograms of the daily sums, and what its errors mean. Pure text and numbers;
//! `edge/d1.rs` runs it.

pub mod failure;
pub mod histogram;
pub mod request_id;
pub mod sql;
