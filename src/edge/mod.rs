//! The thin edge: Worker requests and responses, fetch, streams, D1, clock, ids. It moves bytes and decides nothing.

mod accounts;
mod body;
mod chat_task;
mod entry;
mod fetch;
mod isolate;
mod js;
mod log;
mod ports;
mod relay;
mod respond;
mod task;
mod timer;
