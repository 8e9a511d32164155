//! The real `openai` client and our own, against the same fake: what one gets, the other gets. A fake that both understand is one that
//! our tests may lean on.
mod common;

use common::{run, start};
use fakes::openai::{RETRY_AFTER, TOKENS};
use serde_json::{Value, json};
use shared::{
    campaign::{config::Ai, guard::GuardPolicy},
    exchange::Exchange,
    llm::{
        Choice, Question,
        reply::{self, Reading},
        request,
    },
};
use std::path::Path;
use worker::outside::{http::DeliveryClient, llm::ModelServer};

fn home() -> Question {
    Question {
        at: 0,
        label: "home".into(),
        given: "my flat".into(),
        allowed: vec!["Condo".into(), "House".into()],
        format: None,
        instructions: Some("a flat is a Condo".into()),
    }
}

/// What our own client makes of a mode.
async fn ours(address: &str, mode: &str) -> Reading {
    let ai: Ai = serde_json::from_value(json!({
        "enabled": true, "baseUrl": format!("{address}/{mode}/v1"), "model": "fake", "timeoutSeconds": 2,
    }))
    .unwrap();
    let policy = GuardPolicy { allow_private: true, allow_http: true, ..GuardPolicy::default() };
    let client = DeliveryClient::new(policy).unwrap();
    let server = ModelServer::of(&ai, None, &client, None).unwrap();
    let question = home();
    let exchange: Exchange = server.ask(&request::body("fake", &[&question], None)).await;
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    let (reading, tokens) = reply::read(&exchange, &[&question], now);
    if matches!(reading, Reading::Usable(_)) {
        assert_eq!(tokens, TOKENS, "{mode}");
    }
    reading
}

/// What the real client makes of every mode, in its order.
fn theirs(address: &str) -> Vec<(String, Value)> {
    let request = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openai_request.json");
    std::fs::write(&request, request::body("fake", &[&home()], None).to_string()).unwrap();
    let lines = run("openai_client.py", &[address, request.to_str().unwrap()]);
    let line = |line: Value| (line["mode"].as_str().unwrap().to_owned(), line["got"].clone());
    lines.into_iter().map(line).collect()
}

/// The same outcome in the words of both clients.
fn agree(mode: &str, ours: &Reading, theirs: &Value) {
    match ours {
        Reading::Usable(choices) => {
            let Choice { value, confidence, .. } = &choices[0];
            let answer = json!({"value": value, "confidence": confidence});
            assert_eq!(theirs["reply"]["f1"], answer, "{mode}");
            assert_eq!(theirs["tokens"], TOKENS, "{mode}");
        }
        Reading::NoAnswer(why) if why.contains("refused") => {
            assert!(theirs["refusal"].is_string(), "{mode}: {theirs}");
        }
        Reading::NoAnswer(why) if why.contains("cut off") => {
            assert_eq!(theirs["finish"], "length", "{mode}");
        }
        Reading::NoAnswer(why) => {
            assert_eq!((why.as_str(), &theirs["status"]), ("its server answered 401", &json!(401)));
        }
        Reading::Away { why, asked: Some(asked) } => {
            assert!(why.contains("429"), "{mode}: {why}");
            assert_eq!(theirs["status"], 429, "{mode}");
            assert_eq!(theirs["retryAfter"], RETRY_AFTER);
            assert_eq!(asked.as_secs().to_string(), RETRY_AFTER);
        }
        Reading::Away { why, .. } if why.contains("500") => assert_eq!(theirs["status"], 500),
        Reading::Away { .. } => assert_eq!(theirs["error"], "timeout", "{mode}"),
        Reading::Invalid { .. } => panic!("{mode}: {theirs}"),
    }
}

#[tokio::test]
async fn the_real_client_and_ours_get_the_same() {
    let fakes = start().await;
    let theirs = theirs(&fakes.address);
    assert_eq!(theirs.len(), 9, "{theirs:?}");
    for (mode, theirs) in &theirs {
        agree(mode, &ours(&fakes.address, mode).await, theirs);
    }
    let said =
        |mode: &str| &theirs.iter().find(|(of, _)| of == mode).unwrap().1["reply"]["f1"]["value"];
    assert_eq!((said("good"), said("say-House")), (&json!("Condo"), &json!("House")));
    assert_eq!(said("none"), &Value::Null);
}

#[tokio::test]
async fn a_request_that_the_real_service_would_refuse_is_refused() {
    let fakes = start().await;
    let client = DeliveryClient::new(GuardPolicy {
        allow_private: true,
        allow_http: true,
        ..GuardPolicy::default()
    });
    let ai =
        json!({"enabled": true, "baseUrl": format!("{}/good/v1", fakes.address), "model": "m"});
    let server =
        ModelServer::of(&serde_json::from_value(ai).unwrap(), None, &client.unwrap(), None)
            .unwrap();
    let good = request::body("fake", &[&home()], None);
    let mut open = good.clone();
    open["response_format"]["json_schema"]["schema"]["additionalProperties"] = json!(true);
    let mut optional = good.clone();
    optional["response_format"]["json_schema"]["schema"]["required"] = json!([]);
    let mut named = good.clone();
    named["response_format"]["json_schema"]["name"] = json!("field values");
    for (body, status) in [(good, 200), (open, 400), (optional, 400), (named, 400)] {
        match server.ask(&body).await {
            Exchange::Answered(answer, _) => assert_eq!(answer.status, status, "{body}"),
            other => panic!("{other:?}"),
        }
    }
}
