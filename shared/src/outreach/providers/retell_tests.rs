//! Tests of Retell.
use super::*;
use crate::outreach::{
    provider::RefusalKind,
    providers::{
        sign::hex,
        testing::{
            NOW, SECRET, answer, body, header, headers, incoming, kind, open, open_with, order,
            read, report as reported, time,
        },
    },
    report::Said,
};

fn account() -> Value {
    json!({"type": "retell", "apiKey": {"secret": "a"}, "agentId": "ag-1", "from": "+14155550199"})
}

#[test]
fn a_call_carries_our_id_and_texts_only() {
    let wire = open(account()).place(&order("int_1", "Be kind"));
    assert_eq!(
        (wire.method, wire.url.as_str()),
        ("POST", "https://api.retellai.com/v2/create-phone-call")
    );
    assert_eq!(header(&wire, "authorization"), format!("Bearer {SECRET}"));
    let wanted = json!({"from_number": "+14155550199", "to_number": "+14155550100", "override_agent_id": "ag-1",
        "metadata": {"orderId": "int_1"}, "agent_override": {"agent": {"webhook_url": "https://leads.example.com/api/v1/hooks/agent_1"}},
            "idempotency_key": "int_1",
        "retell_llm_dynamic_variables": {"firstName": "Ann", "rooms": "3", "tags": "[\"a\"]", "instructions": "Be kind"}});
    assert_eq!(body(&wire), wanted);
    let from = open(account()).place(&Order { from: Some("+14155550177"), ..order("int_1", "") });
    assert_eq!(body(&from)["from_number"], "+14155550177");
}

#[test]
fn an_answer_says_what_became_of_the_call() {
    let retell = open(account());
    let good = json!({"call_id": "c-1", "call_status": "registered"});
    assert_eq!(retell.placed(&answer(201, &good)), Placed::As("c-1".into()));
    let said = |message: &str| json!({"status": "error", "message": message});
    for (status, body, wanted) in [
        (422, said("Invalid to_number"), Some(RefusalKind::BadNumber)),
        (400, said("Invalid to_number"), Some(RefusalKind::BadNumber)),
        (422, said("Agent not found"), Some(RefusalKind::Misconfigured)),
        (401, said("Invalid key"), Some(RefusalKind::Misconfigured)),
        (402, said("Trial over"), Some(RefusalKind::Misconfigured)),
        (429, said("Rate limited"), Some(RefusalKind::Busy(None))),
        (500, said("to_number"), None),
    ] {
        assert_eq!(kind(&retell.placed(&answer(status, &body))), wanted, "{status} {body}");
    }
}

fn verified(signature: &str, body: &[u8], now: i64) -> Result<(), NotGenuine> {
    let retell = open_with(account(), &|_| "test-api-key".into());
    let headers = headers(&[("x-retell-signature", signature)]);
    retell.verify(&incoming("", &headers, body), time(now))
}

#[test]
fn the_published_vector_is_verified_and_nothing_near_it() {
    const AT: i64 = 1_700_000_000;
    let body = br#"{"event":"call_ended"}"#;
    let tag = "07024cabe7dd8f6d1c6e4a8324ca92c812e6ad4a7ee506c04f7e462e3321823e";
    let good = format!("v={AT}000,d={tag}");
    for now in [AT - 300, AT, AT + 300] {
        assert_eq!(verified(&good, body, now), Ok(()), "{now}");
    }
    assert_eq!(verified(&good, body, AT + 301), Err(NotGenuine::Stale(300)));
    assert_eq!(verified(&good, body, AT - 301), Err(NotGenuine::Stale(300)));
    assert_eq!(verified(&good, b"{}", AT), Err(NotGenuine::Forged));
    assert_eq!(verified(&format!("v={AT}001,d={tag}"), body, AT), Err(NotGenuine::Forged));
    for bad in [
        String::new(),
        format!("v=+{AT}000,d={tag}"),
        format!("v=,d={tag}"),
        format!("v=99999999999999999999,d={tag}"),
        format!("v={AT}000,d={}", tag.to_uppercase()),
        format!("v={AT}000,d={}", &tag[1..]),
        format!("v={AT}000,d={tag},x=1"),
        format!("d={tag},v={AT}000"),
        format!(" {good}"),
    ] {
        assert_eq!(verified(&bad, body, AT), Err(NotGenuine::Malformed(SIGNATURE)), "{bad}");
    }
    let other = hex(&Hash::Sha256.sign(b"another", &[body.as_slice(), b"1700000000000"].concat()));
    assert_eq!(verified(&format!("v={AT}000,d={other}"), body, AT), Err(NotGenuine::Forged));
    let unsigned = open(account()).verify(&incoming("", &[], body), time(AT));
    assert_eq!(unsigned, Err(NotGenuine::Unsigned(SIGNATURE)));
}

