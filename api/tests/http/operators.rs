//! Jobs and lanes.
use crate::support::{World, world};
use serde_json::{Value, json};
use shared::submission::{Stage, State};

async fn stuck(world: &World, count: usize, state: State) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..count {
        let id =
            world.submitted("SOL", &format!("p{n}@example.com"), &format!("415555010{n}")).await;
        world.put(&id, state, Stage::Delivery).await;
        ids.push(id);
    }
    ids
}

#[tokio::test]
async fn failed_jobs_are_listed_counted_retried_and_discarded() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let ids = stuck(&world, 5, State::Failed(Stage::Delivery)).await;
    let mut seen = std::collections::HashSet::new();
    let mut path = "/api/v1/jobs?limit=2".to_owned();
    loop {
        let page = world.get(&path).await;
        let data = &page.json["data"];
        seen.extend(data["items"].as_array().unwrap().iter().map(|job| job["id"].to_string()));
        let Some(cursor) = data["nextCursor"].as_str() else { break };
        path = format!("/api/v1/jobs?limit=2&cursor={cursor}");
    }
    assert_eq!(seen.len(), 5, "every job is on one page");
    let groups = world.get("/api/v1/jobs/groups?stage=delivery").await;
    let group = &groups.json["data"]["items"][0];
    assert_eq!((&group["jobs"], &group["errorFingerprint"]), (&json!(5), &json!("timeout")));
    let one = world.get(&format!("/api/v1/jobs/{}", ids[0])).await;
    assert_eq!(one.json["data"]["submission"]["run"], "failed");

    let retried = world.post(&format!("/api/v1/jobs/{}/retry", ids[0]), json!({})).await;
    insta::assert_snapshot!(retried.plain(), @r#"
    200 {
      "data": {
        "generation": 3,
        "outcome": null,
        "run": "ready",
        "stage": "delivery",
        "submissionId": "sub_…"
      },
      "success": true
    }
    "#);
    let again = world.post(&format!("/api/v1/jobs/{}/retry", ids[0]), json!({})).await;
    insta::assert_snapshot!(again.refusal(), @r#"409 CONFLICT: not possible: the submission is on its way, in delivery"#);
    let discarded = world.post(&format!("/api/v1/jobs/{}/discard", ids[1]), json!({})).await;
    assert_eq!(discarded.json["data"]["outcome"], "discarded");
    assert_eq!(world.pushed(Stage::Delivery).await, 1);
}

#[tokio::test]
async fn a_bulk_move_counts_first_and_moves_what_matches_when_told() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    stuck(&world, 4, State::Failed(Stage::Delivery)).await;
    let post =
        async |action: &str, body: Value| world.post(&format!("/api/v1/jobs/{action}"), body).await;
    let dry = post("retry", json!({"filter": {"stage": "delivery"}})).await;
    insta::assert_snapshot!(dry.plain(), @r#"
    200 {
      "data": {
        "dryRun": true,
        "hasMore": false,
        "matched": 4
      },
      "success": true
    }
    "#);
    let none = post("retry", json!({"filter": {"fingerprint": "other"}, "dryRun": false})).await;
    assert_eq!(none.json["data"]["moved"], 0);
    let held = post("discard", json!({"filter": {"state": "held"}, "dryRun": false})).await;
    let far = post("retry", json!({"filter": {"from": "+262142-12-31T00:00:00Z"}})).await;
    assert_eq!((far.status, far.code()), (422, "VALIDATION_ERROR"));
    insta::assert_snapshot!(held.refusal(), @r#"
    422 VALIDATION_ERROR: filter.state must be failed or absent; other jobs are not moved in bulk
      filter.state | must be failed or absent; other jobs are not moved in bulk
    "#);
    let moved = post("retry", json!({"filter": {"fingerprint": "timeout"}, "dryRun": false})).await;
    insta::assert_snapshot!(moved.plain(), @r#"
    200 {
      "data": {
        "dryRun": false,
        "hasMore": false,
        "moved": 4
      },
      "success": true
    }
    "#);
    assert_eq!(world.pushed(Stage::Delivery).await, 4);
}

#[tokio::test]
async fn only_a_held_delivery_is_settled_and_it_is_never_retried_otherwise() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let ids = stuck(&world, 3, State::Held).await;
    let settle = async |id: &str, outcome: &str| {
        let body = json!({"outcome": outcome, "reason": "asked the buyer"});
        world.post(&format!("/api/v1/jobs/{id}/settle"), body).await
    };
    let retry = world.post(&format!("/api/v1/jobs/{}/retry", ids[0]), json!({})).await;
    assert_eq!((retry.status, retry.code()), (409, "CONFLICT"));
    let mut lines = Vec::new();
    for (id, outcome) in ids.iter().zip(["sold", "not_sold", "retry"]) {
        let data = settle(id, outcome).await.json["data"].clone();
        lines.push(format!("{outcome}: {} {} {}", data["run"], data["stage"], data["outcome"]));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    sold: "finished" "delivery" "accepted"
    not_sold: "ready" "fallback" "failed"
    retry: "ready" "delivery" null
    "#);
    let twice = settle(&ids[0], "not_sold").await;
    assert_eq!((twice.status, twice.code()), (409, "CONFLICT"));
}

#[tokio::test]
async fn a_lane_is_paused_with_a_reason_and_resumed() {
    let world = world().await;
    let paused = world.post("/api/v1/lanes/payload/pause", json!({"reason": "a test"})).await;
    let lane = &paused.json["data"]["items"][6];
    assert_eq!(
        (&lane["stage"], &lane["isPaused"], &lane["reason"]),
        (&json!("payload"), &json!(true), &json!("a test"))
    );
    let empty = world.post("/api/v1/lanes/payload/pause", json!({"reason": " "})).await;
    assert_eq!(empty.code(), "VALIDATION_ERROR");
    let resumed = world.post("/api/v1/lanes/payload/resume", json!({})).await;
    assert_eq!(resumed.json["data"]["items"][6]["isPaused"], false);
    assert_eq!(world.get("/api/v1/lanes").await.json["data"]["items"][6]["ready"], 0);
}
