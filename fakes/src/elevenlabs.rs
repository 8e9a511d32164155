//! ElevenLabs agents, calls by Twilio: `/elevenlabs/v1/convai/…`. A call that nobody picks up is told as `call_initiation_failure`.
use crate::{
    account::Provider,
    callback::Event,
    desk::{self, Pairs, Refused},
    item::{Item, Order, Refusal, Stage},
    phone::Fake,
    script::{Ending, Line},
    time::Time,
};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName},
    response::Response,
    routing::{get, post},
};
use serde_json::{Map, Value, json};

/// Conversations on a page: unless asked, and at most.
const PAGE: usize = 30;
const PAGE_MAX: usize = 100;
static KEY: HeaderName = HeaderName::from_static("xi-api-key");
const FIELDS: &[&str] = &[
    "agent_id",
    "agent_phone_number_id",
    "to_number",
    "conversation_initiation_client_data",
    "call_recording_enabled",
    "telephony_call_config",
];
const CLIENT_DATA: &[&str] = &[
    "conversation_config_override",
    "custom_llm_extra_body",
    "user_id",
    "source_info",
    "branch_id",
    "environment",
    "starting_workflow_node_id",
    "procedure_ids",
    "start_procedure_ids",
    "dynamic_variables",
    "type",
];

pub(crate) fn router() -> Router<Fake> {
    Router::new()
        .route("/elevenlabs/v1/convai/twilio/outbound-call", post(create))
        .route("/elevenlabs/v1/convai/conversations", get(list))
        .route("/elevenlabs/v1/convai/conversations/{id}", get(one))
}

fn error(status: u16, word: &str, message: &str) -> Response {
    desk::answer(status, json!({"detail": {"status": word, "message": message}}))
}

fn invalid(at: &[&str], kind: &str, message: &str) -> Response {
    desk::answer(422, json!({"detail": [{"loc": at, "msg": message, "type": kind}]}))
}

fn may(fake: &Fake, headers: &HeaderMap) -> Result<(), Refused> {
    let may = desk::may(&fake.account_of(Provider::ElevenLabs), desk::get(headers, &KEY));
    if may { Ok(()) } else { Err(Box::new(error(401, "invalid_api_key", "Invalid API key"))) }
}

async fn create(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(refused) = may(&fake, &headers) {
        return *refused;
    }
    let Some(body) = desk::object(&body) else {
        return invalid(&["body"], "json_invalid", "JSON decode error");
    };
    if let Err((path, kind, message)) = check(&body) {
        let at: Vec<&str> =
            std::iter::once("body").chain(path.iter().map(String::as_str)).collect();
        return invalid(&at, kind, message);
    }
    let whole = Value::Object(body.clone());
    let data = &whole["conversation_initiation_client_data"];
    let user = data["user_id"].as_str().map(str::to_owned);
    let order = Order {
        ours: user.or_else(|| desk::first(&data["dynamic_variables"])),
        to: desk::text(&body, "to_number").unwrap_or_default().to_owned(),
        from: desk::text(&body, "agent_phone_number_id").map(str::to_owned),
        variables: data["dynamic_variables"].clone(),
        credentials: desk::get(&headers, &KEY).map(str::to_owned),
        body: whole.clone(),
        ..Order::default()
    };
    match fake.place(Provider::ElevenLabs, order).await {
        Ok(item) => desk::answer(
            200,
            json!({
                "success": true, "message": "Success", "conversation_id": item.id,
                "callSid": call_sid(&item),
            }),
        ),
        Err(Refusal::Broken) => error(500, "internal_server_error", "Something went wrong"),
        Err(Refusal::Busy) => {
            let message = "Too many concurrent requests";
            desk::later(error(429, "too_many_concurrent_requests", message))
        }
        Err(Refusal::Invalid | Refusal::OptedOut) => desk::answer(
            200,
            json!({"success": false, "message": "Invalid 'To' Phone Number", "conversation_id": null, "callSid": null}),
        ),
    }
}

type Problem = (Vec<String>, &'static str, &'static str);

