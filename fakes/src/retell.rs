//! Retell: `/retell/v2/create-phone-call`, `get-call`, `list-calls`, and `/retell/v3/list-calls`.
use crate::{
    account::{Account, Provider},
    callback::Event,
    desk::{self, Refused},
    item::{Item, Order, Refusal, Stage},
    phone::Fake,
    script::{Ending, Line},
};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};
use serde_json::{Map, Value, json};

/// Calls in a list: unless asked, and at most.
const LIST: usize = 50;
const LIST_MAX: usize = 1000;
const FIELDS: &[&str] = &[
    "from_number",
    "to_number",
    "agent_override",
    "custom_sip_headers",
    "honor_internal_dnc",
    "idempotency_key",
    "ignore_e164_validation",
    "metadata",
    "override_agent_id",
    "override_agent_version",
    "retell_llm_dynamic_variables",
];
const LIST_FIELDS: &[&str] =
    &["filter_criteria", "include_total", "limit", "pagination_key", "skip", "sort_order"];

pub(crate) fn router() -> Router<Fake> {
    Router::new()
        .route("/retell/v2/create-phone-call", post(create))
        .route("/retell/v2/get-call/{id}", get(one))
        .route("/retell/v2/list-calls", post(list_v2))
        .route("/retell/v3/list-calls", post(list_v3))
}

fn error(status: u16, message: &str) -> Response {
    desk::answer(status, json!({"status": "error", "message": message}))
}

fn bad(why: &str) -> Response {
    error(400, &format!("Invalid request format, please check API reference. {why}"))
}

/// The key, if it is one.
fn key(fake: &Fake, headers: &HeaderMap) -> Result<String, Refused> {
    match desk::bearer(headers) {
        Some(key) if desk::may(&fake.account_of(Provider::Retell), Some(key)) => Ok(key.to_owned()),
        _ => Err(Box::new(error(401, "API key is missing or invalid."))),
    }
}

async fn create(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    let key = match key(&fake, &headers) {
        Ok(key) => key,
        Err(refused) => return *refused,
    };
    let Some(body) = desk::object(&body) else { return bad("not JSON") };
    if let Err(why) = check(&body) {
        return bad(&why);
    }
    let own = |name: &str| desk::text(&body, name).map(str::to_owned);
    let whole = Value::Object(body.clone());
    let order = Order {
        ours: desk::first(&whole["metadata"]),
        to: own("to_number").unwrap_or_default(),
        from: own("from_number"),
        variables: whole["retell_llm_dynamic_variables"].clone(),
        callback: whole["agent_override"]["agent"]["webhook_url"].as_str().map(str::to_owned),
        credentials: desk::authorization(&headers),
        key: Some(key),
        idempotency: own("idempotency_key"),
        body: whole.clone(),
        ..Order::default()
    };
    match fake.place(Provider::Retell, order).await {
        Ok(item) => desk::answer(201, call(&item)),
        Err(Refusal::Broken) => error(500, "An unexpected server error occurred."),
        Err(Refusal::Busy) => {
            desk::later(error(429, "Account rate limited, please throttle your requests."))
        }
        Err(Refusal::Invalid | Refusal::OptedOut) => bad("to_number is not a valid number."),
    }
}

fn texts(value: Option<&Value>) -> bool {
    match value {
        None => true,
        Some(Value::Object(map)) => map.values().all(Value::is_string),
        Some(_) => false,
    }
}

fn check(body: &Map<String, Value>) -> Result<(), String> {
    if let Some(name) = desk::unknown(body, FIELDS) {
        return Err(format!("{name} is not a known field."));
    }
    for name in ["from_number", "to_number"] {
        if !desk::text(body, name).is_some_and(desk::e164) {
            return Err(format!("{name} is required, in E.164."));
        }
    }
    for name in ["retell_llm_dynamic_variables", "custom_sip_headers"] {
        if !texts(body.get(name)) {
            return Err(format!("{name} must be an object of texts."));
        }
    }
    for name in ["override_agent_id", "idempotency_key"] {
        if body.contains_key(name) && desk::text(body, name).is_none() {
            return Err(format!("{name} must be a text."));
        }
    }
    let overrides = body.get("agent_override");
    let agent = overrides.is_none_or(Value::is_object);
    let place = overrides.map(|whole| &whole["agent"]["webhook_url"]);
    let place = place.is_none_or(|url| url.is_null() || url.as_str().is_some_and(desk::web));
    let metadata = body.get("metadata").is_none_or(Value::is_object);
    if agent && place && metadata { Ok(()) } else { Err("a field has the wrong type.".into()) }
}

