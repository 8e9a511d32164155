//! Tests of Vapi.
use super::*;
use crate::outreach::{
    provider::RefusalKind,
    providers::testing::{
        CALLBACK, NOW, SECRET, answer, body, header, incoming, kind, open, order, read,
        report as reported, time as at_,
    },
};

fn account() -> Value {
    json!({"type": "vapi", "apiKey": {"secret": "a"}, "assistantId": "as-1", "phoneNumberId": "pn-1",
        "webhookAuth": {"type": "secret", "secret": {"secret": "b"}}})
}

#[test]
fn a_call_carries_our_id_and_what_the_prompt_may_name() {
    let wire = open(account()).place(&order("int_1", "Be kind"));
    assert_eq!((wire.method, wire.url.as_str()), ("POST", "https://api.vapi.ai/call"));
    assert_eq!(header(&wire, "authorization"), format!("Bearer {SECRET}"));
    let wanted = json!({"assistantId": "as-1", "phoneNumberId": "pn-1", "customer": {"number": "+14155550100"},
        "assistantOverrides": {"metadata": {"orderId": "int_1"},
            "variableValues": {"firstName": "Ann", "rooms": 3, "tags": ["a"], "instructions": "Be kind"}}});
    assert_eq!(body(&wire), wanted);
    let mut known = account();
    known["credentialId"] = json!("cr-1");
    let sent = body(&open(known).place(&order("int_1", "")));
    let server = json!({"url": CALLBACK, "credentialId": "cr-1",
        "backoffPlan": {"type": "exponential", "maxRetries": 6, "baseDelaySeconds": 2}});
    assert_eq!(sent["assistantOverrides"]["server"], server);
    assert_eq!(at(&sent, "/assistantOverrides/variableValues/instructions"), None);
}

#[test]
fn an_answer_says_what_became_of_the_call() {
    let vapi = open(account());
    assert_eq!(
        vapi.placed(&answer(201, &json!({"id": "c-1", "status": "queued"}))),
        Placed::As("c-1".into())
    );
    let number =
        json!({"message": ["customer.number must be a valid phone number in the E.164 format."]});
    for (status, body, wanted) in [
        (400, number, Some(RefusalKind::BadNumber)),
        (400, json!({"message": "Couldn't find phone number"}), Some(RefusalKind::Misconfigured)),
        (400, json!({"message": "Couldn't find assistant"}), Some(RefusalKind::Misconfigured)),
        (401, json!({"message": "Invalid key"}), Some(RefusalKind::Misconfigured)),
        (429, json!({}), Some(RefusalKind::Busy(None))),
        (500, json!({}), None),
    ] {
        assert_eq!(kind(&vapi.placed(&answer(status, &body))), wanted, "{status} {body}");
    }
}

#[test]
fn every_kind_of_reason_comes_to_an_outcome() {
    use CallOutcome::*;
    for (reason, wanted) in [
        ("customer-ended-call", Completed),
        ("customer-ended-call-during-transfer", Completed),
        ("assistant-ended-call", Completed),
        ("assistant-ended-call-after-message-spoken", Completed),
        ("assistant-said-end-call-phrase", Completed),
        ("assistant-forwarded-call", Completed),
        ("vonage-completed", Completed),
        ("call.in-progress.twilio-completed-call", Completed),
        ("call.ending.hook-executed-say", Completed),
        ("voicemail", Voicemail),
        ("customer-did-not-answer", NoAnswer),
        ("vonage-rejected", NoAnswer),
        ("customer-busy", Busy),
        ("twilio-reported-customer-misdialed", NoContact),
        ("sip-outbound-unallocated-number", NoContact),
        ("silence-timed-out", Incomplete),
        ("exceeded-max-duration", Incomplete),
        ("vonage-disconnected", Incomplete),
        ("call.forwarding.no-answer", Incomplete),
        ("a new one", Incomplete),
        ("manually-canceled", Failed),
        ("assistant-not-found", Failed),
        ("assistant-request-returned-no-assistant", Failed),
        ("customer-did-not-give-microphone-permission", Failed),
        ("pipeline-no-available-llm-model", Failed),
        ("phone-call-provider-bypass-enabled-but-no-call-received", Failed),
        ("call.in-progress.error-providerfault-outbound-sip-503-service-unavailable", Failed),
        ("call.start.error-get-customer", Failed),
        ("twilio-failed-to-connect-call", Failed),
    ] {
        assert_eq!(outcome(reason), wanted, "{reason}");
    }
}

fn message(kind: &str, more: Value) -> Value {
    let mut message = json!({"type": kind, "call": {"id": "c-1", "assistantOverrides": {"metadata": {"orderId": "int_1"}}}});
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"message": message})
}

#[test]
fn a_status_is_progress_until_the_end() {
    let vapi = open(account());
    for status in ["scheduled", "queued", "ringing", "in-progress", "forwarding"] {
        let heard = read(&*vapi, &message("status-update", json!({"status": status})));
        let what = What::Progress { status: status.into() };
        let key = format!("c-1|status-update|{status}");
        assert_eq!(
            heard,
            [Heard { ours: Some("int_1".into()), reference: Some("c-1".into()), key, what }]
        );
    }
    let heard = read(
        &*vapi,
        &message("status-update", json!({"status": "ended", "endedReason": "customer-busy"})),
    );
    assert_eq!(heard[0].key, "c-1|status-update|ended");
    let report = reported(&heard);
    assert_eq!((report.outcome, report.complete), (CallOutcome::Busy, true));
    let hung_up = json!({"status": "ended", "endedReason": "customer-ended-call"});
    assert!(
        !reported(&read(&*vapi, &message("status-update", hung_up))).complete,
        "the report is still to come"
    );
    for other in ["assistant.started", "conversation-update", "tool-calls", ""] {
        assert_eq!(read(&*vapi, &message(other, json!({}))), []);
    }
    let bad =
        json!({"message": {"type": "status-update", "status": "ringing", "call": {}}}).to_string();
    assert!(vapi.read(&incoming("", &[], bad.as_bytes())).is_err());
}

