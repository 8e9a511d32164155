//! Another workspace's ids are not there, on any route that takes one.
use crate::support::{lead, world};
use serde_json::{Value, json};
use shared::{
    ids::ContactId,
    submission::{Stage, State},
};

/// What the route takes.
fn body(method: &str, url: &str) -> Value {
    match url.rsplit('/').next() {
        Some("automation") => json!({"automation": {}}),
        _ if url.contains("/value-sets/") => json!({"values": ["x"]}),
        Some("replay") if url.ends_with("/replay") && !url.contains("/messages/") => {
            json!({"from": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"})
        }
        _ if method == "patch" && url.contains("/webhooks/") => json!({"name": "x"}),
        Some("segments") => json!({"segmentIds": []}),
        Some("members") => json!({"contactIds": [ContactId::new()]}),
        Some("consent") => json!({"email": "out", "source": "x"}),
        Some("notes") => json!({"text": "x"}),
        Some("evidence") => json!({"kind": "other", "reference": "x"}),
        Some("status") => json!({"status": "inactive", "reason": "x"}),
        _ if url.contains("/properties/") => json!({"name": "x"}),
        _ if method == "patch" && url.contains("/segments/") => json!({"name": "x"}),
        Some("copy") => json!({"name": "x"}),
        Some("merge") => json!({"from": [ContactId::new()], "reason": "x"}),
        Some("erase") => json!({"reason": "x"}),
        _ if url.contains("/contacts/") => json!({"firstName": "x"}),
        _ if method == "put" => json!({"name": "x", "config": {}}),
        Some("decide") => json!({"decision": "approve"}),
        Some("approve") => json!({"status": "approved"}),
        Some("points") => json!({"points": 1, "reason": "x"}),
        Some("deliver") => json!({"campaignId": "SOL"}),
        _ if method == "patch" && url.contains("/leads/") => {
            json!({"leadStatus": "deleted", "reason": "x"})
        }
        _ if method == "patch" => json!({"status": "accepted", "reason": "x"}),
        Some("settle") => json!({"outcome": "sold", "reason": "x"}),
        _ => json!({}),
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn another_workspaces_ids_are_not_found_on_any_route() {
    let world = world().await;
    let campaign = world.campaign("SOL", json!({})).await;
    let submission = world.submitted("SOL", "a@example.com", "4155550100").await;
    let parked = world.submitted("SOL", "b@example.com", "4155550101").await;
    world.put(&submission, State::Failed(Stage::Delivery), Stage::Delivery).await;
    world.park(&parked).await;
    let reviewed = world.submitted("SOL", "c@example.com", "4155550102").await;
    world.park_for(&reviewed, "human_review").await;
    let reviews = world.get("/api/v1/reviews").await;
    let review_id = reviews.json["data"]["items"][0]["reviewId"].as_str().unwrap().to_owned();
    let story = world.get(&format!("/api/v1/submissions/{submission}")).await;
    let lead_id = story.json["data"]["submission"]["leadId"].as_str().unwrap().to_owned();
    let keys = world.get("/api/v1/keys").await;
    let key_id = keys.json["data"]["items"][0]["keyId"].as_str().unwrap().to_owned();
    let set = json!({"name": "zips", "values": ["1"]});
    let set_id = world.post("/api/v1/value-sets", set).await.data("valueSetId");

    let person = json!({"email": "d@example.com"});
    let contact_id = world.post("/api/v1/contacts", person).await.data("contactId");
    let property = json!({"name": "Tier", "kind": "text"});
    let property_id = world.post("/api/v1/properties", property).await.data("propertyId");
    let segment = world.post("/api/v1/segments", json!({"name": "VIP"})).await.data("segmentId");
    let hook =
        json!({"name": "x", "url": "https://hooks.example.com/", "events": ["lead.processed"]});
    let hook_id = world.post("/api/v1/webhooks", hook).await.data("webhookId");
    let test = world.post(&format!("/api/v1/webhooks/{hook_id}/test"), json!({})).await;
    let message_id = test.data("messageId");

    let import = world.post("/api/v1/imports", json!({"fileName": "a.csv"})).await.data("importId");
    let process = json!({"leadIds": [lead_id]});
    let process_id = world.post("/api/v1/leads/process", process).await.data("processId");

    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut walked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let url = path
            .replace("{leadId}", &lead_id)
            .replace("{campaignId}", &campaign)
            .replace("{endpointId}", "buyer")
            .replace("{fileKey}", "bill")
            .replace("{keyId}", &key_id)
            .replace("{reviewId}", &review_id)
            .replace("{valueSetId}", &set_id)
            .replace("{contactId}", &contact_id)
            .replace("{propertyId}", &property_id)
            .replace("{segmentId}", &segment)
            .replace("{importId}", &import)
            .replace("{processId}", &process_id)
            .replace("{webhookId}", &hook_id)
            .replace("{messageId}", &message_id)
            .replace(
                "{submissionId}",
                if path.ends_with("/resume") { &parked } else { &submission },
            );
        if url == *path || url.contains('{') {
            continue;
        }
        for method in methods.as_object().unwrap().keys() {
            let body = body(method, &url);
            let ask = world.ask_as(&world.stranger, &method.to_uppercase(), &url).json(body);
            let answer = ask.send().await;
            assert_eq!(
                (answer.status, answer.code()),
                (404, "NOT_FOUND"),
                "{method} {url}: {answer:?}"
            );
            walked += 1;
        }
    }
    assert!(walked >= 25, "{walked} routes have an id");
}

#[tokio::test]
async fn another_workspaces_ids_in_a_body_are_not_found_either() {
    let world = world().await;
    let campaign = world.campaign("SOL", json!({})).await;
    let stored = world.post("/api/v1/leads", lead("SOL")).await;
    let post = async |path: &str, body| {
        world.ask_as(&world.stranger, "POST", path).json(body).send().await
    };
    let submit = "/api/v1/leads/submit";
    assert_eq!(post(submit, lead(&campaign)).await.status, 404);
    assert_eq!(post(submit, lead("SOL")).await.status, 404);
    let own = post("/api/v1/campaigns", json!({"name": "x", "code": "SOL", "config": {}})).await;
    assert_eq!(own.status, 201, "codes are the workspace's own: {own:?}");
    let known = json!({"campaignId": "SOL", "leadId": stored.data("leadId")});
    assert_eq!(post(submit, known).await.status, 404);
    let config = json!({"fallback": {"campaigns": [campaign]}});
    let named = post("/api/v1/campaigns", json!({"name": "y", "config": config})).await;
    insta::assert_snapshot!(named.refusal(), @r#"
    422 VALIDATION_ERROR: config.fallback.campaigns[0] there is no such campaign in this workspace
      config.fallback.campaigns[0] | there is no such campaign in this workspace
    "#);
    let theirs = world.ask_as(&world.stranger, "GET", "/api/v1/leads").send().await;
    assert_eq!(theirs.json["data"]["items"], json!([]));
    let filter = format!("/api/v1/leads?campaignId={campaign}");
    let theirs = world.ask_as(&world.stranger, "GET", &filter).send().await;
    assert_eq!(theirs.json["data"]["items"], json!([]));
}
