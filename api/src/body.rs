//! Reading a JSON body strictly: a limit, a clean text, and a path for whatever does not fit.
use crate::{
    Api,
    error::{ApiError, Code, Detail},
    scan::Clean,
};
use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Bytes of a lead's body, at most; also of every other body without a limit of its own.
pub const LEAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a campaign's body, at most.
pub const CAMPAIGN_BYTES_MAX: usize = 256 * 1024;

/// A JSON body of at most `LIMIT` bytes, and its raw text.
#[derive(Debug)]
pub struct Body<T, const LIMIT: usize = LEAD_BYTES_MAX> {
    pub value: T,
    pub raw: Bytes,
}

impl<T: DeserializeOwned, const LIMIT: usize> FromRequest<Arc<Api>> for Body<T, LIMIT> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Arc<Api>) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let raw = match Limited::new(body, LIMIT).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let message = format!("the body is longer than {LIMIT} bytes");
                return Err(ApiError::new(Code::BodyTooLarge, message));
            }
            Err(_) => return Err(ApiError::new(Code::MalformedJson, "the body broke off")),
        };
        if raw.is_empty() {
            return Ok(Self { value: parse(b"{}")?, raw });
        }
        announced_as_json(&parts.headers)?;
        Ok(Self { value: parse(&raw)?, raw })
    }
}

fn announced_as_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = given.and_then(|given| given.split(';').next()).unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = "send the body with Content-Type: application/json";
    Err(ApiError::new(Code::UnsupportedMediaType, message))
}

/// Reads a JSON text.
fn parse<T: DeserializeOwned>(raw: &[u8]) -> Result<T, ApiError> {
    read::<Clean>(raw)?;
    read(raw)
}

fn read<T: DeserializeOwned>(raw: &[u8]) -> Result<T, ApiError> {
    let mut text = serde_json::Deserializer::from_slice(raw);
    let value = serde_path_to_error::deserialize(&mut text).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if error.is_data() {
            ApiError::invalid(vec![detail(&path, &error)])
        } else {
            broken(&error)
        }
    })?;
    text.end().map_err(|error| broken(&error))?;
    Ok(value)
}

fn broken(error: &serde_json::Error) -> ApiError {
    ApiError::new(Code::MalformedJson, format!("the body is not JSON: {error}"))
}

/// Where serde found what, in words for the caller. `path` is serde_path_to_error's.
pub fn detail(path: &str, error: &impl std::fmt::Display) -> Detail {
    let path = if path == "." { "" } else { path };
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    if let Some((field, known)) = quoted(text, "unknown field `") {
        let known = known.trim_start_matches(", expected ").trim_start_matches("one of ");
        let message = format!("is not a known field; known here: {known}");
        return Detail::new(below(path, field), message);
    }
    if let Some((field, _)) = quoted(text, "missing field `") {
        return Detail::new(below(path, field), "is missing");
    }
    if let Some((given, expected)) = text
        .strip_prefix("invalid type: ")
        .or_else(|| text.strip_prefix("invalid value: "))
        .and_then(|rest| rest.split_once(", expected "))
    {
        return Detail::new(path, format!("is {given}; expected {expected}"));
    }
    if let Some((given, expected)) = quoted(text, "unknown variant `") {
        return Detail::new(path, format!("`{given}` is not known{expected}"));
    }
    Detail::new(path, text)
}

/// Splits "prefix`name` rest" into name and rest.
fn quoted<'t>(text: &'t str, prefix: &str) -> Option<(&'t str, &'t str)> {
    text.strip_prefix(prefix)?.split_once('`')
}

/// The path of a field; a path that ends with it already is left as it is.
fn below(path: &str, field: &str) -> String {
    let there = path == field || path.ends_with(&format!(".{field}"));
    match (path, there) {
        ("", _) => field.to_owned(),
        (path, true) => path.to_owned(),
        (path, false) => format!("{path}.{field}"),
    }
}
