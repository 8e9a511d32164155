//! Vapi: `/vapi/call`. Unknown fields are refused, as the real one does.
use crate::{
    account::{Account, Provider},
    callback::Event,
    desk::{self, Pairs, Refused},
    item::{Item, Order, Refusal, Stage},
    phone::Fake,
    script::{Ending, Line, iso},
    time::Time,
};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
    routing::get,
};
use chrono::TimeDelta;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Calls in a list: unless asked, and at most.
const LIST: usize = 100;
const LIST_MAX: usize = 1000;
const ORG: &str = "6a1f8a52-7d0c-4a3e-9f0e-2f6c1f0b7a11";
const FIELDS: &[&str] = &[
    "assistantVersion",
    "name",
    "schedulePlan",
    "assistantId",
    "assistant",
    "assistantOverrides",
    "phoneNumberId",
    "phoneNumber",
    "customerId",
    "customer",
    "transport",
    "customers",
    "squadId",
    "squad",
    "squadOverrides",
    "squadVersion",
    "workflowId",
    "workflow",
    "workflowOverrides",
];
const CUSTOMER: &[&str] = &[
    "number",
    "numberE164CheckEnabled",
    "extension",
    "assistantOverrides",
    "squadOverrides",
    "sipUri",
    "name",
    "email",
    "externalId",
];
const OVERRIDES: &[&str] = &[
    "transcriber",
    "model",
    "voice",
    "firstMessage",
    "firstMessageInterruptionsEnabled",
    "firstMessageMode",
    "voicemailDetection",
    "clientMessages",
    "serverMessages",
    "maxDurationSeconds",
    "backgroundSound",
    "modelOutputInMessagesEnabled",
    "transportConfigurations",
    "observabilityPlan",
    "credentials",
    "hooks",
    "tools:append",
    "variableValues",
    "name",
    "voicemailMessage",
    "endCallMessage",
    "endCallPhrases",
    "compliancePlan",
    "metadata",
    "backgroundSpeechDenoisingPlan",
    "analysisPlan",
    "artifactPlan",
    "startSpeakingPlan",
    "stopSpeakingPlan",
    "monitorPlan",
    "credentialIds",
    "server",
    "keypadInputPlan",
];
const SERVER: &[&str] = &[
    "url",
    "timeoutSeconds",
    "credentialId",
    "staticIpAddressesEnabled",
    "encryptedPaths",
    "headers",
    "backoffPlan",
];

pub(crate) fn router() -> Router<Fake> {
    Router::new().route("/vapi/call", get(list).post(create)).route("/vapi/call/{id}", get(one))
}

fn error(status: u16, kind: &str, message: Value) -> Response {
    desk::answer(status, json!({"message": message, "error": kind, "statusCode": status}))
}

fn bad(message: impl Into<String>) -> Response {
    error(400, "Bad Request", json!([message.into()]))
}

fn may(fake: &Fake, headers: &HeaderMap) -> Result<(), Refused> {
    if desk::may(&fake.account_of(Provider::Vapi), desk::bearer(headers)) {
        return Ok(());
    }
    let hint = "Invalid Key. Hot tip, you may be using the private key instead of the public key, or vice versa.";
    Err(Box::new(error(401, "Unauthorized", json!(hint))))
}

async fn create(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(refused) = may(&fake, &headers) {
        return *refused;
    }
    let Some(body) = desk::object(&body) else { return bad("the body must be a JSON object") };
    if let Err(why) = check(&body) {
        return bad(why);
    }
    let whole = Value::Object(body);
    let overrides = &whole["assistantOverrides"];
    let own = |value: &Value| value.as_str().map(str::to_owned);
    let order = Order {
        ours: desk::first(&overrides["metadata"]),
        to: own(&whole["customer"]["number"]).unwrap_or_default(),
        from: own(&whole["phoneNumberId"]),
        variables: overrides["variableValues"].clone(),
        callback: own(&overrides["server"]["url"]),
        credentials: desk::authorization(&headers),
        body: whole.clone(),
        ..Order::default()
    };
    match fake.place(Provider::Vapi, order).await {
        Ok(item) => desk::answer(201, call(&item)),
        Err(Refusal::Broken) => error(500, "Internal Server Error", json!("Internal server error")),
        Err(Refusal::Busy) => {
            let busy = "Over Concurrency Limit. Please wait for a call to end.";
            desk::later(error(429, "Too Many Requests", json!(busy)))
        }
        Err(Refusal::Invalid | Refusal::OptedOut) => bad(E164),
    }
}

