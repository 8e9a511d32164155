//! Tests of Bland.
use super::*;
use crate::outreach::{
    providers::testing::{
        CALLBACK, NOW, SECRET, answer, body, header, headers, incoming, kind, open, open_with,
        order, read, report as reported, time as moment,
    },
    report::Said,
};

fn account() -> Value {
    json!({"type": "bland", "apiKey": {"secret": "a"}, "webhookSecret": {"secret": "b"}, "task": "Ask for the roof."})
}

#[test]
fn a_call_carries_our_id_and_what_to_do() {
    let wire = open(account()).place(&order("int_1", "Be kind"));
    assert_eq!((wire.method, wire.url.as_str()), ("POST", "https://api.bland.ai/v1/calls"));
    assert_eq!(header(&wire, "authorization"), format!("Bearer {SECRET}"));
    let variables = json!({"firstName": "Ann", "rooms": 3, "tags": ["a"]});
    let wanted = json!({"phone_number": "+14155550100", "webhook": CALLBACK, "metadata": {"orderId": "int_1"},
        "request_data": variables, "answered_by_enabled": true, "task": "Ask for the roof.\n\nBe kind"});
    assert_eq!(body(&wire), wanted);
    assert_eq!(body(&open(account()).place(&order("int_1", "")))["task"], "Ask for the roof.");
    let mut pathway = account();
    pathway.as_object_mut().unwrap().remove("task");
    pathway["pathwayId"] = json!("pw-1");
    pathway["from"] = json!("+14155550199");
    let sent = body(&open(pathway).place(&order("int_1", "Be kind")));
    assert_eq!(
        (&sent["pathway_id"], &sent["from"], at(&sent, "/task")),
        (&json!("pw-1"), &json!("+14155550199"), None)
    );
    assert_eq!(sent["request_data"]["instructions"], "Be kind");
}

#[test]
fn the_status_in_the_body_counts() {
    let bland = open(account());
    assert_eq!(
        bland.placed(&answer(200, &json!({"status": "success", "call_id": "c-1"}))),
        Placed::As("c-1".into())
    );
    let said = |message: &str| json!({"status": "error", "message": message, "call_id": "c-1"});
    for (status, body, wanted) in [
        (200, said("Invalid phone_number"), Some(RefusalKind::BadNumber)),
        (200, said("Rate limit exceeded"), Some(RefusalKind::Busy(None))),
        (200, said("Pathway not found"), Some(RefusalKind::Misconfigured)),
        (400, said("Invalid phone number"), Some(RefusalKind::BadNumber)),
        (400, said("The from phone number is not yours"), Some(RefusalKind::Misconfigured)),
        (200, said("The from phone number is not yours"), Some(RefusalKind::Misconfigured)),
        (401, said("Invalid key"), Some(RefusalKind::Misconfigured)),
        (429, said("slow down"), Some(RefusalKind::Busy(None))),
        (500, said("Invalid phone number"), None),
        (200, json!({"status": "success"}), None),
    ] {
        assert_eq!(kind(&bland.placed(&answer(status, &body))), wanted, "{status} {body}");
    }
}

#[test]
fn the_published_vector_is_verified_and_nothing_near_it() {
    const TAG: &str = "bc1aefd5dcc83ca70b1709396a354791b5221b0e63f18ad82cfd2701e6248527";
    let bland =
        open_with(account(), &|name| if name == "b" { "secret".into() } else { "key".into() });
    let verified = |tag: &str, body: &str| {
        let headers = headers(&[(SIGNATURE, tag)]);
        bland.verify(&incoming("", &headers, body.as_bytes()), moment(NOW))
    };
    let body = r#"{"call_id":"abc","completed":true}"#;
    assert_eq!(verified(TAG, body), Ok(()));
    assert_eq!(verified(TAG, &body.replace("true", "false")), Err(NotGenuine::Forged));
    assert_eq!(verified(&TAG.replace('b', "c"), body), Err(NotGenuine::Forged));
    assert_eq!(verified("", body), Err(NotGenuine::Forged));
    assert_eq!(verified("zz", body), Err(NotGenuine::Malformed(SIGNATURE)));
    let unsigned = bland.verify(&incoming("", &[], body.as_bytes()), moment(NOW));
    assert_eq!(unsigned, Err(NotGenuine::Unsigned(SIGNATURE)));
    let headers = headers(&[(SIGNATURE, TAG)]);
    let other = open(account()).verify(&incoming("", &headers, body.as_bytes()), moment(NOW));
    assert_eq!(other, Err(NotGenuine::Forged));
}

