//! What providers say themselves that an answer cost. The shapes are OpenRouter's
//! (openrouter.ai/docs/cookbook/administration/usage-accounting) and xAI's (docs.x.ai/developers/cost-tracking).

use opengateway::catalog::lookup::Catalog;
use opengateway::catalog::provider::ReportedCost;
use opengateway::usage::charge::Charge;

fn usd(raw: &str) -> Option<[Option<u64>; 3]> {
    Charge::parse(raw, ReportedCost::Usd).map(|charge| [charge.total, charge.prompt, charge.completion])
}

#[test]
fn openrouters_cost_is_read_to_the_last_digit() {
    let whole = r#"{"prompt_tokens":10427,"completion_tokens":264,"total_tokens":10691,"cost":0.0033789,"is_byok":false,
        "cost_details":{"upstream_inference_cost":0.0033789,"upstream_inference_prompt_cost":0.0031281,
        "upstream_inference_completions_cost":0.0002508}}"#;
    assert_eq!(usd(whole), Some([Some(3_378_900_000), Some(3_128_100_000), Some(250_800_000)]));
    for (cost, pico) in [
        ("0", 0),
        ("0.95", 950_000_000_000),
        ("1.96e-06", 1_960_000),
        ("1.96E-6", 1_960_000),
        ("4.45e-10", 445),
        ("12e+0", 12_000_000_000_000),
        ("0.000000000001", 1),
        // What a double makes of 0.00033789, and digits below a pico-dollar: to the nearest one.
        ("0.00033789000000000003", 337_890_000),
        ("0.0000000000014999", 1),
        ("0.0000000000015", 2),
        ("5e-13", 1),
        ("4.999e-13", 0),
    ] {
        assert_eq!(usd(&format!(r#"{{"cost":{cost}}}"#)), Some([Some(pico), None, None]), "{cost}");
    }
}

#[test]
fn with_a_key_of_the_operators_own_the_provider_behind_charges_too() {
    let byok = |upstream: &str| {
        usd(&format!(r#"{{"cost":0.0018,"is_byok":true,"cost_details":{{"upstream_inference_cost":{upstream}}}}}"#))
    };
    assert_eq!(byok("0.0360795"), Some([Some(37_879_500_000), None, None]));
    assert_eq!(byok("null"), Some([None; 3]), "a part of the cost is not the cost");
    assert_eq!(usd(r#"{"cost":0,"is_byok":true}"#), Some([None; 3]));
}

#[test]
fn what_is_no_cost_says_nothing() {
    for raw in
        [r#"{"cost":null}"#, r#"{"cost":-1}"#, r#"{"cost":"0.1"}"#, r#"{"cost":{}}"#, r#"{"cost":1e99}"#, "{}", "7"]
    {
        assert_eq!(usd(raw), None, "{raw}");
    }
    assert_eq!(Charge::parse(r#"{"cost":1}"#, ReportedCost::None), None);
    assert_eq!(usd(r#"{"cost":1,"cost_details":[]}"#), Some([Some(1_000_000_000_000), None, None]));
}

#[test]
fn xais_ticks_are_a_hundred_pico_dollars() {
    let ticks = |raw: &str| Charge::parse(raw, ReportedCost::Ticks).map(|charge| charge.total);
    assert_eq!(ticks(r#"{"cost_in_usd_ticks":37756000}"#), Some(Some(3_775_600_000)));
    assert_eq!(ticks(r#"{"cost_in_usd_ticks":0}"#), Some(Some(0)));
    assert_eq!(ticks(r#"{"cost_in_usd_ticks":null,"cost":3}"#), None);
}

#[test]
fn two_providers_tell_their_cost() {
    let rows = Catalog::builtin();
    let telling = rows.providers().iter().filter(|row| row.reported_cost != ReportedCost::None);
    let telling: Vec<_> = telling.map(|row| (&*row.id, row.reported_cost)).collect();
    assert_eq!(telling, [("openrouter", ReportedCost::Usd), ("xai", ReportedCost::Ticks)]);
}
