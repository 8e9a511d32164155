//! Tests of Twilio.
use super::*;
use crate::outreach::providers::testing::{
    CALLBACK, NOW, SECRET, answer, header, headers, incoming, kind, open, order, time,
};
use serde_json::json;

fn account() -> Value {
    json!({"type": "twilio", "accountSid": "AC1", "authToken": {"secret": "t"}, "from": "+14155550199"})
}

fn fields(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body).into_owned().collect()
}

#[test]
fn a_text_is_sent_as_a_form() {
    let wire = open(account()).place(&order("msg_1", "Hi & bye"));
    assert_eq!(
        (wire.method, wire.url.as_str()),
        ("POST", "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json")
    );
    assert_eq!(header(&wire, "content-type"), "application/x-www-form-urlencoded");
    let credentials = super::super::sign::base64(format!("AC1:{SECRET}").as_bytes());
    assert_eq!(header(&wire, "authorization"), format!("Basic {credentials}"));
    let callback = format!("{CALLBACK}?message=msg_1");
    let wanted = [
        ("To", "+14155550100"),
        ("From", "+14155550199"),
        ("Body", "Hi & bye"),
        ("StatusCallback", &callback),
    ];
    assert_eq!(fields(&wire.body), headers(&wanted));
    assert!(!format!("{wire:?}").contains("Basic"));
}

#[test]
fn the_sender_is_the_order_s_or_the_account_s() {
    let mut service = account();
    service.as_object_mut().unwrap().remove("from");
    service["messagingServiceSid"] = json!("MG1");
    service["baseUrl"] = json!("http://127.0.0.1:1/twilio/");
    let twilio = open(service);
    let wire = twilio.place(&order("msg_1", "Hi"));
    assert!(wire.url.starts_with("http://127.0.0.1:1/twilio/2010-04-01/"), "{}", wire.url);
    assert!(fields(&wire.body).contains(&("MessagingServiceSid".into(), "MG1".into())));
    let wire = twilio.place(&Order {
        from: Some("+14155550177"),
        callback: "https://a.example/x?y=1",
        ..order("msg_1", "Hi")
    });
    let sent = fields(&wire.body);
    assert!(sent.contains(&("From".into(), "+14155550177".into())), "{sent:?}");
    assert!(
        sent.contains(&("StatusCallback".into(), "https://a.example/x?y=1&message=msg_1".into()))
    );
}

#[test]
fn an_answer_says_what_became_of_the_text() {
    let twilio = open(account());
    let good = answer(201, &json!({"sid": "SM1", "status": "queued", "num_segments": "1"}));
    assert_eq!(twilio.placed(&good), Placed::As("SM1".into()));
    for (status, code, wanted) in [
        (400, 21_610, Some(RefusalKind::OptedOut)),
        (400, 21_211, Some(RefusalKind::BadNumber)),
        (400, 21_214, Some(RefusalKind::BadNumber)),
        (400, 21_217, Some(RefusalKind::BadNumber)),
        (400, 21_265, Some(RefusalKind::BadNumber)),
        (403, 21_408, Some(RefusalKind::BadNumber)),
        (400, 21_612, Some(RefusalKind::BadNumber)),
        (400, 21_614, Some(RefusalKind::BadNumber)),
        (400, 21_635, Some(RefusalKind::BadNumber)),
        (429, 20_429, Some(RefusalKind::Busy(Some(std::time::Duration::from_secs(3))))),
        (429, 0, Some(RefusalKind::Busy(Some(std::time::Duration::from_secs(3))))),
        (400, 21_611, Some(RefusalKind::Busy(Some(std::time::Duration::from_secs(3))))),
        (429, 14_107, Some(RefusalKind::Busy(Some(std::time::Duration::from_secs(3))))),
        (401, 20_003, Some(RefusalKind::Misconfigured)),
        (400, 21_606, Some(RefusalKind::Misconfigured)),
        (404, 20_404, Some(RefusalKind::Misconfigured)),
        (500, 20_500, None),
        (503, 21_610, None),
        (201, 0, None),
    ] {
        let body = json!({"code": code, "message": "no", "status": status});
        let answer = Answer { headers: headers(&[("retry-after", "3")]), ..answer(status, &body) };
        assert_eq!(kind(&twilio.placed(&answer)), wanted, "{status} {code}");
    }
    let page = Answer { status: 200, body: "<html>".into(), ..Answer::default() };
    assert!(matches!(twilio.placed(&page), Placed::Unsure(_)));
}

fn read(query: &str, form: &str) -> Vec<Heard> {
    open(account()).read(&incoming(query, &[], form.as_bytes())).unwrap()
}

