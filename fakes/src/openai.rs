//! An OpenAI-compatible server: `POST /{mode}/v1/chat/completions`. The mode is how it behaves, so that a base URL chooses the day it has.
use crate::time::wait;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Map, Value, json};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long the mode `slow` takes.
const SLOW: Duration = Duration::from_millis(300);
/// What the mode `busy` asks for.
pub const RETRY_AFTER: &str = "7";
/// How sure the modes are.
const SURE: f64 = 0.95;
const UNSURE: f64 = 0.3;
/// Tokens that every answer tells of.
pub const TOKENS: i64 = 42;

/// One request that came in.
#[derive(Debug, Clone)]
pub struct Call {
    pub mode: String,
    pub authorization: Option<String>,
    pub body: Value,
}

/// The server's memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Fake {
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Fake {
    /// The requests so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub fn router(fake: Fake) -> Router {
    Router::new().route("/{mode}/v1/chat/completions", post(complete)).with_state(fake)
}

async fn complete(
    State(fake): State<Fake>,
    Path(mode): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let call = Call { mode: mode.clone(), authorization, body: body.clone() };
    fake.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    if let Err(why) = check(&body) {
        return error(StatusCode::BAD_REQUEST, "invalid_request_error", &why);
    }
    answer(&mode, &body).await
}

/// What the real service refuses before any model is asked.
fn check(body: &Value) -> Result<(), String> {
    let messages = body["messages"].as_array().is_some_and(|messages| !messages.is_empty());
    if body["model"].as_str().is_none_or(str::is_empty) || !messages {
        return Err("model and messages are required".into());
    }
    let format = &body["response_format"];
    if format["type"] != "json_schema" {
        return Ok(());
    }
    let schema = &format["json_schema"];
    let named = schema["name"].as_str().is_some_and(|name| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        (1..=64).contains(&name.len()) && name.bytes().all(fits)
    });
    if !named {
        return Err("json_schema.name must match [A-Za-z0-9_-]{1,64}".into());
    }
    if schema["strict"] == true { strict(&schema["schema"], "root") } else { Ok(()) }
}

/// The rules of strict mode: objects name all their properties as required and take no others.
fn strict(schema: &Value, at: &str) -> Result<(), String> {
    if at == "root" && schema["type"] != "object" {
        return Err("the root of the schema must be an object".into());
    }
    let Some(properties) = schema["properties"].as_object() else { return Ok(()) };
    if schema["additionalProperties"] != false {
        return Err(format!("{at}: additionalProperties must be false"));
    }
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, property) in properties {
        if !required.contains(&json!(name)) {
            return Err(format!("{at}: {name} must be required"));
        }
        strict(property, name)?;
    }
    Ok(())
}

async fn answer(mode: &str, body: &Value) -> Response {
    let repaired = body["messages"].as_array().is_some_and(|messages| messages.len() > 2);
    let good = || completion("stop", json!({"content": fill(body, None, SURE).to_string()}));
    match mode {
        "good" => good(),
        "wrong-once" | "not-json-once" if repaired => good(),
        "wrong" | "wrong-once" => {
            completion("stop", json!({"content": wrong(fill(body, None, SURE)).to_string()}))
        }
        "not-json" | "not-json-once" => {
            completion("stop", json!({"content": "It is the first one."}))
        }
        "none" => completion("stop", json!({"content": none(fill(body, None, SURE)).to_string()})),
        "unsure" => completion("stop", json!({"content": fill(body, None, UNSURE).to_string()})),
        "refusal" => completion("stop", json!({"refusal": "I cannot help with that."})),
        "length" => completion("length", json!({"content": "{\"f1\": {\"val"})),
        "content-filter" => completion("content_filter", json!({"content": null})),
        "empty" => Json(json!({"id": "chatcmpl-fake", "object": "chat.completion", "created": 0,
            "model": "fake", "choices": []}))
        .into_response(),
        "busy" => {
            let busy = error(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", "slow down");
            ([(header::RETRY_AFTER, RETRY_AFTER)], busy).into_response()
        }
        "broken" => error(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "something broke"),
        "unauthorized" => error(StatusCode::UNAUTHORIZED, "invalid_api_key", "no such key"),
        "slow" => {
            wait(SLOW).await;
            good()
        }
        "hang" => std::future::pending().await,
        other => match other.strip_prefix("say-") {
            Some(text) => {
                completion("stop", json!({"content": fill(body, Some(text), SURE).to_string()}))
            }
            None => error(StatusCode::NOT_FOUND, "not_found", "no such mode"),
        },
    }
}

fn completion(finish_reason: &str, message: Value) -> Response {
    let mut whole = json!({"role": "assistant", "content": null, "refusal": null});
    if let (Some(whole), Value::Object(message)) = (whole.as_object_mut(), message) {
        whole.extend(message);
    }
    Json(json!({
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1_764_000_000,
        "model": "fake",
        "choices": [{"index": 0, "message": whole, "finish_reason": finish_reason, "logprobs": null}],
        "usage": {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": TOKENS},
    }))
    .into_response()
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let error = json!({"message": message, "type": code, "param": null, "code": code});
    (status, Json(json!({ "error": error }))).into_response()
}

/// A document that keeps the request's schema: `text` where it may stand, else the first value of an enumeration.
fn fill(body: &Value, text: Option<&str>, sure: f64) -> Value {
    value(&body["response_format"]["json_schema"]["schema"], text, sure)
}

fn value(schema: &Value, text: Option<&str>, sure: f64) -> Value {
    if let Some(values) = schema["enum"].as_array() {
        let said = text.map(Value::from).filter(|text| values.contains(text));
        return said.or_else(|| values.first().cloned()).unwrap_or_default();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("object") => {
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            let filled = properties.iter().map(|(name, of)| (name.clone(), value(of, text, sure)));
            Value::Object(filled.collect::<Map<_, _>>())
        }
        Some("array") => json!([value(&schema["items"], text, sure)]),
        Some("number") => json!(sure),
        Some("integer") => json!(1),
        Some("boolean") => json!(true),
        Some("string") => json!(text.unwrap_or("text")),
        _ => Value::Null,
    }
}

/// What a server that does not enforce the schema might let through.
fn wrong(mut reply: Value) -> Value {
    each_value(&mut reply, &json!("Castle in the air"));
    reply
}

fn none(mut reply: Value) -> Value {
    each_value(&mut reply, &Value::Null);
    reply
}

fn each_value(reply: &mut Value, with: &Value) {
    for answer in reply.as_object_mut().into_iter().flat_map(Map::values_mut) {
        answer["value"] = with.clone();
    }
}