#[test]
fn every_reason_comes_to_an_outcome() {
    use CallOutcome::*;
    let groups: [(CallOutcome, &[&str]); 9] = [
        (
            Completed,
            &[
                "user_hangup",
                "agent_hangup",
                "call_transfer",
                "transfer_bridged",
                "call_take_over",
                "",
                "a_new_one",
            ],
        ),
        (Dnc, &["user_requested_dnc"]),
        (ScheduledCallback, &["user_requested_callback"]),
        (Voicemail, &["voicemail_reached"]),
        (NoContact, &["ivr_reached", "invalid_destination"]),
        (
            Incomplete,
            &["inactivity", "max_duration_reached", "transfer_cancelled", "manual_stopped"],
        ),
        (Busy, &["dial_busy"]),
        (NoAnswer, &["dial_no_answer", "user_declined"]),
        (
            Failed,
            &[
                "dial_failed",
                "concurrency_limit_reached",
                "no_concurrency_fallback",
                "no_valid_payment",
                "credit_exhausted",
                "budget_reached",
                "scam_detected",
                "telephony_provider_permission_denied",
                "telephony_provider_unavailable",
                "sip_routing_error",
                "marked_as_spam",
                "network_blocked",
                "registered_call_timeout",
                "error_retell",
                "error_asr",
                "error_user_not_joined",
            ],
        ),
    ];
    for (wanted, reasons) in groups {
        for reason in reasons {
            assert_eq!(outcome(reason, Some("ended")), wanted, "{reason}");
        }
    }
    assert_eq!(outcome("", Some("not_connected")), NoAnswer);
    assert_eq!(outcome("", Some("error")), Failed);
}

fn call(more: Value) -> Value {
    let mut call = json!({"call_id": "c-1", "metadata": {"orderId": "int_1"}, "disconnection_reason": "user_hangup",
        "start_timestamp": NOW * 1_000, "end_timestamp": NOW * 1_000 + 90_400, "duration_ms": 90_400});
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call
}

fn event(name: &str, more: Value) -> Vec<Heard> {
    read(&*open(account()), &json!({"event": name, "call": call(more)}))
}

#[test]
fn a_connected_call_is_complete_once_analysed() {
    let started = event("call_started", json!({}));
    let what = What::Progress { status: "ongoing".into() };
    let key = "c-1|call_started".into();
    assert_eq!(
        started,
        [Heard { ours: Some("int_1".into()), reference: Some("c-1".into()), key, what }]
    );
    let ended = event("call_ended", json!({"recording_url": "https://r.example/1.wav"}));
    assert_eq!(ended[0].key, "c-1|call_ended");
    assert!(!reported(&ended).complete);
    let busy = event("call_ended", json!({"disconnection_reason": "dial_busy"}));
    assert_eq!((reported(&busy).outcome, reported(&busy).complete), (CallOutcome::Busy, true));
    for other in ["transcript_updated", "transfer_started", ""] {
        assert_eq!(event(other, json!({})), []);
    }
    let bad = br#"{"event":"call_ended","call":{}}"#;
    assert!(open(account()).read(&incoming("", &[], bad)).is_err());
}

