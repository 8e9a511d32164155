//! Bland: `/bland/v1/calls`. One webhook, when the call is over; `status` in the answer says more than its HTTP status.
use crate::{
    account::Provider,
    callback::Event,
    desk::{self, Pairs, Refused},
    item::{Item, Order, Refusal, Stage},
    phone::Fake,
    script::{Ending, Line, iso},
};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, header},
    response::Response,
    routing::get,
};
use chrono::TimeDelta;
use serde_json::{Map, Value, json};

/// Calls in a list, unless asked and at most.
const LIST: usize = 1000;
const FIELDS: &[&str] = &[
    "phone_number",
    "task",
    "pathway_id",
    "pathway_version",
    "start_node_id",
    "voice",
    "first_sentence",
    "persona_id",
    "model",
    "language",
    "wait_for_greeting",
    "pronunciation_guide",
    "temperature",
    "interruption_threshold",
    "from",
    "dialing_strategy",
    "timezone",
    "start_time",
    "transfer_phone_number",
    "transfer_list",
    "max_duration",
    "tools",
    "background_track",
    "noise_cancellation",
    "block_interruptions",
    "record",
    "voicemail",
    "voicemail_message",
    "voicemail_action",
    "answered_by_enabled",
    "analysis_schema",
    "citation_schema_ids",
    "summary_prompt",
    "analysis_preset",
    "retry",
    "dispositions",
    "request_data",
    "metadata",
    "webhook",
    "webhook_events",
    "dynamic_data",
    "keywords",
    "ignore_button_press",
    "precall_dtmf_sequence",
];

pub(crate) fn router() -> Router<Fake> {
    Router::new()
        .route("/bland/v1/calls", get(list).post(create))
        .route("/bland/v1/calls/{id}", get(one))
}

fn error(status: u16, message: &str) -> Response {
    desk::answer(status, json!({"status": "error", "message": message}))
}

fn may(fake: &Fake, headers: &HeaderMap) -> Result<(), Refused> {
    let bare = desk::get(headers, &header::AUTHORIZATION);
    let key = desk::bearer(headers).or(bare);
    let may = desk::may(&fake.account_of(Provider::Bland), key);
    if may { Ok(()) } else { Err(Box::new(error(401, "Unauthorized - Invalid API key"))) }
}

async fn create(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(refused) = may(&fake, &headers) {
        return *refused;
    }
    let Some(body) = desk::object(&body) else { return error(400, "Invalid JSON") };
    if let Err(why) = check(&body) {
        let body = json!({"status": "error", "message": "Invalid parameters", "errors": [why]});
        return desk::answer(400, body);
    }
    let own = |name: &str| desk::text(&body, name).map(str::to_owned);
    let whole = Value::Object(body.clone());
    let order = Order {
        ours: desk::first(&whole["metadata"]),
        to: own("phone_number").unwrap_or_default(),
        from: own("from"),
        text: own("task").unwrap_or_default(),
        variables: whole["request_data"].clone(),
        callback: own("webhook"),
        credentials: desk::authorization(&headers),
        body: whole.clone(),
        ..Order::default()
    };
    match fake.place(Provider::Bland, order).await {
        Ok(item) => desk::answer(
            200,
            json!({
                "status": "success", "message": "Call successfully queued.", "call_id": item.id,
                "batch_id": null,
            }),
        ),
        Err(Refusal::Broken) => error(500, "Internal server error"),
        Err(Refusal::Busy) => desk::later(error(429, "Rate limit exceeded")),
        Err(Refusal::Invalid | Refusal::OptedOut) => error(200, "Invalid phone number"),
    }
}

fn check(body: &Map<String, Value>) -> Result<(), String> {
    if let Some(name) = desk::unknown(body, FIELDS) {
        return Err(format!("{name} is not a known parameter"));
    }
    if !desk::text(body, "phone_number").is_some_and(desk::e164) {
        return Err("phone_number is required, in E.164".into());
    }
    let told = ["task", "pathway_id", "persona_id"];
    if !told.iter().any(|name| desk::text(body, name).is_some()) {
        return Err("task or pathway_id is required".into());
    }
    for name in ["task", "pathway_id", "from", "webhook"] {
        if body.get(name).is_some_and(|value| !(value.is_string() || value.is_null())) {
            return Err(format!("{name} must be a string"));
        }
    }
    for name in ["metadata", "request_data"] {
        if body.get(name).is_some_and(|value| !value.is_object()) {
            return Err(format!("{name} must be an object"));
        }
    }
    let minutes = body.get("max_duration").is_none_or(Value::is_number);
    let webhook = desk::text(body, "webhook").is_none_or(desk::web);
    let events = body.get("webhook_events").is_none_or(Value::is_array);
    if minutes && webhook && events { Ok(()) } else { Err("a parameter has the wrong type".into()) }
}