#[test]
fn every_status_is_known_and_has_its_key() {
    for (word, wanted) in [
        ("accepted", Some(TextStatus::Accepted)),
        ("scheduled", Some(TextStatus::Accepted)),
        ("queued", Some(TextStatus::Accepted)),
        ("sending", Some(TextStatus::Sending)),
        ("sent", Some(TextStatus::Sent)),
        ("delivered", Some(TextStatus::Delivered)),
        ("read", Some(TextStatus::Delivered)),
        ("partially_delivered", Some(TextStatus::Delivered)),
        ("failed", Some(TextStatus::Failed)),
        ("undelivered", Some(TextStatus::Failed)),
        ("canceled", Some(TextStatus::Failed)),
        ("receiving", None),
        ("a new one", None),
    ] {
        let heard = read("message=msg_1", &format!("MessageSid=SM1&MessageStatus={word}&New=1"));
        let got = heard.first().map(|heard| match &heard.what {
            What::Status { status, error: None } => *status,
            other => panic!("{other:?}"),
        });
        assert_eq!(got, wanted, "{word}");
        if let [heard] = heard.as_slice() {
            assert_eq!(heard.key, format!("SM1|{word}|"));
            assert_eq!(
                (heard.ours.as_deref(), heard.reference.as_deref()),
                (Some("msg_1"), Some("SM1"))
            );
        }
    }
}

#[test]
fn a_failure_says_why_and_an_opt_out_is_marked() {
    let failed = |code: &str| {
        read(
            "message=lead_1",
            &format!("MessageSid=SM1&MessageStatus=undelivered&ErrorCode={code}"),
        )
        .remove(0)
    };
    let heard = failed("30003");
    assert_eq!((heard.key.as_str(), heard.ours), ("SM1|undelivered|30003", None));
    assert_eq!(
        heard.what,
        What::Status { status: TextStatus::Failed, error: Some("30003".into()) }
    );
    assert!(!heard.what.is_opt_out() && failed("21610").what.is_opt_out());
}

#[test]
fn a_text_of_a_person_is_read() {
    let form = "MessageSid=SM2&SmsStatus=received&From=%2B14155550100&To=%2B14155550199&Body=STOP+&NumMedia=2&OptOutType=STOP";
    let text = InboundText {
        from: "+14155550100".into(),
        to: "+14155550199".into(),
        body: "STOP ".into(),
        media: 2,
        keyword: Some(Keyword::Stop),
    };
    let reference = Some("SM2".into());
    assert_eq!(
        read("", form),
        [Heard { ours: None, reference, key: "in|SM2".into(), what: What::Text(text) }]
    );
    for (word, wanted) in
        [("START", Some(Keyword::Start)), ("HELP", Some(Keyword::Help)), ("", None), ("x", None)]
    {
        assert_eq!(keyword(word), wanted);
    }
    assert_eq!(read("", "MessageSid=SM2&From=72345&To=%2B14155550199&Body=ad"), []);
    assert!(open(account()).read(&incoming("", &[], b"Body=x")).is_err());
    assert_eq!(open(account()).thanks(), ("text/xml", "<Response/>"));
}

#[test]
fn the_state_is_asked_for_and_told_in_the_words_of_a_webhook() {
    let twilio = open(account());
    let wire = twilio.ask("SM1", time(NOW)).unwrap();
    assert_eq!(
        (wire.method, wire.url.as_str()),
        ("GET", "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/SM1.json")
    );
    let told =
        twilio.told(&answer(200, &json!({"sid": "SM1", "status": "failed", "error_code": 30_005})));
    assert_eq!(told, read("", "MessageSid=SM1&MessageStatus=failed&ErrorCode=30005"));
    let told = twilio
        .told(&answer(200, &json!({"sid": "SM1", "status": "delivered", "error_code": null})));
    assert_eq!(told, read("", "MessageSid=SM1&MessageStatus=delivered"));
    assert_eq!(twilio.told(&answer(404, &json!({"code": 20_404}))), []);
}

#[test]
fn a_lost_text_is_found_by_its_words_number_and_time() {
    let twilio = open(account());
    let order = order("msg_1", "Hi");
    let wire = twilio.find(&order).unwrap();
    assert_eq!(
        wire.url,
        "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json?To=%2B14155550100&PageSize=100"
    );
    let message = |sid: &str, body: &str, at: i64| {
        json!({"sid": sid, "body": body, "to": "+14155550100", "direction": "outbound-api",
            "date_created": time(NOW + at).to_rfc2822()})
    };
    let found = |list: Value, more: Value| {
        twilio.found(&answer(200, &json!({"messages": list, "next_page_uri": more})), &order)
    };
    let mut reply = message("SM4", "Hi", 5);
    reply["direction"] = json!("inbound");
    let none = Value::Null;
    let others = [message("SM2", "Ho", 5), message("SM3", "Hi", -7_200), reply];
    assert_eq!(found(json!(others), none.clone()), Found::No);
    assert_eq!(found(json!(others), json!("/next")), Found::NotSure);
    assert_eq!(
        found(json!([message("SM1", "Hi", 5), others[0]]), json!("/next")),
        Found::As("SM1".into())
    );
    assert_eq!(
        found(json!([message("SM1", "Hi", 5), message("SM5", "Hi", -5)]), none),
        Found::NotSure
    );
    // An order may have waited for long: what came of it is not taken for nothing.
    assert_eq!(found(json!([message("SM1", "Hi", 7_200)]), Value::Null), Found::As("SM1".into()));
    assert_eq!(twilio.found(&answer(500, &json!({"messages": []})), &order), Found::NotSure);
    assert_eq!(twilio.found(&answer(200, &json!({})), &order), Found::NotSure);
}