#[test]
fn the_analysis_is_read() {
    let heard = event(
        "call_analyzed",
        json!({
            "transcript_object": [
                {"role": "agent", "content": "Hello", "words": [{"word": "Hello", "start": 0.7, "end": 1.0}]},
                {"role": "user", "content": "Hi", "words": []},
                {"role": "transfer_target", "content": "x", "words": []},
            ],
            "call_analysis": {"call_summary": "Wants solar.", "in_voicemail": false,
                "custom_analysis_data": {"outcome": "follow_up", "roof": "tile"}},
        }),
    );
    assert_eq!(heard[0].key, "c-1|call_analyzed");
    let line = |role, text: &str, second| Said { role, text: text.into(), second };
    let wanted = Report {
        outcome: CallOutcome::FollowUp,
        ended_reason: Some("user_hangup".into()),
        started_at: Some(time(NOW)),
        ended_at: Some(time(NOW) + TimeDelta::milliseconds(90_400)),
        duration_seconds: Some(90),
        summary: Some("Wants solar.".into()),
        recording_url: None,
        transcript: vec![line(Role::Agent, "Hello", Some(1)), line(Role::User, "Hi", None)],
        answers: json!({"roof": "tile"}).as_object().unwrap().clone(),
        callback_at: None,
        complete: true,
    };
    assert_eq!(reported(&heard), &wanted);
    let said = json!([{"role": "user", "content": "Hi", "words": []}]);
    let broken = event(
        "call_ended",
        json!({"disconnection_reason": "error_asr", "transcript_object": said}),
    );
    assert_eq!(
        (reported(&broken).outcome, reported(&broken).complete),
        (CallOutcome::Incomplete, false)
    );
    let machine = event("call_analyzed", json!({"call_analysis": {"in_voicemail": true}}));
    assert_eq!(reported(&machine).outcome, CallOutcome::Voicemail);
}

#[test]
fn the_state_is_asked_for_and_told_in_the_words_of_a_webhook() {
    let retell = open(account());
    assert_eq!(
        retell.ask("c-1", time(NOW)).unwrap().url,
        "https://api.retellai.com/v2/get-call/c-1"
    );
    let told = |more: Value, after: i64| {
        let date = ("date".to_owned(), time(NOW + after).to_rfc2822());
        retell.told(&Answer { headers: vec![date], ..answer(200, &call(more)) })
    };
    assert_eq!(told(json!({"call_status": "registered"}), 0), []);
    assert_eq!(told(json!({"call_status": "ongoing"}), 0), event("call_started", json!({})));
    let ended = json!({"call_status": "ended"});
    assert_eq!(told(ended.clone(), 100), event("call_ended", ended.clone()));
    let waited = told(ended, 400);
    assert_eq!((waited[0].key.as_str(), reported(&waited).complete), ("c-1|polled", true));
    let analysed = json!({"call_status": "ended", "call_analysis": {"call_summary": "x"}});
    assert_eq!(told(analysed.clone(), 100), event("call_analyzed", analysed));
    let busy = json!({"call_status": "not_connected", "disconnection_reason": "dial_busy"});
    assert_eq!(told(busy.clone(), 400), event("call_ended", busy));
    assert_eq!(retell.told(&answer(404, &json!({}))), []);
}

#[test]
fn a_lost_call_is_found_by_our_id() {
    let retell = open(account());
    let order = order("int_1", "");
    let wire = retell.find(&order).unwrap();
    assert_eq!(
        (wire.method, wire.url.as_str()),
        ("POST", "https://api.retellai.com/v3/list-calls")
    );
    let filter =
        json!({"metadata": [{"type": "string", "op": "eq", "key": "orderId", "value": "int_1"}]});
    assert_eq!(body(&wire), json!({"filter_criteria": filter, "limit": 2}));
    let found = |list: Value| retell.found(&answer(200, &list), &order);
    let other = json!({"call_id": "c-2", "metadata": {"orderId": "int_2"}});
    assert_eq!(
        found(json!({"items": [other, call(json!({}))], "has_more": false})),
        Found::As("c-1".into())
    );
    assert_eq!(found(json!({"items": [], "has_more": false})), Found::No);
    assert_eq!(found(json!({"items": [other], "has_more": false})), Found::NotSure);
    assert_eq!(found(json!([])), Found::NotSure);
}
