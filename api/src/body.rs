//! Reading a JSON body strictly: a limit, a clean text, and a path for whatever does not fit.
use crate::{
    Api,
    error::{ApiError, Code, Detail},
    scan::{Clean, Object},
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

/// The bytes of a body of at most `LIMIT` bytes. What they mean is read after the caller's scope is known.
#[derive(Debug)]
pub struct Body<const LIMIT: usize = LEAD_BYTES_MAX> {
    pub raw: Bytes,
    is_json: bool,
}

impl<const LIMIT: usize> FromRequest<Arc<Api>> for Body<LIMIT> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Arc<Api>) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let is_json = is_json(&parts.headers);
        match Limited::new(body, LIMIT).collect().await {
            Ok(collected) => Ok(Self { raw: collected.to_bytes(), is_json }),
            Err(error) if error.is::<LengthLimitError>() => {
                let message = format!("the body is longer than {LIMIT} bytes");
                Err(ApiError::new(Code::BodyTooLarge, message))
            }
            Err(_) => Err(ApiError::new(Code::MalformedJson, "the body broke off")),
        }
    }
}

impl<const LIMIT: usize> Body<LIMIT> {
    /// What the body says; an absent one says `{}`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        if self.raw.is_empty() {
            return parse(b"{}");
        }
        if !self.is_json {
            let message = "send the body with Content-Type: application/json";
            return Err(ApiError::new(Code::UnsupportedMediaType, message));
        }
        parse(&self.raw)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = given.and_then(|given| given.split(';').next()).unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// Reads a JSON text.
fn parse<T: DeserializeOwned>(raw: &[u8]) -> Result<T, ApiError> {
    read::<Clean>(raw)?;
    read::<Object<T>>(raw).map(|object| object.0)
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
    if let Some((field, _)) = quoted(text, "duplicate field `") {
        return Detail::new(below(path, field), "is given twice; once is allowed");
    }
    if let Some((field, _)) = quoted(text, "missing field `") {
        return Detail::new(below(path, field), "is missing");
    }
    if let Some((given, expected)) = text
        .strip_prefix("invalid type: ")
        .or_else(|| text.strip_prefix("invalid value: "))
        .and_then(|rest| rest.split_once(", expected "))
    {
        return Detail::new(
            path,
            format!("is {}; expected {}", json_word(given), json_word(expected)),
        );
    }
    if let Some((given, expected)) = quoted(text, "unknown variant `") {
        return Detail::new(path, format!("`{given}` is not known{expected}"));
    }
    Detail::new(path, text)
}

/// serde's words for kinds of values, in JSON's.
fn json_word(word: &str) -> &str {
    match word {
        "sequence" | "a sequence" => "a list",
        "map" | "a map" => "an object",
        "a string" => "text",
        "i64" | "u64" | "i32" | "u32" | "u16" => "a whole number",
        other => other.strip_prefix("string ").unwrap_or(other),
    }
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
