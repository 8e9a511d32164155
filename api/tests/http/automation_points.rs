//! Points by hand, and why a lead has them: each gift is a line of the log, and the sum of the log is what the lead has.
use crate::support::{World, lead, world};
use serde_json::{Value, json};
use shared::ids::LeadId;

/// A stored lead of a new campaign.
async fn stored(world: &World, config: Value) -> String {
    world.campaign("SOL", config).await;
    let stored = world.post("/api/v1/leads", lead("SOL")).await;
    assert_eq!(stored.status, 201, "{stored:?}");
    stored.data("leadId")
}

async fn firings(world: &World, lead: &str) -> Vec<Value> {
    let answer = world.get(&format!("/api/v1/leads/{lead}/firings")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["data"]["items"].as_array().unwrap().clone()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "two whole answers are shown")]
async fn points_by_hand_are_logged_and_summed_up() {
    let world = world().await;
    let lead = stored(&world, json!({})).await;
    let url = format!("/api/v1/leads/{lead}/points");
    let first = world.post(&url, json!({"points": 35, "reason": " met at the fair "})).await;
    insta::assert_snapshot!(first.plain(), @r#"
    200 {
      "data": {
        "added": 35,
        "firing": 1,
        "leadId": "lead_…",
        "leadStatus": "active",
        "points": 35,
        "stars": 3.5
      },
      "success": true
    }
    "#);
    let second = world.post(&url, json!({"points": -50, "reason": "no answer"})).await;
    assert_eq!(second.json["data"]["points"], -15);
    let shown = world.get(&format!("/api/v1/leads/{lead}")).await;
    assert_eq!(
        (&shown.json["data"]["points"], &shown.json["data"]["stars"]),
        (&json!(-15), &json!(0.0))
    );
    let listed = world.get("/api/v1/leads").await;
    assert_eq!(listed.json["data"]["items"][0]["points"], -15);

    let explained = world.get(&format!("/api/v1/leads/{lead}/explain?limit=1")).await;
    let data = &explained.json["data"];
    assert_eq!((&data["points"], &data["firingCount"]), (&json!(-15), &json!(2)));
    assert_eq!((&data["history"], &data["workflows"]), (&json!([]), &json!([])));
    let page = &data["firings"];
    assert_eq!((&page["items"][0]["number"], &page["nextCursor"]), (&json!(2), &json!("2")));
    let older = world.get(&format!("/api/v1/leads/{lead}/firings?limit=1&cursor=2")).await;
    insta::assert_snapshot!(older.plain(), @r#"
    200 {
      "data": {
        "hasMore": false,
        "items": [
          {
            "actions": [
              {
                "after": 35,
                "before": 0,
                "points": 35,
                "type": "addPoints"
              }
            ],
            "at": "2026-11-21T12:00:00Z",
            "campaignId": "cmp_…",
            "cause": {
              "by": "key test admin installation",
              "reason": "met at the fair",
              "type": "byHand"
            },
            "facts": {},
            "kind": "by_hand",
            "number": 1,
            "points": 35,
            "pointsAfter": 35,
            "revision": 0,
            "ruleId": "",
            "ruleName": "",
            "statusAfter": "active",
            "statusBefore": "active"
          }
        ],
        "nextCursor": null
      },
      "success": true
    }
    "#);
}

#[tokio::test]
async fn nobody_has_more_points_than_the_most_and_the_log_says_what_was_added() {
    let world = world().await;
    let lead = stored(&world, json!({})).await;
    let url = format!("/api/v1/leads/{lead}/points");
    let give = async |points: i64| world.post(&url, json!({"points": points, "reason": "x"})).await;
    let added = async |points: i64| give(points).await.json["data"]["added"].clone();
    assert_eq!(added(600_000_000).await, 600_000_000);
    assert_eq!(added(600_000_000).await, 400_000_000);
    assert_eq!(added(1).await, 0);
    assert_eq!(added(-1_000_000_000).await, -1_000_000_000);
    let sum: i64 =
        firings(&world, &lead).await.iter().map(|one| one["points"].as_i64().unwrap()).sum();
    assert_eq!(sum, 0);
    for points in [0, 1_000_000_001, -1_000_000_001] {
        let refused = give(points).await;
        assert_eq!((refused.status, refused.code()), (422, "VALIDATION_ERROR"), "{points}");
    }
    let refused = give(0).await;
    insta::assert_snapshot!(refused.refusal(), @r"
    422 VALIDATION_ERROR: points is 0; -1000000000 to 1000000000, not 0, are allowed
      points | is 0; -1000000000 to 1000000000, not 0, are allowed
    ");
    let refused = world.post(&url, json!({"points": 1, "reason": "  "})).await;
    insta::assert_snapshot!(refused.refusal(), @r"
    422 VALIDATION_ERROR: reason has 0 characters; 1 to 500 are needed
      reason | has 0 characters; 1 to 500 are needed
    ");
    assert_eq!(firings(&world, &lead).await.len(), 4, "what is refused leaves nothing");
}

#[tokio::test]
async fn a_repeated_gift_is_given_once() {
    let world = world().await;
    let lead = stored(&world, json!({})).await;
    let give = async |lead: &str, points: i64| {
        let ask = world.ask("POST", &format!("/api/v1/leads/{lead}/points"));
        let body = json!({"points": points, "reason": "x"});
        ask.header("idempotency-key", "gift-1").json(body).send().await
    };
    let first = give(&lead, 5).await;
    let again = give(&lead, 5).await;
    assert_eq!((first.status, &first.json), (200, &again.json));
    assert_eq!(again.header("idempotent-replay"), Some("true"));
    assert_eq!(firings(&world, &lead).await.len(), 1);
    let other = give(&lead, 6).await;
    assert_eq!((other.status, other.code()), (422, "IDEMPOTENCY_KEY_REUSED"));
    assert_eq!(give(&LeadId::new().to_string(), 5).await.code(), "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn a_closed_lead_takes_no_points() {
    let world = world().await;
    let lead = stored(&world, json!({})).await;
    let close = json!({"leadIds": [lead], "action": "reject", "reason": "x"});
    assert_eq!(world.post("/api/v1/leads/status", close).await.status, 200);
    let body = json!({"points": 5, "reason": "x"});
    let refused = world.post(&format!("/api/v1/leads/{lead}/points"), body.clone()).await;
    insta::assert_snapshot!(refused.refusal(), @"409 LEAD_CLOSED: the lead is rejected and takes no points");
    assert_eq!(firings(&world, &lead).await, [] as [Value; 0]);
    let nobody = world.post(&format!("/api/v1/leads/{}/points", LeadId::new()), body).await;
    assert_eq!((nobody.status, nobody.code()), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn a_campaign_without_an_automation_has_an_empty_one() {
    let world = world().await;
    let campaign = world.campaign("SOL", json!({})).await;
    let shown = world.get(&format!("/api/v1/campaigns/{campaign}/automation")).await;
    insta::assert_snapshot!(shown.plain(), @r#"
    200 {
      "data": {
        "automation": {
          "enabled": true,
          "rules": [],
          "scoring": {
            "pointsPerStar": 10,
            "rules": []
          },
          "workflows": []
        },
        "campaignId": "cmp_…",
        "passUnderWay": false,
        "problem": null,
        "revision": 0,
        "updatedAt": null,
        "updatedBy": null
      },
      "success": true
    }
    "#);
    for list in ["revisions", "positions"] {
        let listed = world.get(&format!("/api/v1/campaigns/{campaign}/automation/{list}")).await;
        assert_eq!((listed.status, &listed.json["data"]["items"]), (200, &json!([])), "{list}");
    }
}
