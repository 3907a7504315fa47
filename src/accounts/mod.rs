//! The accounts: how a usage record gets from the end of a request into D1, each exactly once. A courier takes it from
//! the isolate to its project's ledger object, whose outbox is flushed into D1. And what lies in D1: the statements, the
//! histograms of the daily sums, and what its errors mean. State machines and text; `edge/` sends, stores and waits.

pub mod courier;
pub mod couriers;
pub mod day;
pub mod failure;
pub mod flush;
pub mod histogram;
pub mod outbox;
pub mod projects;
pub mod report;
pub mod request_id;
pub mod sql;