fn check(body: &Map<String, Value>) -> Result<(), Problem> {
    let extra = "Extra inputs are not permitted";
    let at = |path: &[&str]| path.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
    if let Some(name) = desk::unknown(body, FIELDS) {
        return Err((at(&[name]), "extra_forbidden", extra));
    }
    for name in ["agent_id", "agent_phone_number_id", "to_number"] {
        match body.get(name) {
            Some(Value::String(_)) => {}
            Some(_) => return Err((at(&[name]), "string_type", "Input should be a valid string")),
            None => return Err((at(&[name]), "missing", "Field required")),
        }
    }
    let client = "conversation_initiation_client_data";
    let data = match body.get(client) {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(data)) => data,
        Some(_) => return Err((at(&[client]), "model_type", "Input should be an object")),
    };
    if let Some(name) = desk::unknown(data, CLIENT_DATA) {
        return Err((at(&[client, name]), "extra_forbidden", extra));
    }
    if !data.get("user_id").is_none_or(|user| user.is_string() || user.is_null()) {
        return Err((at(&[client, "user_id"]), "string_type", "Input should be a valid string"));
    }
    let variables = data.get("dynamic_variables").and_then(Value::as_object);
    let nested = variables.into_iter().flatten().find(|(_, v)| v.is_object() || v.is_array());
    match nested {
        Some((name, _)) => {
            let path = at(&[client, "dynamic_variables", name]);
            Err((path, "string_type", "Input should be a string, a number or a boolean"))
        }
        None => Ok(()),
    }
}

async fn one(State(fake): State<Fake>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if let Err(refused) = may(&fake, &headers) {
        return *refused;
    }
    match fake.item_of(Provider::ElevenLabs, &id) {
        Some(item) => desk::answer(200, conversation(&item)),
        None => {
            let message = format!("Conversation with id {id} not found.");
            error(404, "conversation_not_found", &message)
        }
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
    let second = |name: &str| query.get(name).and_then(|text| text.parse::<i64>().ok());
    let variable = query.get("dynamic_variable_params").or(query.get("dynamic_variable_filter"));
    let variable = variable.map(|text| text.splitn(3, ':').collect::<Vec<_>>());
    let mut items = fake.items_of(Provider::ElevenLabs);
    items.retain(|item| {
        let at = item.created.timestamp();
        let variables = &item.order.variables;
        is("agent_id", item.order.body["agent_id"].as_str())
            && is("user_id", data(item)["user_id"].as_str())
            && second("call_start_after_unix").is_none_or(|after| at >= after)
            && second("call_start_before_unix").is_none_or(|before| at <= before)
            && variable.as_ref().is_none_or(|wanted| {
                matches!(wanted[..], [name, "eq", value] if variables[name].as_str() == Some(value))
            })
    });
    items.reverse();
    if let Some(cursor) = query.get("cursor") {
        let at = items.iter().position(|item| &item.id == cursor).map_or(items.len(), |at| at + 1);
        items.drain(..at);
    }
    let size = query.get("page_size").and_then(|size| size.parse().ok()).unwrap_or(PAGE);
    let size = size.clamp(1, PAGE_MAX);
    let more = items.len() > size;
    items.truncate(size);
    let cursor = more.then(|| items.last().map(|item| item.id.clone())).flatten();
    let rows: Vec<Value> = items.iter().map(summary).collect();
    desk::answer(200, json!({"conversations": rows, "next_cursor": cursor, "has_more": more}))
}

fn data(item: &Item) -> &Value {
    &item.order.body["conversation_initiation_client_data"]
}

fn call_sid(item: &Item) -> String {
    format!("CA{}", item.id.trim_start_matches("conv_"))
}

fn status(item: &Item) -> &'static str {
    match item.stage {
        Stage::Queued => "initiated",
        Stage::Underway if item.ending().connected() => "in-progress",
        Stage::Underway => "initiated",
        _ if !item.ending().connected() => "failed",
        Stage::Ended => "processing",
        Stage::Analysed => "done",
    }
}

fn seconds(item: &Item) -> i64 {
    if item.ended.is_some() { item.ending().seconds() } else { 0 }
}

fn good(item: &Item) -> &'static str {
    match (item.stage, item.ending()) {
        (Stage::Analysed, Ending::Qualified | Ending::Talked) => "success",
        (Stage::Analysed, _) => "failure",
        _ => "unknown",
    }
}

