//! Building requests to providers, and what an answer to an order says whoever gave it.
use super::{
    reading::{at, cut, id, json, text},
    sign::base64,
};
use crate::{
    campaign::{
        response::{Answer, REASON_MAX_CHARS},
        retry_after,
    },
    outreach::provider::{Placed, Refusal, RefusalKind, Wire},
    secret::Sensitive,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::time::Duration;
use url::form_urlencoded;

/// Header names and values.
pub type Headers = Vec<(String, String)>;

/// `authorization: Bearer …`.
pub fn bearer(token: &Sensitive) -> Headers {
    vec![("authorization".into(), format!("Bearer {}", token.expose()))]
}

/// `authorization: Basic …`.
pub fn basic(user: &str, password: &Sensitive) -> Headers {
    let pair = format!("{user}:{}", password.expose());
    vec![("authorization".into(), format!("Basic {}", base64(pair.as_bytes())))]
}

/// Where a provider's API is reached, without a `/` at the end.
pub fn base(given: Option<&String>, own: &str) -> String {
    given.map_or(own, String::as_str).trim_end_matches('/').to_owned()
}

/// A part of a path.
pub fn segment(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A request without a body.
pub fn get(url: String, headers: Headers) -> Wire {
    Wire { method: "GET", url, headers, body: Vec::new() }
}

/// A request without a body and with a query.
pub fn get_with(url: &str, query: &[(&str, &str)], headers: Headers) -> Wire {
    get(format!("{url}?{}", form(query)), headers)
}

/// A request with a JSON body.
pub fn post(url: String, mut headers: Headers, body: &Value) -> Wire {
    headers.push(("content-type".into(), "application/json".into()));
    Wire { method: "POST", url, headers, body: body.to_string().into_bytes() }
}

/// Names and values as a form or a query.
pub fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// What an answer to an order says: the id at `path` when it was placed. `number` are words by which the provider names the number
/// that is called, in its refusals.
pub fn placed(answer: &Answer, path: &str, number: &[&str]) -> Placed {
    if !(200..300).contains(&answer.status) {
        return not_placed(answer, number);
    }
    match whole(answer).and_then(|body| id(&body, path)) {
        Some(id) => Placed::As(id),
        None => Placed::Unsure(format!("answered {} without an id", answer.status)),
    }
}

/// What an answer other than 2xx says. Only what the provider refused by itself is surely not placed: a gateway's error is not.
pub fn not_placed(answer: &Answer, number: &[&str]) -> Placed {
    let why = why(answer);
    let kind = match answer.status {
        429 => RefusalKind::Busy(pause(answer)),
        400 | 422 if names(&answer.body, number) => RefusalKind::BadNumber,
        408 | 409 | 425 | 499 => return Placed::Unsure(why),
        400..=499 => RefusalKind::Misconfigured,
        _ => return Placed::Unsure(why),
    };
    Placed::Refused(Refusal { why, kind })
}

/// Whether one of the words stands in a body.
pub fn names(body: &[u8], words: &[&str]) -> bool {
    let body = String::from_utf8_lossy(body).to_lowercase();
    words.iter().any(|word| body.contains(word))
}

/// The JSON of an answer that came whole.
pub fn whole(answer: &Answer) -> Option<Value> {
    json(&answer.body).ok().filter(|_| !answer.cut)
}

/// The JSON of an answer with a status of 2xx that came whole.
pub fn success(answer: &Answer) -> Option<Value> {
    whole(answer).filter(|_| (200..300).contains(&answer.status))
}

/// A sentence about a refusal: the status and what the provider said.
pub fn why(answer: &Answer) -> String {
    let body = whole(answer).unwrap_or_default();
    let said = said(&body).unwrap_or_default();
    let dots = if said.is_empty() { "" } else { ": " };
    cut(&format!("answered {}{dots}{said}", answer.status), REASON_MAX_CHARS)
}

/// What an error says, wherever providers put it.
fn said(body: &Value) -> Option<String> {
    const PLACES: [&str; 8] = [
        "/message",
        "/detail",
        "/error/message",
        "/error",
        "/detail/message",
        "/title",
        "/errors/0/message",
        "/errors/0",
    ];
    let list = at(body, "/message").or_else(|| at(body, "/detail")).filter(|said| said.is_array());
    PLACES
        .iter()
        .find_map(|path| text(body, path))
        .map(str::to_owned)
        .or(list.map(Value::to_string))
}

/// How long a provider asks us to wait. A date is taken against the answer's own, so that no clock is needed.
pub fn pause(answer: &Answer) -> Option<Duration> {
    let asked = header(answer, "retry-after")?;
    let seconds = asked.trim().bytes().all(|b| b.is_ascii_digit());
    let now = if seconds { DateTime::UNIX_EPOCH } else { date(answer)? };
    retry_after::read(asked, now)
}

/// When an answer was given, by its own word.
pub fn date(answer: &Answer) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(header(answer, "date")?).ok().map(|date| date.to_utc())
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outreach::providers::testing::{answer, kind};
    use serde_json::json;

    #[test]
    fn a_refusal_is_told_from_what_nobody_knows() {
        let bad = json!({"message": ["customer.number is no number"]});
        let plain = json!({"message": "no"});
        for (status, body, wanted) in [
            (400, &bad, Some(RefusalKind::BadNumber)),
            (422, &bad, Some(RefusalKind::BadNumber)),
            (400, &plain, Some(RefusalKind::Misconfigured)),
            (401, &bad, Some(RefusalKind::Misconfigured)),
            (402, &plain, Some(RefusalKind::Misconfigured)),
            (404, &plain, Some(RefusalKind::Misconfigured)),
            (429, &plain, Some(RefusalKind::Busy(None))),
            (408, &plain, None),
            (409, &plain, None),
            (500, &plain, None),
            (503, &plain, None),
            (302, &plain, None),
            (200, &plain, None),
        ] {
            let placed = placed(&answer(status, body), "/id", &["customer.number"]);
            assert_eq!(kind(&placed), wanted, "{status} {placed:?}");
        }
        let good = placed(&answer(201, &json!({"id": "a-1"})), "/id", &[]);
        assert_eq!(good, Placed::As("a-1".into()));
        let cut = Answer { cut: true, ..answer(201, &json!({"id": "a-1"})) };
        assert!(matches!(placed(&cut, "/id", &[]), Placed::Unsure(_)));
    }

    #[test]
    fn the_reason_is_what_the_provider_said() {
        for (body, wanted) in [
            (json!({"message": "no credit"}), "answered 402: no credit"),
            (json!({"message": ["a", "b"]}), r#"answered 402: ["a","b"]"#),
            (json!({"title": "Low", "detail": "Top up"}), "answered 402: Top up"),
            (json!({"error": {"message": "x"}}), "answered 402: x"),
            (json!({"status": "error", "errors": ["y"]}), "answered 402: y"),
            (json!([]), "answered 402"),
        ] {
            assert_eq!(why(&answer(402, &body)), wanted);
        }
        let long = json!({"message": "x".repeat(1_000)});
        assert_eq!(why(&answer(402, &long)).chars().count(), REASON_MAX_CHARS);
    }

    #[test]
    fn a_pause_is_read_without_a_clock() {
        let with = |headers: &[(&str, &str)]| {
            let headers = headers.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
            pause(&Answer { headers: headers.collect(), ..answer(429, &json!({})) })
        };
        let date = ("date", "Sun, 06 Nov 1994 08:49:07 GMT");
        let later = ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(with(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(with(&[date, later]), Some(Duration::from_secs(30)));
        assert_eq!((with(&[later]), with(&[])), (None, None));
    }
}
