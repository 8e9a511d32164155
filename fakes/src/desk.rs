//! What every provider's front desk does: reads bodies and credentials, and is strict about both.
use crate::account::Account;
use axum::{
    Json,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};
use std::collections::HashMap;
use url::form_urlencoded;

/// The answer to those who may not, or do not ask rightly.
pub(crate) type Refused = Box<Response>;

/// The parameters of a query, the last of each name.
pub(crate) type Pairs = HashMap<String, String>;

pub(crate) fn get<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The whole `authorization` header.
pub(crate) fn authorization(headers: &HeaderMap) -> Option<String> {
    get(headers, &header::AUTHORIZATION).map(str::to_owned)
}

/// What follows `Bearer `.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    get(headers, &header::AUTHORIZATION)?.strip_prefix("Bearer ")
}

/// User and password.
pub(crate) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let coded = get(headers, &header::AUTHORIZATION)?.strip_prefix("Basic ")?;
    let plain = String::from_utf8(crate::sign::from_base64(coded)?).ok()?;
    let (user, password) = plain.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// The key is one that the account takes.
pub(crate) fn may(account: &Account, key: Option<&str>) -> bool {
    let Some(key) = key.filter(|key| !key.is_empty()) else { return false };
    account.key.as_deref().is_none_or(|known| known == key)
}

/// The body as an object.
pub(crate) fn object(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

pub(crate) fn form(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body).into_owned().collect()
}

/// The first name that is not among the known ones.
pub(crate) fn unknown<'a>(body: &'a Map<String, Value>, known: &[&str]) -> Option<&'a str> {
    body.keys().map(String::as_str).find(|name| !known.contains(name))
}

/// A text that is not empty.
pub(crate) fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The first text in an object: our id, whatever we call it.
pub(crate) fn first(metadata: &Value) -> Option<String> {
    metadata.as_object()?.values().find_map(|value| value.as_str().map(str::to_owned))
}

/// A number in E.164.
pub(crate) fn e164(number: &str) -> bool {
    let Some(digits) = number.strip_prefix('+') else { return false };
    (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0')
}

/// An address that a webhook can be posted to.
pub(crate) fn web(address: &str) -> bool {
    url::Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

pub(crate) fn answer(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(body)).into_response()
}

/// With `Retry-After`.
pub(crate) fn later(answer: Response) -> Response {
    ([(header::RETRY_AFTER, crate::script::RETRY_AFTER.to_string())], answer).into_response()
}
