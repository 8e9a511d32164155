//! The queue of human reviews, as reviewers see it.
use crate::support::{Answer, World, add_key, world};
use chrono::Duration;
use serde_json::{Value, json};
use shared::submission::Stage;
use std::{collections::HashSet, sync::Arc};
use tokio::sync::Barrier;

/// How many reviewers ask at once.
const REVIEWERS: usize = 32;

/// The campaign that asks for reviews, each claimed for ten minutes.
async fn campaign(world: &World) -> String {
    let review = json!({"claimMinutes": 10});
    let action = json!({"kind": "human_review", "deadlineMinutes": 60, "review": review});
    world.campaign("SOL", json!({"firstAction": action})).await
}

/// A lead under review: the review's id, and the submission's.
async fn under_review(world: &World, nth: u32, priority: i64) -> (String, String) {
    let (email, phone) = (format!("p{nth}@example.com"), format!("41555501{nth:02}"));
    let submission = world.submitted("SOL", &email, &phone).await;
    let why = Some("a large roof".to_owned());
    world.park_as(&submission, "human_review", Some((priority, why))).await;
    let listed = world.get("/api/v1/reviews?limit=100").await;
    let items = listed.json["data"]["items"].as_array().unwrap().clone();
    let mine = items.iter().find(|item| item["submissionId"] == json!(submission)).unwrap();
    (mine["reviewId"].as_str().unwrap().to_owned(), submission)
}

async fn act(world: &World, id: &str, what: &str, body: Value) -> Answer {
    world.post(&format!("/api/v1/reviews/{id}/{what}"), body).await
}