#[test]
fn every_end_comes_to_an_outcome() {
    use CallOutcome::*;
    for (answered_by, status, error, wanted) in [
        ("human", "completed", "", Completed),
        ("unknown", "completed", "", Completed),
        ("", "complete", "", Completed),
        ("human", "complete_error", "webhook failed", Completed),
        ("voicemail", "completed", "", Voicemail),
        ("no-answer", "completed", "", NoAnswer),
        ("", "no-answer", "", NoAnswer),
        ("", "busy", "", Busy),
        ("", "failed", "", Failed),
        ("", "canceled", "", Failed),
        ("", "pre_queue_error", "bad number", Failed),
        ("", "queue_error", "", Failed),
        ("", "call_error", "", Incomplete),
        ("", "completed", "no credit", Failed),
    ] {
        let heard = read(
            &*open(account()),
            &json!({"call_id": "c-1", "completed": true, "answered_by": answered_by,
            "status": status, "error_message": error}),
        );
        assert_eq!(reported(&heard).outcome, wanted, "{answered_by} {status} {error}");
        assert_eq!((heard[0].key.as_str(), reported(&heard).complete), ("c-1|completed", true));
    }
}

#[test]
fn the_whole_call_is_read() {
    let call = json!({
        "call_id": "c-1", "c_id": "c-1", "completed": true, "queue_status": "complete", "answered_by": "human", "error_message": null,
        "call_length": 1.5, "started_at": "2026-11-24T12:00:00+00:00", "end_at": "2026-11-24T12:01:30.000Z",
        "summary": "Wants solar.", "recording_url": "https://r.example/1.mp3", "metadata": {"orderId": "int_1"},
        "request_data": {"firstName": "Ann"},
        "variables": {"now": "x", "call_id": "c-1", "firstName": "Ann", "roof": "tile", "callbackAt": "2026-11-25T09:00:00Z"},
        "analysis": {"rooms": 3},
        "transcripts": [{"user": "assistant", "text": "Hello"}, {"user": "user", "text": "Hi"}, {"user": "agent-action", "text": "x"}],
    });
    let heard = read(&*open(account()), &call);
    assert_eq!(
        (heard[0].ours.as_deref(), heard[0].reference.as_deref()),
        (Some("int_1"), Some("c-1"))
    );
    let line = |role, text: &str| Said { role, text: text.into(), second: None };
    let wanted = Report {
        outcome: CallOutcome::ScheduledCallback,
        ended_reason: Some("human".into()),
        started_at: Some(moment(NOW)),
        ended_at: Some(moment(NOW + 90)),
        duration_seconds: Some(90),
        summary: Some("Wants solar.".into()),
        recording_url: Some("https://r.example/1.mp3".into()),
        transcript: vec![line(Role::Agent, "Hello"), line(Role::User, "Hi")],
        answers: json!({"roof": "tile", "rooms": 3}).as_object().unwrap().clone(),
        callback_at: Some("2026-11-25T09:00:00Z".parse().unwrap()),
        complete: true,
    };
    assert_eq!(reported(&heard), &wanted);
    let told = open(account()).told(&answer(200, &call));
    assert_eq!(told, heard, "the state is told in the words of a webhook");
}

#[test]
fn what_has_not_ended_is_progress() {
    let bland = open(account());
    let heard =
        read(&*bland, &json!({"call_id": "c-1", "completed": false, "queue_status": "started"}));
    assert_eq!(
        (heard[0].key.as_str(), &heard[0].what),
        ("c-1|started", &What::Progress { status: "started".into() })
    );
    assert_eq!(bland.ask("c-1", moment(NOW)).unwrap().url, "https://api.bland.ai/v1/calls/c-1");
    assert_eq!(bland.told(&answer(404, &json!({"status": "error"}))), []);
    assert!(bland.read(&incoming("", &[], b"{}")).is_err());
    assert!(bland.read(&incoming("", &[], br#"{"c_id":"c-1"}"#)).is_ok());
}

#[test]
fn a_lost_call_is_found_by_number_and_time_or_nobody_is_sure() {
    let bland = open(account());
    let order = order("int_1", "");
    assert_eq!(
        bland.find(&order).unwrap().url,
        "https://api.bland.ai/v1/calls?to_number=%2B14155550100&limit=100"
    );
    let call = |id: &str, to: &str, at: &str| json!({"call_id": id, "to": to, "created_at": at});
    let soon = "2026-11-24T12:00:05.59585+00:00";
    let found =
        |calls: Value| bland.found(&answer(200, &json!({"count": 1, "calls": calls})), &order);
    let old = call("c-2", "+14155550100", "2026-11-24T10:59:00Z");
    assert_eq!(found(json!([call("c-1", "4155550100", soon), old])), Found::As("c-1".into()));
    assert_eq!(
        found(json!([call("c-1", "+14155550100", soon), call("c-3", "+14155550100", soon)])),
        Found::NotSure
    );
    assert_eq!(found(json!([old, call("c-4", "+14155550101", soon)])), Found::NotSure);
    assert_eq!(found(json!([])), Found::NotSure);
    assert_eq!(bland.found(&answer(500, &json!({})), &order), Found::NotSure);
}
