//! Which project a request is accounted to.

use opengateway::gateway::project::{ProjectNames, resolve};
use opengateway::project::ProjectId;

fn of(body: Option<&str>, header: Option<&str>, openai_header: Option<&str>) -> Result<String, (u16, Option<String>)> {
    let default = ProjectId::parse("house").unwrap();
    resolve(ProjectNames { body, header, openai_header }, Some(&default))
        .map(|project| project.to_string())
        .map_err(|error| (error.status, error.param))
}

#[test]
fn the_first_name_counts() {
    assert_eq!(of(Some("a"), Some("b"), Some("c")), Ok("a".into()));
    assert_eq!(of(None, Some("b"), Some("c")), Ok("b".into()));
    assert_eq!(of(None, None, Some("c")), Ok("c".into()));
    assert_eq!(of(None, None, None), Ok("house".into()));
}

#[test]
fn an_empty_header_is_absent() {
    assert_eq!(of(None, Some(""), Some("c")), Ok("c".into()));
    assert_eq!(of(None, Some("  "), Some("")), Ok("house".into()));
    assert_eq!(of(None, Some(" b "), None), Ok("b".into()));
}

#[test]
fn a_malformed_name_is_refused_and_never_replaced_by_the_next() {
    let refused = Err((400, Some("project_id".to_owned())));
    for name in ["", "a b", "a/b", "ä", "../x", &"a".repeat(65), "a\n"] {
        assert_eq!(of(Some(name), Some("b"), None), refused, "{name:?}");
    }
    assert_eq!(of(None, Some("a/b"), Some("c")), refused);
    assert_eq!(of(Some(&"a".repeat(64)), None, None), Ok("a".repeat(64)));
}

#[test]
fn none_at_all_is_refused_and_every_way_to_name_one_is_told() {
    let error = resolve(ProjectNames::default(), None).unwrap_err();
    assert_eq!((error.status, error.code, error.param.as_deref()), (400, "project_required", Some("project_id")));
    for way in ["project_id", "x-gateway-project-id", "DEFAULT_PROJECT_ID"] {
        assert!(error.message.contains(way), "{way}");
    }
}
