//! What the numbers' last four digits promise, seen from outside: Bland stands for the calls (no real client of it exists), Twilio for the texts.
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use fakes::{Account, Fake, Provider, sign};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// A receiver of webhooks: what came, and the code that it answers with.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<(HeaderMap, String)>>>);

impl Receiver {
    async fn serve(code: u16) -> (Self, String) {
        let receiver = Self::default();
        let take = move |State(Receiver(kept)): State<Receiver>,
                         headers: HeaderMap,
                         body: Bytes| async move {
            let body = String::from_utf8(body.to_vec()).unwrap();
            kept.lock().unwrap().push((headers, body));
            axum::http::StatusCode::from_u16(code).unwrap()
        };
        let routes = Router::new().route("/", post(take)).with_state(receiver.clone());
        let address = fakes::serve_in_background(routes).await.unwrap();
        (receiver, format!("http://{address}/"))
    }

    fn bodies(&self) -> Vec<Value> {
        let kept = self.0.lock().unwrap();
        kept.iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
    }
}

/// Held fakes: a test drives.
async fn held() -> (Fake, String) {
    let fake = Fake::default();
    fake.hold();
    let address = fakes::serve_in_background(fakes::phone_router(fake.clone())).await.unwrap();
    (fake, format!("http://{address}"))
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap()
}