const E164: &str = "customer.number must be a valid phone number in the E.164 format. Hot tip, you may be missing the country code (Eg. US: +1).";

fn known(body: &Value, path: &str, names: &[&str]) -> Result<(), String> {
    match body {
        Value::Null => Ok(()),
        Value::Object(fields) => match desk::unknown(fields, names) {
            Some(name) => Err(format!("{path}property {name} should not exist")),
            None => Ok(()),
        },
        _ => Err(format!("{path}must be an object")),
    }
}

fn check(body: &Map<String, Value>) -> Result<(), String> {
    if let Some(name) = desk::unknown(body, FIELDS) {
        return Err(format!("property {name} should not exist"));
    }
    if body.contains_key("customers") {
        return Err("this fake takes one customer at a time".into());
    }
    let whole = Value::Object(body.clone());
    known(&whole["customer"], "customer.", CUSTOMER)?;
    let overrides = &whole["assistantOverrides"];
    known(overrides, "assistantOverrides.", OVERRIDES)?;
    known(&overrides["server"], "assistantOverrides.server.", SERVER)?;
    for name in ["variableValues", "metadata"] {
        if !(overrides[name].is_null() || overrides[name].is_object()) {
            return Err(format!("assistantOverrides.{name} must be an object"));
        }
    }
    for name in ["assistantId", "phoneNumberId"] {
        let id = desk::text(body, name).map(Uuid::parse_str);
        match id {
            Some(Ok(_)) => {}
            Some(Err(_)) => return Err(format!("{name} must be a UUID")),
            None if name == "assistantId" && body.contains_key("assistant") => {}
            None if name == "phoneNumberId" && body.contains_key("phoneNumber") => {}
            None => return Err(format!("Need Either `{name}` Or the thing itself")),
        }
    }
    let server = &overrides["server"]["url"];
    if !server.is_null() && !server.as_str().is_some_and(desk::web) {
        return Err("assistantOverrides.server.url must be a URL address".into());
    }
    let number = whole["customer"]["number"].as_str();
    if number.is_some_and(desk::e164) { Ok(()) } else { Err(E164.into()) }
}

async fn one(State(fake): State<Fake>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if let Err(refused) = may(&fake, &headers) {
        return *refused;
    }
    match fake.item_of(Provider::Vapi, &id) {
        Some(item) => desk::answer(200, call(&item)),
        None => error(404, "Not Found", json!(format!("Couldn't find call with id {id}."))),
    }
}

async fn list(
    State(fake): State<Fake>,
    Query(query): Query<Pairs>,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = may(&fake, &headers) {
        return *refused;
    }
    let is = |name: &str, value: Option<&str>| {
        query.get(name).is_none_or(|wanted| Some(wanted.as_str()) == value)
    };
    let at = |name: &str, holds: &dyn Fn(Time) -> bool| {
        query.get(name).is_none_or(|text| text.parse().is_ok_and(holds))
    };
    let limit = query.get("limit").and_then(|limit| limit.parse::<f64>().ok());
    let limit = limit.map_or(LIST, |limit| (limit as usize).min(LIST_MAX));
    let mut items = fake.items_of(Provider::Vapi);
    items.retain(|item| {
        let made = item.created;
        is("id", Some(&item.id))
            && is("assistantId", item.order.body["assistantId"].as_str())
            && is("phoneNumberId", item.order.body["phoneNumberId"].as_str())
            && at("createdAtGt", &|time| made > time)
            && at("createdAtGe", &|time| made >= time)
            && at("createdAtLt", &|time| made < time)
            && at("createdAtLe", &|time| made <= time)
    });
    let calls: Vec<Value> = items.iter().rev().take(limit).map(call).collect();
    desk::answer(200, json!(calls))
}

fn status(item: &Item) -> &'static str {
    match item.stage {
        Stage::Queued => "queued",
        Stage::Underway if item.ending().connected() => "in-progress",
        Stage::Underway => "ringing",
        Stage::Ended | Stage::Analysed => "ended",
    }
}

fn ended_reason(ending: Ending) -> &'static str {
    match ending {
        Ending::Voicemail => "voicemail",
        Ending::NoAnswer => "customer-did-not-answer",
        Ending::Busy => "customer-busy",
        Ending::Failed => "call.start.error-get-transport",
        Ending::HungUp => "customer-ended-call",
        _ => "assistant-ended-call",
    }
}

