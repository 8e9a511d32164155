//! Campaigns: every problem at once, revisions, codes.
use crate::support::world;
use serde_json::json;

fn endpoint(url: &str) -> serde_json::Value {
    json!({"id": "buyer", "name": "Buyer", "url": url, "response": {"rules": [
        {"outcome": "accepted", "when": {"status": [200]}}
    ]}})
}

#[tokio::test]
async fn every_problem_of_a_campaign_is_listed_at_once() {
    let world = world().await;
    let config = json!({
        "timezone": "Mars/Olympus",
        "duplicates": {"windowDays": 400},
        "hardStops": [{"name": "a", "rule": {"field": "lead.shoeSize", "operator": "equals", "value": 1}}],
        "disqualification": [
            {"name": "", "rule": {"combinator": "and", "rules": [
                {"field": "address.state", "operator": "roughly", "value": "CA"},
                {"field": "lead.age", "operator": "greaterThan", "value": "old"}
            ]}}
        ],
        "computedKeys": [{"key": "full", "expression": "lead.firstName ~"}],
        "requiredFields": ["address.state", "nonsense"],
        "fallback": {"campaigns": ["cmp_01hzzzzzzzzzzzzzzzzzzzzzzz"]}
    });
    let body = json!({"name": "", "code": "solar", "config": config});
    let answer = world.post("/api/v1/campaigns", body).await;
    insta::assert_snapshot!(answer.refusal(), @r#""#);
}

#[tokio::test]
async fn a_url_that_is_not_web_or_points_inside_is_refused() {
    let world = world().await;
    let mut lines = Vec::new();
    for url in [
        "ftp://buyer.example/x",
        "http://buyer.example/x",
        "https://127.0.0.1/x",
        "https://2130706433/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://169.254.169.254/latest",
        "https://me:secret@buyer.example/x",
        "https://db.internal/x",
        "not a url",
    ] {
        let config = json!({"endpoints": [endpoint(url)]});
        let body = json!({"name": "URL", "config": config});
        lines.push(format!("{url}\n{}", world.post("/api/v1/campaigns", body).await.refusal()));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#""#);
}

#[tokio::test]
async fn each_save_is_a_revision_and_a_stale_one_is_refused() {
    let world = world().await;
    let id = world.campaign("SOL", json!({})).await;
    let path = format!("/api/v1/campaigns/{id}");
    let put = async |body| world.ask("PUT", &path).json(body).send().await;
    let saved =
        put(json!({"name": "New", "revision": 1, "config": {"timezone": "America/New_York"}}))
            .await;
    insta::assert_snapshot!(saved.plain(), @r#""#);
    let stale = put(json!({"name": "Old", "revision": 1, "config": {}})).await;
    insta::assert_snapshot!(stale.refusal(), @r#""#);
    let own = put(json!({"name": "Own", "config": {"fallback": {"campaigns": [id]}}})).await;
    insta::assert_snapshot!(own.refusal(), @r#""#);
    let blind = put(json!({"name": "Blind", "config": {}})).await;
    assert_eq!(blind.json["data"]["revision"], 3);
}

#[tokio::test]
async fn a_code_is_made_up_when_absent_and_refused_when_taken() {
    let world = world().await;
    world.campaign("SOL", json!({})).await;
    let taken =
        world.post("/api/v1/campaigns", json!({"name": "b", "code": "SOL", "config": {}})).await;
    insta::assert_snapshot!(taken.refusal(), @r#""#);
    let made = world.post("/api/v1/campaigns", json!({"name": "c", "config": {}})).await;
    assert_eq!((made.status, made.data("code").len()), (201, 3));
    let archive = format!("/api/v1/campaigns/{}/archive", made.data("campaignId"));
    assert_eq!(world.ask("POST", &archive).send().await.status, 200);
    for (query, count) in
        [("", 1), ("?includeArchived=true", 2), ("?includeArchived=true&limit=1", 1)]
    {
        let page = world.get(&format!("/api/v1/campaigns{query}")).await;
        assert_eq!(page.json["data"]["items"].as_array().unwrap().len(), count, "{query}");
    }
}
