//! Tests of what every provider makes of webhooks and answers that are not as they should be: only ids are relied on.
use super::{
    reading::KEY_CHARS_MAX,
    testing::{NOW, answer, headers, incoming, open, order, time},
};
use crate::outreach::{Provider, What};
use serde_json::{Value, json};

/// What may stand anywhere instead of what should.
fn odd() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1e300),
        json!(i64::MAX),
        json!(""),
        json!("😀".repeat(300)),
        json!("262142-12-31T23:59:59Z"),
        json!([[]]),
        json!([null, 5, {"role": "user"}]),
        json!({"role": 5, "value": {}}),
    ]
}

/// A document with each of its members changed, one at a time.
fn changed(whole: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let mut open = vec![String::new()];
    while let Some(path) = open.pop() {
        match whole.pointer(&path).unwrap() {
            Value::Object(members) => {
                open.extend(members.keys().map(|key| format!("{path}/{key}")));
            }
            Value::Array(items) => open.extend((0..items.len()).map(|at| format!("{path}/{at}"))),
            _ => {}
        }
        for value in odd() {
            let mut other = whole.clone();
            *other.pointer_mut(&path).unwrap() = value;
            all.push((path.clone(), other));
        }
    }
    all
}

fn vapi() -> Value {
    json!({"id": "c", "status": "ended", "endedReason": "customer-ended-call", "startedAt": "2026-11-24T12:00:00Z",
        "endedAt": "2026-11-24T12:01:00Z", "analysis": {"summary": "s", "structuredData": {"a": 1}},
        "artifact": {"recordingUrl": "https://a.example", "messages": [{"role": "bot", "message": "x", "secondsFromStart": 1}],
            "structuredOutputs": {"o": {"name": "n", "result": 1}}}, "assistantOverrides": {"metadata": {"orderId": "int_1"}}})
}

fn retell() -> Value {
    json!({"call_id": "c", "call_status": "ended", "disconnection_reason": "user_hangup", "start_timestamp": NOW,
        "end_timestamp": NOW, "duration_ms": 1, "metadata": {"orderId": "int_1"}, "recording_url": "https://a.example",
        "transcript_object": [{"role": "user", "content": "x", "words": [{"start": 1}]}],
        "call_analysis": {"call_summary": "s", "in_voicemail": true, "custom_analysis_data": {"a": 1}}})
}

fn bland() -> Value {
    json!({"call_id": "c", "completed": true, "status": "completed", "answered_by": "human", "call_length": 1,
        "started_at": "2026-11-24T12:00:00Z", "end_at": "2026-11-24T12:01:00Z", "summary": "s", "variables": {"a": 1},
        "request_data": {"b": 1}, "analysis": {"c": 1}, "transcripts": [{"user": "user", "text": "x"}], "metadata": {"orderId": "int_1"}})
}

fn eleven() -> Value {
    json!({"conversation_id": "c", "status": "done", "failure_reason": "busy",
        "metadata": {"start_time_unix_secs": NOW, "call_duration_secs": 1, "termination_reason": "r", "phone_call": {"call_result": "answered"},
            "body": {"CallStatus": "busy"}},
        "transcript": [{"role": "user", "message": "x", "time_in_call_secs": 1}],
        "analysis": {"transcript_summary": "s", "data_collection_results": {"a": {"value": 1}}},
        "conversation_initiation_client_data": {"dynamic_variables": {"order_id": "int_1"}}})
}

fn generic() -> Value {
    json!({"reference": "c", "orderId": "int_1", "state": "ended", "outcome": "dnc", "more": true, "startedAt": "2026-11-24T12:00:00Z",
        "durationSeconds": 1, "transcript": [{"role": "user", "text": "x", "second": 1}], "answers": {"a": 1}, "callbackAt": "2026-11-24T12:00:00Z"})
}

fn account(kind: &str, rest: &Value) -> Box<dyn Provider> {
    let mut account = json!({"type": kind});
    account.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    open(account)
}

