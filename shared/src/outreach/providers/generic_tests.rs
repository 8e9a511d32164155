//! Tests of our own protocol.
use super::*;
use crate::outreach::{
    providers::testing::{
        CALLBACK, NOW, SECRET, answer, body, header, headers, incoming, kind, open, open_with,
        order, read, report as reported, time as moment,
    },
    report::Said,
};

fn account() -> Value {
    json!({"type": "generic", "url": "https://calls.example.com/orders", "secret": {"secret": "s"},
        "statusUrl": "https://calls.example.com/orders/{reference}?full=1"})
}

/// A request of ours, as the other side verifies it.
fn genuine(wire: &Wire) -> Result<(), NotGenuine> {
    let key = decode_secret(SECRET).unwrap();
    verify(&[key.bytes()], &incoming("", &wire.headers, &wire.body), moment(NOW))
}

#[test]
fn an_order_is_signed_under_its_own_id() {
    let wire = open(account()).place(&order("int_1", "Be kind"));
    assert_eq!((wire.method, wire.url.as_str()), ("POST", "https://calls.example.com/orders"));
    assert_eq!(
        (header(&wire, "webhook-id"), header(&wire, "content-type")),
        ("int_1", "application/json")
    );
    let wanted = json!({"orderId": "int_1", "to": "+14155550100", "instructions": "Be kind",
        "variables": {"firstName": "Ann", "rooms": 3, "tags": ["a"]}, "callbackUrl": CALLBACK});
    assert_eq!((body(&wire), genuine(&wire)), (wanted, Ok(())));
    let from = open(account()).place(&Order { from: Some("+14155550199"), ..order("int_1", "") });
    assert_eq!((body(&from)["from"].as_str(), genuine(&from)), (Some("+14155550199"), Ok(())));
}

#[test]
fn an_answer_says_what_became_of_the_order() {
    let generic = open(account());
    assert_eq!(
        generic.placed(&answer(202, &json!({"reference": "r-1"}))),
        Placed::As("r-1".into())
    );
    let refusal = |word: &str| json!({"refusal": word, "message": "no"});
    for (status, body, wanted) in [
        (422, refusal("bad_number"), Some(RefusalKind::BadNumber)),
        (403, refusal("opted_out"), Some(RefusalKind::OptedOut)),
        (409, refusal("busy"), Some(RefusalKind::Busy(None))),
        (400, refusal("misconfigured"), Some(RefusalKind::Misconfigured)),
        (400, refusal("a new one"), Some(RefusalKind::Misconfigured)),
        (422, json!({"error": "no such number"}), Some(RefusalKind::BadNumber)),
        (422, refusal("misconfigured"), Some(RefusalKind::Misconfigured)),
        (404, json!({}), Some(RefusalKind::Misconfigured)),
        (429, json!({}), Some(RefusalKind::Busy(None))),
        (409, json!({}), None),
        (500, refusal("bad_number"), None),
        (200, refusal("bad_number"), None),
        (200, json!({"reference": "../x"}), None),
        (302, json!({"reference": "r-1"}), None),
    ] {
        assert_eq!(kind(&generic.placed(&answer(status, &body))), wanted, "{status} {body}");
    }
}

#[test]
fn a_webhook_must_be_signed_with_the_secret() {
    let (generic, key) = (open(account()), decode_secret(SECRET).unwrap());
    let at = NOW.to_string();
    let signature = sign(key.bytes(), "ev-1", NOW, b"{}");
    let headers = headers(&[
        ("webhook-id", "ev-1"),
        ("webhook-timestamp", &at),
        ("webhook-signature", &signature),
    ]);
    assert_eq!(generic.verify(&incoming("", &headers, b"{}"), moment(NOW)), Ok(()));
    assert_eq!(
        generic.verify(&incoming("", &headers, b"[]"), moment(NOW)),
        Err(NotGenuine::Forged)
    );
    let stale = generic.verify(&incoming("", &headers, b"{}"), moment(NOW + 301));
    assert_eq!(stale, Err(NotGenuine::Stale(300)));
    let unsigned = generic.verify(&incoming("", &[], b"{}"), moment(NOW));
    assert_eq!(unsigned, Err(NotGenuine::Unsigned("webhook-id")));
    let other = open_with(account(), &|_| format!("whsec_{}", "A".repeat(32)));
    assert_eq!(other.verify(&incoming("", &headers, b"{}"), moment(NOW)), Err(NotGenuine::Forged));
}

#[test]
fn a_secret_in_another_form_is_refused() {
    let config = serde_json::from_value(account()).unwrap();
    let error = super::super::open(&config, &|_| Some("zz-canary".into())).unwrap_err();
    assert_eq!((error.path, error.name.as_str()), ("secret", "s"));
    assert!(!error.to_string().contains("canary"), "{error}");
}

fn event(kind: &str, data: Value) -> Vec<Heard> {
    let headers = headers(&[("webhook-id", "ev-1")]);
    let body = json!({"type": kind, "timestamp": "2026-11-24T12:00:00Z", "data": data}).to_string();
    open(account()).read(&incoming("", &headers, body.as_bytes())).unwrap()
}