async fn one(State(fake): State<Fake>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if let Err(refused) = key(&fake, &headers) {
        return *refused;
    }
    match fake.item_of(Provider::Retell, &id) {
        Some(item) => desk::answer(200, call(&item)),
        None => error(422, "Cannot find requested asset under given api key."),
    }
}

/// What a list request wants: its filters, how many, from where, in which order.
struct Wanted {
    filters: Map<String, Value>,
    body: Map<String, Value>,
}

fn wanted(fake: &Fake, headers: &HeaderMap, body: &[u8]) -> Result<Wanted, Refused> {
    key(fake, headers)?;
    let body = if body.is_empty() {
        Map::new()
    } else {
        desk::object(body).ok_or_else(|| Box::new(bad("")))?
    };
    if let Some(name) = desk::unknown(&body, LIST_FIELDS) {
        return Err(Box::new(bad(&format!("{name} is not a known field."))));
    }
    let filters = match body.get("filter_criteria") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(filters)) => filters.clone(),
        Some(_) => return Err(Box::new(bad("filter_criteria must be an object."))),
    };
    Ok(Wanted { filters, body })
}

/// The calls of a page, and whether there are more.
fn page(fake: &Fake, wanted: &Wanted, fits: impl Fn(&Item) -> bool) -> (Vec<Value>, bool) {
    let mut items = fake.items_of(Provider::Retell);
    items.retain(fits);
    if desk::text(&wanted.body, "sort_order") != Some("ascending") {
        items.reverse();
    }
    if let Some(after) = desk::text(&wanted.body, "pagination_key") {
        let at = items.iter().position(|item| item.id == after).map_or(items.len(), |at| at + 1);
        items.drain(..at);
    }
    let number = |name: &str| wanted.body.get(name).and_then(Value::as_u64).map(|n| n as usize);
    let limit = number("limit").unwrap_or(LIST).min(LIST_MAX);
    let rest: Vec<&Item> = items.iter().skip(number("skip").unwrap_or(0)).collect();
    (rest.iter().take(limit).map(|item| call(item)).collect(), rest.len() > limit)
}

/// Version 2: a filter is a list of values.
async fn list_v2(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    let wanted = match wanted(&fake, &headers, &body) {
        Ok(wanted) => wanted,
        Err(refused) => return *refused,
    };
    let known = ["agent_id", "call_id", "to_number", "from_number", "call_status"];
    if let Some(name) = desk::unknown(&wanted.filters, &known) {
        return bad(&format!("the filter {name} is not known here."));
    }
    let fits = |item: &Item| {
        let call = call(item);
        wanted.filters.iter().all(|(name, values)| {
            values.as_array().is_some_and(|values| values.contains(&call[name]))
        })
    };
    desk::answer(200, json!(page(&fake, &wanted, fits).0))
}

/// Version 3: a filter names its operation.
async fn list_v3(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    let wanted = match wanted(&fake, &headers, &body) {
        Ok(wanted) => wanted,
        Err(refused) => return *refused,
    };
    let known =
        ["call_id", "to_number", "from_number", "call_status", "metadata", "start_timestamp"];
    if let Some(name) = desk::unknown(&wanted.filters, &known) {
        return bad(&format!("the filter {name} is not known here."));
    }
    let fits = |item: &Item| {
        let call = call(item);
        wanted.filters.iter().all(|(name, filter)| match filter {
            Value::Array(filters) => filters.iter().all(|filter| {
                let key = filter["key"].as_str().unwrap_or_default();
                holds(filter, &call[name][key])
            }),
            filter => holds(filter, &call[name]),
        })
    };
    let (items, more) = page(&fake, &wanted, fits);
    let key = more.then(|| items.last().map(|call| call["call_id"].clone())).flatten();
    desk::answer(200, json!({"items": items, "has_more": more, "pagination_key": key}))
}

