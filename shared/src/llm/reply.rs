//! What a model's server answered, and whether it may be used. Every reply is held against the schema here, for not every server does.
use super::{Choice, Question, request};
use crate::{
    campaign::{response::Answer, retry_after},
    clock::Time,
    exchange::Exchange,
};
use serde_json::{Map, Value};
use std::time::Duration;

/// Longest wait that a model's server may ask for: leads do not wait for hours because a model is busy.
pub const MODEL_RETRY_AFTER_MAX: Duration = Duration::from_secs(5 * 60);
/// Tokens that one call can have used; a server that tells more is not believed.
const CALL_TOKENS_MAX: i64 = 10_000_000;
/// Bytes of an unusable reply that are shown to the model again.
const REPLY_MAX: usize = 8_000;

/// What came of asking.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A choice for each question, in their order.
    Usable(Vec<Choice>),
    /// It answered, but not as it was asked to.
    Invalid { reply: String, why: String },
    /// It gives no answer, and asking again would not change that.
    NoAnswer(String),
    /// It is away or busy: another time it may answer.
    Away { why: String, asked: Option<Duration> },
}

/// Reads what came of a request with these questions; and how many tokens it took.
pub fn read(exchange: &Exchange, questions: &[&Question], now: Time) -> (Reading, i64) {
    let away = |why: String| Reading::Away { why, asked: None };
    let answer = match exchange {
        Exchange::Answered(answer, _) => answer,
        Exchange::NotSent { why } if why.may_pass() => return (away(why.to_string()), 0),
        Exchange::NotSent { why } => return (Reading::NoAnswer(why.to_string()), 0),
        Exchange::Unknown { why } => return (away(why.clone()), 0),
    };
    let status = answer.status;
    if !(200..300).contains(&status) {
        let why = format!("its server answered {status}");
        let passing = matches!(status, 408 | 425 | 429) || status >= 500;
        let asked = wish(answer, now);
        return (if passing { Reading::Away { why, asked } } else { Reading::NoAnswer(why) }, 0);
    }
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
        return (Reading::NoAnswer("its server's answer is not JSON".into()), 0);
    };
    let tokens = body["usage"]["total_tokens"].as_i64().unwrap_or(0).clamp(0, CALL_TOKENS_MAX);
    (message(&body, questions), tokens)
}

fn wish(answer: &Answer, now: Time) -> Option<Duration> {
    let header =
        answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    Some(retry_after::read(&header.1, now)?.min(MODEL_RETRY_AFTER_MAX))
}

fn message(body: &Value, questions: &[&Question]) -> Reading {
    let none = |why: &str| Reading::NoAnswer(why.to_owned());
    let Some(choice) = body["choices"].get(0) else { return none("its answer has no choices") };
    match choice["finish_reason"].as_str() {
        Some("length") => return none("its reply was cut off"),
        Some("content_filter") => return none("its server withheld the reply"),
        _ => {}
    }
    let message = &choice["message"];
    if message["refusal"].as_str().is_some_and(|refusal| !refusal.is_empty()) {
        return none("it refused to answer");
    }
    let content = message["content"].as_str().unwrap_or_default();
    match choices(content, questions) {
        Ok(choices) => Reading::Usable(choices),
        Err(why) => Reading::Invalid { reply: cut(content), why },
    }
}

fn cut(content: &str) -> String {
    content[..content.floor_char_boundary(REPLY_MAX)].to_owned()
}

/// The reply against its schema.
fn choices(content: &str, questions: &[&Question]) -> Result<Vec<Choice>, String> {
    let reply: Value =
        serde_json::from_str(content).map_err(|error| format!("it is not JSON ({error})"))?;
    let reply = reply.as_object().ok_or("it is not a JSON object")?;
    let names: Vec<String> = (0..questions.len()).map(request::name).collect();
    if let Some(other) = reply.keys().find(|key| !names.contains(key)) {
        let short: String = other.chars().take(40).collect();
        return Err(format!("`{short}` was not asked for"));
    }
    let each = names.iter().zip(questions);
    each.map(|(name, question)| {
        let answer = reply.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
        choice(answer, question).map_err(|why| format!("`{name}` {why}"))
    })
    .collect()
}

fn choice(answer: &Value, question: &Question) -> Result<Choice, String> {
    let known =
        |map: &Map<String, Value>| map.keys().all(|key| key == "value" || key == "confidence");
    let answer = answer
        .as_object()
        .filter(|map| map.len() == 2 && known(map))
        .ok_or("is not an object of `value` and `confidence`")?;
    let confidence = answer["confidence"].as_f64().filter(|sure| (0.0..=1.0).contains(sure));
    let confidence = confidence.ok_or("has a confidence that is no number from 0 to 1")?;
    let value = match &answer["value"] {
        Value::Null => None,
        Value::String(text) if question.allowed.is_empty() || question.allowed.contains(text) => {
            Some(text.clone())
        }
        Value::String(_) => return Err("has a value that is not among the accepted values".into()),
        _ => return Err("has a value that is neither text nor null".into()),
    };
    Ok(Choice { value, confidence: thousandths(confidence), cached: false })
}

/// In whole thousandths, never up: as it is remembered, so that the next lead is judged alike.
fn thousandths(confidence: f64) -> f64 {
    (confidence * 1000.0 + 1e-6).floor() / 1000.0
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