async fn send(url: String, body: &Value) -> (u16, Value) {
    let request = client().post(url).header("content-type", "application/json");
    let answer =
        request.header("authorization", "key").body(body.to_string()).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

fn order(to: &str, webhook: &str) -> Value {
    json!({"phone_number": to, "task": "Be kind.", "webhook": webhook, "metadata": {"leadrail": "int_1"},
        "request_data": {"name": "Ada"}})
}

async fn bland(host: &str, to: &str, webhook: &str) -> (u16, Value) {
    send(format!("{host}/bland/v1/calls"), &order(to, webhook)).await
}

async fn text(host: &str, to: &str, callback: &str) -> (u16, Value) {
    let form = [("To", to), ("From", "+15005550006"), ("Body", "hi"), ("StatusCallback", callback)];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let sid = "AC0";
    let basic = format!("Basic {}", sign::base64(format!("{sid}:token").as_bytes()));
    let url = format!("{host}/twilio/2010-04-01/Accounts/{sid}/Messages.json");
    let request = client().post(url).header("authorization", basic).body(body);
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

async fn get(host: &str, id: &str) -> Value {
    let request =
        client().get(format!("{host}/bland/v1/calls/{id}")).header("authorization", "key");
    serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
}

fn id_of(answer: &Value) -> &str {
    answer["call_id"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn a_call_is_told_once_signed_and_as_asked() {
    let (fake, host) = held().await;
    let (receiver, url) = Receiver::serve(200).await;
    fake.account(Provider::Bland, Account { secret: Some("s".into()), ..Account::default() });
    let (status, made) = bland(&host, "+14155550100", &url).await;
    assert_eq!((status, &made["status"]), (200, &json!("success")));
    let id = id_of(&made);
    assert_eq!(get(&host, id).await["completed"], false, "held: nothing happens by itself");
    fake.send_webhooks_of(id).await;
    let told = receiver.bodies();
    assert_eq!(told, [get(&host, id).await]);
    assert_eq!(told[0]["variables"]["outcome"], "qualified");
    assert_eq!(
        (&told[0]["answered_by"], &told[0]["metadata"]),
        (&json!("human"), &json!({"leadrail": "int_1"}))
    );
    let (headers, body) = receiver.0.lock().unwrap()[0].clone();
    assert_eq!(headers["x-webhook-signature"], sign::bland("s", body.as_bytes()));
    let placed = fake.placed();
    assert_eq!(placed.len(), 1);
    let order = (placed[0].ours.as_deref(), placed[0].credentials.as_deref(), &placed[0].variables);
    assert_eq!(order, (Some("int_1"), Some("key"), &json!({"name": "Ada"})));
}

#[tokio::test]
async fn how_calls_end() {
    let (fake, host) = held().await;
    let (receiver, url) = Receiver::serve(200).await;
    for (digits, status, answered_by, key, value) in [
        ("0101", "completed", json!("voicemail"), "call_ended_by", json!("ASSISTANT")),
        ("0102", "no-answer", json!("no-answer"), "summary", Value::Null),
        ("0103", "busy", Value::Null, "call_length", json!(0.0)),
        ("0107", "completed", json!("human"), "call_ended_by", json!("USER")),
        ("0119", "failed", Value::Null, "queue_status", json!("call_error")),
        ("7777", "completed", json!("human"), "call_length", json!(0.7)),
    ] {
        let (_, made) = bland(&host, &format!("+1415555{digits}"), &url).await;
        fake.send_webhooks_of(id_of(&made)).await;
        let told = receiver.bodies().pop().unwrap();
        let got = (&told["status"], &told["answered_by"], &told[key]);
        assert_eq!(got, (&json!(status), &answered_by, &value), "{digits}");
    }
    for (digits, key, value) in
        [("0105", "dnc", json!(true)), ("0106", "outcome", json!("disqualified"))]
    {
        let (_, made) = bland(&host, &format!("+1415555{digits}"), &url).await;
        fake.send_webhooks_of(id_of(&made)).await;
        assert_eq!(receiver.bodies().pop().unwrap()["variables"][key], value, "{digits}");
    }
    let (_, made) = bland(&host, "+14155550116", &url).await;
    let before = receiver.bodies().len();
    fake.send_webhooks_of(id_of(&made)).await;
    assert_eq!(receiver.bodies().len(), before, "0116 never ends");
    assert_eq!(get(&host, id_of(&made)).await["completed"], false);
}

#[tokio::test]
async fn how_orders_are_answered() {
    let (fake, host) = held().await;
    let (receiver, url) = Receiver::serve(200).await;
    let placed = |fake: &Fake| fake.placed().last().unwrap().reference.is_some();
    let status = async |digits: &str| bland(&host, &format!("+1415555{digits}"), &url).await.0;
    assert_eq!((status("0109").await, placed(&fake)), (500, false));
    assert_eq!((status("0110").await, placed(&fake)), (500, true));
    assert_eq!((status("0117").await, placed(&fake)), (429, false));
    assert_eq!((status("0117").await, placed(&fake)), (200, true));
    let refused = bland(&host, "+14155550118", &url).await;
    assert_eq!((refused.0, &refused.1["status"], placed(&fake)), (200, &json!("error"), false));
    assert_eq!(receiver.bodies().len(), 0);
    assert_eq!(status("0112").await, 200);
    assert_eq!(receiver.bodies().len(), 1, "0112 tells before it answers");
    let hangs = tokio::time::timeout(Duration::from_millis(100), status("0111")).await;
    assert!(hangs.is_err() && placed(&fake), "0111 places and never answers");
}

#[tokio::test]
async fn how_webhooks_are_sent() {
    let (fake, host) = held().await;
    let (receiver, url) = Receiver::serve(200).await;
    let (_, made) = bland(&host, "+14155550108", &url).await;
    fake.send_webhooks_of(id_of(&made)).await;
    assert_eq!(receiver.bodies().len(), 0, "0108 never tells");
    assert_eq!(get(&host, id_of(&made)).await["completed"], true, "only asking does");
    let (_, made) = bland(&host, "+14155550113", &url).await;
    fake.send_webhooks_of(id_of(&made)).await;
    let bodies = receiver.bodies();
    assert_eq!(bodies.len(), 10);
    assert!(bodies.iter().all(|body| body == &bodies[0]), "copies differ");
    let (_, made) = text(&host, "+14155550114", &url).await;
    fake.send_webhooks_of(made["sid"].as_str().unwrap()).await;
    let events: Vec<String> =
        fake.webhooks().iter().rev().take(2).map(|sent| sent.event.clone()).collect();
    assert_eq!(events, ["sent", "delivered"], "0114 says delivered first");
}

#[tokio::test]
async fn how_people_answer_texts() {
    let (fake, host) = held().await;
    let (_, url) = Receiver::serve(200).await;
    let account = Account { webhook_url: Some(url.clone()), ..Account::default() };
    fake.account(Provider::Twilio, account);
    for (digits, answers) in [
        ("0121", vec!["YES"]),
        ("0122", vec!["STOP"]),
        ("0123", vec!["Yes please", "Tomorrow after 5 is fine"]),
    ] {
        let before = fake.webhooks().len();
        let (_, made) = text(&host, &format!("+1415555{digits}"), &url).await;
        fake.send_webhooks_of(made["sid"].as_str().unwrap()).await;
        let events: Vec<String> =
            fake.webhooks()[before..].iter().map(|sent| sent.event.clone()).collect();
        assert_eq!(events[..2], ["sent", "delivered"], "{digits}");
        assert!(events[2..].iter().all(|event| event == "received"), "{digits}");
        let inbound = fake.items().into_iter().filter(|item| item.inbound);
        let texts: Vec<String> = inbound.map(|item| item.text().to_owned()).collect();
        assert!(
            texts.ends_with(&answers.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
        );
    }
    assert_eq!(text(&host, "+14155550122", &url).await.1["code"], 21610, "STOP is kept");
    assert_eq!(text(&host, "+14155550121", &url).await.0, 201);
}

#[tokio::test]
async fn a_held_text_goes_step_by_step() {
    let (fake, host) = held().await;
    let (_, url) = Receiver::serve(200).await;
    let (_, made) = text(&host, "+14155550100", &format!("{url}?msg=msg_1")).await;
    let id = made["sid"].as_str().unwrap();
    assert_eq!(fake.placed()[0].ours.as_deref(), Some("msg_1"));
    let mut events = Vec::new();
    while fake.step(id).await {
        events.push(fake.webhooks().last().unwrap().event.clone());
        assert_eq!(fake.webhooks().len(), events.len());
    }
    assert_eq!(events, ["sent", "delivered"]);
}

#[tokio::test]
async fn twilio_tries_again_only_when_nobody_listens() {
    let (fake, host) = held().await;
    let (_, url) = Receiver::serve(500).await;
    let tries = async |url: &str| {
        let before = fake.webhooks().len();
        let (_, made) = text(&host, "+14155550116", url).await;
        fake.send_webhooks_of(made["sid"].as_str().unwrap()).await;
        let sent = fake.webhooks();
        sent[before..].iter().map(|sent| (sent.attempt, sent.status)).collect::<Vec<_>>()
    };
    assert_eq!(tries(&url).await, [(1, Some(500))]);
    assert_eq!(tries("http://127.0.0.1:9/").await, [(1, None), (2, None)]);
}

#[tokio::test]
async fn the_buyers_side_behaves_as_its_mode_says() {
    let (fake, host) = held().await;
    let ask = async |path: &str| {
        send(format!("{host}{path}"), &json!({"message": {"combinedText": "hello"}})).await
    };
    let (status, said) = ask("/brain/reply").await;
    assert_eq!((status, said["reply"].as_str().unwrap().contains("hello")), (200, true));
    assert_eq!(ask("/brain/qualify").await.1["outcome"], "continue");
    assert_eq!(ask("/brain/silent").await, (200, json!({})));
    assert_eq!(ask("/brain/500").await.0, 500);
    assert_eq!(ask("/action/decide_reject").await.1["outcome"], "reject");
    let flaky =
        [ask("/action/flaky").await.0, ask("/action/flaky").await.0, ask("/action/flaky").await.0];
    assert_eq!(flaky, [500, 500, 200]);
    let (receiver, url) = Receiver::serve(200).await;
    fake.lasts(Duration::ZERO);
    let (status, _) = send(format!("{host}/action/later"), &json!({"resumeUrl": url})).await;
    assert_eq!(status, 202);
    while receiver.bodies().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(receiver.bodies()[0]["outcome"], "continue");
    let asked = fake.actions();
    assert_eq!(asked.len(), 9);
    assert_eq!(
        (asked[0].header("authorization"), asked[0].json()),
        (Some("key"), Some(json!({"message": {"combinedText": "hello"}})))
    );
}