async fn one(State(fake): State<Fake>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if let Err(refused) = may(&fake, &headers) {
        return *refused;
    }
    match fake.item_of(Provider::Bland, &id) {
        Some(item) => desk::answer(200, call(&item)),
        None => error(404, "Call not found"),
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
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).collect::<Vec<_>>();
    let is = |name: &str, value: Option<&str>| {
        query
            .get(name)
            .is_none_or(|wanted| value.is_some_and(|value| digits(value) == digits(wanted)))
    };
    let mut items = fake.items_of(Provider::Bland);
    items.retain(|item| {
        is("to_number", Some(&item.order.to)) && is("from_number", item.order.from.as_deref())
    });
    if query.get("ascending").map(String::as_str) != Some("true") {
        items.reverse();
    }
    let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(LIST);
    let row = |item: &Item| {
        let whole = call(item);
        let keys = [
            "call_id",
            "created_at",
            "call_length",
            "to",
            "from",
            "completed",
            "queue_status",
            "error_message",
            "answered_by",
            "batch_id",
        ];
        Value::Object(keys.iter().map(|key| ((*key).to_owned(), whole[*key].clone())).collect())
    };
    let rows: Vec<Value> = items.iter().take(limit.min(LIST)).map(row).collect();
    desk::answer(200, json!({"count": rows.len(), "total_count": items.len(), "calls": rows}))
}

/// `status`, `queue_status`, `answered_by`
fn words(item: &Item) -> (&'static str, &'static str, Option<&'static str>) {
    if item.stage < Stage::Ended {
        let queue = if item.stage == Stage::Queued { "queued" } else { "started" };
        return (queue, queue, None);
    }
    match item.ending() {
        Ending::NoAnswer => ("no-answer", "complete", Some("no-answer")),
        Ending::Busy => ("busy", "complete", None),
        Ending::Failed => ("failed", "call_error", None),
        Ending::Voicemail => ("completed", "complete", Some("voicemail")),
        _ => ("completed", "complete", Some("human")),
    }
}

fn call(item: &Item) -> Value {
    let body = &item.order.body;
    let (status, queue_status, answered_by) = words(item);
    let over = item.ended.is_some();
    let lines = if over { item.ending().transcript() } else { Vec::new() };
    let start = item.started.unwrap_or(item.created);
    let who = |line: &Line| if line.agent { "assistant" } else { "user" };
    let said = |(at, line): (usize, &Line)| {
        let when = start + TimeDelta::seconds(line.second);
        json!({"id": at + 1, "created_at": iso(when), "text": line.text, "user": who(line), "c_id": item.id})
    };
    let plain = |line: &Line| format!("{}: {}", who(line), line.text);
    let mut variables = json!({
        "now": iso(item.created), "call_id": item.id, "to": item.order.to, "from": item.order.from,
        "phone_number": item.order.to, "metadata": body["metadata"],
    });
    if let Some(variables) = variables.as_object_mut() {
        variables.extend(body["request_data"].as_object().cloned().unwrap_or_default());
        variables.extend(item.extracted());
    }
    let minutes = item.ending().seconds() as f64 / 60.0;
    let recorded = over && item.ending().connected() && body["record"] == true;
    let failed = over && item.ending() == Ending::Failed;
    let mut call = json!({
        "call_id": item.id, "c_id": item.id, "batch_id": null, "to": item.order.to,
        "from": item.order.from.as_deref().unwrap_or("+15550006789"), "inbound": false,
        "request_data": body["request_data"], "metadata": body["metadata"],
        "created_at": iso(item.created), "started_at": item.started.map(iso),
        "end_at": item.ended.map(iso), "completed": over, "status": status,
        "queue_status": queue_status, "answered_by": answered_by,
        "call_length": if over { minutes } else { 0.0 },
        "corrected_duration": over.then(|| item.ending().seconds().to_string()),
        "error_message": failed.then_some("The number could not be dialled"),
        "call_ended_by": over.then_some(if item.ending() == Ending::HungUp { "USER" } else { "ASSISTANT" }),
        "record": body["record"] == true,
        "recording_url": recorded.then(|| format!("https://bland.test/{}.mp3", item.id)),
        "transcripts": lines.iter().enumerate().map(said).collect::<Vec<_>>(),
        "concatenated_transcript": lines.iter().map(plain).collect::<Vec<_>>().join(" \n "),
        "summary": if item.stage == Stage::Analysed { item.ending().summary() } else { None },
        "variables": variables, "max_duration": body["max_duration"],
        "disposition_tag": null, "endpoint_url": "api.bland.test",
    });
    if item.stage == Stage::Analysed && !body["analysis_schema"].is_null() {
        call["analysis"] = json!(item.extracted());
    }
    call
}

pub(crate) fn events(item: &Item) -> Vec<Event> {
    if item.stage == Stage::Analysed { vec![Event::json("call", call(item))] } else { Vec::new() }
}
