//! What every request gets: an id, a time limit, safe headers, and one line in the log.
use crate::{
    Api,
    error::{ApiError, Code},
    imports,
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::Instrument;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a caller's own request id, at most.
const REQUEST_ID_MAX: usize = 64;

/// What log lines and the audit log call a request.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Goes around every handler.
pub async fn around(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.to_str().unwrap_or_default().to_owned()));
    let method = request.method().clone();
    // The pattern, not the URL: what stands in a URL may be a token.
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default());
    // A file takes as long as it is on its way; its route has a limit of its own.
    let is_file = route == imports::upload::ROUTE;
    let limit = if is_file { Duration::MAX } else { api.settings.request_timeout };
    let served = async { tokio::time::timeout(limit, next.run(request)).await };
    let mut response = match served.instrument(span.clone()).await {
        Ok(response) => response,
        Err(_) => {
            let message = format!("the request was not done within {} s", limit.as_secs());
            ApiError::new(Code::Unavailable, message).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let (status, ms) = (response.status().as_u16(), begun.elapsed().as_millis() as u64);
    span.in_scope(|| tracing::debug!(%method, route, status, ms, "answered"));
    response
}

/// The caller's id when it is a plain word, otherwise a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let plain = |id: &&HeaderValue| {
        (1..=REQUEST_ID_MAX).contains(&id.len())
            && id.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
    };
    let given = headers.get(REQUEST_ID).filter(plain).cloned();
    given.unwrap_or_else(|| {
        let id = Uuid::now_v7().simple().to_string();
        HeaderValue::from_str(&id).expect("hexadecimal digits are a header value")
    })
}
