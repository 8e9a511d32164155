//! Reading ids, query parameters and the Idempotency-Key strictly.
use crate::{
    Api, body,
    error::{ApiError, Code},
};
use axum::{
    extract::{FromRequestParts, MatchedPath, Path, Request},
    http::{HeaderMap, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, de, de::DeserializeOwned};
use std::sync::Arc;
use url::form_urlencoded;

/// Entries of a page unless the caller says otherwise.
pub const PAGE: i64 = 50;
/// Entries of a page, at most.
pub const PAGE_MAX: i64 = 100;
/// Characters of an Idempotency-Key, at most.
const IDEMPOTENCY_KEY_MAX: usize = 255;
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The POST routes that take an Idempotency-Key.
pub const KEYED_ROUTES: [&str; 9] = [
    "/api/v1/leads/submit",
    "/api/v1/leads",
    "/api/v1/leads/process",
    "/api/v1/leads/{leadId}/submit",
    "/api/v1/leads/{leadId}/repost",
    "/api/v1/leads/{leadId}/deliver",
    "/api/v1/leads/{leadId}/points",
    "/api/v1/sms/send",
    "/api/v1/voice/calls/initiate",
];

/// An id in the URL. One that cannot exist is answered like one that does not.
#[derive(Debug)]
pub struct Id<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Api>> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let given = Path::<String>::from_request_parts(parts, api).await;
        let given = given.map_err(|_| ApiError::not_found("thing"))?.0;
        let text = de::value::StringDeserializer::<de::value::Error>::new(given);
        match T::deserialize(text) {
            Ok(id) => Ok(Self(id)),
            Err(error) => Err(ApiError::new(Code::NotFound, error.to_string())),
        }
    }
}

/// The query parameters: unknown ones are refused by name.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Api>> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, ApiError> {
        read_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Reads query parameters as they stand in a URL.
pub fn read_query<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    if let Some((name, _)) =
        form_urlencoded::parse(query.as_bytes()).find(|(_, value)| value.contains('\0'))
    {
        return Err(ApiError::invalid_at(name, "contains a NUL character, which no text may"));
    }
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let path = error.path().to_string();
        ApiError::invalid(vec![body::detail(&path, error.inner())])
    })
}

/// How many entries a page may have: 1 to [`PAGE_MAX`].
#[derive(Debug, Clone, Copy)]
pub struct Limit(pub i64);

impl Default for Limit {
    fn default() -> Self {
        Self(PAGE)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse() {
            Ok(limit @ 1..=PAGE_MAX) => Ok(Self(limit)),
            _ => Err(de::Error::custom(format!("must be a number from 1 to {PAGE_MAX}"))),
        }
    }
}

/// Whether both engines can compare times of the year.
pub fn is_near(year: i32) -> bool {
    (1900..=9998).contains(&year)
}

/// A time or a whole day in UTC.
#[derive(Debug, Clone, Copy)]
pub enum Moment {
    At(DateTime<Utc>),
    Day(NaiveDate),
}

impl Moment {
    /// The first instant that is meant.
    pub fn first(self) -> DateTime<Utc> {
        match self {
            Self::At(time) => time,
            Self::Day(day) => day.and_time(NaiveTime::MIN).and_utc(),
        }
    }

    /// The last instant that is meant.
    pub fn last(self) -> DateTime<Utc> {
        match self {
            Self::At(time) => time,
            Self::Day(_) => self.first() + TimeDelta::days(1) - TimeDelta::microseconds(1),
        }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment = match DateTime::parse_from_rfc3339(&text) {
            Ok(time) => Some(Self::At(time.to_utc())),
            Err(_) => text.parse().ok().map(Self::Day),
        };
        let wrong = "must be a day such as 2026-11-21 or a time such as 2026-11-21T12:00:00Z";
        let near = |moment: &Self| match moment {
            Self::At(time) => is_near(time.year()),
            Self::Day(day) => is_near(day.year()),
        };
        moment.filter(near).ok_or_else(|| de::Error::custom(wrong))
    }
}

/// The Idempotency-Key that the caller sent, if any.
#[derive(Debug)]
pub struct IdempotencyKey(pub Option<String>);

impl FromRequestParts<Arc<Api>> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, ApiError> {
        idempotency_key(&parts.headers).map(Self)
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = given.next() else { return Ok(None) };
    let fits = (1..=IDEMPOTENCY_KEY_MAX).contains(&key.len())
        && key.as_bytes().iter().all(u8::is_ascii_graphic)
        && given.next().is_none();
    if fits {
        return Ok(key.to_str().ok().map(str::to_owned));
    }
    let rule = format!("must be one header of 1 to {IDEMPOTENCY_KEY_MAX} visible ASCII characters");
    Err(ApiError::invalid_at(IDEMPOTENCY_KEY, rule))
}

/// The revision that the caller has read, as `If-Match` names it: with or without quotes; none when it says nothing.
#[derive(Debug)]
pub struct IfMatch(pub Option<i64>);

impl FromRequestParts<Arc<Api>> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, ApiError> {
        let mut given = parts.headers.get_all(header::IF_MATCH).iter();
        let Some(tag) = given.next() else { return Ok(Self(None)) };
        let text = tag.to_str().unwrap_or_default().trim();
        let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        let plain = (1..=18).contains(&bare.len()) && bare.bytes().all(|b| b.is_ascii_digit());
        match bare.parse() {
            Ok(revision) if plain && given.next().is_none() => Ok(Self(Some(revision))),
            _ => Err(ApiError::invalid_at("If-Match", "must be one revision, such as \"3\"")),
        }
    }
}

/// Refuses an Idempotency-Key where it would not be kept, so that nobody relies on it in vain.
pub async fn refuse_unkept_key(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let kept = KEYED_ROUTES.contains(&route);
    if request.method() == Method::POST && !kept && request.headers().contains_key(IDEMPOTENCY_KEY)
    {
        let why = format!("is not kept for this route; it is for POST {}", KEYED_ROUTES.join(", "));
        return ApiError::invalid_at(IDEMPOTENCY_KEY, why).into_response();
    }
    next.run(request).await
}
