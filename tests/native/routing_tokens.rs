//! What an answer used where the provider told it, told a part of it, or told nothing.

use opengateway::routing::tokens::settle;
use opengateway::usage::tokens::TokenUsage;
use proptest::prelude::*;

fn told(prompt: u64, completion: u64) -> TokenUsage {
    TokenUsage { prompt, completion, total: prompt + completion, ..TokenUsage::default() }
}

#[test]
fn what_is_told_counts_and_the_rest_is_estimated() {
    // Told, bytes of text, estimated prompt; then prompt and completion tokens, and whether anything is estimated.
    for (case, usage, text_bytes, estimate, wanted) in [
        ("told in full", Some(told(10, 5)), 400, 77, (10, 5, false)),
        ("told in full, no text", Some(told(10, 5)), 0, 77, (10, 5, false)),
        ("no prompt told", Some(told(0, 5)), 400, 77, (0, 5, false)),
        ("an empty answer", Some(told(10, 0)), 0, 77, (10, 0, false)),
        ("no completion told for a text", Some(told(10, 0)), 400, 77, (10, 100, true)),
        ("zeroes for a text", Some(told(0, 0)), 400, 77, (77, 100, true)),
        ("zeroes and no text", Some(told(0, 0)), 0, 77, (77, 0, true)),
        ("nothing told", None, 401, 77, (77, 101, true)),
        ("nothing told, no text", None, 0, 77, (77, 0, true)),
    ] {
        let (tokens, estimated) = settle(usage, text_bytes, estimate);
        assert_eq!((tokens.prompt, tokens.completion, estimated), wanted, "{case}");
        assert_eq!(tokens.total, tokens.prompt + tokens.completion, "{case}");
    }
}

#[test]
fn what_was_told_beside_the_completion_is_kept() {
    let usage = TokenUsage { cached: 4, reasoning: 3, ..told(10, 0) };
    let (tokens, estimated) = settle(Some(usage), 400, 77);
    assert_eq!((tokens.cached, tokens.reasoning, estimated), (4, 3, true));
}

proptest! {
    #[test]
    fn a_text_is_never_free_and_nothing_overflows(
        usage in prop::option::of((0..1_000_000_000u64, 0..1_000_000_000u64)),
        text_bytes in any::<u64>(),
        estimate in any::<u64>(),
    ) {
        let (tokens, estimated) = settle(usage.map(|(prompt, completion)| told(prompt, completion)), text_bytes, estimate);
        prop_assert!(text_bytes == 0 || tokens.completion > 0);
        prop_assert!(estimated || usage == Some((tokens.prompt, tokens.completion)));
    }
}
