//! Segments: made, changed, copied, deleted, filled, checked; and who is told that one waits to be built.
use crate::support::{Answer, World, noon, world};
use serde_json::{Value, json};
use shared::{ids::ContactId, push::SEGMENTS};

pub const URL: &str = "/api/v1/segments";

pub async fn enterprise() -> World {
    let world = world().await;
    plan(&world, "enterprise").await;
    world
}

pub async fn plan(world: &World, plan: &str) {
    let answer = patch(world, "/api/v1/workspace", json!({"plan": plan})).await;
    assert_eq!((answer.status, answer.data("plan")), (200, plan.to_owned()), "{answer:?}");
}

pub async fn patch(world: &World, url: &str, body: Value) -> Answer {
    world.ask("PATCH", url).json(body).send().await
}

/// How many builds the bell was rung for, once the pusher has nothing more to do.
pub async fn rung(world: &World) -> u64 {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    world.queue.depths(&[SEGMENTS]).await.unwrap()[0].ready
}

pub async fn made(world: &World, body: Value) -> String {
    let answer = world.post(URL, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.data("segmentId")
}

pub async fn contact(world: &World, city: &str, status: &str) -> String {
    let id = ContactId::new();
    world
        .db
        .write()
        .sql(
            "INSERT INTO contact (workspace_id, id, status, first_name, city, folded, created_at, updated_at)
             VALUES ($1, $2, $3, 'ada', $4, '{}', $5, $5)",
        )
        .bind(world.workspace)
        .bind(id)
        .bind(status)
        .bind(city)
        .bind(noon())
        .run()
        .await
        .unwrap();
    id.to_string()
}

/// Properties are made elsewhere; here one is there.
pub async fn property(world: &World) {
    world
        .db
        .write()
        .sql(
            "INSERT INTO property (workspace_id, id, key, name, description, kind, indexed, created_at, updated_at)
             VALUES ($1, $2, 'tier', 'Tier', '', 'text', TRUE, $3, $3)",
        )
        .bind(world.workspace)
        .bind(shared::ids::PropertyId::new())
        .bind(noon())
        .run()
        .await
        .unwrap();
}

pub fn city(city: &str) -> Value {
    json!({"field": "contact.city", "operator": "is", "value": city})
}

pub fn within(segment: &str) -> Value {
    json!({"field": "contact.segments", "operator": "inSegment", "value": [segment]})
}

pub fn names(answer: &Answer) -> Vec<Value> {
    let items = answer.json["data"]["items"].as_array().unwrap();
    items.iter().map(|one| one["name"].clone()).collect()
}

#[tokio::test]
async fn a_dynamic_segment_shows_both_faces_of_its_rule_and_waits_to_be_built() {
    let world = enterprise().await;
    let body = json!({"name": " Reno ", "kind": "dynamic", "rule": city("Reno"), "timezone": "America/Los_Angeles"});
    let answer = world.post(URL, body).await;
    insta::assert_snapshot!(answer.plain(), @r#"
    201 {
      "data": {
        "buildMs": null,
        "builtAt": null,
        "createdAt": "2026-11-21T12:00:00Z",
        "description": "",
        "enabled": true,
        "filled": null,
        "flipsAt": null,
        "kind": "dynamic",
        "memberCount": 0,
        "name": "Reno",
        "problem": null,
        "rule": {
          "field": "contact.city",
          "operator": "equals",
          "value": "Reno"
        },
        "search": "city:Reno",
        "segmentId": "seg_…",
        "state": "waiting",
        "timezone": "America/Los_Angeles",
        "updatedAt": "2026-11-21T12:00:00Z",
        "usedBy": {
          "campaigns": [],
          "segments": []
        }
      },
      "success": true
    }
    "#);
    assert_eq!(rung(&world).await, 1);
    let one = format!("{URL}/{}", answer.data("segmentId"));
    let typed = patch(&world, &one, json!({"search": "city:Sparks", "timezone": null})).await;
    let data = &typed.json["data"];
    assert_eq!(data["search"], "city:Sparks");
    assert_eq!(data["rule"]["value"], "Sparks");
    assert_eq!(data["timezone"], Value::Null);
    assert_eq!(world.get(&one).await.json["data"], *data);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "most of it are the answers")]
async fn a_static_segment_is_filled_from_a_search_and_by_hand() {
    let world = enterprise().await;
    let reno = contact(&world, "reno", "active").await;
    let sparks = contact(&world, "sparks", "inactive").await;
    let gone = contact(&world, "reno", "deleted").await;
    let body = json!({"name": "VIP", "from": {"search": "city:reno"}});
    let answer = world.post(URL, body).await;
    insta::assert_snapshot!(answer.plain(), @r#"
    201 {
      "data": {
        "buildMs": null,
        "builtAt": null,
        "createdAt": "2026-11-21T12:00:00Z",
        "description": "",
        "enabled": true,
        "filled": {
          "added": 1,
          "found": 1,
          "nextCursor": null
        },
        "flipsAt": null,
        "kind": "static",
        "memberCount": 1,
        "name": "VIP",
        "problem": null,
        "rule": null,
        "search": null,
        "segmentId": "seg_…",
        "state": "ready",
        "timezone": null,
        "updatedAt": "2026-11-21T12:00:00Z",
        "usedBy": {
          "campaigns": [],
          "segments": []
        }
      },
      "success": true
    }
    "#);
    assert_eq!(rung(&world).await, 0, "nothing to build");
    let one = format!("{URL}/{}", answer.data("segmentId"));
    let members = format!("{one}/members");
    let strange = ContactId::new().to_string();
    let ids = json!({"contactIds": [reno, sparks, gone, strange]});
    let added = world.post(&members, ids.clone()).await;
    let wanted = json!({"added": 1, "unknown": [strange], "deleted": [gone]});
    assert_eq!(added.json["data"], wanted, "{added:?}");
    assert_eq!(world.post(&members, ids.clone()).await.json["data"]["added"], 0);
    let page = world.get(&format!("{members}?limit=1")).await;
    insta::assert_snapshot!(page.plain(), @r#"
    200 {
      "data": {
        "hasMore": true,
        "items": [
          {
            "addedAt": "2026-11-21T12:00:00Z",
            "contactId": "contact_…",
            "email": null,
            "firstName": "ada",
            "lastName": null,
            "phone": null,
            "status": "active"
          }
        ],
        "nextCursor": "contact_…"
      },
      "success": true
    }
    "#);
    let rest = world.get(&format!("{members}?cursor={}", page.data("nextCursor"))).await;
    assert_eq!(rest.json["data"]["items"][0]["contactId"], json!(sparks));
    assert_eq!(rest.json["data"]["hasMore"], false);
    let of = world.get(&format!("/api/v1/contacts/{reno}/segments")).await;
    assert_eq!(names(&of), ["VIP"]);
    let removed = world.post(&format!("{members}/remove"), ids).await;
    assert_eq!(removed.json["data"], json!({"removed": 2, "unknown": [strange]}));
    let search = format!("{members}/from-search");
    let filled = world.post(&search, json!({"rule": city("Sparks")})).await;
    assert_eq!(filled.json["data"], json!({"found": 1, "added": 1, "nextCursor": null}));
    assert_eq!(world.get(&one).await.json["data"]["memberCount"], 1);
    assert_eq!(world.get(URL).await.json["data"]["items"][0]["memberCount"], 1);
    let other = made(&world, json!({"name": "other"})).await;
    let search = format!("{URL}/{other}/members/from-search");
    let filled = world.post(&search, json!({"segmentId": answer.data("segmentId")})).await;
    assert_eq!(filled.json["data"]["added"], 1);
    let gone_on = json!({"segmentId": answer.data("segmentId"), "cursor": sparks});
    assert_eq!(world.post(&search, gone_on).await.json["data"]["found"], 0);
}

#[tokio::test]
async fn a_history_has_a_line_for_each_fill() {
    let world = enterprise().await;
    let id = made(&world, json!({"name": "VIP"})).await;
    let search = format!("{URL}/{id}/members/from-search");
    for _ in 0..3 {
        contact(&world, "reno", "active").await;
        world.clock.forward(chrono::Duration::seconds(1));
        assert_eq!(
            world.post(&search, json!({"search": "city:reno"})).await.json["data"]["added"],
            1
        );
    }
    let page = world.get(&format!("{URL}/{id}/history?limit=2")).await;
    let counts = |answer: &Answer| {
        let items = answer.json["data"]["items"].as_array().unwrap();
        items.iter().map(|one| one["members"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(counts(&page), [3, 2]);
    let rest = world.get(&format!("{URL}/{id}/history?cursor={}", page.data("nextCursor"))).await;
    insta::assert_snapshot!(rest.plain(), @r#"
    200 {
      "data": {
        "hasMore": false,
        "items": [
          {
            "added": 1,
            "at": "2026-11-21T12:00:01Z",
            "buildMs": 0,
            "members": 1,
            "removed": 0
          }
        ],
        "nextCursor": null
      },
      "success": true
    }
    "#);
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let world = enterprise().await;
    made(&world, json!({"name": "one"})).await;
    made(&world, json!({"name": "two", "kind": "dynamic", "search": "city:reno"})).await;
    made(&world, json!({"name": "three"})).await;
    let page = world.get(&format!("{URL}?limit=2")).await;
    assert_eq!(names(&page), ["one", "two"]);
    let rest = world.get(&format!("{URL}?limit=2&cursor={}", page.data("nextCursor"))).await;
    assert_eq!(names(&rest), ["three"]);
    assert_eq!(names(&world.get(&format!("{URL}?kind=static")).await), ["one", "three"]);
    assert_eq!(names(&world.get(&format!("{URL}?state=waiting")).await), ["two"]);
    let bad = world.get(&format!("{URL}?kind=fixed")).await;
    assert_eq!((bad.status, bad.code()), (422, "VALIDATION_ERROR"));
}

#[tokio::test]
async fn a_copy_has_the_rule_or_the_members() {
    let world = enterprise().await;
    let reno = contact(&world, "reno", "active").await;
    let draft = json!({"name": "VIP", "description": "d", "from": {"search": "city:reno"}});
    let fixed = made(&world, draft).await;
    let copy = world.post(&format!("{URL}/{fixed}/copy"), json!({"name": "VIP 2"})).await;
    assert_eq!((copy.status, copy.data("description")), (201, "d".to_owned()), "{copy:?}");
    assert_eq!(copy.json["data"]["filled"], json!({"found": 1, "added": 1, "nextCursor": null}));
    let of = world.get(&format!("/api/v1/contacts/{reno}/segments")).await;
    assert_eq!(names(&of), ["VIP", "VIP 2"]);
    let ruled =
        made(&world, json!({"name": "Reno", "kind": "dynamic", "search": "city:Reno"})).await;
    let copy = world.post(&format!("{URL}/{ruled}/copy"), json!({"name": "Reno 2"})).await;
    let data = &copy.json["data"];
    assert_eq!(
        (&data["state"], &data["search"], &data["filled"]),
        (&json!("waiting"), &json!("city:Reno"), &Value::Null)
    );
}

#[tokio::test]
async fn a_named_segment_stays_until_nobody_names_it() {
    let world = enterprise().await;
    let vip = made(&world, json!({"name": "VIP"})).await;
    let asks = made(&world, json!({"name": "asks", "kind": "dynamic", "rule": within(&vip)})).await;
    let one = format!("{URL}/{vip}");
    let users = json!({"segments": [{"segmentId": asks, "name": "asks"}], "campaigns": []});
    assert_eq!(world.get(&one).await.json["data"]["usedBy"], users);
    assert_eq!(world.ask("DELETE", &one).send().await.status, 409);
    assert_eq!(world.ask("DELETE", &format!("{URL}/{asks}")).send().await.status, 200);
    let gone = world.ask("DELETE", &one).send().await;
    assert_eq!((gone.status, gone.data("name")), (200, "VIP".to_owned()));
    assert_eq!(world.get(&one).await.status, 404);
    assert_eq!(world.ask("DELETE", &one).send().await.status, 404);
    made(&world, json!({"name": "VIP"})).await;
}

#[tokio::test]
async fn a_segment_that_is_built_again_rings_the_bell_once() {
    let world = enterprise().await;
    let id = made(&world, json!({"name": "Reno", "kind": "dynamic", "rule": city("Reno")})).await;
    let ready = "UPDATE segment SET state = 'ready', build_due_at = NULL WHERE workspace_id = $1";
    world.db.write().sql(ready).bind(world.workspace).run().await.unwrap();
    let rebuild = format!("{URL}/{id}/rebuild");
    assert_eq!(world.post(&rebuild, json!({})).await.data("state"), "waiting");
    assert_eq!(world.post(&rebuild, json!({})).await.data("state"), "waiting");
    assert_eq!(rung(&world).await, 2, "made, and built again: one job each");
    let off = patch(&world, &format!("{URL}/{id}"), json!({"enabled": false})).await;
    assert_eq!(
        (off.data("state"), &off.json["data"]["enabled"]),
        ("ready".to_owned(), &json!(false))
    );
    assert_eq!(world.post(&rebuild, json!({})).await.code(), "CONFLICT");
}

#[tokio::test]
async fn a_check_finds_who_is_missing() {
    let world = enterprise().await;
    let id = made(&world, json!({"name": "Reno", "kind": "dynamic", "rule": city("Reno")})).await;
    let check = format!("{URL}/{id}/check");
    let empty = json!({"count": 0, "sample": []});
    let right = json!({"isRight": true, "missing": empty, "extra": empty});
    assert_eq!(world.post(&check, json!({})).await.json["data"], right);
    let reno = contact(&world, "reno", "active").await;
    let wrong =
        json!({"isRight": false, "missing": {"count": 1, "sample": [reno]}, "extra": empty});
    assert_eq!(world.post(&check, json!({})).await.json["data"], wrong);
}

#[tokio::test]
async fn a_workspace_has_a_zone() {
    let world = enterprise().await;
    let ruled =
        made(&world, json!({"name": "Reno", "kind": "dynamic", "rule": city("Reno")})).await;
    let changed = patch(&world, "/api/v1/workspace", json!({"timezone": "Europe/Paris"})).await;
    assert_eq!((changed.status, changed.data("timezone")), (200, "Europe/Paris".to_owned()));
    let shown = world.get("/api/v1/workspace").await;
    assert_eq!(
        (shown.data("timezone"), shown.data("plan")),
        ("Europe/Paris".into(), "enterprise".into())
    );
    assert_eq!(rung(&world).await, 2, "made, and built again for {ruled}");
}
