//! Our own protocol for calls, signed as Standard Webhooks both ways: `POST /generic/orders`, `GET /generic/orders/{reference}`.
use crate::{
    account::Provider,
    callback::Event,
    desk,
    item::{Item, Order, Refusal, Stage},
    phone::Fake,
    script::{Ending, Line, iso},
    sign,
    time::Time,
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

/// How far a signature's time may be off, in seconds.
const TOLERANCE: i64 = 300;
const FIELDS: &[&str] = &["orderId", "to", "from", "instructions", "variables", "callbackUrl"];

pub(crate) fn router() -> Router<Fake> {
    Router::new()
        .route("/generic/orders", post(create))
        .route("/generic/orders/{reference}", get(one))
}

fn error(status: u16, why: &str) -> Response {
    desk::answer(status, json!({"error": why}))
}

/// Whether the request is signed with the account's secret.
fn signed(fake: &Fake, headers: &HeaderMap, body: &[u8]) -> Result<(), &'static str> {
    let secret = fake.account_of(Provider::Generic).secret.ok_or("no secret is set")?;
    let key = sign::standard_key(&secret).ok_or("the secret is not base64")?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let id = header("webhook-id").ok_or("webhook-id is missing")?;
    let seconds = header("webhook-timestamp").and_then(|text| text.parse::<i64>().ok());
    let seconds = seconds.ok_or("webhook-timestamp is missing")?;
    if (fake.now().timestamp() - seconds).abs() > TOLERANCE {
        return Err("webhook-timestamp is too far off");
    }
    let wanted = sign::standard(&key, id, seconds, body);
    let given = header("webhook-signature").ok_or("webhook-signature is missing")?;
    let fits = given.split(' ').any(|signature| signature == wanted);
    if fits { Ok(()) } else { Err("webhook-signature does not fit") }
}

async fn create(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(why) = signed(&fake, &headers, &body) {
        return error(401, why);
    }
    let Some(body) = desk::object(&body) else { return error(400, "the body is no JSON object") };
    if let Err(why) = check(&body) {
        return error(400, &why);
    }
    let own = |name: &str| desk::text(&body, name).map(str::to_owned);
    let signature = headers.get("webhook-signature").and_then(|value| value.to_str().ok());
    let order = Order {
        ours: own("orderId"),
        to: own("to").unwrap_or_default(),
        from: own("from"),
        text: own("instructions").unwrap_or_default(),
        variables: body.get("variables").cloned().unwrap_or_default(),
        callback: own("callbackUrl"),
        credentials: signature.map(str::to_owned),
        body: Value::Object(body.clone()),
        ..Order::default()
    };
    match fake.place(Provider::Generic, order).await {
        Ok(item) => desk::answer(201, json!({"reference": item.id})),
        Err(Refusal::Broken) => error(500, "something broke"),
        Err(Refusal::Busy) => desk::later(error(429, "too many orders")),
        Err(Refusal::Invalid | Refusal::OptedOut) => error(422, "to is not a number in use"),
    }
}

fn check(body: &Map<String, Value>) -> Result<(), String> {
    if let Some(name) = desk::unknown(body, FIELDS) {
        return Err(format!("{name} is not a known field"));
    }
    if desk::text(body, "orderId").is_none() {
        return Err("orderId is required".into());
    }
    if !desk::text(body, "to").is_some_and(desk::e164) {
        return Err("to is required, in E.164".into());
    }
    if !desk::text(body, "callbackUrl").is_some_and(desk::web) {
        return Err("callbackUrl is required, a URL".into());
    }
    let text = |name: &str| body.get(name).is_none_or(|value| value.is_string() || value.is_null());
    let variables = body.get("variables").is_some_and(Value::is_object);
    let instructions = body.get("instructions").is_some_and(Value::is_string);
    if text("from") && variables && instructions {
        Ok(())
    } else {
        Err("instructions is a text, variables an object, from a text".into())
    }
}

/// Asking needs no signature, but a wrong one is refused.
async fn one(
    State(fake): State<Fake>,
    Path(reference): Path<String>,
    headers: HeaderMap,
) -> Response {
    if headers.contains_key("webhook-signature")
        && let Err(why) = signed(&fake, &headers, b"")
    {
        return error(401, why);
    }
    let Some(item) = fake.item_of(Provider::Generic, &reference) else {
        return error(404, "no such order");
    };
    let mut data = data(&item);
    data["state"] = json!(match item.stage {
        Stage::Queued => "queued",
        Stage::Underway => "underway",
        Stage::Ended if item.ending().connected() => "ended",
        Stage::Ended | Stage::Analysed => "analysed",
    });
    desk::answer(200, json!({"data": data}))
}

fn outcome(item: &Item) -> Option<&'static str> {
    let analysed = item.stage == Stage::Analysed;
    item.ended?;
    Some(match item.ending() {
        Ending::Never => return None,
        Ending::Voicemail => "voicemail",
        Ending::NoAnswer => "no_answer",
        Ending::Busy => "busy",
        Ending::HungUp => "incomplete",
        Ending::Failed => "failed",
        Ending::Callback => "scheduled_callback",
        Ending::DoNotCall => "dnc",
        Ending::Qualified if analysed => "qualified",
        Ending::Disqualified if analysed => "disqualified",
        _ => "completed",
    })
}

fn ended_reason(ending: Ending) -> &'static str {
    match ending {
        Ending::Voicemail => "machine",
        Ending::NoAnswer => "not_answered",
        Ending::Busy => "line_busy",
        Ending::Failed => "not_dialled",
        Ending::HungUp => "person_hung_up",
        _ => "agent_hung_up",
    }
}

fn data(item: &Item) -> Value {
    let ending = item.ending();
    let mut data = json!({
        "orderId": item.order.ours, "reference": item.id, "outcome": outcome(item),
    });
    let Some(ended) = item.ended else { return data };
    let said = |line: Line| {
        let role = if line.agent { "agent" } else { "user" };
        json!({"role": role, "text": line.text, "second": line.second})
    };
    if item.stage == Stage::Ended && ending.connected() {
        data["more"] = json!(true);
    }
    data["endedReason"] = json!(ended_reason(ending));
    data["durationSeconds"] = json!(ending.seconds());
    if ending == Ending::Callback {
        data["callbackAt"] = json!(crate::script::callback_at(ended));
    }
    if ending.connected() {
        let lines: Vec<Value> = ending.transcript().into_iter().map(said).collect();
        data["transcript"] = json!(lines);
        data["recordingUrl"] = json!(format!("https://generic.test/{}.wav", item.id));
    }
    if item.stage == Stage::Analysed {
        data["summary"] = json!(ending.summary());
        let mut answers = item.extracted();
        answers.retain(|name, _| !["outcome", "callbackAt", "dnc"].contains(&name.as_str()));
        data["answers"] = Value::Object(answers);
    }
    data
}

/// A call that nobody picked up has nothing to analyse.
pub(crate) fn events(item: &Item, now: Time) -> Vec<Event> {
    let kind = match item.stage {
        Stage::Underway => "call.progress",
        Stage::Ended => "call.ended",
        Stage::Analysed if item.ending().connected() => "call.analysed",
        _ => return Vec::new(),
    };
    vec![Event::json(kind, json!({"type": kind, "timestamp": iso(now), "data": data(item)}))]
}
