//! Tests of ElevenLabs.
use super::*;
use crate::outreach::{
    providers::{
        sign::hex,
        testing::{
            NOW, SECRET, answer, body, header, headers, incoming, kind, open, order, read,
            report as reported, time,
        },
    },
    report::Said,
};

fn account() -> Value {
    json!({"type": "elevenlabs", "apiKey": {"secret": "a"}, "webhookSecret": {"secret": "b"}, "agentId": "ag-1", "agentPhoneNumberId": "pn-1"})
}

#[test]
fn a_call_carries_our_id_as_a_variable() {
    let mut variables = json!({"firstName": "Ann", "tags": ["a"], "system__x": 1, "none": null})
        .as_object()
        .unwrap()
        .clone();
    variables.insert("order_id".into(), "int_9".into());
    let wire = open(account()).place(&Order { variables: &variables, ..order("int_1", "Be kind") });
    assert_eq!(
        (wire.method, wire.url.as_str()),
        ("POST", "https://api.elevenlabs.io/v1/convai/twilio/outbound-call")
    );
    assert_eq!(header(&wire, "xi-api-key"), SECRET);
    let variables = json!({"firstName": "Ann", "tags": "[\"a\"]", "none": "", "order_id": "int_1", "instructions": "Be kind"});
    let wanted = json!({"agent_id": "ag-1", "agent_phone_number_id": "pn-1", "to_number": "+14155550100",
        "conversation_initiation_client_data": {"dynamic_variables": variables}});
    assert_eq!(body(&wire), wanted);
    let mut sent = body(&wire);
    let sent = sent["conversation_initiation_client_data"]["dynamic_variables"].take();
    assert_eq!(
        sent.as_object().unwrap().keys().next().map(String::as_str),
        Some("order_id"),
        "the first one"
    );
}

#[test]
fn an_answer_says_what_became_of_the_call() {
    let eleven = open(account());
    let good =
        json!({"success": true, "message": "ok", "conversation_id": "conv_1", "callSid": "CA1"});
    assert_eq!(eleven.placed(&answer(200, &good)), Placed::As("conv_1".into()));
    let said =
        |message: &str| json!({"success": false, "message": message, "conversation_id": null});
    for (status, body, wanted) in [
        (200, said("Twilio error 21211"), Some(RefusalKind::BadNumber)),
        (200, said("Invalid 'To' Phone Number"), Some(RefusalKind::BadNumber)),
        (
            200,
            said("The 'To' number +1 is not a valid phone number."),
            Some(RefusalKind::BadNumber),
        ),
        (200, said("Twilio error 20003"), Some(RefusalKind::Misconfigured)),
        (
            422,
            json!({"detail": [{"loc": ["body", "to_number"], "msg": "bad"}]}),
            Some(RefusalKind::BadNumber),
        ),
        (
            422,
            json!({"detail": [{"loc": ["body", "agent_id"], "msg": "bad"}]}),
            Some(RefusalKind::Misconfigured),
        ),
        (401, json!({"detail": {"message": "Invalid key"}}), Some(RefusalKind::Misconfigured)),
        (429, json!({}), Some(RefusalKind::Busy(None))),
        (500, said("21211"), None),
        (
            200,
            json!({"success": true, "message": "ok", "conversation_id": null, "callSid": "CA1"}),
            None,
        ),
    ] {
        assert_eq!(kind(&eleven.placed(&answer(status, &body))), wanted, "{status} {body}");
    }
}

fn verified(signature: &str, body: &[u8], now: i64) -> Result<(), NotGenuine> {
    let headers = headers(&[(SIGNATURE, signature)]);
    open(account()).verify(&incoming("", &headers, body), time(now))
}

#[test]
fn a_signature_holds_for_half_an_hour() {
    let tag = |key: &str, at: i64| {
        hex(&Hash::Sha256.sign(key.as_bytes(), format!("{at}.{{}}").as_bytes()))
    };
    let good = format!("t={NOW},v0={}", tag(SECRET, NOW));
    for now in [NOW - 1_800, NOW, NOW + 1_800] {
        assert_eq!(verified(&good, b"{}", now), Ok(()), "{now}");
    }
    assert_eq!(verified(&good, b"{}", NOW + 1_801), Err(NotGenuine::Stale(1_800)));
    assert_eq!(verified(&good, b"{}", NOW - 1_801), Err(NotGenuine::Stale(1_800)));
    assert_eq!(verified(&good, b"{ }", NOW), Err(NotGenuine::Forged));
    assert_eq!(
        verified(&format!("t={NOW},v0={}", tag("another", NOW)), b"{}", NOW),
        Err(NotGenuine::Forged)
    );
    assert_eq!(
        verified(&format!("t={},v0={}", NOW + 1, tag(SECRET, NOW)), b"{}", NOW),
        Err(NotGenuine::Forged)
    );
    assert_eq!(
        verified(&format!("t={NOW},v1={}", tag(SECRET, NOW)), b"{}", NOW),
        Err(NotGenuine::Forged)
    );
    assert_eq!(verified(&format!("v0=00,v0={}, t={NOW}", tag(SECRET, NOW)), b"{}", NOW), Ok(()));
    for bad in
        ["", "t=,v0=00", "t=now,v0=00", "t=-1,v0=00", "v0=00", "t=99999999999999999999,v0=00"]
    {
        assert_eq!(verified(bad, b"{}", NOW), Err(NotGenuine::Malformed(SIGNATURE)), "{bad}");
    }
    let unsigned = open(account()).verify(&incoming("", &[], b"{}"), time(NOW));
    assert_eq!(unsigned, Err(NotGenuine::Unsigned(SIGNATURE)));
}

