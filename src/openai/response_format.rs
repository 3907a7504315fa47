//! `response_format` of a request.

use std::borrow::Cow;

use super::fields::{self, RequestError};

/// How the answer must be formatted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseFormat {
    /// Plain text.
    #[default]
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema,
}

/// Reads `response_format`.
pub(super) fn response_format(raw: &str) -> Result<ResponseFormat, Box<RequestError>> {
    let param = "response_format.type";
    let format = fields::member(raw, "type")?.ok_or_else(|| Box::new(RequestError::Missing { param: param.into() }))?;
    match fields::string(param, format)?.as_ref() {
        "text" => Ok(ResponseFormat::Text),
        "json_object" => Ok(ResponseFormat::JsonObject),
        "json_schema" => {
            let param = "response_format.json_schema";
            let schema = fields::member(raw, "json_schema")?;
            fields::object(param, schema.ok_or_else(|| Box::new(RequestError::Missing { param: param.into() }))?)?;
            Ok(ResponseFormat::JsonSchema)
        }
        other => Err(RequestError::value(param, "one of text, json_object, json_schema", other)),
    }
}

/// The JSON of the schema that the answer must follow.
pub(super) fn schema<'a>(format: &Cow<'a, str>) -> Result<Option<Cow<'a, str>>, Box<RequestError>> {
    fn find(format: &str) -> Result<Option<&str>, Box<RequestError>> {
        let Some(json_schema) = fields::member(format, "json_schema")? else { return Ok(None) };
        fields::member(json_schema, "schema")
    }
    Ok(match format {
        Cow::Borrowed(format) => find(format)?.map(Cow::Borrowed),
        Cow::Owned(format) => find(format)?.map(|schema| Cow::Owned(schema.to_owned())),
    })
}
