//! Request ids as keys.

use opengateway::accounts::request_id::{lowest_at, parse};
use proptest::prelude::*;

#[test]
fn the_lowest_id_of_a_time_has_this_form() {
    assert_eq!(lowest_at(0x0199_1234_abcd), "01991234-abcd-7000-8000-000000000000");
    assert_eq!(lowest_at(0), "00000000-0000-7000-8000-000000000000");
}

#[test]
fn an_id_has_its_form_and_is_in_lower_case() {
    let id = "01991234-abcd-7000-8000-0000000000ff";
    assert_eq!(parse(id).as_deref(), Some(id));
    assert_eq!(parse(&id.to_uppercase()).as_deref(), Some(id));
    for bad in [
        "",
        "01991234",
        "01991234-abcd-7000-8000-0000000000f",
        "01991234-abcd-7000-8000-0000000000fff",
        "01991234abcd-7000-8000-0000000000ff-",
        "01991234-abcd-7000-8000-0000000000fg",
        "01991234-abcd-7000-8000-0000000000é",
        "{1991234-abcd-7000-8000-0000000000f}",
    ] {
        assert_eq!(parse(bad), None, "{bad:?}");
    }
}

proptest! {
    #[test]
    fn ids_sort_by_time(one in 0_u64..(1 << 48), other in 0_u64..(1 << 48)) {
        prop_assert_eq!(lowest_at(one).cmp(&lowest_at(other)), one.cmp(&other));
        prop_assert_eq!(parse(&lowest_at(one)), Some(lowest_at(one)));
    }
}