#[test]
fn every_end_comes_to_an_outcome() {
    use CallOutcome::*;
    for (result, status, reason, wanted) in [
        ("answered", "done", "end_call tool was called", Completed),
        ("", "done", "Client disconnected: 1000", Completed),
        ("answered", "failed", "", Incomplete),
        ("", "failed", "", Failed),
        ("voicemail", "done", "", Voicemail),
        ("", "done", "Voicemail detection tool was called", Voicemail),
        ("busy", "done", "", Busy),
        ("no_answer", "failed", "", NoAnswer),
        ("failed", "failed", "", Failed),
    ] {
        let metadata = json!({"termination_reason": reason, "phone_call": {"type": "twilio", "call_result": result}});
        let call = json!({"status": status, "metadata": metadata});
        assert_eq!(outcome(&call), wanted, "{result} {status} {reason}");
    }
    for (reason, line, wanted) in [
        ("busy", "", Busy),
        ("no-answer", "", NoAnswer),
        ("unknown", "busy", Busy),
        ("unknown", "no-answer", NoAnswer),
        ("unknown", "failed", Failed),
        ("", "", Failed),
    ] {
        let data = json!({"conversation_id": "conv_1", "failure_reason": reason, "metadata": {"type": "twilio", "body": {"CallStatus": line}}});
        let heard =
            read(&*open(account()), &json!({"type": "call_initiation_failure", "data": data}));
        assert_eq!(
            (reported(&heard).outcome, reported(&heard).complete),
            (wanted, true),
            "{reason} {line}"
        );
        assert_eq!(heard[0].key, "conv_1|call_initiation_failure");
    }
}

fn call(status: &str) -> Value {
    json!({
        "conversation_id": "conv_1", "agent_id": "ag-1", "status": status,
        "metadata": {"start_time_unix_secs": NOW, "call_duration_secs": 90, "termination_reason": "end_call tool was called"},
        "transcript": [
            {"role": "agent", "message": "Hello", "time_in_call_secs": 0},
            {"role": "user", "message": "Hi", "time_in_call_secs": 3},
            {"role": "agent", "message": null, "tool_calls": [], "time_in_call_secs": 4},
        ],
        "analysis": {"transcript_summary": "Wants solar.", "call_successful": "success",
            "data_collection_results": {"roof": {"value": "tile", "rationale": "r"}, "outcome": {"value": "disqualified"}, "age": {"value": null}}},
        "conversation_initiation_client_data": {"dynamic_variables": {"order_id": "int_1"}},
    })
}

#[test]
fn the_whole_conversation_is_read() {
    let heard = read(
        &*open(account()),
        &json!({"type": "post_call_transcription", "event_timestamp": NOW, "data": call("done")}),
    );
    let known = (heard[0].ours.as_deref(), heard[0].key.as_str());
    assert_eq!(known, (Some("int_1"), "conv_1|post_call_transcription"));
    let line = |role, text: &str, second| Said { role, text: text.into(), second: Some(second) };
    let wanted = Report {
        outcome: CallOutcome::Disqualified,
        ended_reason: Some("end_call tool was called".into()),
        started_at: Some(time(NOW)),
        ended_at: Some(time(NOW + 90)),
        duration_seconds: Some(90),
        summary: Some("Wants solar.".into()),
        recording_url: None,
        transcript: vec![line(Role::Agent, "Hello", 0), line(Role::User, "Hi", 3)],
        answers: json!({"roof": "tile"}).as_object().unwrap().clone(),
        callback_at: None,
        complete: true,
    };
    assert_eq!(reported(&heard), &wanted);
    assert_eq!(
        open(account()).told(&answer(200, &call("done"))),
        heard,
        "told in the words of a webhook"
    );
    for other in ["post_call_audio", "voice_removed", ""] {
        assert_eq!(read(&*open(account()), &json!({"type": other, "data": call("done")})), []);
    }
    let bad = br#"{"type":"post_call_transcription","data":{}}"#;
    assert!(open(account()).read(&incoming("", &[], bad)).is_err());
}

#[test]
fn the_state_is_asked_for() {
    let eleven = open(account());
    assert_eq!(
        eleven.ask("conv_1", time(NOW)).unwrap().url,
        "https://api.elevenlabs.io/v1/convai/conversations/conv_1"
    );
    for status in ["initiated", "in-progress"] {
        let told = eleven.told(&answer(200, &call(status)));
        let wanted = (format!("conv_1|{status}"), What::Progress { status: status.into() });
        assert_eq!((told[0].key.clone(), told[0].what.clone()), wanted);
    }
    let told = eleven.told(&answer(200, &call("processing")));
    assert_eq!((told[0].key.as_str(), reported(&told).complete), ("conv_1|processing", false));
    assert_eq!(eleven.told(&answer(404, &json!({}))), []);
}

#[test]
fn a_lost_call_is_found_by_our_id_or_nobody_is_sure() {
    let eleven = open(account());
    let order = order("int_1", "");
    let wanted = format!(
        "https://api.elevenlabs.io/v1/convai/conversations?agent_id=ag-1&dynamic_variable_params=order_id%3Aeq%3Aint_1&call_start_after_unix={}&page_size=2",
        NOW - 3_600
    );
    assert_eq!(eleven.find(&order).unwrap().url, wanted);
    let found = |list: Value, more: bool| {
        eleven.found(&answer(200, &json!({"conversations": list, "has_more": more})), &order)
    };
    let one = json!({"conversation_id": "conv_1"});
    assert_eq!(found(json!([one]), false), Found::As("conv_1".into()));
    for (list, more) in
        [(json!([one]), true), (json!([one, one]), false), (json!([]), false), (json!({}), false)]
    {
        assert_eq!(found(list, more), Found::NotSure);
    }
}