fn ids(answer: &Answer) -> Vec<String> {
    let items = answer.json["data"]["items"].as_array().unwrap();
    items.iter().map(|item| item["reviewId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_queue_shows_what_waits_the_most_urgent_first_page_by_page() {
    let world = world().await;
    let campaign = campaign(&world).await;
    let mut all = Vec::new();
    for (nth, priority) in [2, 1, 0, 1].into_iter().enumerate() {
        all.push(under_review(&world, nth as u32, priority).await.0);
        world.clock.forward(Duration::seconds(1));
    }
    let order = [2, 1, 3, 0].map(|nth| all[nth].clone());
    let whole = world.get("/api/v1/reviews").await;
    assert_eq!(ids(&whole), order);
    insta::assert_snapshot!(Answer { json: whole.json["data"]["items"][0].clone(), ..whole }.plain(), @r#"
    200 {
      "askedFor": "a large roof",
      "campaignCode": "SOL",
      "campaignId": "cmp_…",
      "campaignName": "Campaign SOL",
      "claimedBy": null,
      "claimedUntil": null,
      "deadline": "2026-11-21T13:00:02Z",
      "firstName": "Maria",
      "isTest": false,
      "lastName": "Diaz",
      "leadId": "lead_…",
      "onDeadline": "disqualify",
      "openedAt": "2026-11-21T12:00:02Z",
      "priority": "high",
      "reason": null,
      "resolution": null,
      "resolvedAt": null,
      "resolvedBy": null,
      "reviewId": "park_…",
      "submissionId": "sub_…"
    }
    "#);
    let first = world.get("/api/v1/reviews?limit=3").await;
    let cursor = first.data("nextCursor");
    let second = world.get(&format!("/api/v1/reviews?limit=3&cursor={cursor}")).await;
    assert_eq!([ids(&first), ids(&second)].concat(), order);
    assert_eq!(second.json["data"]["hasMore"], false);
    assert_eq!(ids(&world.get("/api/v1/reviews?priority=normal").await), order[1..3]);
    assert_eq!(ids(&world.get(&format!("/api/v1/reviews?campaignId={campaign}")).await).len(), 4);
    act(&world, &all[1], "claim", json!({"reviewer": "Ada"})).await;
    for (query, wanted) in [
        ("status=pending", vec![&all[2], &all[3], &all[0]]),
        ("status=claimed", vec![&all[1]]),
        ("status=mine&reviewer=Ada", vec![&all[1]]),
        ("status=mine", vec![]),
    ] {
        let found = ids(&world.get(&format!("/api/v1/reviews?{query}")).await);
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{query}");
    }
    let stranger = world.ask_as(&world.stranger, "GET", "/api/v1/reviews").send().await;
    assert!(ids(&stranger).is_empty());
    for bad in ["status=done", "priority=0", "cursor=x", "limit=0"] {
        assert_eq!(world.get(&format!("/api/v1/reviews?{bad}")).await.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn a_review_shows_the_lead_and_where_its_journey_is() {
    let world = world().await;
    campaign(&world).await;
    let (id, submission) = under_review(&world, 1, 1).await;
    let shown = world.get(&format!("/api/v1/reviews/{id}")).await;
    let data = &shown.json["data"];
    assert_eq!(data["lead"]["email"], "p1@example.com");
    assert_eq!(data["journeyUrl"], format!("/api/v1/submissions/{submission}"));
    assert_eq!(world.get(data["journeyUrl"].as_str().unwrap()).await.status, 200);
    let path = format!("/api/v1/reviews/{id}");
    assert_eq!(world.ask_as(&world.stranger, "GET", &path).send().await.status, 404);
    assert_eq!(world.get("/api/v1/reviews/park_00000000000000000000000000").await.status, 404);
}

#[tokio::test]
async fn a_claim_keeps_others_off_until_it_expires_or_is_released() {
    let world = world().await;
    campaign(&world).await;
    let (id, _) = under_review(&world, 1, 1).await;
    let (ada, bob) = (json!({"reviewer": "Ada"}), json!({"reviewer": "Bob"}));
    let claimed = act(&world, &id, "claim", ada.clone()).await;
    assert_eq!(claimed.data("claimedBy"), "Ada (key test admin installation)");
    assert_eq!(
        claimed.data("claimedUntil"),
        "2026-11-21T12:10:00Z",
        "as long as the campaign says"
    );
    insta::assert_snapshot!(act(&world, &id, "claim", bob.clone()).await.refusal(), @r#"
    409 CONFLICT: Ada (key test admin installation) has claimed it until 2026-11-21T12:10:00Z
      claimedBy | Ada (key test admin installation)
      claimedUntil | 2026-11-21T12:10:00Z
    "#);
    let approve = json!({"decision": "approve", "reviewer": "Bob"});
    for (what, body) in [("release", bob.clone()), ("decide", approve.clone())] {
        let refused = act(&world, &id, what, body).await;
        assert_eq!(
            (refused.status, refused.json["error"]["details"][0]["path"].clone()),
            (409, json!("claimedBy")),
            "{what}"
        );
    }
    world.clock.forward(Duration::minutes(9));
    assert_eq!(
        act(&world, &id, "claim", ada.clone()).await.data("claimedUntil"),
        "2026-11-21T12:19:00Z"
    );
    world.clock.forward(Duration::minutes(10));
    assert_eq!(act(&world, &id, "claim", bob.clone()).await.status, 200, "hers has expired");
    assert_eq!(act(&world, &id, "release", ada.clone()).await.status, 409);
    let free = act(&world, &id, "release", bob.clone()).await;
    assert_eq!((free.status, &free.json["data"]["claimedBy"]), (200, &Value::Null));
    assert_eq!(
        act(&world, &id, "release", bob).await.status,
        200,
        "without a claim nothing happens"
    );
    assert_eq!(act(&world, &id, "claim", ada).await.status, 200);
    assert_eq!(act(&world, &id, "claim", json!({"reviewer": "x".repeat(101)})).await.status, 422);
}

#[tokio::test]
async fn a_decision_counts_once_and_another_one_comes_too_late() {
    let world = world().await;
    campaign(&world).await;
    let (id, submission) = under_review(&world, 1, 1).await;
    insta::assert_snapshot!(act(&world, &id, "decide", json!({"decision": "reject"})).await.refusal(), @r#"
    422 VALIDATION_ERROR: reason is missing; to reject, say why
      reason | is missing; to reject, say why
    "#);
    let wrong = json!({"decision": "approve", "answers": {"lead.email": "x"}});
    assert_eq!(act(&world, &id, "decide", wrong).await.status, 422);
    let approve = json!({"decision": "approve", "answers": {"questionnaire.roof": "tile"}, "reviewer": "Ada"});
    let done = act(&world, &id, "decide", approve.clone()).await;
    assert_eq!((done.status, &done.json["data"]["repeated"]), (200, &json!(false)));
    assert_eq!(world.pushed(Stage::Disqualification).await, 1);
    let again = act(&world, &id, "decide", approve).await;
    assert_eq!((again.status, &again.json["data"]["repeated"]), (200, &json!(true)));
    let other = json!({"decision": "reject", "reason": "a joke"});
    insta::assert_snapshot!(act(&world, &id, "decide", other).await.refusal(), @r#"
    409 CONFLICT: the wait ended at 2026-11-21T12:00:00Z with continue, by Ada (key test admin installation)
      resolution | continue
      by | Ada (key test admin installation)
      at | 2026-11-21T12:00:00Z
    "#);
    assert_eq!(act(&world, &id, "claim", json!({})).await.status, 409);
    assert_eq!(world.pushed(Stage::Disqualification).await, 1);
    let shown = world.get(&format!("/api/v1/reviews/{id}")).await;
    let data = &shown.json["data"];
    assert_eq!(
        (&data["resolution"], &data["answers"]["questionnaire.roof"]),
        (&json!("continue"), &json!("tile"))
    );
    assert!(ids(&world.get("/api/v1/reviews").await).is_empty(), "it waits no more");
    let story = world.get(&format!("/api/v1/submissions/{submission}")).await;
    assert_eq!(story.json["data"]["submission"]["carry"]["answers"]["questionnaire.roof"], "tile");
}

#[tokio::test]
async fn approving_a_lead_and_resuming_by_hand_ask_for_no_claim() {
    let world = world().await;
    campaign(&world).await;
    for nth in 0..2 {
        let (id, submission) = under_review(&world, nth, 1).await;
        act(&world, &id, "claim", json!({"reviewer": "Ada"})).await;
        let lead = world.get(&format!("/api/v1/reviews/{id}")).await.data("leadId");
        let done = if nth == 0 {
            world
                .post(&format!("/api/v1/leads/{lead}/approve"), json!({"status": "approved"}))
                .await
        } else {
            world.post(&format!("/api/v1/submissions/{submission}/resume"), json!({})).await
        };
        assert_eq!(done.status, 200, "{done:?}");
        let same = json!({"decision": "approve", "reviewer": "Bob"});
        assert_eq!(act(&world, &id, "decide", same).await.json["data"]["repeated"], true);
    }
}

#[tokio::test]
async fn one_word_on_many_reviews_counts_for_each_that_can_be_decided() {
    let world = world().await;
    campaign(&world).await;
    let mut all = Vec::new();
    for nth in 0..5 {
        all.push(under_review(&world, nth, 1).await);
    }
    act(&world, &all[1].0, "claim", json!({"reviewer": "Ada"})).await;
    act(&world, &all[2].0, "decide", json!({"decision": "approve"})).await;
    act(&world, &all[3].0, "decide", json!({"decision": "disqualify"})).await;
    let unknown = "park_00000000000000000000000000".to_owned();
    let review_ids: Vec<&String> =
        all.iter().map(|one| &one.0).chain([&unknown, &all[0].0]).collect();
    let body = json!({"reviewIds": review_ids, "decision": "disqualify", "reason": "no roof"});
    let answer = world.post("/api/v1/reviews/decide", body).await;
    let data = &answer.json["data"];
    let succeeded: HashSet<(&str, bool)> = data["succeeded"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["reviewId"].as_str().unwrap(), one["repeated"].as_bool().unwrap()))
        .collect();
    assert_eq!(
        succeeded,
        HashSet::from([
            (all[0].0.as_str(), false),
            (all[3].0.as_str(), true),
            (all[4].0.as_str(), false)
        ])
    );
    let failed: HashSet<(&str, &str)> = data["failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["reviewId"].as_str().unwrap(), one["error"]["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        failed,
        HashSet::from([
            (all[1].0.as_str(), "CONFLICT"),
            (all[2].0.as_str(), "CONFLICT"),
            (unknown.as_str(), "NOT_FOUND")
        ])
    );
    assert_eq!(world.pushed(Stage::Fallback).await, 3);
    let left = ids(&world.get("/api/v1/reviews").await);
    assert_eq!(left, [all[1].0.clone()], "what failed is as it was");
    for (body, path) in [
        (json!({"reviewIds": [], "decision": "approve"}), "reviewIds"),
        (json!({"reviewIds": vec![&unknown; 201], "decision": "approve"}), "reviewIds"),
        (json!({"reviewIds": [unknown], "decision": "reject"}), "reason"),
    ] {
        let refused = world.post("/api/v1/reviews/decide", body).await;
        assert_eq!(
            (refused.status, refused.json["error"]["details"][0]["path"].clone()),
            (422, json!(path))
        );
    }
}

#[tokio::test]
async fn a_lead_that_is_no_longer_processed_is_not_approved() {
    let world = world().await;
    campaign(&world).await;
    let (id, _) = under_review(&world, 1, 1).await;
    let lead = world.get(&format!("/api/v1/reviews/{id}")).await.data("leadId");
    let body = json!({"leadStatus": "rejected", "reason": "a joke"});
    world.ask("PATCH", &format!("/api/v1/leads/{lead}")).json(body).send().await;
    let late = act(&world, &id, "decide", json!({"decision": "approve"})).await;
    assert_eq!(
        (late.code(), late.json["error"]["details"][0]["message"].clone()),
        ("CONFLICT", json!("withdrawn"))
    );
}

#[tokio::test]
async fn of_many_reviewers_who_ask_for_the_next_one_each_gets_another() {
    let world = world().await;
    campaign(&world).await;
    let mut urgent = String::new();
    for nth in 0..6 {
        let (id, _) = under_review(&world, nth, i64::from(nth != 3)).await;
        if nth == 3 {
            urgent = id;
        }
    }
    let first = world.post("/api/v1/reviews/claim-next", json!({"reviewer": "Ada"})).await;
    assert_eq!(first.json["data"]["review"]["reviewId"], urgent);
    assert_eq!(first.json["data"]["review"]["claimedUntil"], "2026-11-21T12:10:00Z");
    let high = world.post("/api/v1/reviews/claim-next", json!({"priority": "high"})).await;
    assert_eq!((high.status, &high.json["data"]["review"]), (200, &Value::Null));
    let barrier = Arc::new(Barrier::new(REVIEWERS));
    let asks = (0..REVIEWERS).map(|nth| {
        let body = json!({"reviewer": format!("reviewer {nth}")});
        let ask = world.ask("POST", "/api/v1/reviews/claim-next").json(body);
        let barrier = barrier.clone();
        tokio::spawn(async move {
            barrier.wait().await;
            ask.send().await
        })
    });
    let mut got = Vec::new();
    for ask in asks.collect::<Vec<_>>() {
        let answer = ask.await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        got.extend(answer.json["data"]["review"]["reviewId"].as_str().map(str::to_owned));
    }
    assert_eq!(got.len(), 5, "{got:?}");
    assert_eq!(got.iter().collect::<HashSet<_>>().len(), 5);
}

#[tokio::test]
async fn a_key_needs_the_scope_to_read_or_to_decide() {
    let world = world().await;
    campaign(&world).await;
    let (id, _) = under_review(&world, 1, 1).await;
    let reader = add_key(&world.db, world.workspace, &["leads:read"], None).await;
    assert_eq!(world.ask_as(&reader, "GET", "/api/v1/reviews").send().await.status, 200);
    for path in [
        format!("{id}/claim"),
        format!("{id}/release"),
        format!("{id}/decide"),
        "decide".into(),
        "claim-next".into(),
    ] {
        let path = format!("/api/v1/reviews/{path}");
        let ask = world
            .ask_as(&reader, "POST", &path)
            .json(json!({"decision": "approve", "reviewIds": [id]}));
        assert_eq!(ask.send().await.status, 403, "{path}");
    }
}
