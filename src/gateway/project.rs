//! Which project a request is accounted to.

use super::ports::Ports;
use crate::config::Config;
use crate::openai::error::{ApiError, ErrorType};
use crate::project::ProjectId;

/// Where a project may be named, first to last.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProjectNames<'a> {
    /// `project_id` in the body.
    pub body: Option<&'a str>,
    /// The `x-gateway-project-id` header.
    pub header: Option<&'a str>,
    /// The `OpenAI-Project` header, which the SDKs send for `project`.
    pub openai_header: Option<&'a str>,
}

/// The project: the first name that is given, else the default.
///
/// # Errors
/// 400 `param: project_id` if there is none, or if it is malformed.
pub fn resolve(names: ProjectNames<'_>, default: Option<&ProjectId>) -> Result<ProjectId, ApiError> {
    let header = |value: Option<&'_ str>| value.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let named = names.body.map(str::to_owned).or_else(|| header(names.header)).or_else(|| header(names.openai_header));
    let Some(named) = named else {
        return default.cloned().ok_or_else(|| {
            ApiError::invalid(
                "project_required",
                "A project is required: send `project_id` in the body, the header `x-gateway-project-id`, or set \
                 `project` in the OpenAI SDK. (The operator may set DEFAULT_PROJECT_ID.)",
            )
            .with_param("project_id")
        });
    };
    ProjectId::parse(&named).map_err(|problem| {
        ApiError::invalid("invalid_value", format!("`project_id` cannot be used: {problem}.")).with_param("project_id")
    })
}

/// Lets a project in, unless it is one new project too many. The operator's own is never that.
///
/// # Errors
/// 429 `param: project_id`.
pub fn admit(ports: &impl Ports, project: &ProjectId, config: &Config) -> Result<(), ApiError> {
    if config.default_project_id.as_ref() == Some(project) {
        return Ok(());
    }
    let most_new = config.accounts.new_projects_per_minute;
    ports.admit_project(project, most_new).map_err(|wait_ms| {
        let message = "Too many project ids that this instance has not seen came within a minute. Those it has seen still \
                       work. (The operator may raise NEW_PROJECTS_PER_MINUTE.)";
        let error = ApiError::new(429, ErrorType::RateLimit, "too_many_new_projects", message).with_param("project_id");
        ApiError { retry_after_ms: Some(wait_ms), ..error }
    })
}
