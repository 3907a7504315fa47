//! From what a request needs to the provider that answers it.

pub mod failure;
