//! A person's story, merged, exported and erased over HTTP.
use crate::support::{World, add_key, world};
use serde_json::{Value, json};

/// The contact of a lead that is submitted with that email and phone.
async fn contact(world: &World, email: &str, phone: &str) -> String {
    let submission = world.submitted("SOL", email, phone).await;
    let story = world.get(&format!("/api/v1/submissions/{submission}")).await;
    let lead = story.json["data"]["submission"]["leadId"].as_str().unwrap().to_owned();
    let shown = world.get(&format!("/api/v1/leads/{lead}")).await;
    find(&shown.json, "contactId").unwrap_or_else(|| panic!("{shown:?}"))
}

fn find(value: &Value, name: &str) -> Option<String> {
    match value {
        Value::Object(map) => match map.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            _ => map.values().find_map(|value| find(value, name)),
        },
        Value::Array(list) => list.iter().find_map(|value| find(value, name)),
        _ => None,
    }
}

async fn pair(world: &World) -> (String, String) {
    world.campaign("SOL", json!({})).await;
    let ada = contact(world, "ada@example.com", "4155550100").await;
    (ada, contact(world, "countess@example.com", "4155550101").await)
}

#[tokio::test]
async fn a_story_is_read_page_by_page() {
    let world = world().await;
    let (ada, other) = pair(&world).await;
    let url = format!("/api/v1/contacts/{ada}/timeline");
    let all = world.get(&url).await;
    let titles = |answer: &Value| -> Vec<String> {
        let items = answer["data"]["items"].as_array().unwrap();
        items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(titles(&all.json), ["Became a lead", "Became a contact"]);
    assert_eq!(all.json["data"]["items"][0]["type"], "lead");
    let first = world.get(&format!("{url}?limit=1")).await;
    assert_eq!(
        (titles(&first.json), &first.json["data"]["hasMore"]),
        (vec!["Became a lead".to_owned()], &json!(true))
    );
    let second = world.get(&format!("{url}?limit=1&cursor={}", first.data("nextCursor"))).await;
    assert_eq!(
        (titles(&second.json), &second.json["data"]["hasMore"]),
        (vec!["Became a contact".to_owned()], &json!(false))
    );
    assert_eq!(titles(&world.get(&format!("{url}?type=contact")).await.json), ["Became a contact"]);
    insta::assert_snapshot!(world.get(&format!("{url}?cursor=x&type=y")).await.refusal().lines().next().unwrap(), @"422 VALIDATION_ERROR: cursor must be the nextCursor of a page");
    assert_eq!(world.get(&format!("/api/v1/contacts/{other}/timeline?kind=x")).await.status, 422);
}

#[tokio::test]
async fn contacts_become_one_and_doing_it_again_changes_nothing() {
    let world = world().await;
    let (ada, other) = pair(&world).await;
    let url = format!("/api/v1/contacts/{ada}/merge");
    let body = json!({"from": [other], "reason": "the same person"});
    let merged = world.post(&url, body.clone()).await;
    assert_eq!((merged.status, merged.data("email")), (200, "ada@example.com".into()));
    let again = world.post(&url, body).await;
    assert_eq!(again.json, merged.json);
    let timeline = world.get(&format!("/api/v1/contacts/{ada}/timeline")).await;
    let items = timeline.json["data"]["items"].as_array().unwrap();
    let leads = items.iter().filter(|item| item["type"] == "lead").count();
    assert_eq!(leads, 2);
    let back = world
        .post(&format!("/api/v1/contacts/{other}/merge"), json!({"from": [ada], "reason": "x"}))
        .await;
    assert_eq!((back.status, back.code()), (409, "CONFLICT"));
    assert!(back.refusal().contains(&format!("merged into {ada}")), "{back:?}");
}

#[tokio::test]
async fn what_cannot_be_merged_is_said_all_at_once() {
    let world = world().await;
    let (ada, other) = pair(&world).await;
    let url = format!("/api/v1/contacts/{ada}/merge");
    let twice = world.post(&url, json!({"from": [other, ada, other], "reason": "x"})).await;
    insta::assert_snapshot!(twice.refusal(), @"
    422 VALIDATION_ERROR: the request has 2 problems
      from[1] | is the contact that stays
      from[2] | is named twice
    ");
    let none = world.post(&url, json!({"from": [], "reason": "x"})).await;
    insta::assert_snapshot!(none.refusal(), @"
    422 VALIDATION_ERROR: from names 0 contacts; 1 to 10 are merged at once
      from | names 0 contacts; 1 to 10 are merged at once
    ");
    let silent = world.post(&url, json!({"from": [other], "reason": " "})).await;
    assert_eq!((silent.status, silent.code()), (422, "VALIDATION_ERROR"));
    let unknown = "contact_00000000000000000000000000";
    let absent = world.post(&url, json!({"from": [other, unknown], "reason": "x"})).await;
    insta::assert_snapshot!(absent.refusal(), @"
    404 NOT_FOUND: there is no such contact
      from[1] | there is no such contact
    ");
}

#[tokio::test]
async fn an_export_has_everything_and_says_that_it_was_made() {
    let world = world().await;
    let (ada, _) = pair(&world).await;
    let document = world.get(&format!("/api/v1/contacts/{ada}/export")).await;
    assert_eq!(document.status, 200);
    let data = &document.json["data"];
    assert_eq!(data["contacts"][0]["email"], "ada@example.com");
    assert_eq!(data["leads"][0]["phone"], "+14155550100");
    assert_eq!(
        (data["submissions"].as_array().unwrap().len(), &data["truncated"]),
        (1, &json!([]))
    );
    let timeline = world.get(&format!("/api/v1/contacts/{ada}/timeline?type=contact")).await;
    assert_eq!(find(&timeline.json["data"]["items"], "title").unwrap(), "Data handed out");
    let writer = add_key(&world.db, world.workspace, &["leads:write"], None).await;
    let refused =
        world.ask_as(&writer, "GET", &format!("/api/v1/contacts/{ada}/export")).send().await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn an_erased_person_is_nowhere_in_what_the_api_shows() {
    let world = world().await;
    let (ada, _) = pair(&world).await;
    let url = format!("/api/v1/contacts/{ada}/erase");
    let body = json!({"reason": "asked for it"});
    let writer = add_key(&world.db, world.workspace, &["leads:read", "leads:write"], None).await;
    let refused = world.ask_as(&writer, "POST", &url).json(body.clone()).send().await;
    assert_eq!(refused.status, 403);
    let erased = world.post(&url, body.clone()).await;
    assert_eq!(
        erased.json["data"],
        json!({
            "contactId": ada, "erasedAt": "2026-11-21T12:00:00Z", "leads": 1, "submissions": 1, "merged": [],
        })
    );
    assert_eq!(world.post(&url, body).await.json, erased.json, "again");
    for path in ["timeline", "export"] {
        let shown = world.get(&format!("/api/v1/contacts/{ada}/{path}")).await;
        assert_eq!(shown.status, 200);
        let text = shown.json.to_string();
        assert!(!text.contains("ada@example.com") && !text.contains("4155550100"), "{text}");
    }
    let lead = world.get(&format!("/api/v1/contacts/{ada}/export")).await;
    let lead = lead.json["data"]["leads"][0]["leadId"].as_str().unwrap().to_owned();
    let shown = world.get(&format!("/api/v1/leads/{lead}")).await;
    assert!(!shown.json.to_string().contains("example.com"), "{shown:?}");
    let resent = world.post(&format!("/api/v1/leads/{lead}/repost"), json!({})).await;
    assert_eq!((resent.status, resent.code()), (409, "LEAD_CLOSED"));
}
