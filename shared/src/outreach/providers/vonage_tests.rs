//! Tests of Vonage.
use super::*;
use crate::outreach::providers::{
    sign::{base64_url, hex},
    testing::{
        CALLBACK, NOW, SECRET, answer, body, header, headers, incoming, kind, open, order, read,
        time,
    },
};

fn account() -> Value {
    json!({"type": "vonage", "apiKey": "abc", "apiSecret": {"secret": "s"}, "signatureSecret": {"secret": "g"}, "from": "+14155550199"})
}

#[test]
fn a_text_is_sent_with_our_id_and_callback() {
    let wire = open(account()).place(&order("msg_1", "Hi"));
    assert_eq!((wire.method, wire.url.as_str()), ("POST", "https://api.nexmo.com/v1/messages"));
    let credentials = super::super::sign::base64(format!("abc:{SECRET}").as_bytes());
    assert_eq!(header(&wire, "authorization"), format!("Basic {credentials}"));
    let wanted = json!({"message_type": "text", "channel": "sms", "to": "14155550100", "from": "14155550199",
        "text": "Hi", "client_ref": "msg_1", "webhook_url": CALLBACK, "webhook_version": "v1"});
    assert_eq!(body(&wire), wanted);
    let named = open(account()).place(&Order { from: Some("ACME"), ..order("msg_1", "Hi") });
    assert_eq!(body(&named)["from"], "ACME");
    assert_eq!(open(account()).ask("u", time(NOW)), None);
}

#[test]
fn an_answer_says_what_became_of_the_text() {
    let vonage = open(account());
    assert_eq!(
        vonage.placed(&answer(202, &json!({"message_uuid": "u-1"}))),
        Placed::As("u-1".into())
    );
    let coded = |code: &str| json!({"type": format!("https://developer.vonage.com/api-errors/messages#{code}"), "title": "no"});
    let invalid = |name: &str| json!({"title": "no", "invalid_parameters": [{"name": name, "reason": "bad"}]});
    for (status, body, wanted) in [
        (422, coded("1170"), Some(RefusalKind::BadNumber)),
        (422, coded("1190"), Some(RefusalKind::BadNumber)),
        (422, coded("1240"), Some(RefusalKind::BadNumber)),
        (422, coded("1250"), Some(RefusalKind::BadNumber)),
        (422, coded("1260"), Some(RefusalKind::BadNumber)),
        (422, invalid("to"), Some(RefusalKind::BadNumber)),
        (422, invalid("from"), Some(RefusalKind::Misconfigured)),
        (422, coded("1000"), Some(RefusalKind::Busy(None))),
        (429, coded("1000"), Some(RefusalKind::Busy(None))),
        (429, json!({}), Some(RefusalKind::Busy(None))),
        (401, json!({"title": "Unauthorized"}), Some(RefusalKind::Misconfigured)),
        (402, json!({"title": "Low balance"}), Some(RefusalKind::Misconfigured)),
        (500, coded("1170"), None),
        (202, json!({}), None),
    ] {
        assert_eq!(kind(&vonage.placed(&answer(status, &body))), wanted, "{status} {body}");
    }
}

fn jwt(head: &Value, claims: &Value, key: &str) -> String {
    let signed = [head, claims].map(|part| base64_url(part.to_string().as_bytes())).join(".");
    let tag = Hash::Sha256.sign(key.as_bytes(), signed.as_bytes());
    format!("Bearer {signed}.{}", base64_url(&tag))
}

fn verified(authorization: &str, body: &[u8]) -> Result<(), NotGenuine> {
    let headers = headers(&[("authorization", authorization)]);
    open(account()).verify(&incoming("", &headers, body), time(NOW))
}

