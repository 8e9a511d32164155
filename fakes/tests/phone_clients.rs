//! The providers' own clients against the fakes of calls and texts: they order, ask, list, get the providers' errors, and find the fakes'
//! signatures genuine. A fake that they understand is one that our tests may lean on.
mod common;

use common::{run, start};
use serde_json::{Map, Value, json};

/// What the script got, by case.
async fn cases(script: &str) -> Map<String, Value> {
    let fakes = start().await;
    let lines = run(script, &[&fakes.address]);
    let line = |line: Value| (line["case"].as_str().unwrap().to_owned(), line["got"].clone());
    lines.into_iter().map(line).collect()
}

/// Every case is as wanted, and there is no other one.
fn are(got: Map<String, Value>, wanted: &[(&str, Value)]) {
    for (case, wanted) in wanted {
        assert_eq!(&got[*case], wanted, "{case}");
    }
    assert_eq!(got.len(), wanted.len(), "{:?}", got.keys().collect::<Vec<_>>());
}

#[tokio::test]
async fn twilio() {
    let mut got = cases("twilio_client.py").await;
    let made = got.remove("create").unwrap();
    let sid = made["sid"].as_str().unwrap();
    assert!(sid.starts_with("SM") && sid.len() == 34, "{sid}");
    let as_made = (&made["status"], &made["segments"], &made["error"]);
    assert_eq!(as_made, (&json!("queued"), &json!("1"), &Value::Null));
    let found = got.remove("get").unwrap();
    assert_eq!(
        (&found["status"], &found["direction"]),
        (&json!("delivered"), &json!("outbound-api"))
    );
    assert!(found["sent"].is_string() && made["created"].is_string(), "{found} {made}");
    let error = |status: u16, code: u32| json!({"status": status, "code": code});
    are(
        got,
        &[
            (
                "status",
                json!({"statuses": ["sent", "delivered"], "genuine": [true, true], "same": true}),
            ),
            ("list", json!({"found": [true], "others": 0, "recent": 1})),
            (
                "undelivered",
                json!({"first": "accepted", "sender": null, "last": "undelivered", "code": "30003", "kept": 30003}),
            ),
            ("inbound", json!({"genuine": true, "same": true, "body": "STOP", "keyword": "STOP"})),
            ("stopped", error(400, 21610)),
            ("forged", json!({"genuine": [false, false]})),
            ("invalid", error(400, 21211)),
            ("opted out", error(400, 21610)),
            ("broken", error(500, 20500)),
            ("busy", error(429, 20429)),
            ("busy no more", json!({"sid": "SM"})),
            ("no sender", error(400, 21603)),
            ("bad callback", error(400, 21609)),
            ("credentials", error(401, 20003)),
            ("unknown", error(404, 20404)),
            ("sha256", json!({"genuine": [true, true]})),
        ],
    );
}

#[tokio::test]
async fn vonage() {
    let error = |error: &str, status: u16, title: &str| json!({"error": error, "status": status, "title": title});
    are(
        cases("vonage_client.py").await,
        &[
            (
                "send",
                json!({"statuses": ["submitted", "delivered"], "genuine": [true, true], "whole": [true, true],
                    "same": true, "ours": "msg_1", "to": "14155550199"}),
            ),
            ("undelivered", json!({"status": "undeliverable", "error": "1360"})),
            ("answer", json!({"text": "YES", "sender": "14155550121", "keyword": "YES"})),
            ("forged", json!({"genuine": [false, false]})),
            ("invalid", error("HttpRequestError", 422, "Invalid params")),
            ("broken", error("ServerError", 500, "Internal error")),
            ("busy", error("RateLimitedError", 429, "Rate Limit Hit")),
            (
                "credentials",
                error("AuthenticationError", 401, "You did not provide correct credentials."),
            ),
        ],
    );
}

