//! What the tests of the providers share.
use crate::{
    campaign::response::Answer,
    clock::Time,
    outreach::{
        AgentConfig, Incoming, Order, Placed, Provider, Wire,
        provider::{Heard, RefusalKind, What},
        report::Report,
    },
    secret::Sensitive,
};
use chrono::DateTime;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

pub const CALLBACK: &str = "https://leads.example.com/api/v1/hooks/agent_1";
/// When the orders of the tests are placed: 2026-11-24T12:00:00Z.
pub const NOW: i64 = 1_795_521_600;
/// What every secret of the tests holds.
pub const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

static VARIABLES: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    json!({"firstName": "Ann", "rooms": 3, "tags": ["a"]}).as_object().unwrap().clone()
});

pub fn time(seconds: i64) -> Time {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

/// A webhook at the callback with a query (without `?`).
pub fn incoming<'a>(
    query: &'a str,
    headers: &'a [(String, String)],
    body: &'a [u8],
) -> Incoming<'a> {
    let url = match query {
        "" => CALLBACK.to_owned(),
        query => format!("{CALLBACK}?{query}"),
    };
    Incoming { url: url.leak(), query, headers, body }
}

pub fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub fn answer(status: u16, body: &Value) -> Answer {
    Answer { status, body: body.to_string().into(), ..Answer::default() }
}

/// Why an order was surely not placed; none when it was or nobody knows.
pub fn kind(placed: &Placed) -> Option<RefusalKind> {
    match placed {
        Placed::Refused(refusal) => Some(refusal.kind),
        Placed::As(_) | Placed::Unsure(_) => None,
    }
}

pub fn open(provider: Value) -> Box<dyn Provider> {
    open_with(provider, &|_| SECRET.to_owned())
}

/// A provider whose secrets are made of their names.
pub fn open_with(provider: Value, secret: &dyn Fn(&str) -> String) -> Box<dyn Provider> {
    let agent: AgentConfig = serde_json::from_value(json!({"provider": provider})).unwrap();
    super::open(&agent.provider, &|named| Some(Sensitive::new(secret(&named.secret)))).unwrap()
}

pub fn order<'a>(id: &'a str, text: &'a str) -> Order<'a> {
    Order {
        id,
        to: "+14155550100",
        from: None,
        text,
        variables: &VARIABLES,
        callback: CALLBACK,
        now: time(NOW),
    }
}

pub fn body(wire: &Wire) -> Value {
    serde_json::from_slice(&wire.body).unwrap()
}

pub fn header<'a>(wire: &'a Wire, name: &str) -> &'a str {
    let found = wire.headers.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

/// What a genuine webhook with this JSON says.
pub fn read(provider: &dyn Provider, body: &Value) -> Vec<Heard> {
    provider.read(&incoming("", &[], body.to_string().as_bytes())).unwrap()
}

/// The report of a webhook that says one thing.
pub fn report(heard: &[Heard]) -> &Report {
    match heard {
        [Heard { what: What::Call { report }, .. }] => report,
        other => panic!("{other:?}"),
    }
}
