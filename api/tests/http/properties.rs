//! Properties over HTTP: made, listed, changed, refused.
use crate::support::world;
use serde_json::json;

const URL: &str = "/api/v1/properties";

#[tokio::test]
async fn a_property_is_made_listed_and_changed() {
    let world = world().await;
    let made = world.post(URL, json!({"name": " Date Eligible ", "kind": "date"})).await;
    insta::assert_snapshot!(made.plain(), @r#"
    201 {
      "data": {
        "createdAt": "2026-11-21T12:00:00Z",
        "description": "",
        "indexed": true,
        "key": "date_eligible",
        "kind": "date",
        "name": "Date Eligible",
        "propertyId": "prop_…",
        "updatedAt": "2026-11-21T12:00:00Z"
      },
      "success": true
    }
    "#);
    let clash = world.post(URL, json!({"name": "date eligible", "kind": "text"})).await;
    insta::assert_snapshot!(clash.refusal(), @r"
    409 CONFLICT: another property has the key date_eligible
      key | another property has the key date_eligible
    ");
    let second = json!({"name": "2nd", "key": "second", "kind": "number", "indexed": false});
    assert_eq!(world.post(URL, second).await.status, 201);
    let one = format!("{URL}/{}", made.data("propertyId"));
    let changed = world.ask("PATCH", &one).json(json!({"name": "Eligible", "indexed": false}));
    let changed = changed.send().await;
    assert_eq!((changed.status, changed.data("name")), (200, "Eligible".to_owned()));
    assert_eq!(world.get(&one).await.json["data"], changed.json["data"]);
    let page = world.get(&format!("{URL}?limit=1")).await;
    let rest = world.get(&format!("{URL}?cursor={}", page.data("nextCursor"))).await;
    assert_eq!(page.json["data"]["items"][0]["key"], "date_eligible");
    assert_eq!(rest.json["data"]["items"][0]["key"], "second");
}

#[tokio::test]
async fn every_problem_of_a_property_is_listed_at_once() {
    let world = world().await;
    let mut lines = Vec::new();
    for body in [
        json!({"name": " ", "key": "Tier", "kind": "text", "description": "x".repeat(1_001)}),
        json!({"name": "2nd", "kind": "text"}),
        json!({"name": "x", "kind": "money"}),
        json!({"name": "x"}),
    ] {
        lines.push(world.post(URL, body).await.refusal());
    }
    let made = world.post(URL, json!({"name": "Tier", "kind": "text"})).await;
    let one = format!("{URL}/{}", made.data("propertyId"));
    let kind = world.ask("PATCH", &one).json(json!({"kind": "number"})).send().await;
    lines.push(kind.refusal());
    insta::assert_snapshot!(lines.join("\n"), @r"
    422 VALIDATION_ERROR: the request has 3 problems
      name | has 0 characters; 1 to 100 are allowed
      description | has more than 1000 characters
      key | must be 1 to 64 lower-case letters, digits and `_`, a letter first
    422 VALIDATION_ERROR: key cannot be made from the name; give one
      key | cannot be made from the name; give one
    422 VALIDATION_ERROR: kind `money` is not known, expected one of `text`, `number`, `date`, `datetime`, `boolean`, `list`
      kind | `money` is not known, expected one of `text`, `number`, `date`, `datetime`, `boolean`, `list`
    422 VALIDATION_ERROR: kind is missing
      kind | is missing
    422 VALIDATION_ERROR: kind is not a known field; known here: `name`, `description`, `indexed`
      kind | is not a known field; known here: `name`, `description`, `indexed`
    ");
}
