//! From what a request needs to the provider that answers it: [`target`] reads the model name, [`requirements`] what
//! the request needs, [`plan`] orders the candidates, [`failover`] walks through them, [`exhaustion`] says what the
//! client is told when none of them answered.

pub mod affinity;
pub mod exhaustion;
pub mod failover;
pub mod failure;
mod order;
pub mod plan;
pub mod rank;
pub mod requirements;
pub mod target;
mod tiers;
pub mod tokens;
