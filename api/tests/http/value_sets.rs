//! Value sets: made, saved over, listed, refused, deleted; and the campaigns that name them.
use crate::support::{add_key, world};
use serde_json::{Value, json};

const URL: &str = "/api/v1/value-sets";

fn excludes(set: &str) -> Value {
    let rule = json!({"combinator": "or", "rules": [
        {"field": "address.state", "operator": "isEmpty"},
        {"field": "address.zip", "operator": "inValueSet", "valueSet": set},
    ]});
    json!({"disqualification": [{"name": "excluded", "rule": rule}]})
}

#[tokio::test]
async fn a_set_is_made_shown_saved_and_listed() {
    let world = world().await;
    let made = json!({"name": "zips", "values": ["94107", {"value": "89501", "label": "Reno", "synonyms": ["reno"]}]});
    let answer = world.post(URL, made.clone()).await;
    insta::assert_snapshot!(answer.plain(), @r#"
    201 {
      "data": {
        "createdAt": "2026-11-21T12:00:00Z",
        "description": "",
        "name": "zips",
        "revision": 1,
        "size": 2,
        "updatedAt": "2026-11-21T12:00:00Z",
        "valueSetId": "vset_…",
        "values": [
          {
            "value": "94107"
          },
          {
            "label": "Reno",
            "synonyms": [
              "reno"
            ],
            "value": "89501"
          }
        ]
      },
      "success": true
    }
    "#);
    let one = format!("{URL}/{}", answer.data("valueSetId"));
    let again = world.post(URL, made).await;
    assert_eq!((again.status, again.code()), (409, "CONFLICT"), "{again:?}");
    let saved =
        world.ask("PUT", &one).json(json!({"values": [1, true], "revision": 1})).send().await;
    assert_eq!((saved.status, &saved.json["data"]["revision"]), (200, &json!(2)));
    let late = world.ask("PUT", &one).json(json!({"values": ["x"], "revision": 1})).send().await;
    assert_eq!((late.status, late.code()), (409, "REVISION_CONFLICT"));
    assert_eq!(
        world.get(&one).await.json["data"]["values"],
        json!([{"value": 1}, {"value": true}])
    );
    world.post(URL, json!({"name": "second", "values": ["a"]})).await;
    let page = world.get(&format!("{URL}?limit=1")).await;
    let next = format!("{URL}?cursor={}", page.data("nextCursor"));
    let names = |answer: &crate::support::Answer| {
        let items = answer.json["data"]["items"].as_array().unwrap().clone();
        items.iter().map(|one| one["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (names(&page), names(&world.get(&next).await)),
        (vec![json!("zips")], vec![json!("second")])
    );
    assert_eq!(page.json["data"]["items"][0].get("values"), None, "a list has no values");
}

#[tokio::test]
async fn every_problem_of_a_set_is_listed_at_once() {
    let world = world().await;
    let mut lines = Vec::new();
    for body in [
        json!({"name": "two words", "values": ["US", "u.s.", {"valeu": 1}, [], ""], "description": "x".repeat(1_001)}),
        json!({"name": "empty", "values": []}),
        json!({"name": "none"}),
        json!({"name": "more", "values": ["a"], "extra": 1}),
        json!({"name": "map", "values": {"a": 1}}),
    ] {
        lines.push(world.post(URL, body).await.refusal());
    }
    let huge = json!({"name": "huge", "values": ["x".repeat(8 * 1024 * 1024)]});
    lines.push(world.post(URL, huge).await.refusal());
    insta::assert_snapshot!(lines.join("\n"), @r#"
    422 VALIDATION_ERROR: the request has 6 problems
      name | must be 1 to 64 letters, digits, `_`, `.` or `-`
      description | has more than 1000 characters
      values[1] | "u.s." cannot be told from what value 0 says
      values[2] | unknown field `valeu`, expected one of `value`, `label`, `synonyms`
      values[3] | is neither text, number nor boolean
      values[4] | is empty or longer than 500 bytes
    422 VALIDATION_ERROR: values must have at least one value
      values | must have at least one value
    422 VALIDATION_ERROR: values is missing
      values | is missing
    422 VALIDATION_ERROR: extra is not a known field; known here: `name`, `description`, `values`
      extra | is not a known field; known here: `name`, `description`, `values`
    422 VALIDATION_ERROR: values is an object; expected a list
      values | is an object; expected a list
    413 BODY_TOO_LARGE: the body is longer than 8388608 bytes
    "#);
}

#[tokio::test]
async fn a_campaign_names_only_sets_that_are_there_and_keeps_them_from_deletion() {
    let world = world().await;
    let body = json!({"name": "x", "code": "SOL", "config": excludes("zips")});
    let accepted = json!({"acceptedValues": [{"field": "address.zip", "valueSet": "nobody"}]});
    let refused = world.post("/api/v1/campaigns", body.clone()).await.refusal()
        + "\n"
        + &world
            .post("/api/v1/campaigns", json!({"name": "x", "config": accepted}))
            .await
            .refusal();
    insta::assert_snapshot!(refused, @r#"
    422 VALIDATION_ERROR: config.disqualification[0].rule.rules[1].valueSet there is no value set `zips` in this workspace
      config.disqualification[0].rule.rules[1].valueSet | there is no value set `zips` in this workspace
    422 VALIDATION_ERROR: config.acceptedValues[0].valueSet there is no value set `nobody` in this workspace
      config.acceptedValues[0].valueSet | there is no value set `nobody` in this workspace
    "#);
    let set =
        world.post(URL, json!({"name": "zips", "values": ["94107"]})).await.data("valueSetId");
    let one = format!("{URL}/{set}");
    let campaign = world.campaign("SOL", excludes("zips")).await;
    let kept = world.ask("DELETE", &one).send().await;
    assert_eq!(
        kept.refusal(),
        "409 CONFLICT: it is named by SOL (config.disqualification[0].rule.rules[1].valueSet)"
    );
    let changed = world.ask("PUT", &format!("/api/v1/campaigns/{campaign}"));
    assert_eq!(changed.json(json!({"name": "x", "config": {}})).send().await.status, 200);
    assert_eq!(world.ask("DELETE", &one).send().await.status, 200);
    assert_eq!(world.get(&one).await.status, 404);
    assert_eq!(world.ask("DELETE", &one).send().await.status, 404);
    let body = json!({"name": "x", "config": excludes("zips")});
    assert_eq!(
        world.post("/api/v1/campaigns", body).await.status,
        422,
        "a deleted set cannot be named"
    );
    assert_eq!(world.post(URL, json!({"name": "zips", "values": ["1"]})).await.status, 201);
    assert_eq!(world.get(&one).await.json["data"]["revision"], 2, "the same set, anew");
}

#[tokio::test]
async fn sets_want_the_scopes_of_campaigns_and_are_the_workspaces_own() {
    let world = world().await;
    let set = json!({"name": "zips", "values": ["94107"]});
    let reader = add_key(&world.db, world.workspace, &["campaigns:read"], None).await;
    let leads = add_key(&world.db, world.workspace, &["leads:read", "leads:write"], None).await;
    assert_eq!(world.ask_as(&reader, "POST", URL).json(set.clone()).send().await.status, 403);
    let one = format!("{URL}/{}", world.post(URL, set.clone()).await.data("valueSetId"));
    assert_eq!(world.ask_as(&reader, "GET", &one).send().await.status, 200);
    assert_eq!(world.ask_as(&reader, "DELETE", &one).send().await.status, 403);
    assert_eq!(world.ask_as(&leads, "GET", URL).send().await.status, 403);
    let theirs = world.ask_as(&world.stranger, "GET", URL).send().await;
    assert_eq!(theirs.json["data"]["items"], json!([]));
    assert_eq!(world.ask_as(&world.stranger, "POST", URL).json(set).send().await.status, 201);
    let named = json!({"name": "x", "config": excludes("mine")});
    world.post(URL, json!({"name": "mine", "values": ["1"]})).await;
    let refused =
        world.ask_as(&world.stranger, "POST", "/api/v1/campaigns").json(named).send().await;
    assert_eq!(refused.status, 422, "another workspace's set is not there");
}
