//! The thin edge: Worker requests and responses, fetch, streams, D1, clock, ids. It moves bytes and decides nothing.

mod body;
mod chat_task;
mod d1;
mod drain;
mod entropy;
mod entry;
mod fetch;
mod health_link;
mod health_object;
mod isolate;
mod js;
mod ledger;
mod ledger_object;
mod log;
mod object;
mod ports;
mod relay;
mod respond;
mod retention;
mod task;
mod timer;
