//! Finish reasons that are none: how providers say that they broke an answer off.

/// Whether `reason` tells a failure: OpenRouter's and Mistral's `error`, DeepSeek's `insufficient_system_resource`.
pub fn is_failure(reason: &str) -> bool {
    matches!(reason, "error" | "insufficient_system_resource")
}