fn termination(ending: Ending) -> Option<&'static str> {
    Some(match ending {
        Ending::NoAnswer | Ending::Busy | Ending::Failed | Ending::Never => return None,
        Ending::Voicemail => "voicemail_detection tool was called.",
        Ending::HungUp => "Client disconnected: 1000",
        _ => "end_call tool was called.",
    })
}

fn summary(item: &Item) -> Value {
    json!({
        "agent_id": item.order.body["agent_id"], "agent_name": "Fake",
        "conversation_id": item.id, "start_time_unix_secs": item.created.timestamp(),
        "call_duration_secs": seconds(item), "status": status(item), "direction": "outbound",
        "message_count": item.ended.map_or(0, |_| item.ending().transcript().len()),
        "call_successful": good(item),
    })
}

fn conversation(item: &Item) -> Value {
    let ended = item.ended.is_some();
    let connected = item.ending().connected();
    let said = |line: Line| {
        let role = if line.agent { "agent" } else { "user" };
        json!({"role": role, "message": line.text, "time_in_call_secs": line.second,
            "tool_calls": [], "tool_results": []})
    };
    let lines = if ended { item.ending().transcript() } else { Vec::new() };
    let mut whole = json!({
        "agent_id": item.order.body["agent_id"], "agent_name": "Fake", "status": status(item),
        "user_id": data(item)["user_id"], "conversation_id": item.id,
        "transcript": lines.into_iter().map(said).collect::<Vec<_>>(),
        "metadata": {
            "start_time_unix_secs": item.started.unwrap_or(item.created).timestamp(),
            "call_duration_secs": seconds(item),
            "termination_reason": if ended { termination(item.ending()) } else { None },
            "phone_call": {
                "type": "twilio", "direction": "outbound",
                "phone_number_id": item.order.body["agent_phone_number_id"],
                "agent_number": "+15550006789", "external_number": item.order.to,
                "stream_sid": format!("MZ{}", item.id), "call_sid": call_sid(item),
            },
        },
        "conversation_initiation_client_data": data(item),
        "has_audio": ended && connected, "has_user_audio": ended && connected,
        "has_response_audio": ended && connected, "has_auxiliary_audio": false,
        "analysis": null,
    });
    if whole["conversation_initiation_client_data"].is_null() {
        whole["conversation_initiation_client_data"] = json!({"dynamic_variables": {}});
    }
    if let (Stage::Analysed, Some(summary)) = (item.stage, item.ending().summary()) {
        whole["analysis"] = analysis(item, summary);
    }
    whole
}

fn analysis(item: &Item, summary: &str) -> Value {
    let collected = item.extracted().into_iter().map(|(name, value)| {
        let result = json!({"data_collection_id": name, "value": value, "json_schema": null,
            "rationale": "The person said so."});
        (name, result)
    });
    json!({
        "call_successful": good(item), "transcript_summary": summary,
        "call_summary_title": "A call", "evaluation_criteria_results": {},
        "data_collection_results": collected.collect::<Map<_, _>>(),
    })
}

/// Only the end is told, and only when the call was analysed or could not be put through.
pub(crate) fn events(item: &Item, now: Time) -> Vec<Event> {
    let (name, data) = match (item.stage, item.ending().connected()) {
        (Stage::Analysed, true) => ("post_call_transcription", conversation(item)),
        (Stage::Ended, false) => ("call_initiation_failure", failure(item)),
        _ => return Vec::new(),
    };
    let told = json!({"type": name, "event_timestamp": now.timestamp(), "data": data});
    vec![Event::json(name, told)]
}

fn failure(item: &Item) -> Value {
    let (reason, call_status) = match item.ending() {
        Ending::NoAnswer => ("no-answer", "no-answer"),
        Ending::Busy => ("busy", "busy"),
        _ => ("unknown", "failed"),
    };
    json!({
        "agent_id": item.order.body["agent_id"], "conversation_id": item.id,
        "failure_reason": reason,
        "metadata": {"type": "twilio", "body": {
            "CallSid": call_sid(item), "CallStatus": call_status, "To": item.order.to,
            "Called": item.order.to, "From": "+15550006789", "Direction": "outbound-api",
            "CallDuration": "0", "Duration": "0",
        }},
    })
}
