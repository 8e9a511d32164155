//! What must hold of an endpoint before its campaign is saved.
use super::{
    auth::{self, HeaderText},
    checks::{Problems, count, name, say},
    endpoint::{EndpointConfig, HEADERS_MAX, TIMEOUT_SECONDS_MAX},
};
use crate::campaign::{
    guard::{GuardPolicy, check_url},
    payload_body_check::check_body,
};
use std::collections::BTreeMap;

/// Characters of a header's value, at most.
const HEADER_VALUE_MAX: usize = 4_000;
/// Headers that the delivery sets itself.
pub(super) const OWN_HEADERS: [&str; 5] =
    ["host", "content-length", "content-type", "transfer-encoding", "idempotency-key"];

pub(super) fn endpoint(
    one: &EndpointConfig,
    at: &str,
    policy: &GuardPolicy,
    problems: &mut Problems,
) {
    let id_fits = (1..=64).contains(&one.id.len())
        && one.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !id_fits {
        say(problems, format!("{at}.id"), "1 to 64 letters, digits, `_` or `-`");
    }
    name(&one.name, format!("{at}.name"), problems);
    if let Err(why) = check_url(&one.url, policy) {
        say(problems, format!("{at}.url"), why.to_string());
    }
    if let Some(url) = &one.test_url
        && let Err(why) = check_url(url, policy)
    {
        say(problems, format!("{at}.testUrl"), why.to_string());
    }
    if !(1..=TIMEOUT_SECONDS_MAX).contains(&one.timeout_seconds) {
        let why = format!("must be 1 to {TIMEOUT_SECONDS_MAX} seconds");
        say(problems, format!("{at}.timeoutSeconds"), why);
    }
    headers(&one.headers, at, problems);
    auth::check(one, at, policy, problems);
    one.limits.check(&format!("{at}.limits"), problems);
    one.breaker.check(&format!("{at}.breaker"), problems);
    if let Some(query) = &one.status_query {
        query.check(&format!("{at}.statusQuery"), policy, problems);
    }
    check_body(one, at, problems);
    one.payload.validate(&format!("{at}.payload"), problems);
    one.response.validate(&format!("{at}.response"), problems);
}

pub(super) fn headers(headers: &BTreeMap<String, HeaderText>, at: &str, problems: &mut Problems) {
    count(&format!("{at}.headers"), headers.len(), HEADERS_MAX, problems);
    for (header, value) in headers {
        let value = match value {
            HeaderText::Plain(text) => text.as_str(),
            HeaderText::Secret(_) => "",
        };
        header_of((header, value), format!("{at}.headers.{header}"), problems);
    }
}

pub(crate) fn header_of((header, value): (&str, &str), path: String, problems: &mut Problems) {
    if !is_header_name(header) {
        say(problems, path, "is not a header name");
    } else if OWN_HEADERS.contains(&header.to_ascii_lowercase().as_str()) {
        say(problems, path, "is set by the delivery itself");
    } else if value.len() > HEADER_VALUE_MAX || value.bytes().any(|b| b < b' ' && b != b'\t') {
        let why = format!("at most {HEADER_VALUE_MAX} characters, no control characters");
        say(problems, path, why);
    }
}

pub(crate) fn is_header_name(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(fits)
}