/// The conversation, as messages with their times.
fn messages(item: &Item) -> Vec<Value> {
    let start = item.started.unwrap_or(item.created);
    let message = |line: Line| {
        let at = start + TimeDelta::seconds(line.second);
        let role = if line.agent { "bot" } else { "user" };
        json!({
            "role": role, "message": line.text, "time": at.timestamp_millis(),
            "endTime": at.timestamp_millis() + 900, "secondsFromStart": line.second as f64,
            "duration": 900,
        })
    };
    item.ending().transcript().into_iter().map(message).collect()
}

fn artifact(item: &Item) -> Value {
    let line = |line: &Line| format!("{}: {}\n", if line.agent { "AI" } else { "User" }, line.text);
    let lines = item.ending().transcript();
    let recording = item.ending().connected().then(|| recording(item));
    json!({
        "messages": messages(item), "transcript": lines.iter().map(line).collect::<String>(),
        "recordingUrl": recording, "recording": {"mono": {"combinedUrl": recording}},
    })
}

fn recording(item: &Item) -> String {
    format!("https://storage.vapi.test/{}-mono.wav", item.id)
}

fn analysis(item: &Item) -> Value {
    let Some(summary) = item.ending().summary() else { return json!({}) };
    let good = matches!(item.ending(), Ending::Qualified | Ending::Talked);
    json!({
        "summary": summary, "structuredData": item.extracted(),
        "successEvaluation": good.to_string(),
    })
}

fn call(item: &Item) -> Value {
    let body = &item.order.body;
    let mut call = json!({
        "id": item.id, "orgId": ORG, "type": "outboundPhoneCall",
        "createdAt": iso(item.created), "updatedAt": iso(item.changed), "status": status(item),
        "assistantId": body["assistantId"], "phoneNumberId": body["phoneNumberId"],
        "customer": body["customer"], "cost": 0, "phoneCallProvider": "vapi",
        "phoneCallTransport": "pstn",
        "monitor": {"listenUrl": format!("wss://vapi.test/{}/listen", item.id)},
    });
    for name in ["name", "assistantOverrides", "schedulePlan"] {
        if !body[name].is_null() {
            call[name] = body[name].clone();
        }
    }
    if let Some(ended) = item.ended {
        call["endedReason"] = json!(ended_reason(item.ending()));
        call["endedAt"] = json!(iso(ended));
        call["startedAt"] = json!(item.started.map(iso));
    }
    if item.stage == Stage::Analysed {
        call["artifact"] = artifact(item);
        call["analysis"] = analysis(item);
    }
    call
}

pub(crate) fn place_of(item: &Item, account: &Account) -> Option<String> {
    item.order.callback.clone().or_else(|| account.webhook_url.clone())
}

/// The headers that the order wants on its webhooks.
pub(crate) fn headers(item: &Item) -> Vec<(String, String)> {
    let wanted = item.order.body["assistantOverrides"]["server"]["headers"].as_object();
    let header = |(name, value): (&String, &Value)| {
        value.as_str().map(|value| (name.to_lowercase(), value.to_owned()))
    };
    wanted.into_iter().flatten().filter_map(header).collect()
}

pub(crate) fn events(item: &Item, now: Time) -> Vec<Event> {
    let mut message = json!({
        "timestamp": now.timestamp_millis(), "call": call(item),
        "customer": item.order.body["customer"], "assistant": {"name": "Fake"},
    });
    if item.stage == Stage::Analysed {
        message["type"] = json!("end-of-call-report");
        message["endedReason"] = json!(ended_reason(item.ending()));
        message["artifact"] = artifact(item);
        message["analysis"] = analysis(item);
        message["startedAt"] = json!(item.started.map(iso));
        message["endedAt"] = json!(item.ended.map(iso));
        message["durationSeconds"] = json!(item.ending().seconds());
        message["cost"] = json!(0);
        return vec![Event::json("end-of-call-report", json!({"message": message}))];
    }
    message["type"] = json!("status-update");
    message["status"] = json!(status(item));
    if item.stage == Stage::Ended {
        message["endedReason"] = json!(ended_reason(item.ending()));
    }
    vec![Event::json(format!("status-update:{}", status(item)), json!({"message": message}))]
}
