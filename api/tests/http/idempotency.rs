//! A request that is repeated under its Idempotency-Key has one effect.
use crate::support::{World, lead, world};
use serde_json::{Value, json};
use shared::submission::Stage;

const SUBMIT: &str = "/api/v1/leads/submit";

async fn leads(world: &World) -> usize {
    world.get("/api/v1/leads").await.json["data"]["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_same_body_gets_the_first_answer_and_another_is_refused() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let ask = |path: &str, key: &str, body: Value| {
        world.ask("POST", path).header("idempotency-key", key).json(body).send()
    };
    let first = ask(SUBMIT, "k-1", lead("SOL")).await;
    let again = ask(SUBMIT, "k-1", lead("SOL")).await;
    assert_eq!((first.status, first.header("idempotent-replay")), (202, None));
    assert_eq!((again.status, again.header("idempotent-replay")), (202, Some("true")));
    assert_eq!(first.json, again.json);
    let mut other = lead("SOL");
    other["firstName"] = json!("Ana");
    insta::assert_snapshot!(ask(SUBMIT, "k-1", other).await.refusal(), @r#"422 IDEMPOTENCY_KEY_REUSED: the Idempotency-Key was used before with another body"#);
    assert_eq!(leads(&world).await, 1);
    assert_eq!(world.pushed(Stage::Routing).await, 1, "one job, however often it is asked for");
    let stored = ask("/api/v1/leads", "k-1", lead("SOL")).await;
    assert_eq!(stored.status, 201, "each route has keys of its own");
}

#[tokio::test]
async fn twenty_at_once_make_one_lead() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let asks = (0..20).map(|_| {
        let ask = world.ask("POST", SUBMIT).header("idempotency-key", "once").json(lead("SOL"));
        tokio::spawn(ask.send())
    });
    let mut answers = Vec::new();
    for ask in asks.collect::<Vec<_>>() {
        answers.push(ask.await.unwrap());
    }
    let replays = answers.iter().filter(|a| a.header("idempotent-replay").is_some()).count();
    assert!(answers.iter().all(|a| a.status == 202 && a.json == answers[0].json), "{answers:?}");
    assert_eq!((replays, leads(&world).await), (19, 1));
}

#[tokio::test]
async fn a_refused_request_does_not_use_its_key_up() {
    let world = world().await;
    let ask = || world.ask("POST", SUBMIT).header("idempotency-key", "k").json(lead("SOL")).send();
    assert_eq!(ask().await.status, 404);
    world.campaign("SOL", json!({})).await;
    assert_eq!(ask().await.status, 202);
}

#[tokio::test]
async fn a_key_that_is_none_or_would_not_be_kept_is_refused() {
    let world = world().await;
    let long = "k".repeat(256);
    let mut lines = Vec::new();
    for (path, key) in
        [(SUBMIT, ""), (SUBMIT, "two words"), (SUBMIT, &long), ("/api/v1/campaigns", "k")]
    {
        let ask = world.ask("POST", path).header("idempotency-key", key).json(lead("SOL"));
        lines.push(ask.send().await.refusal());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    422 VALIDATION_ERROR: Idempotency-Key must be one header of 1 to 255 visible ASCII characters
      Idempotency-Key | must be one header of 1 to 255 visible ASCII characters
    422 VALIDATION_ERROR: Idempotency-Key must be one header of 1 to 255 visible ASCII characters
      Idempotency-Key | must be one header of 1 to 255 visible ASCII characters
    422 VALIDATION_ERROR: Idempotency-Key must be one header of 1 to 255 visible ASCII characters
      Idempotency-Key | must be one header of 1 to 255 visible ASCII characters
    422 VALIDATION_ERROR: Idempotency-Key is not kept for this route; it is for POST /api/v1/leads/submit, /api/v1/leads, /api/v1/leads/process, /api/v1/leads/{leadId}/submit, /api/v1/leads/{leadId}/repost, /api/v1/leads/{leadId}/deliver, /api/v1/leads/{leadId}/points, /api/v1/sms/send, /api/v1/voice/calls/initiate
      Idempotency-Key | is not kept for this route; it is for POST /api/v1/leads/submit, /api/v1/leads, /api/v1/leads/process, /api/v1/leads/{leadId}/submit, /api/v1/leads/{leadId}/repost, /api/v1/leads/{leadId}/deliver, /api/v1/leads/{leadId}/points, /api/v1/sms/send, /api/v1/voice/calls/initiate
    "#);
}