/// A provider, a webhook of it, where its id stands, and what it answers when asked for the state.
fn samples() -> Vec<(Box<dyn Provider>, Value, &'static str, Value)> {
    let mut report = vapi();
    report["type"] = json!("end-of-call-report");
    report["call"] = vapi();
    let key = json!({"secret": "a"});
    let auth = json!({"type": "secret", "secret": key});
    let by_vapi =
        json!({"apiKey": key, "assistantId": "a", "phoneNumberId": "p", "webhookAuth": auth});
    let by_retell = json!({"apiKey": key, "agentId": "a", "from": "+14155550199"});
    let by_bland = json!({"apiKey": key, "webhookSecret": key, "task": "t"});
    let by_eleven =
        json!({"apiKey": key, "webhookSecret": key, "agentId": "a", "agentPhoneNumberId": "p"});
    let by_generic = json!({"url": "https://a.example", "secret": key});
    let by_vonage =
        json!({"apiKey": "k", "apiSecret": key, "signatureSecret": key, "from": "ACME"});
    let talk = json!({"type": "post_call_transcription", "data": eleven()});
    let failure = json!({"type": "call_initiation_failure", "data": eleven()});
    let analysed = json!({"event": "call_analyzed", "call": retell()});
    let ended = json!({"type": "call.ended", "data": generic()});
    let status = json!({"message_uuid": "c", "status": "rejected", "client_ref": "msg_1", "error": {"title": "1", "type": "t", "detail": "d"}});
    let text = json!({"message_uuid": "c", "from": "14155550100", "to": "14155550199", "message_type": "text", "text": "x"});
    vec![
        (account("vapi", &by_vapi), json!({"message": report}), "/message/call/id", vapi()),
        (account("retell", &by_retell), analysed, "/call/call_id", retell()),
        (account("bland", &by_bland), bland(), "/call_id", bland()),
        (account("elevenlabs", &by_eleven), talk, "/data/conversation_id", eleven()),
        (account("elevenlabs", &by_eleven), failure, "/data/conversation_id", eleven()),
        (account("generic", &by_generic), ended, "/data", json!({"data": generic()})),
        (account("vonage", &by_vonage), status, "/message_uuid", json!({})),
        (account("vonage", &by_vonage), text, "/message_uuid", json!({})),
    ]
}

#[test]
fn nothing_but_an_id_is_relied_on() {
    let signed = headers(&[("webhook-id", "ev-1")]);
    for (provider, webhook, id, _) in samples() {
        let outer = |path: &str| path.is_empty() || id.starts_with(path);
        for (path, body) in changed(&webhook) {
            let body = body.to_string();
            let read = provider.read(&incoming("", &signed, body.as_bytes()));
            assert!(read.is_ok() || outer(&path), "{provider:?}: {path} in {body:.300}");
            for heard in read.unwrap_or_default() {
                assert!((1..=KEY_CHARS_MAX).contains(&heard.key.chars().count()), "{}", heard.key);
                let long = matches!(&heard.what, What::Progress { status } if status.chars().count() > 200);
                assert!(!long, "{path}");
            }
        }
    }
}

#[test]
fn no_answer_is_too_odd_to_be_read() {
    let order = order("int_1", "Hi");
    for (provider, _, _, state) in samples() {
        for lists in ["items", "calls", "conversations", "messages"] {
            for (_, body) in changed(&json!({lists: [state]})).into_iter().chain(changed(&state)) {
                for status in [200, 400, 422] {
                    let answer = answer(status, &body);
                    let _ = (provider.placed(&answer), provider.found(&answer, &order));
                    assert!(provider.told(&answer).len() <= 1);
                }
            }
        }
        assert!(provider.find(&order).is_none_or(|wire| wire.url.starts_with("https://")));
        assert!(provider.ask("c", time(NOW)).is_none_or(|wire| wire.url.starts_with("https://")));
    }
}
