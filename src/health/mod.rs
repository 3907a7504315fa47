//! How each provider and model is doing: circuits, what an attempt's outcome means for them, and round-robin cursors.
//! Pure state machines. `coordinator.rs` is what all isolates of a continent share, `view.rs` what one isolate sees of it,
//! `message.rs` what they say to each other.

pub mod circuit;
mod circuit_json;
pub mod circuits;
pub mod coordinator;
pub mod cursor;
pub mod headroom;
pub mod lease;
pub mod message;
pub mod outcome;
pub mod reports;
pub mod reserved;
pub mod schedule;
pub mod view;
pub mod window;
mod wire;
