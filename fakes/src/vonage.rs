//! Vonage Messages API, texts only: `/vonage/v1/messages`. It has no way to ask for a message.
use crate::{
    account::{Account, Provider},
    callback::Event,
    desk,
    item::{Item, Order, Refusal, Stage},
    phone::Fake,
    script::{Door, Fate, iso},
    sign,
    time::Time,
};
use axum::{
    Router, body::Bytes, extract::State, http::HeaderMap, response::Response, routing::post,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Characters of a reference of ours, and of a text, at most.
const REFERENCE_MAX: usize = 100;
const TEXT_MAX: usize = 3200;
const FIELDS: &[&str] = &[
    "message_type",
    "channel",
    "to",
    "from",
    "text",
    "client_ref",
    "webhook_url",
    "webhook_version",
    "ttl",
    "trusted_recipient",
    "sms",
    "failover",
];
const ERRORS: &str = "https://developer.vonage.com/api-errors";
/// The text expired before it could be delivered.
const EXPIRED: u32 = 1360;
/// Why is not known.
const UNKNOWN: u32 = 1330;

pub(crate) fn router() -> Router<Fake> {
    Router::new().route("/vonage/v1/messages", post(create))
}

fn error(status: u16, kind: &str, title: &str, detail: &str) -> Response {
    desk::answer(status, problem(kind, title, detail))
}

fn problem(kind: &str, title: &str, detail: &str) -> Value {
    json!({
        "type": format!("{ERRORS}{kind}"), "title": title, "detail": detail,
        "instance": Uuid::now_v7().to_string(),
    })
}

fn invalid(name: &str, reason: &str) -> Response {
    let mut body = problem(
        "/messages#1150",
        "Invalid params",
        "The value of one or more parameters is invalid.",
    );
    body["invalid_parameters"] = json!([{"name": name, "reason": reason}]);
    desk::answer(422, body)
}

/// Basic credentials of the account, or a token of three parts: its own signature is not looked at.
fn may(account: &Account, headers: &HeaderMap) -> bool {
    match desk::basic(headers) {
        Some((user, secret)) => {
            !user.is_empty()
                && account.user.as_deref().is_none_or(|known| known == user)
                && desk::may(account, Some(&secret))
        }
        None => desk::bearer(headers).is_some_and(|token| token.split('.').count() == 3),
    }
}

async fn create(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    if !may(&fake.account_of(Provider::Vonage), &headers) {
        let detail = "Check that you're using the correct credentials, and that your account has this feature enabled";
        return error(401, "#unauthorized", "You did not provide correct credentials.", detail);
    }
    let Some(body) = desk::object(&body) else {
        return error(400, "/messages#1010", "Missing params", "The request body is not JSON.");
    };
    if let Err((name, reason)) = check(&body) {
        return invalid(&name, reason);
    }
    let own = |name: &str| desk::text(&body, name).map(str::to_owned);
    let order = Order {
        ours: own("client_ref"),
        to: format!("+{}", own("to").unwrap_or_default()),
        from: own("from"),
        text: own("text").unwrap_or_default(),
        callback: own("webhook_url"),
        credentials: desk::authorization(&headers),
        body: Value::Object(body.clone()),
        ..Order::default()
    };
    match fake.place(Provider::Vonage, order).await {
        Ok(item) => desk::answer(202, json!({"message_uuid": item.id})),
        Err(Refusal::Broken) => error(500, "#internal-error", "Internal error", "Try again."),
        Err(Refusal::Busy) => desk::later(error(
            429,
            "#throttled",
            "Rate Limit Hit",
            "Please wait, then retry your request",
        )),
        Err(Refusal::Invalid | Refusal::OptedOut) => invalid("to", "Invalid phone number"),
    }
}

fn check(body: &Map<String, Value>) -> Result<(), (String, &'static str)> {
    let bad = |name: &str, why| Err((name.to_owned(), why));
    if let Some(name) = desk::unknown(body, FIELDS) {
        return bad(name, "unknown field");
    }
    if desk::text(body, "channel") != Some("sms") {
        return bad("channel", "must be sms here");
    }
    if desk::text(body, "message_type") != Some("text") {
        return bad("message_type", "must be text here");
    }
    let Some(to) = desk::text(body, "to") else { return bad("to", "required") };
    if !desk::e164(&format!("+{to}")) {
        return bad("to", "must be E.164 without a leading plus sign");
    }
    match desk::text(body, "from") {
        None => return bad("from", "required"),
        Some(from) if from.starts_with('+') => return bad("from", "no leading plus sign"),
        Some(_) => {}
    }
    let count =
        |name: &str| body.get(name).and_then(Value::as_str).map(|text| text.chars().count());
    if !count("text").is_some_and(|count| (1..=TEXT_MAX).contains(&count)) {
        return bad("text", "required, at most 3200 characters");
    }
    if body.contains_key("client_ref") && count("client_ref").is_none_or(|n| n > REFERENCE_MAX) {
        return bad("client_ref", "a text of at most 100 characters");
    }
    if body.contains_key("webhook_url") && !desk::text(body, "webhook_url").is_some_and(desk::web) {
        return bad("webhook_url", "must be a URL");
    }
    let version = body.get("webhook_version").is_none_or(|version| version == "v1");
    let ttl = body
        .get("ttl")
        .is_none_or(|ttl| ttl.as_u64().is_some_and(|ttl| (20..=604_800).contains(&ttl)));
    let sms = body.get("sms").is_none_or(Value::is_object);
    match (version, ttl, sms) {
        (false, ..) => bad("webhook_version", "must be v1 here"),
        (_, false, _) => bad("ttl", "20 to 604800"),
        (_, _, false) => bad("sms", "must be an object"),
        _ => Ok(()),
    }
}

pub(crate) fn place_of(item: &Item, account: &Account) -> Option<String> {
    item.order.callback.clone().or_else(|| account.webhook_url.clone())
}

pub(crate) fn events(item: &Item, now: Time) -> Vec<Event> {
    let plain = |number: &str| number.trim_start_matches('+').to_owned();
    let from = plain(item.order.from.as_deref().unwrap_or_default());
    let mut told = json!({
        "channel": "sms", "message_uuid": item.id, "to": plain(&item.order.to), "from": from,
        "timestamp": iso(now), "usage": {"currency": "EUR", "price": "0.0333"},
    });
    if item.inbound {
        let first = item.order.text.split_whitespace().next().unwrap_or_default();
        told["message_type"] = json!("text");
        told["text"] = json!(item.order.text);
        told["sms"] = json!({"num_messages": "1", "keyword": first.to_uppercase()});
        told["origin"] = json!({"network_code": "310260"});
        return vec![Event::json("inbound", told)];
    }
    let opted_out = item.script.door == Door::OptedOut;
    let (status, why) = match (item.stage, item.script.fate) {
        (Stage::Queued | Stage::Underway, _) => ("submitted", None),
        _ if opted_out => ("rejected", Some((UNKNOWN, "Unknown"))),
        (_, Fate::Undelivered) => ("undeliverable", Some((EXPIRED, "TTL was expired"))),
        _ => ("delivered", None),
    };
    told["status"] = json!(status);
    told["sms"] = json!({"count_total": "1"});
    told["destination"] = json!({"network_code": "310260"});
    if let Some(reference) = &item.order.ours {
        told["client_ref"] = json!(reference);
    }
    if let Some((code, title)) = why {
        let mut problem = problem(&format!("/messages#{code}"), title, title);
        problem["instance"] = json!(sign::sha256_hex(item.id.as_bytes())[..32].to_owned());
        problem["title"] = json!(code.to_string());
        problem["detail"] = json!(title);
        told["error"] = problem;
    }
    vec![Event::json(status, told)]
}
