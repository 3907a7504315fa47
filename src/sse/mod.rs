//! Server-sent events of chat completions: what a stream says, when it has begun, how it has ended and what must be
//! changed in it. Bytes come in as arguments and go out as values: no I/O, no clock.

pub mod chunk;
pub mod decoder;
pub mod encode;
pub mod gate;
pub mod pace;
pub mod rewrite;
pub mod scan;
pub mod splice;
pub mod standstill;
mod stencil;
pub mod transcript;
pub mod translate;
