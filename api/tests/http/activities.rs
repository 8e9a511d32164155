//! POST /activities and what is shown of them.
use crate::support::{World, add_key, world};
use serde_json::{Value, json};
use shared::{activity::BATCH_MAX, ids::ContactId};
use std::sync::Arc;
use tokio::sync::Barrier;

/// A contact of the workspace, by way of a lead.
pub async fn contact(world: &World, email: &str, phone: &str) -> String {
    if world.get("/api/v1/campaigns").await.json["data"]["items"] == json!([]) {
        world.campaign("SOL", json!({})).await;
    }
    let mut lead = crate::support::lead("SOL");
    (lead["email"], lead["phone"]) = (json!(email), json!(phone));
    let stored = world.post("/api/v1/leads", lead).await;
    assert_eq!(stored.status, 201, "{stored:?}");
    let text = "SELECT id FROM contact WHERE workspace_id = $1 AND email = $2";
    let id = world.db.read().sql(text).bind(world.workspace).bind(email.to_owned());
    id.scalar::<ContactId>().await.unwrap().to_string()
}

/// What a contact did, newest first.
pub async fn listed(world: &World, contact: &str) -> Vec<Value> {
    let answer = world.get(&format!("/api/v1/contacts/{contact}/activities")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["data"]["items"].as_array().unwrap().clone()
}

async fn post(world: &World, activities: Value) -> Value {
    let answer = world.post("/api/v1/activities", json!({"activities": activities})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["data"].clone()
}

#[tokio::test]
async fn each_activity_is_answered_by_itself() {
    let world = world().await;
    contact(&world, "ada@example.com", "4155550100").await;
    let body = json!({"activities": [
        {"email": "ADA@example.com", "type": "page_visit", "url": "https://Shop.example.com/a?x=1", "key": "k1"},
        {"phone": "(415) 555-0100", "type": "page_visit", "url": "https://Shop.example.com/a?x=1", "key": "k1"},
        {"email": "nobody@example.com", "type": "call"},
        {"email": "ada@example.com", "type": "Call", "colour": 1},
        ["ada@example.com", "call"],
        {"email": "ada@example.com", "type": "Call", "at": "2026-11-21T12:02:00Z", "key": "visit:1"},
    ]});
    let answer = world.post("/api/v1/activities", body).await;
    insta::assert_snapshot!(answer.plain(), @r#"
    200 {
      "data": {
        "items": [
          {
            "activityId": "act_…",
            "contactId": "contact_…",
            "problems": [],
            "status": "recorded"
          },
          {
            "activityId": "act_…",
            "contactId": "contact_…",
            "problems": [],
            "status": "repeated"
          },
          {
            "activityId": null,
            "contactId": null,
            "problems": [
              {
                "message": "there is no such contact",
                "path": "activities[2].email"
              }
            ],
            "status": "refused"
          },
          {
            "activityId": null,
            "contactId": null,
            "problems": [
              {
                "message": "is not a known field; known here: `contactId`, `email`, `phone`, `leadId`, `type`, `name`, `url`, `data`, `at`, `key`",
                "path": "activities[3].colour"
              }
            ],
            "status": "refused"
          },
          {
            "activityId": null,
            "contactId": null,
            "problems": [
              {
                "message": "is a list; expected an object",
                "path": "activities[4]"
              }
            ],
            "status": "refused"
          },
          {
            "activityId": null,
            "contactId": null,
            "problems": [
              {
                "message": "must be 1 to 64 lower-case letters, digits and _, the first a letter, such as page_visit",
                "path": "activities[5].type"
              },
              {
                "message": "is more than 60 seconds in the future",
                "path": "activities[5].at"
              },
              {
                "message": "must not begin with visit:, as the keys of tracked visits do",
                "path": "activities[5].key"
              }
            ],
            "status": "refused"
          }
        ],
        "recorded": 1,
        "refused": 4,
        "repeated": 1,
        "unknown": 0
      },
      "success": true
    }
    "#);
}

#[tokio::test]
async fn a_request_that_is_no_list_of_activities_is_refused_as_a_whole() {
    let world = world().await;
    let many: Vec<Value> = vec![json!({}); BATCH_MAX + 1];
    for (body, why) in [
        (json!({}), "activities | is missing"),
        (json!({"activities": []}), "activities | has 0 entries; 1 to 1000 are allowed"),
        (json!({"activities": many}), "activities | has 1001 entries; 1 to 1000 are allowed"),
        (json!({"activities": [{}], "x": 1}), "x | is not a known field"),
        (json!({"email": "a@b.co", "type": "call"}), "email | is not a known field"),
    ] {
        let answer = world.post("/api/v1/activities", body).await;
        assert_eq!(answer.status, 422);
        assert!(answer.refusal().contains(why), "{}", answer.refusal());
    }
    let long = json!({"activities": [{"data": {"x": "y".repeat(2 * 1024 * 1024)}}]});
    let answer = world.post("/api/v1/activities", long).await;
    assert_eq!((answer.status, answer.code()), (413, "BODY_TOO_LARGE"));
    let keyed = world.ask("POST", "/api/v1/activities").header("idempotency-key", "x");
    let answer = keyed.json(json!({"activities": [{}]})).send().await;
    assert_eq!(answer.status, 422, "each activity has its own key");
}

#[tokio::test]
async fn a_contacts_activities_are_shown_newest_first() {
    let world = world().await;
    let ada = contact(&world, "ada@example.com", "4155550100").await;
    let call = json!({"contactId": ada, "type": "call", "at": "2026-11-20T12:00:00Z", "data": {"minutes": 3}});
    let page = json!({"contactId": ada, "type": "page_visit", "name": "/a"});
    let form = json!({"contactId": ada, "type": "form_submitted", "name": "contact", "at": "2026-11-21T11:59:59Z", "key": "f1"});
    assert_eq!(post(&world, json!([call, page, form])).await["recorded"], 3);
    let names: Vec<Value> =
        listed(&world, &ada).await.into_iter().map(|one| one["type"].clone()).collect();
    assert_eq!(names, ["page_visit", "form_submitted", "call"]);
    let url = format!("/api/v1/contacts/{ada}/activities");
    let first = world.get(&format!("{url}?limit=2")).await;
    assert_eq!(first.json["data"]["hasMore"], true);
    let second = world.get(&format!("{url}?limit=2&cursor={}", first.data("nextCursor"))).await;
    insta::assert_snapshot!(second.plain(), @r#"
    200 {
      "data": {
        "hasMore": false,
        "items": [
          {
            "activityId": "act_…",
            "at": "2026-11-20T12:00:00Z",
            "data": {
              "minutes": 3
            },
            "key": null,
            "leadId": null,
            "name": "",
            "receivedAt": "2026-11-21T12:00:00Z",
            "type": "call"
          }
        ],
        "nextCursor": null
      },
      "success": true
    }
    "#);
    let forms = world.get(&format!("{url}?type=form_submitted")).await;
    assert_eq!(forms.json["data"]["items"].as_array().unwrap().len(), 1);
    for bad in ["?type=Form", "?cursor=x", "?limit=0", "?kind=call"] {
        assert_eq!(world.get(&format!("{url}{bad}")).await.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn the_types_that_are_used_are_listed_with_those_that_all_have() {
    let world = world().await;
    let ada = contact(&world, "ada@example.com", "4155550100").await;
    post(
        &world,
        json!([{"contactId": ada, "type": "order_placed"}, {"contactId": ada, "type": "call"}]),
    )
    .await;
    let types = world.get("/api/v1/activities/types").await;
    let said = types.json["data"]["items"].as_array().unwrap().iter();
    let said: Vec<String> = said
        .map(|one| format!("{} {} {}", one["type"], one["isBuiltIn"], one["firstSeenAt"]))
        .collect();
    assert_eq!(
        said,
        [
            "\"call\" true \"2026-11-21T12:00:00Z\"",
            "\"email_clicked\" true null",
            "\"email_opened\" true null",
            "\"form_submitted\" true null",
            "\"order_placed\" false \"2026-11-21T12:00:00Z\"",
            "\"page_visit\" true null",
            "\"sms_reply\" true null",
        ]
    );
}

#[tokio::test]
async fn of_fifty_equal_requests_at_once_one_counts() {
    let world = world().await;
    let ada = contact(&world, "ada@example.com", "4155550100").await;
    let barrier = Arc::new(Barrier::new(50));
    let posts = (0..50).map(|_| {
        let body = json!({"activities": [{"contactId": ada, "type": "call", "key": "same"}]});
        let (ask, barrier) = (world.ask("POST", "/api/v1/activities").json(body), barrier.clone());
        tokio::spawn(async move {
            barrier.wait().await;
            ask.send().await
        })
    });
    let mut recorded = 0;
    for post in posts.collect::<Vec<_>>() {
        let data = post.await.unwrap().json["data"].clone();
        recorded += data["recorded"].as_i64().unwrap();
        assert_eq!(data["refused"], 0, "{data}");
    }
    assert_eq!((recorded, listed(&world, &ada).await.len()), (1, 1));
}

#[tokio::test]
async fn another_workspaces_contacts_and_sites_are_not_there() {
    let world = world().await;
    let ada = contact(&world, "ada@example.com", "4155550100").await;
    let site = world.post("/api/v1/tracking-sites", json!({"name": "shop"})).await.data("siteId");
    let path = format!("/api/v1/contacts/{ada}/activities");
    let theirs = world.ask_as(&world.stranger, "GET", &path).send().await;
    assert_eq!((theirs.status, theirs.code()), (404, "NOT_FOUND"));
    let path = format!("/api/v1/tracking-sites/{site}");
    let theirs = world.ask_as(&world.stranger, "DELETE", &path).send().await;
    assert_eq!((theirs.status, theirs.code()), (404, "NOT_FOUND"));
    for who in [json!({"contactId": ada}), json!({"email": "ada@example.com"})] {
        let mut one = who;
        one["type"] = json!("call");
        let ask = world.ask_as(&world.stranger, "POST", "/api/v1/activities");
        let answer = ask.json(json!({"activities": [one]})).send().await;
        assert_eq!(answer.json["data"]["refused"], 1, "{answer:?}");
    }
    let types = world.ask_as(&world.stranger, "GET", "/api/v1/activities/types").send().await;
    assert!(
        types.json["data"]["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["firstSeenAt"].is_null())
    );
    assert_eq!(listed(&world, &ada).await, Vec::<Value>::new());
}

#[tokio::test]
async fn each_route_wants_its_scope() {
    let world = world().await;
    let reader = add_key(&world.db, world.workspace, &["leads:read", "campaigns:read"], None).await;
    let writer =
        add_key(&world.db, world.workspace, &["leads:write", "campaigns:write"], None).await;
    let (contact, site) = (ContactId::new(), shared::ids::SiteId::new());
    for (method, path, mine, other) in [
        ("POST", "/api/v1/activities".to_owned(), &writer, &reader),
        ("GET", "/api/v1/activities/types".to_owned(), &reader, &writer),
        ("GET", format!("/api/v1/contacts/{contact}/activities"), &reader, &writer),
        ("POST", "/api/v1/tracking-sites".to_owned(), &writer, &reader),
        ("GET", "/api/v1/tracking-sites".to_owned(), &reader, &writer),
        ("DELETE", format!("/api/v1/tracking-sites/{site}"), &writer, &reader),
    ] {
        let refused = world.ask_as(other, method, &path).json(json!({})).send().await;
        assert_eq!(refused.status, 403, "{method} {path}");
        let allowed = world.ask_as(mine, method, &path).json(json!({})).send().await;
        assert!(![401, 403].contains(&allowed.status), "{method} {path}: {allowed:?}");
    }
}