fn end() -> Value {
    json!({
        "endedReason": "customer-ended-call", "startedAt": "2026-11-24T12:00:00.000Z", "endedAt": "2026-11-24T12:01:30.400Z",
        "analysis": {"summary": "Wants solar.", "structuredData": {"outcome": "qualified", "roof": "tile", "none": null}},
        "artifact": {
            "recordingUrl": "https://r.example/1.wav",
            "messages": [
                {"role": "system", "message": "You are …"},
                {"role": "bot", "message": "Hello", "secondsFromStart": 0.4},
                {"role": "user", "message": "Hi", "secondsFromStart": 2.6},
                {"role": "tool_calls", "message": "x"}, {"role": "user"}, 5,
            ],
            "structuredOutputs": {"o-1": {"name": "rooms", "result": 3}, "o-2": {"result": 3}},
        },
    })
}

#[test]
fn the_end_of_call_report_is_whole() {
    let heard = read(&*open(account()), &message("end-of-call-report", end()));
    assert_eq!(
        (heard[0].key.as_str(), heard[0].ours.as_deref()),
        ("c-1|end-of-call-report|ended", Some("int_1"))
    );
    let line = |role, text: &str, second| Said { role, text: text.into(), second: Some(second) };
    let wanted = Report {
        outcome: CallOutcome::Qualified,
        ended_reason: Some("customer-ended-call".into()),
        started_at: Some(at_(NOW)),
        ended_at: Some("2026-11-24T12:01:30.400Z".parse().unwrap()),
        duration_seconds: Some(90),
        summary: Some("Wants solar.".into()),
        recording_url: Some("https://r.example/1.wav".into()),
        transcript: vec![line(Role::Agent, "Hello", 0), line(Role::User, "Hi", 3)],
        answers: json!({"roof": "tile", "rooms": 3}).as_object().unwrap().clone(),
        callback_at: None,
        complete: true,
    };
    assert_eq!(reported(&heard), &wanted);
}

#[test]
fn a_call_that_broke_after_the_person_spoke_did_not_fail_to_be_made() {
    let mut broken = end();
    broken["endedReason"] = json!("pipeline-error-openai-llm-failed");
    broken["analysis"] = json!({});
    let heard = read(&*open(account()), &message("end-of-call-report", broken.clone()));
    assert_eq!(reported(&heard).outcome, CallOutcome::Incomplete);
    broken["artifact"] = json!({});
    let heard = read(&*open(account()), &message("end-of-call-report", broken));
    assert_eq!(reported(&heard).outcome, CallOutcome::Failed);
}

#[test]
fn the_state_is_asked_for_and_complete_once_analysed_or_old() {
    let vapi = open(account());
    assert_eq!(vapi.ask("c-1", at_(NOW)).unwrap().url, "https://api.vapi.ai/call/c-1");
    let call = |status: &str, reason: &str, analysis: Value| {
        json!({"id": "c-1", "status": status, "endedReason": reason, "endedAt": "2026-11-24T12:00:00Z", "analysis": analysis,
            "assistantOverrides": {"metadata": {"orderId": "int_1"}}})
    };
    let told = |body: &Value, date: &str| {
        let date = ("date".to_owned(), date.to_owned());
        vapi.told(&Answer { headers: vec![date], ..answer(200, body) })
    };
    let (soon, late) = ("Tue, 24 Nov 2026 12:04:59 GMT", "Tue, 24 Nov 2026 12:05:00 GMT");
    let ringing = told(&call("ringing", "", json!({})), soon);
    assert_eq!(ringing[0].key, "c-1|status-update|ringing");
    assert_eq!(ringing[0].ours.as_deref(), Some("int_1"));
    let summary = json!({"summary": "x"});
    for (reason, analysis, date, key, complete) in [
        ("customer-ended-call", &json!({}), soon, "c-1|status-update|ended", false),
        ("customer-ended-call", &json!({}), late, "c-1|polled|ended", true),
        ("customer-ended-call", &summary, soon, "c-1|end-of-call-report|ended", true),
        ("customer-busy", &json!({}), soon, "c-1|polled|ended", true),
    ] {
        let heard = told(&call("ended", reason, analysis.clone()), date);
        assert_eq!((heard[0].key.as_str(), reported(&heard).complete), (key, complete), "{reason}");
    }
    assert_eq!(vapi.told(&answer(404, &json!({}))), []);
}

#[test]
fn a_lost_call_is_found_by_our_id() {
    let vapi = open(account());
    let order = order("int_1", "");
    let url = vapi.find(&order).unwrap().url;
    assert_eq!(
        url,
        "https://api.vapi.ai/call?assistantId=as-1&createdAtGe=2026-11-24T11%3A00%3A00.000Z&limit=1000"
    );
    let call = |id: &str, ours: &str| json!({"id": id, "assistantOverrides": {"metadata": {"orderId": ours}}});
    let found = |list: Value| vapi.found(&answer(200, &list), &order);
    assert_eq!(found(json!([call("c-2", "int_2"), call("c-1", "int_1")])), Found::As("c-1".into()));
    assert_eq!(found(json!([call("c-2", "int_2")])), Found::No);
    assert_eq!(found(json!(vec![call("c-2", "int_2"); FIND_MAX])), Found::NotSure);
    assert_eq!(found(json!({})), Found::NotSure);
    assert_eq!(vapi.found(&answer(500, &json!([])), &order), Found::NotSure);
}
