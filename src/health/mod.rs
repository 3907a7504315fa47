//! How each provider and model is doing: circuits, what an attempt's outcome means for them, and round-robin cursors.
//! Pure state machines; who owns them (an isolate, later an object that all isolates share) is not their business.

pub mod circuit;
pub mod cursor;
pub mod outcome;
pub mod view;