#[test]
fn events_are_read_and_known_by_their_id() {
    let heard = event(
        "call.progress",
        json!({"reference": "r-1", "orderId": "int_1", "status": "ringing"}),
    );
    let what = What::Progress { status: "ringing".into() };
    let key = "event|ev-1".into();
    assert_eq!(
        heard,
        [Heard { ours: Some("int_1".into()), reference: Some("r-1".into()), key, what }]
    );
    let data = json!({"orderId": "int_1", "outcome": "qualified", "endedReason": "bye", "startedAt": "2026-11-24T12:00:00Z",
        "endedAt": "2026-11-24T12:01:30Z", "durationSeconds": 90, "summary": "Wants solar.", "recordingUrl": "https://r.example/1.mp3",
        "transcript": [{"role": "agent", "text": "Hello", "second": 0}, {"role": "user", "text": "Hi"}, {"role": "x", "text": "x"}],
        "answers": {"roof": "tile"}});
    let line = |role, text: &str, second| Said { role, text: text.into(), second };
    let wanted = Report {
        outcome: CallOutcome::Qualified,
        ended_reason: Some("bye".into()),
        started_at: Some(moment(NOW)),
        ended_at: Some(moment(NOW + 90)),
        duration_seconds: Some(90),
        summary: Some("Wants solar.".into()),
        recording_url: Some("https://r.example/1.mp3".into()),
        transcript: vec![line(Role::Agent, "Hello", Some(0)), line(Role::User, "Hi", None)],
        answers: json!({"roof": "tile"}).as_object().unwrap().clone(),
        callback_at: None,
        complete: true,
    };
    assert_eq!(reported(&event("call.ended", data.clone())), &wanted);
    assert_eq!(reported(&event("call.analysed", data)), &wanted);
}

#[test]
fn outcomes_are_our_own_words() {
    for (data, outcome, complete) in [
        (json!({"reference": "r", "outcome": "no_answer"}), CallOutcome::NoAnswer, true),
        (
            json!({"reference": "r", "outcome": "completed", "more": true}),
            CallOutcome::Completed,
            false,
        ),
        (json!({"reference": "r"}), CallOutcome::Completed, true),
        (json!({"reference": "r", "outcome": "splendid"}), CallOutcome::Completed, true),
        (
            json!({"reference": "r", "callbackAt": "2026-11-25T09:00:00Z"}),
            CallOutcome::ScheduledCallback,
            true,
        ),
        (
            json!({"reference": "r", "outcome": "dnc", "callbackAt": "2026-11-25T09:00:00Z"}),
            CallOutcome::Dnc,
            true,
        ),
        (json!({"reference": "r", "answers": {"dnc": true}}), CallOutcome::Dnc, true),
    ] {
        let heard = event("call.ended", data.clone());
        assert_eq!(
            (reported(&heard).outcome, reported(&heard).complete),
            (outcome, complete),
            "{data}"
        );
        assert_eq!(reported(&heard).callback_at.is_some(), data["callbackAt"].is_string());
    }
    assert_eq!(event("call.transferred", json!({})), []);
    let bad = br#"{"type":"call.ended","data":{"orderId":"lead_1"}}"#;
    assert!(open(account()).read(&incoming("", &[], bad)).is_err());
    assert_eq!(read(&*open(account()), &json!({"no": "event"})), []);
}

#[test]
fn the_state_is_asked_for_where_the_account_says() {
    let generic = open(account());
    let wire = generic.ask("r:1", moment(NOW)).unwrap();
    assert_eq!(
        (wire.method, wire.url.as_str()),
        ("GET", "https://calls.example.com/orders/r%3A1?full=1")
    );
    assert_eq!((header(&wire, "webhook-id"), genuine(&wire)), ("r:1", Ok(())));
    let told = |data: Value| generic.told(&answer(200, &json!({"data": data})));
    let key = |heard: &[Heard]| heard[0].key.clone();
    let ended = told(json!({"reference": "r-1", "state": "ended", "outcome": "busy"}));
    assert_eq!(
        (reported(&ended).outcome, key(&ended)),
        (CallOutcome::Busy, "polled|r-1|ended|busy".into())
    );
    let more = told(json!({"reference": "r-1", "state": "ended", "more": true}));
    assert_eq!((reported(&more).complete, key(&more)), (false, "polled|r-1|ended|".into()));
    let analysed =
        told(json!({"reference": "r-1", "state": "analysed", "outcome": "dnc", "more": true}));
    assert_eq!(
        (reported(&analysed).complete, key(&analysed)),
        (true, "polled|r-1|analysed|dnc".into())
    );
    let underway = told(json!({"orderId": "int_1", "state": "underway"}));
    assert_eq!(
        (key(&underway), &underway[0].what),
        ("polled|int_1|underway|".into(), &What::Progress { status: "underway".into() })
    );
    assert_eq!(
        (told(json!({"state": "ended"})), told(json!({"reference": "r-1"}))),
        (vec![], vec![])
    );
    assert_eq!(
        generic.told(&answer(404, &json!({"data": {"reference": "r-1", "state": "ended"}}))),
        []
    );
    let mut silent = account();
    silent.as_object_mut().unwrap().remove("statusUrl");
    assert_eq!(open(silent).ask("r-1", moment(NOW)), None);
}
