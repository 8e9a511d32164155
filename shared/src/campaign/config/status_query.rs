//! How a buyer is asked whether it has a lead: after a delivery whose outcome nobody knows.
use super::{
    checks::{Problems, say},
    endpoint::HEADERS_MAX,
    endpoint_checks::header_of,
};
use crate::campaign::{
    guard::{GuardPolicy, check_url},
    response::ResponseRules,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Seconds between the hold and the first question, and between two questions, at most: a day.
pub const WAIT_SECONDS_MAX: i64 = 86_400;
/// Questions about one delivery, at most.
pub const TRIES_MAX: i64 = 100;

/// What a URL may have in braces.
pub const PLACES: [&str; 4] = ["idempotencyKey", "buyerLeadId", "leadId", "submissionId"];

/// How a buyer is asked whether it has a lead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusQuery {
    /// May contain `{idempotencyKey}`, `{buyerLeadId}`, `{leadId}` and `{submissionId}` behind its host.
    pub url: String,
    #[serde(default)]
    pub method: QueryMethod,
    /// Sent with every question, over the endpoint's own headers and credentials, which go along to the endpoint's own host only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How long after the delivery the first question is asked, in seconds.
    #[serde(default = "after")]
    pub after_seconds: i64,
    /// How long to wait for the next one.
    #[serde(default = "every")]
    pub every_seconds: i64,
    /// How often it is asked before a person must find out.
    #[serde(default = "tries")]
    pub tries: i64,
    /// What the answer means: `accepted` and `delivered`: the buyer has the lead; `rejected` and `duplicate`: it does not take it;
    /// anything else: not known yet.
    #[schema(value_type = Object)]
    pub response: ResponseRules,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum QueryMethod {
    #[default]
    Get,
    Post,
}

fn after() -> i64 {
    60
}

fn every() -> i64 {
    300
}

fn tries() -> i64 {
    12
}

impl StatusQuery {
    pub(super) fn check(&self, at: &str, policy: &GuardPolicy, problems: &mut Problems) {
        self.check_the_url(&format!("{at}.url"), policy, problems);
        if self.headers.len() > HEADERS_MAX {
            say(problems, format!("{at}.headers"), format!("has more than {HEADERS_MAX} entries"));
        }
        for (header, value) in &self.headers {
            header_of((header, value), format!("{at}.headers.{header}"), problems);
        }
        for (field, given, least, most) in [
            ("afterSeconds", self.after_seconds, 1, WAIT_SECONDS_MAX),
            ("everySeconds", self.every_seconds, 1, WAIT_SECONDS_MAX),
            ("tries", self.tries, 1, TRIES_MAX),
        ] {
            if !(least..=most).contains(&given) {
                say(problems, format!("{at}.{field}"), format!("must be {least} to {most}"));
            }
        }
        self.response.validate(&format!("{at}.response"), problems);
    }

    fn check_the_url(&self, at: &str, policy: &GuardPolicy, problems: &mut Problems) {
        let filled = fill(&self.url, |_| Some("x"));
        let host_end = self.url.find("://").map(|scheme| {
            let rest = &self.url[scheme + 3..];
            scheme + 3 + rest.find(['/', '?', '#']).unwrap_or(rest.len())
        });
        match filled {
            Err(place) => {
                let known = PLACES.map(|place| format!("{{{place}}}")).join(", ");
                say(problems, at, format!("does not know {{{place}}}; it may have {known}"));
            }
            Ok(_) if self.url.find('{') < host_end && self.url.contains('{') => {
                say(problems, at, "may have placeholders behind its host only");
            }
            Ok(filled) => {
                if let Err(why) = check_url(&filled, policy) {
                    say(problems, at, why.to_string());
                }
            }
        }
    }

    /// Whether it is asked at the endpoint's own scheme, host and port.
    pub fn is_at_home(&self, endpoint: &str) -> bool {
        let origin = |url: &str| url::Url::parse(url).ok().map(|url| url.origin());
        // Placeholders are behind the host only.
        origin(endpoint).is_some_and(|home| home.is_tuple() && origin(&self.url) == Some(home))
    }

    /// The URL with what is known put in, percent-encoded; the placeholder that nothing is known for otherwise.
    pub fn url_for<'a>(
        &'a self,
        known: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<String, String> {
        fill(&self.url, known)
    }
}

fn fill<'a>(url: &str, known: impl Fn(&str) -> Option<&'a str>) -> Result<String, String> {
    let mut out = String::with_capacity(url.len() + 40);
    let mut rest = url;
    while let Some((before, after)) = rest.split_once('{') {
        let (place, after) = after.split_once('}').ok_or_else(|| after.to_owned())?;
        let value = PLACES.contains(&place).then(|| known(place)).flatten();
        let value = value.ok_or_else(|| place.to_owned())?;
        out.push_str(before);
        out.extend(encoded(value));
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Percent-encodes everything that could end a part of a URL.
fn encoded(value: &str) -> impl Iterator<Item = char> {
    value.bytes().flat_map(|byte| {
        let plain = byte.is_ascii_alphanumeric() || b"-_~".contains(&byte);
        let text = if plain { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        text.chars().collect::<Vec<_>>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(url: &str) -> Vec<String> {
        let query: StatusQuery =
            serde_json::from_value(serde_json::json!({"url": url, "response": {}})).unwrap();
        let mut problems = Vec::new();
        query.check("q", &GuardPolicy::default(), &mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn values_are_put_in_and_cannot_leave_their_place() {
        let known = |place: &str| match place {
            "leadId" => Some("lead_1"),
            "buyerLeadId" => Some("../a?b=c&d#e/é"),
            _ => None,
        };
        let url = "https://b.example.com/leads/{buyerLeadId}?ours={leadId}";
        assert_eq!(
            fill(url, known).unwrap(),
            "https://b.example.com/leads/%2E%2E%2Fa%3Fb%3Dc%26d%23e%2F%C3%A9?ours=lead_1"
        );
        assert_eq!(fill("https://x/{idempotencyKey}", known), Err("idempotencyKey".into()));
    }

    #[test]
    fn only_the_endpoints_own_host_is_its_home() {
        let query: StatusQuery = serde_json::from_value(serde_json::json!({
            "url": "https://b.example.com/status/{leadId}", "response": {},
        }))
        .unwrap();
        assert!(query.is_at_home("https://b.example.com:443/leads"));
        for other in [
            "https://b.example.com:8443/leads",
            "http://b.example.com/leads",
            "https://example.com",
            "",
        ] {
            assert!(!query.is_at_home(other), "{other}");
        }
    }

    #[test]
    fn a_url_is_good_only_with_known_placeholders_behind_its_host() {
        assert!(problems("https://b.example.com/leads/{idempotencyKey}").is_empty());
        assert!(problems("https://b.example.com/leads").is_empty());
        for bad in [
            "https://{leadId}.example.com/leads",
            "https://b.example.com:{leadId}/x",
            "{leadId}",
            "https://b.example.com/{email}",
            "https://b.example.com/{leadId",
            "http://127.0.0.1/{leadId}",
        ] {
            assert_eq!(problems(bad).len(), 1, "{bad}: {:?}", problems(bad));
        }
    }
}
