//! What is told beside an answer: the trail, the headers, and what is wrong with the configuration.

use opengateway::gateway::headers::{MAX_LIST_BYTES, list, of_error, value};
use opengateway::gateway::setup::Gateway;
use opengateway::gateway::trail::{End, MAX_TRAIL_BYTES, Trail, Tried};
use opengateway::openai::error::ApiError;
use opengateway::routing::failure::ErrorClass;

fn tried(model: &str, status: Option<u16>, class: Option<ErrorClass>) -> Tried {
    Tried { provider: "groq".into(), model: model.into(), status, end: class.map_or(End::Answered, End::Failed) }
}

#[test]
fn a_trail_shows_statuses_and_where_they_tell_nothing_classes() {
    let trail = Trail(vec![
        tried("a", Some(429), Some(ErrorClass::RateLimited)),
        tried("b", Some(200), Some(ErrorClass::InvalidReply)),
        tried("c", None, Some(ErrorClass::Timeout)),
        tried("d", Some(201), None),
    ]);
    assert_eq!(trail.summary(), "groq/a=429; groq/b=invalid_reply; groq/c=timeout; groq/d=201");
    assert_eq!(Trail::default().summary(), "");
    assert_eq!(Trail::default().routing_json(), "[]");
}

#[test]
fn a_trail_holds_whole_entries_only_and_not_too_many() {
    let long = "x".repeat(300);
    let trail = Trail((0..6).map(|_| tried(&long, Some(500), Some(ErrorClass::ServerError))).collect());
    assert_eq!(trail.summary().matches("=500").count(), 3);
    assert!(trail.summary().len() <= MAX_TRAIL_BYTES);
    let huge = Trail(vec![tried(&"x".repeat(2000), Some(500), None)]);
    assert_eq!(huge.summary(), "");
}

#[test]
fn a_header_holds_visible_ascii_only() {
    assert_eq!(value("a\r\nb\u{0}ä🦀~ "), "a??b???~ ");
}

#[test]
fn a_list_of_names_says_how_many_it_left_out() {
    let names = |count: usize| (0..count).map(|index| format!("name-{index:03}")).collect::<Vec<_>>();
    assert_eq!(list(&names(2)), "name-000,name-001");
    let long = list(&names(500));
    assert!(long.len() <= MAX_LIST_BYTES + 8, "{}", long.len());
    let (shown, rest) = long.rsplit_once(",+").unwrap();
    assert_eq!(shown.split(',').count() + rest.parse::<usize>().unwrap(), 500);
    assert_eq!(list(&["x".repeat(2000)]), "+1");
    assert_eq!(list(&["ä\n".to_owned()]), "??");
}

#[test]
fn a_list_of_names_stays_in_bounds_whatever_the_names_are() {
    let all_of = |lengths: &[usize]| lengths.iter().map(|length| "n".repeat(*length)).collect::<Vec<_>>();
    assert_eq!(list(&[]), "");
    assert_eq!(list(&all_of(&[MAX_LIST_BYTES - 1])).len(), MAX_LIST_BYTES - 1, "the longest that is shown");
    assert_eq!(list(&all_of(&[MAX_LIST_BYTES])), "+1");
    assert_eq!(list(&all_of(&[3, MAX_LIST_BYTES, 3])), "nnn,+2", "nothing is shown behind a gap");
    for length in [0, 1, 2, 7, 100, 511, 512, 1023] {
        for count in [1, 2, 3, 1000, 100_000] {
            let list = list(&all_of(&vec![length; count]));
            assert!(list.len() <= MAX_LIST_BYTES + ",+100000".len(), "{count} of {length}: {}", list.len());
        }
    }
}

#[test]
fn a_wait_is_told_in_whole_seconds_and_in_milliseconds() {
    let error = ApiError { retry_after_ms: Some(1001), should_retry: Some(false), ..ApiError::invalid("c", "m") };
    let headers = of_error(&error);
    let wanted = [("retry-after", "2"), ("retry-after-ms", "1001"), ("x-should-retry", "false")];
    assert_eq!(headers, wanted.map(|(name, value)| (name, value.to_owned())));
    assert_eq!(of_error(&ApiError::invalid("c", "m")), []);
}

#[test]
fn a_bad_configuration_is_503_and_names_the_variable_but_not_its_value() {
    for (var, value) in [("GATEWAY_CONFIG", "{"), ("REQUEST_TIMEOUT_MS", "soon"), ("GROQ_BASE_URL", "http://groq.test")]
    {
        let find = |name: &str| (name == var).then(|| value.to_owned());
        let error = ApiError::from(&Gateway::new(&find).unwrap_err());
        assert_eq!((error.status, error.code, error.should_retry), (503, "gateway_misconfigured", Some(false)));
        assert!(error.message.contains(var), "{}", error.message);
    }
    let find = |name: &str| (name == "GROQ_API_KEY").then(|| "sec ret".to_owned());
    let error = ApiError::from(&Gateway::new(&find).unwrap_err());
    assert!(error.message.contains("GROQ_API_KEY") && !error.message.contains("sec ret"), "{}", error.message);
}