fn holds(filter: &Value, value: &Value) -> bool {
    let wanted = &filter["value"];
    let (text, part) = (value.as_str().unwrap_or_default(), wanted.as_str().unwrap_or_default());
    match filter["op"].as_str() {
        Some("eq") => value == wanted,
        Some("ne") => value != wanted,
        Some("sw") => text.starts_with(part),
        Some("ew") => text.ends_with(part),
        Some("co") => text.contains(part),
        Some("in") => wanted.as_array().is_some_and(|values| values.contains(value)),
        Some("bt") => value.as_f64().is_some_and(|value| {
            let bound = |at: usize| wanted[at].as_f64();
            bound(0).is_some_and(|from| value >= from) && bound(1).is_some_and(|to| value <= to)
        }),
        Some("gt") => value.as_f64() > wanted.as_f64(),
        Some("ge") => value.as_f64() >= wanted.as_f64(),
        Some("lt") => value.as_f64() < wanted.as_f64(),
        Some("le") => value.as_f64() <= wanted.as_f64(),
        _ => false,
    }
}

fn status(item: &Item) -> &'static str {
    match item.stage {
        Stage::Queued => "registered",
        Stage::Underway if item.ending().connected() => "ongoing",
        Stage::Underway => "registered",
        _ if item.ending() == Ending::Failed => "error",
        _ if item.ending().connected() => "ended",
        _ => "not_connected",
    }
}

fn disconnection_reason(ending: Ending) -> &'static str {
    match ending {
        Ending::Voicemail => "voicemail_reached",
        Ending::NoAnswer => "dial_no_answer",
        Ending::Busy => "dial_busy",
        Ending::Failed => "dial_failed",
        Ending::Callback => "user_requested_callback",
        Ending::DoNotCall => "user_requested_dnc",
        Ending::HungUp => "user_hangup",
        _ => "agent_hangup",
    }
}

fn call(item: &Item) -> Value {
    let body = &item.order.body;
    let agent = body["override_agent_id"].as_str().unwrap_or("agent_of_the_number");
    let mut call = json!({
        "call_type": "phone_call", "call_id": item.id, "agent_id": agent, "agent_version": 0,
        "call_status": status(item), "direction": "outbound",
        "from_number": item.order.from, "to_number": item.order.to,
    });
    for name in ["metadata", "retell_llm_dynamic_variables", "custom_sip_headers"] {
        if !body[name].is_null() {
            call[name] = body[name].clone();
        }
    }
    let connected = item.ending().connected();
    if let (Some(started), true) = (item.started, connected) {
        call["start_timestamp"] = json!(started.timestamp_millis());
    }
    if let Some(ended) = item.ended {
        let lines = item.ending().transcript();
        let who = |line: &Line| if line.agent { "agent" } else { "user" };
        let said = |line: &Line| {
            let word = json!({"word": line.text, "start": line.second, "end": line.second + 1});
            json!({"role": who(line), "content": line.text, "words": [word]})
        };
        let plain =
            |line: &Line| format!("{}: {}\n", if line.agent { "Agent" } else { "User" }, line.text);
        call["disconnection_reason"] = json!(disconnection_reason(item.ending()));
        call["end_timestamp"] = json!(ended.timestamp_millis());
        if connected {
            call["duration_ms"] = json!(item.ending().seconds() * 1000);
            call["transcript"] = json!(lines.iter().map(plain).collect::<String>());
            call["transcript_object"] = json!(lines.iter().map(said).collect::<Vec<_>>());
            call["recording_url"] = json!(format!("https://retell.test/{}/recording.wav", item.id));
        }
    }
    if item.stage == Stage::Analysed {
        call["call_analysis"] = analysis(item);
    }
    call
}

fn analysis(item: &Item) -> Value {
    let good = matches!(item.ending(), Ending::Qualified | Ending::Talked);
    json!({
        "call_summary": item.ending().summary().unwrap_or("The call was not connected."),
        "in_voicemail": item.ending() == Ending::Voicemail, "user_sentiment": "Neutral",
        "call_successful": good, "custom_analysis_data": item.extracted(),
    })
}

pub(crate) fn place_of(item: &Item, account: &Account) -> Option<String> {
    item.order.callback.clone().or_else(|| account.webhook_url.clone())
}

/// A call that nobody picks up has no `call_started`.
pub(crate) fn events(item: &Item) -> Vec<Event> {
    let name = match item.stage {
        Stage::Underway if item.ending().connected() => "call_started",
        Stage::Ended => "call_ended",
        Stage::Analysed => "call_analyzed",
        _ => return Vec::new(),
    };
    vec![Event::json(name, json!({"event": name, "call": call(item)}))]
}