#[tokio::test]
async fn vapi() {
    let error = |status: u16, error: &str| json!({"status": status, "error": error});
    let three = |value: Value| vec![value; 3];
    are(
        cases("vapi_client.py").await,
        &[
            (
                "create",
                json!({"status": "queued", "type": "outboundPhoneCall", "assistant": true, "org": true}),
            ),
            (
                "webhooks",
                json!({"types": ["status-update", "status-update", "end-of-call-report"],
                    "statuses": ["in-progress", "ended", null], "secrets": three(json!("s3cret")),
                    "ours": "int_1", "reason": "assistant-ended-call", "same": true,
                    "structured": {"outcome": "qualified", "homeowner": "yes"},
                    "spoken": ["bot", "user", "bot"], "recorded": true}),
            ),
            (
                "get",
                json!({"status": "ended", "reason": "assistant-ended-call", "evaluation": "true",
                    "seconds": 42.0, "variables": {"name": "Ada"}}),
            ),
            ("list", json!({"found": [true], "others": 0})),
            ("voicemail", json!({"reason": "voicemail"})),
            (
                "no answer",
                json!({"statuses": ["ringing", "ended", null], "reason": "customer-did-not-answer"}),
            ),
            ("bearer", json!({"headers": three(json!("Bearer token"))})),
            ("hmac", json!({"genuine": three(json!(true))})),
            ("forged", json!({"genuine": three(json!(false))})),
            ("standard", json!({"read": ["status-update", "status-update", "end-of-call-report"]})),
            ("invalid", error(400, "Bad Request")),
            ("no e164", error(400, "Bad Request")),
            ("no uuid", error(400, "Bad Request")),
            ("broken", error(500, "Internal Server Error")),
            ("busy", error(429, "Too Many Requests")),
            ("credentials", error(401, "Unauthorized")),
            ("unknown", error(404, "Not Found")),
        ],
    );
}

#[tokio::test]
async fn retell() {
    let error =
        |error: &str, status: u16| json!({"error": error, "status": status, "said": "error"});
    let events = ["call_started", "call_ended", "call_analyzed"];
    are(
        cases("retell_client.py").await,
        &[
            (
                "create",
                json!({"id": "call_", "status": "registered", "agent": "agent_1", "metadata": {"leadrail": "int_1"}}),
            ),
            (
                "webhooks",
                json!({"events": events, "genuine": [true, true, true], "same": true,
                    "analysis": {"outcome": "qualified", "homeowner": "yes"}}),
            ),
            (
                "get",
                json!({"status": "ended", "reason": "agent_hangup", "seconds": 42.0, "lines": 3,
                    "successful": true, "variables": {"name": "Ada"}}),
            ),
            ("list", json!({"found": [true], "ours": 1, "others": 0})),
            (
                "no answer",
                json!({"events": events[1..], "status": "not_connected", "reason": "dial_no_answer"}),
            ),
            ("its own url", json!({"urls": [true, true]})),
            ("idempotent", json!({"same": true, "reason": "user_requested_dnc"})),
            ("broken", error("InternalServerError", 500)),
            ("broken, again", json!({"same": true})),
            ("backwards", json!({"events": [events[2], events[1], events[0]]})),
            ("forged", json!({"genuine": [false, false, false]})),
            ("invalid", error("BadRequestError", 400)),
            ("busy", error("RateLimitError", 429)),
            ("no number", error("BadRequestError", 400)),
            ("unknown field", error("BadRequestError", 400)),
            ("credentials", error("AuthenticationError", 401)),
            ("unknown", error("UnprocessableEntityError", 422)),
        ],
    );
}

#[tokio::test]
async fn elevenlabs() {
    let error = |status: u16, word: &str| json!({"status": status, "word": word});
    are(
        cases("elevenlabs_client.py").await,
        &[
            ("create", json!({"success": true, "id": "conv_", "call": "CA"})),
            (
                "webhook",
                json!({"type": "post_call_transcription", "same": true, "status": "done", "ours": "int_1",
                    "collected": {"outcome": "qualified", "homeowner": "yes"}}),
            ),
            (
                "get",
                json!({"status": "done", "seconds": 42, "successful": "success",
                    "lines": ["agent", "user", "agent"], "number": "+14155550100"}),
            ),
            ("list", json!({"found": [true], "others": 0, "by_variable": 1})),
            (
                "busy line",
                json!({"type": "call_initiation_failure", "reason": "busy", "same": true, "status": "failed"}),
            ),
            ("forged", json!({"event": null})),
            ("invalid", json!({"success": false, "id": null})),
            ("nested variable", error(422, "string_type")),
            ("broken", error(500, "internal_server_error")),
            ("busy", error(429, "too_many_concurrent_requests")),
            ("credentials", error(401, "invalid_api_key")),
            ("unknown", error(404, "conversation_not_found")),
        ],
    );
}

#[tokio::test]
async fn generic() {
    let status = |status: u16| json!({"status": status});
    are(
        cases("generic_client.py").await,
        &[
            ("no secret", status(401)),
            (
                "order",
                json!({"status": 201, "types": ["call.progress", "call.ended", "call.analysed"],
                    "outcomes": [null, "completed", "qualified"], "answers": {"homeowner": "yes"}, "same": true}),
            ),
            ("get", json!({"state": "analysed", "told": true})),
            ("callback", json!({"outcome": "scheduled_callback", "minutes": 30})),
            ("forged", json!({"events": [null, null, null]})),
            ("credentials", status(401)),
            ("stale", status(401)),
            ("unknown field", status(400)),
            ("unknown", status(404)),
        ],
    );
}
