//! The use cases, over small ports: everything that decides, nothing that touches a Worker. Tested natively with fakes
//! that can fail.

pub mod accounts;
pub mod analytics;
mod answer;
mod ask;
pub mod attempt;
pub mod auth;
pub mod chat;
pub mod custom;
pub mod database;
pub mod deliver;
mod format;
pub mod generations;
pub mod headers;
mod health_now;
pub mod models;
pub mod ports;
pub mod project;
pub mod providers;
pub mod query;
mod refusal;
mod reserved;
pub mod resume;
pub mod retention;
pub mod route;
mod run;
pub mod served;
pub mod setup;
pub mod stream;
pub mod trail;
pub mod wishes;
