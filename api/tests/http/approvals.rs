//! A person's word on leads that wait for a human review.
use crate::support::{World, lead, world};
use serde_json::json;
use shared::submission::Stage;

/// A submitted lead; answers the lead's id and the submission's.
async fn submitted(world: &World) -> (String, String) {
    let answer = world.post("/api/v1/leads/submit", lead("SOL")).await;
    (answer.data("leadId"), answer.data("submissionId"))
}

#[tokio::test]
async fn an_approval_is_asked_for_given_and_shown() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let (lead, submission) = submitted(&world).await;
    let path = format!("/api/v1/leads/{lead}/approve");
    let none = world.post(&path, json!({"status": "approved"})).await;
    insta::assert_snapshot!(none.refusal(), @r#"409 CONFLICT: no approval was asked for this lead"#);
    world.park_for(&submission, "human_review").await;
    let deliver =
        world.post(&format!("/api/v1/leads/{lead}/deliver"), json!({"campaignId": "SOL"})).await;
    insta::assert_snapshot!(deliver.refusal(), @r#"409 CONFLICT: the lead's approval is pending; approve or reject it first"#);
    let pending = world.post(&path, json!({"status": "pending"})).await;
    assert_eq!(pending.json["data"]["approval"]["status"], "pending", "{pending:?}");
    let done = world.post(&path, json!({"status": "approved", "reason": "spoke with her"})).await;
    assert_eq!(
        world.post(&path, json!({"status": "approved"})).await.json,
        done.json,
        "the same word again"
    );
    assert_eq!(world.pushed(Stage::Disqualification).await, 1);
    let shown = world.get(&format!("/api/v1/leads/{lead}")).await;
    assert_eq!(shown.json["data"]["approval"], done.json["data"]["approval"]);
    insta::assert_snapshot!(done.plain(), @r#"
    200 {
      "data": {
        "approval": {
          "campaignId": "cmp_…",
          "decidedAt": "2026-11-21T12:00:00Z",
          "decidedBy": "key test admin installation",
          "reason": "spoke with her",
          "status": "approved"
        },
        "leadId": "lead_…"
      },
      "success": true
    }
    "#);
    for status in ["rejected", "pending"] {
        assert_eq!(world.post(&path, json!({"status": status})).await.code(), "CONFLICT");
    }
    assert_eq!(world.post(&path, json!({"status": "maybe"})).await.code(), "VALIDATION_ERROR");
    assert_eq!(
        world.post(&path, json!({"status": "approved", "reason": "x".repeat(501)})).await.code(),
        "VALIDATION_ERROR"
    );
}

#[tokio::test]
async fn a_lead_that_is_not_approved_is_rejected_whole() {
    let world = world().await;
    let other = world.campaign("NEX", json!({})).await;
    world.campaign("SOL", json!({"fallback": {"campaigns": [other]}})).await;
    let (lead, submission) = submitted(&world).await;
    let token = world.park_for(&submission, "human_review").await;
    let done = world
        .post(
            &format!("/api/v1/leads/{lead}/approve"),
            json!({"status": "rejected", "reason": "a joke"}),
        )
        .await;
    assert_eq!(done.json["data"]["approval"]["status"], "rejected", "{done:?}");
    let shown = world.get(&format!("/api/v1/leads/{lead}")).await;
    let data = &shown.json["data"];
    assert_eq!(
        (&data["leadStatus"], &data["status"], &data["submissionCount"]),
        (&json!("rejected"), &json!("rejected"), &json!(1))
    );
    let history = world.get(&format!("/api/v1/leads/{lead}/history")).await;
    assert_eq!(history.json["data"]["items"][0]["reasonCode"], "not_approved");
    let late = world.ask_without_key("POST", &format!("/api/v1/resume/{token}")).send().await;
    assert_eq!(late.code(), "CONFLICT", "the wait is over");
    let deliver =
        world.post(&format!("/api/v1/leads/{lead}/deliver"), json!({"campaignId": "SOL"})).await;
    assert_eq!(deliver.code(), "LEAD_CLOSED");
}
