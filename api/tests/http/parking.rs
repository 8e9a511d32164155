//! Waking parked submissions.
use crate::support::{World, world};
use serde_json::{Value, json};
use shared::submission::Stage;

async fn parked(world: &World) -> (String, String) {
    world.campaign("SOL", json!({})).await;
    let id = world.submitted("SOL", "a@example.com", "4155550100").await;
    let token = world.park(&id).await;
    (id, token)
}

async fn resume(world: &World, token: &str, body: Value) -> crate::support::Answer {
    let path = format!("/api/v1/resume/{token}");
    world.ask_without_key("POST", &path).json(body).send().await
}

#[tokio::test]
async fn a_token_wakes_its_submission_once() {
    let world = world().await;
    let (id, token) = parked(&world).await;
    let answers = json!({"answers": {"questionnaire.roof": "yes", "custom.score": 7}});
    let first = resume(&world, &token, answers).await;
    insta::assert_snapshot!(first.plain(), @r#"
    200 {
      "data": {
        "outcome": "continue",
        "repeated": false,
        "stage": "disqualification",
        "submissionId": "sub_…"
      },
      "success": true
    }
    "#);
    let again = resume(&world, &token, json!({"outcome": "reject"})).await;
    insta::assert_snapshot!(again.plain(), @r#"
    200 {
      "data": {
        "outcome": "continue",
        "repeated": true,
        "stage": null,
        "submissionId": "sub_…"
      },
      "success": true
    }
    "#);
    assert_eq!(world.pushed(Stage::Disqualification).await, 1);
    let story = world.get(&format!("/api/v1/submissions/{id}")).await;
    let data = &story.json["data"];
    assert_eq!(data["submission"]["carry"]["answers"]["questionnaire.roof"], "yes");
    assert_eq!((&data["submission"]["run"], &data["wait"]), (&json!("ready"), &Value::Null));
    // Kept with the lead as well: a repost and a fallback know it.
    let lead = data["submission"]["leadId"].as_str().unwrap();
    let lead = world.get(&format!("/api/v1/leads/{lead}")).await;
    let answers = lead.json["data"]["questionnaire"].as_array().unwrap();
    let roof = answers.iter().find(|answer| answer["key"] == "roof").unwrap();
    assert_eq!(
        (&roof["answer"], &lead.json["data"]["customFields"]["score"]),
        (&json!("yes"), &json!(7))
    );
}

#[tokio::test]
async fn a_refusal_goes_to_fallback_and_a_person_may_decide_as_well() {
    let world = world().await;
    let (id, token) = parked(&world).await;
    let path = format!("/api/v1/submissions/{id}/resume");
    let body = json!({"outcome": "disqualify", "reason": "no roof"});
    let first = world.post(&path, body.clone()).await;
    insta::assert_snapshot!(first.plain(), @r#"
    200 {
      "data": {
        "outcome": "disqualify",
        "repeated": false,
        "stage": "fallback",
        "submissionId": "sub_…"
      },
      "success": true
    }
    "#);
    insta::assert_snapshot!(world.post(&path, body).await.refusal(), @r#"409 CONFLICT: the submission is ready and does not wait for anybody"#);
    let late = resume(&world, &token, json!({})).await;
    assert_eq!(late.code(), "CONFLICT", "a person was faster");
    assert_eq!(world.pushed(Stage::Fallback).await, 1);
}

#[tokio::test]
async fn what_nobody_waits_for_is_refused() {
    let world = world().await;
    let (_, token) = parked(&world).await;
    let mut lines = Vec::new();
    for (token, body) in [
        ("nonsense", json!({})),
        (token.as_str(), json!({"outcome": "maybe"})),
        (&token, json!({"answers": {"lead.email": "x@example.com", "questionnaire.a.b": 1}})),
        (&token, json!({"reason": "x".repeat(501)})),
    ] {
        lines.push(resume(&world, token, body).await.refusal());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    404 NOT_FOUND: there is no such resume token
    422 VALIDATION_ERROR: outcome `maybe` is not known, expected one of `continue`, `disqualify`, `reject`
      outcome | `maybe` is not known, expected one of `continue`, `disqualify`, `reject`
    422 VALIDATION_ERROR: the request has 2 problems
      answers.lead.email | must be `questionnaire.` or `custom.` and a key of 1 to 64 letters, digits, `_` or `-`
      answers.questionnaire.a.b | must be `questionnaire.` or `custom.` and a key of 1 to 64 letters, digits, `_` or `-`
    422 VALIDATION_ERROR: reason has 501 characters; at most 500 are allowed
      reason | has 501 characters; at most 500 are allowed
    "#);
}
