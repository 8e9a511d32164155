//! An address as somebody wants it, and what must hold of it.
use super::Event;
use crate::{
    campaign::{
        config::{CREDENTIAL_HEADERS, SIGNATURE_HEADERS, header_of},
        guard::{GuardPolicy, check_url},
    },
    rules::Problem,
};
use std::collections::{BTreeMap, BTreeSet};

/// Characters of an address's name, at most.
pub const NAME_MAX: usize = 100;
/// Headers of an address, at most.
pub const HEADERS_MAX: usize = 20;
/// How often a message is tried again after the first attempt: at least, at most, and unless somebody says otherwise.
pub const RETRIES_MIN: i64 = 1;
pub const RETRIES_MAX: i64 = 10;
pub const RETRIES: i64 = 9;
/// Seconds that an address may take to answer, at most, and unless somebody says otherwise.
pub const TIMEOUT_SECONDS_MAX: i64 = 120;
pub const TIMEOUT_SECONDS: i64 = 20;

/// What of an address people choose.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub name: String,
    pub url: String,
    pub events: BTreeSet<Event>,
    /// They go with every message.
    pub headers: BTreeMap<String, String>,
    pub retries: i64,
    pub timeout_seconds: i64,
    /// Switched off, it hears of nothing new, and what waits for it is held.
    pub is_enabled: bool,
}

impl Draft {
    /// What is wrong with it; `of_campaign`: it is not the workspace's.
    pub fn problems(&self, of_campaign: bool, policy: &GuardPolicy) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |path: &str, why: String| problems.push(Problem::new(path, why));
        if !(1..=NAME_MAX).contains(&self.name.trim().chars().count()) {
            say("name", format!("must be 1 to {NAME_MAX} characters"));
        }
        if let Err(why) = check_url(&self.url, policy) {
            say("url", why.to_string());
        }
        if self.events.is_empty() {
            say("events", "names no event".to_owned());
        } else if self.events.contains(&Event::Test) {
            say("events", "webhook.test is sent when somebody asks for it only".to_owned());
        } else if of_campaign && self.events.contains(&Event::ContactStatusChanged) {
            let why =
                "contact.status_changed is of no campaign: a webhook of the workspace hears it";
            say("events", why.to_owned());
        }
        if !(RETRIES_MIN..=RETRIES_MAX).contains(&self.retries) {
            say("retries", format!("must be {RETRIES_MIN} to {RETRIES_MAX}"));
        }
        if !(1..=TIMEOUT_SECONDS_MAX).contains(&self.timeout_seconds) {
            say("timeoutSeconds", format!("must be 1 to {TIMEOUT_SECONDS_MAX}"));
        }
        self.check_headers(&mut problems);
        problems
    }

    fn check_headers(&self, problems: &mut Vec<Problem>) {
        if self.headers.len() > HEADERS_MAX {
            let why =
                format!("has {} entries; at most {HEADERS_MAX} are allowed", self.headers.len());
            problems.push(Problem::new("headers", why));
        }
        for (header, value) in self.headers.iter().take(HEADERS_MAX) {
            let path = format!("headers.{header}");
            let lower = header.to_ascii_lowercase();
            if SIGNATURE_HEADERS.contains(&lower.as_str()) {
                problems.push(Problem::new(path, "is set by the signature"));
            } else if RESERVED.contains(&lower.as_str()) {
                problems.push(Problem::new(path, "is set by the delivery itself"));
            } else if CREDENTIAL_HEADERS.contains(&lower.as_str()) {
                let why = "holds a credential, which must not be kept here in clear; every message is signed";
                problems.push(Problem::new(path, why));
            } else {
                header_of((header, value), path, problems);
            }
        }
    }
}

/// Written by the client alone, beside those that no endpoint may set.
const RESERVED: [&str; 8] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "upgrade",
    "user-agent",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let good = Draft {
            name: "Orders".into(),
            url: "https://hooks.example.com/leads".into(),
            events: [Event::Delivered].into(),
            headers: [("X-Source".to_owned(), "leadrail".to_owned())].into(),
            retries: RETRIES,
            timeout_seconds: TIMEOUT_SECONDS,
            is_enabled: true,
        };
        let strict = GuardPolicy::default();
        assert_eq!(good.problems(true, &strict), []);
        let header = |name: &str| [(name.to_owned(), "x".to_owned())].into();
        let cases = [
            (Draft { name: "  ".into(), ..good.clone() }, "name"),
            (Draft { name: "x".repeat(NAME_MAX + 1), ..good.clone() }, "name"),
            (Draft { url: "http://hooks.example.com/".into(), ..good.clone() }, "url"),
            (Draft { url: "https://127.0.0.1/".into(), ..good.clone() }, "url"),
            (Draft { url: "https://169.254.169.254/".into(), ..good.clone() }, "url"),
            (Draft { url: "https://u:p@example.com/".into(), ..good.clone() }, "url"),
            (Draft { events: BTreeSet::new(), ..good.clone() }, "events"),
            (Draft { events: [Event::Test].into(), ..good.clone() }, "events"),
            (Draft { events: [Event::ContactStatusChanged].into(), ..good.clone() }, "events"),
            (Draft { retries: 0, ..good.clone() }, "retries"),
            (Draft { retries: 11, ..good.clone() }, "retries"),
            (Draft { timeout_seconds: 0, ..good.clone() }, "timeoutSeconds"),
            (Draft { timeout_seconds: 121, ..good.clone() }, "timeoutSeconds"),
            (
                Draft { headers: header("Webhook-Signature"), ..good.clone() },
                "headers.Webhook-Signature",
            ),
            (Draft { headers: header("Host"), ..good.clone() }, "headers.Host"),
            (Draft { headers: header("Connection"), ..good.clone() }, "headers.Connection"),
            (Draft { headers: header("Authorization"), ..good.clone() }, "headers.Authorization"),
            (Draft { headers: header("a b"), ..good.clone() }, "headers.a b"),
        ];
        for (draft, path) in cases {
            let problems = draft.problems(true, &strict);
            assert_eq!(problems.len(), 1, "{draft:?}: {problems:?}");
            assert_eq!(problems[0].path, path);
        }
        let of_workspace = Draft { events: [Event::ContactStatusChanged].into(), ..good };
        assert_eq!(of_workspace.problems(false, &strict), []);
    }
}
