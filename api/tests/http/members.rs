//! Members of campaigns over HTTP: added by hand, fed by segments; campaigns with dates, and those that qualify at once.
use crate::support::{World, lead, world};
use serde_json::{Value, json};
use shared::ids::{ContactId, SegmentId};

async fn segment(world: &World, name: &str) -> String {
    let id = SegmentId::new();
    world
        .db
        .write()
        .sql(
            "INSERT INTO segment (workspace_id, id, name, description, kind, state, is_enabled, generation, member_count,
                created_at, updated_at) VALUES ($1, $2, $3, '', 'static', 'ready', true, 1, 0, $4, $4)",
        )
        .bind(world.workspace)
        .bind(id)
        .bind(name)
        .bind(world.clock.now())
        .run()
        .await
        .unwrap();
    id.to_string()
}

/// A contact who is a lead of the campaign SOL.
async fn contact(world: &World) -> (String, String) {
    let stored = world.post("/api/v1/leads", lead("SOL")).await.data("leadId");
    let shown = world.get(&format!("/api/v1/leads/{stored}")).await;
    (shown.json["data"]["contactId"].as_str().unwrap().to_owned(), stored)
}

#[tokio::test]
async fn contacts_are_added_by_hand_once() {
    let world = world().await;
    let first = world.campaign("SOL", json!({})).await;
    let second = world.campaign("NEWS", json!({})).await;
    let (contact, stored) = contact(&world).await;
    let path = |campaign: &str| format!("/api/v1/campaigns/{campaign}/members");
    let add = async |campaign: &str, ids: Value| {
        let answer = world.post(&path(campaign), json!({"contactIds": ids})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json["data"].clone()
    };
    let there = add(&first, json!([contact])).await;
    assert_eq!((&there["existing"], &there["items"][0]["leadId"]), (&json!(1), &json!(stored)));
    let unknown = ContactId::new().to_string();
    let added = add(&second, json!([contact, unknown, contact])).await;
    assert_eq!((&added["added"], &added["unknown"]), (&json!(1), &json!(1)));
    let made = added["items"][0]["leadId"].as_str().unwrap();
    assert_eq!(add(&second, json!([contact])).await["existing"], 1);
    let shown = world.get(&format!("/api/v1/leads?campaignId={second}")).await;
    let item = &shown.json["data"]["items"][0];
    assert_eq!(
        (&item["leadId"], &item["source"], &item["status"]),
        (&json!(made), &json!("manual"), &json!("new"))
    );
    let submit = world.post(&format!("/api/v1/leads/{made}/submit"), json!({})).await;
    assert_eq!(submit.status, 202, "what is stored can be submitted: {submit:?}");
    world.post(&format!("/api/v1/campaigns/{second}/pause"), json!({})).await;
    let closed = world.post(&path(&second), json!({"contactIds": [contact]})).await;
    insta::assert_snapshot!(closed.refusal(), @"409 CAMPAIGN_CLOSED: the campaign is paused and takes no leads");
    let none = world.post(&path(&first), json!({"contactIds": []})).await;
    assert_eq!(none.code(), "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_campaigns_segments_are_one_list() {
    let world = world().await;
    let campaign = world.campaign("SOL", json!({})).await;
    let (one, two) = (segment(&world, "one").await, segment(&world, "two").await);
    let path = format!("/api/v1/campaigns/{campaign}/segments");
    let put =
        async |ids: Value| world.ask("PUT", &path).json(json!({"segmentIds": ids})).send().await;
    let both = put(json!([one, two])).await;
    assert_eq!(both.json["data"]["added"].as_array().unwrap().len(), 2);
    assert_eq!(put(json!([two, one, two])).await.json["data"], json!({"added": [], "removed": []}));
    let less = put(json!([two])).await;
    assert_eq!(less.json["data"], json!({"added": [], "removed": [one]}));
    let strange = SegmentId::new().to_string();
    let refused = put(json!([two, strange])).await;
    insta::assert_snapshot!(refused.refusal(), @r"
    422 VALIDATION_ERROR: segmentIds[1] there is no such segment in this workspace
      segmentIds[1] | there is no such segment in this workspace
    ");
    let shown = world.get(&path).await;
    insta::assert_snapshot!(shown.plain(), @r#"
    200 {
      "data": {
        "items": [
          {
            "addedAt": "2026-11-21T12:00:00Z",
            "kind": "static",
            "memberCount": 0,
            "name": "two",
            "segmentId": "seg_…",
            "state": "ready"
          }
        ]
      },
      "success": true
    }
    "#);
    let many = put(json!(vec![strange; 51])).await;
    assert_eq!(many.code(), "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_campaign_has_a_start_and_an_end() {
    let world = world().await;
    let create = async |more: Value| {
        let mut body = json!({"name": "x", "config": {}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.post("/api/v1/campaigns", body).await
    };
    let (start, end) = ("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z");
    let dated = create(json!({"startsAt": start, "endsAt": end})).await;
    let data = &dated.json["data"];
    assert_eq!(
        (&data["state"], &data["startsAt"], &data["endsAt"]),
        (&json!("paused"), &json!(start), &json!(end))
    );
    assert_eq!(create(json!({"endsAt": end})).await.json["data"]["state"], "active");
    let past = "2026-11-20T00:00:00Z";
    let begun = create(json!({"startsAt": past})).await;
    assert_eq!(begun.json["data"]["state"], "active");
    let mut lines = Vec::new();
    for more in [
        json!({"endsAt": past}),
        json!({"startsAt": end, "endsAt": start}),
        json!({"startsAt": "0001-01-01T00:00:00Z"}),
        json!({"startsAt": "tomorrow"}),
    ] {
        lines.push(create(more).await.refusal().lines().next().unwrap().to_owned());
    }
    insta::assert_snapshot!(lines[..3].join("\n"), @r"
    422 VALIDATION_ERROR: endsAt must lie ahead
    422 VALIDATION_ERROR: endsAt must be after `startsAt`
    422 VALIDATION_ERROR: startsAt must be a time between 1900 and 9998
    ");
    assert!(lines[3].starts_with("422 VALIDATION_ERROR: startsAt "), "{}", lines[3]);
    let path = format!("/api/v1/campaigns/{}", dated.data("campaignId"));
    let save = async |more: Value| {
        let mut body = json!({"name": "x", "config": {}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.ask("PUT", &path).json(body).send().await
    };
    world.clock.forward(chrono::Duration::days(3));
    let kept = save(json!({"startsAt": start, "endsAt": end})).await;
    assert_eq!(kept.status, 200, "an end that lies behind can be kept: {kept:?}");
    let other = save(json!({"endsAt": "2026-11-23T01:00:00Z"})).await;
    assert_eq!(other.code(), "VALIDATION_ERROR");
    let open = save(json!({})).await;
    assert_eq!(
        (&open.json["data"]["startsAt"], &open.json["data"]["endsAt"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn a_campaign_that_qualifies_at_once_delivers_nothing() {
    let world = world().await;
    world.campaign("SOL", json!({"autoQualify": true})).await;
    let taken = world.post("/api/v1/leads/submit", lead("SOL")).await;
    assert_eq!(taken.status, 202);
    let data = &taken.json["data"];
    assert_eq!((&data["submissionId"], &data["status"]), (&Value::Null, &json!("new")));
    let id = taken.data("leadId");
    let shown = world.get(&format!("/api/v1/leads/{id}")).await;
    assert_eq!(shown.json["data"]["leadStatus"], "qualified");
    let history = world.get(&format!("/api/v1/leads/{id}/history")).await;
    let line = &history.json["data"]["items"][0];
    assert_eq!(
        (&line["reasonCode"], &line["by"]),
        (&json!("auto_qualify"), &json!("the campaign"))
    );
    let config = json!({"autoQualify": true, "firstAction": {"kind": "human_review", "deadlineMinutes": 60}});
    let refused = world.post("/api/v1/campaigns", json!({"name": "x", "config": config})).await;
    insta::assert_snapshot!(refused.refusal(), @r"
    422 VALIDATION_ERROR: config.autoQualify leads that are qualified at once go nowhere: leave out `endpoints` and `firstAction`
      config.autoQualify | leads that are qualified at once go nowhere: leave out `endpoints` and `firstAction`
    ");
}
