//! Replies of models and their servers: what is used, what is asked again, what is left.
use super::*;
use crate::exchange::NotSent;
use proptest::prelude::*;
use serde_json::json;

fn home() -> Question {
    Question {
        at: 0,
        label: "home".into(),
        given: "my flat".into(),
        allowed: vec!["Condo".into(), "House".into()],
        format: None,
        instructions: None,
    }
}

fn answered(status: u16, headers: &[(&str, &str)], body: impl Into<bytes::Bytes>) -> Exchange {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let headers = headers.iter().map(owned).collect();
    Exchange::Answered(Answer { status, headers, body: body.into(), cut: false }, Duration::ZERO)
}

fn said(content: &str) -> Exchange {
    let message = json!({"role": "assistant", "content": content});
    let body = json!({"choices": [{"finish_reason": "stop", "message": message}], "usage": {"total_tokens": 12}});
    answered(200, &[], body.to_string())
}

fn reading(exchange: &Exchange) -> Reading {
    read(exchange, &[&home()], "2026-11-21T12:00:00Z".parse().unwrap()).0
}

#[test]
fn a_reply_that_keeps_the_schema_is_used() {
    let (reading, tokens) = read(
        &said(r#"{"f1": {"value": "Condo", "confidence": 0.9}}"#),
        &[&home()],
        "2026-11-21T12:00:00Z".parse().unwrap(),
    );
    let choice = Choice { value: Some("Condo".into()), confidence: 0.9, cached: false };
    assert_eq!((reading, tokens), (Reading::Usable(vec![choice]), 12));
    let none = reading_of(r#"{"f1": {"confidence": 1, "value": null}}"#);
    assert!(matches!(none, Reading::Usable(choices) if choices[0].value.is_none()));
}

fn reading_of(content: &str) -> Reading {
    reading(&said(content))
}

#[test]
fn a_reply_that_breaks_the_schema_may_be_repaired() {
    for (content, says) in [
        ("Condo, I think", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "`f1` is missing"),
        (r#"{"f1": "Condo"}"#, "not an object"),
        (r#"{"f1": {"value": "Castle", "confidence": 1}}"#, "not among"),
        (r#"{"f1": {"value": "condo", "confidence": 1}}"#, "not among"),
        (r#"{"f1": {"value": 7, "confidence": 1}}"#, "neither text nor null"),
        (r#"{"f1": {"value": "Condo", "confidence": 7}}"#, "from 0 to 1"),
        (r#"{"f1": {"value": "Condo"}}"#, "not an object of"),
        (r#"{"f1": {"value": null, "confidence": 1, "why": ""}}"#, "not an object of"),
        (r#"{"f1": {"value": null, "confidence": 1}, "f2": 1}"#, "`f2` was not asked for"),
    ] {
        match reading_of(content) {
            Reading::Invalid { why, reply } => {
                assert!(why.contains(says), "{content}: {why}");
                assert_eq!(reply, content);
            }
            other => panic!("{content}: {other:?}"),
        }
    }
}

#[test]
fn what_would_not_change_is_not_asked_again() {
    let choice = |finish: &str, message: Value| {
        json!({"choices": [{"finish_reason": finish, "message": message}]}).to_string()
    };
    for (exchange, says) in [
        (answered(200, &[], choice("stop", json!({"refusal": "I cannot"}))), "refused"),
        (answered(200, &[], choice("length", json!({"content": "{"}))), "cut off"),
        (answered(200, &[], choice("content_filter", json!({}))), "withheld"),
        (answered(200, &[], r#"{"choices": []}"#), "no choices"),
        (answered(200, &[], "<html>"), "not JSON"),
        (answered(401, &[], ""), "answered 401"),
        (answered(302, &[], ""), "answered 302"),
        (Exchange::NotSent { why: NotSent::Malformed("x".into()) }, "cannot be written"),
    ] {
        match reading(&exchange) {
            Reading::NoAnswer(why) => assert!(why.contains(says), "{why}"),
            other => panic!("{says}: {other:?}"),
        }
    }
}

#[test]
fn what_may_pass_is_asked_later_and_its_wish_is_kept_within_bounds() {
    for (exchange, wish) in [
        (answered(429, &[("Retry-After", "7")], ""), Some(7)),
        (answered(429, &[("retry-after", "999999")], ""), Some(300)),
        (answered(503, &[], ""), None),
        (answered(500, &[], ""), None),
        (Exchange::Unknown { why: "no whole answer".into() }, None),
        (Exchange::NotSent { why: NotSent::NoConnection("refused".into()) }, None),
    ] {
        match reading(&exchange) {
            Reading::Away { asked, .. } => assert_eq!(asked.map(|asked| asked.as_secs()), wish),
            other => panic!("{exchange:?}: {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn whatever_a_model_says_only_a_listed_value_gets_through(
        value in prop_oneof![Just("Condo".to_owned()), Just("House".to_owned()), ".{0,12}"],
        confidence in -2.0..3.0_f64,
        noise in ".{0,30}",
    ) {
        let reply = json!({"f1": {"value": value, "confidence": confidence}}).to_string();
        for content in [reply.clone(), noise.clone(), format!("{reply}{noise}")] {
            if let Reading::Usable(choices) = reading_of(&content) {
                let allowed = home().allowed;
                prop_assert!(choices[0].value.as_ref().is_none_or(|value| allowed.contains(value)));
                prop_assert!((0.0..=1.0).contains(&choices[0].confidence));
            }
        }
    }
}