#[test]
fn a_token_fits_the_account_the_time_and_the_body() {
    let hs256 = json!({"alg": "HS256", "typ": "JWT"});
    let good =
        json!({"iat": NOW, "api_key": "abc", "payload_hash": hex(&sha256(b"{}")), "jti": "1"});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        verified(&jwt(&hs256, &claims, SECRET), b"{}")
    };
    let token = jwt(&hs256, &good, SECRET);
    assert_eq!(verified(&token, b"{}"), Ok(()));
    assert_eq!(verified(&token.replace("Bearer", "bearer"), b"{}"), Ok(()));
    assert_eq!(with("payload_hash", json!(hex(&sha256(b"{}")).to_uppercase())), Ok(()));
    assert_eq!(with("exp", json!(NOW + 1)), Ok(()));
    assert_eq!(with("iat", json!(NOW - 300)), Ok(()));
    assert_eq!(with("iat", json!(NOW - 301)), Err(NotGenuine::Stale(300)));
    assert_eq!(with("iat", json!(NOW + 301)), Err(NotGenuine::Stale(300)));
    assert_eq!(with("exp", json!(NOW - 1)), Err(NotGenuine::Stale(300)));
    assert_eq!(with("iat", json!("now")), Err(NotGenuine::Malformed("it has no time")));
    assert_eq!(with("api_key", json!("abd")), Err(NotGenuine::Forged));
    assert_eq!(with("api_key", Value::Null), Err(NotGenuine::Forged));
    assert_eq!(with("payload_hash", json!("00")), Err(NotGenuine::Forged));
    assert_eq!(with("payload_hash", Value::Null), Err(NotGenuine::Unsigned("payload_hash")));
    assert_eq!(verified(&token, b"{ }"), Err(NotGenuine::Forged));
    assert_eq!(verified(&jwt(&hs256, &good, "another"), b"{}"), Err(NotGenuine::Forged));
    let none = jwt(&json!({"alg": "none"}), &good, SECRET);
    assert_eq!(verified(&none, b"{}"), Err(NotGenuine::Malformed("its algorithm is not HS256")));
    assert_eq!(verified("Basic abc", b"{}"), Err(NotGenuine::Malformed("it is no bearer token")));
    for broken in
        ["Bearer ", "Bearer a", "Bearer a.b", "Bearer a.b.c", "Bearer ..", "Bearer a.b.c.d"]
    {
        assert_eq!(verified(broken, b"{}"), Err(NotGenuine::Malformed("it is no JWT")), "{broken}");
    }
    let unsigned = open(account()).verify(&incoming("", &[], b"{}"), time(NOW));
    assert_eq!(unsigned, Err(NotGenuine::Unsigned("authorization")));
}

#[test]
fn every_status_is_known_and_has_its_key() {
    for (word, wanted) in [
        ("accepted", Some(TextStatus::Accepted)),
        ("submitted", Some(TextStatus::Sent)),
        ("delivered", Some(TextStatus::Delivered)),
        ("read", Some(TextStatus::Delivered)),
        ("rejected", Some(TextStatus::Failed)),
        ("undeliverable", Some(TextStatus::Failed)),
        ("a new one", None),
    ] {
        let heard = read(
            &*open(account()),
            &json!({"message_uuid": "u-1", "status": word, "client_ref": "msg_1"}),
        );
        let wanted = wanted.map(|status| Heard {
            ours: Some("msg_1".into()),
            reference: Some("u-1".into()),
            key: format!("u-1|{word}|"),
            what: What::Status { status, error: None },
        });
        assert_eq!(heard, wanted.into_iter().collect::<Vec<_>>());
    }
    let failed = json!({"message_uuid": "u-1", "status": "rejected",
        "error": {"type": "https://developer.vonage.com/api-errors/messages#1260", "title": "1260", "detail": "Unreachable"}});
    let heard = read(&*open(account()), &failed).remove(0);
    assert_eq!(heard.key, "u-1|rejected|1260");
    assert_eq!(
        heard.what,
        What::Status { status: TextStatus::Failed, error: Some("1260: Unreachable".into()) }
    );
}

#[test]
fn a_text_of_a_person_is_read_and_its_numbers_completed() {
    let vonage = open(account());
    let inbound = json!({"channel": "sms", "message_uuid": "u-2", "from": "14155550100", "to": "14155550199",
        "message_type": "text", "text": "Yes", "sms": {"num_messages": "1"}});
    let heard = read(&*vonage, &inbound);
    let text = InboundText {
        from: "+14155550100".into(),
        to: "+14155550199".into(),
        body: "Yes".into(),
        media: 0,
        keyword: None,
    };
    assert_eq!(
        heard,
        [Heard {
            ours: None,
            reference: Some("u-2".into()),
            key: "in|u-2".into(),
            what: What::Text(text)
        }]
    );
    let picture = json!({"message_uuid": "u-3", "from": "14155550100", "to": "14155550199", "message_type": "image"});
    assert!(
        matches!(&read(&*vonage, &picture)[0].what, What::Text(text) if text.media == 1 && text.body.is_empty())
    );
    assert_eq!(
        read(
            &*vonage,
            &json!({"message_uuid": "u-4", "from": "ACME", "to": "14155550199", "text": "ad"})
        ),
        []
    );
    for bad in ["{", "[]", "{}", r#"{"message_uuid": 5, "status": "read"}"#] {
        assert!(vonage.read(&incoming("", &[], bad.as_bytes())).is_err(), "{bad}");
    }
}
