//! Reading the audit log: by each filter, page by page, one workspace's only.
use crate::talks::at_ten;
use serde_json::{Value, json};

#[tokio::test]
async fn the_log_is_found_by_each_filter_page_by_page() {
    let world = at_ten().await;
    let one = world.campaign("ONE", json!({})).await;
    world.clock.forward(chrono::Duration::days(1));
    let two = world.campaign("TWO", json!({})).await;
    world.post(&format!("/api/v1/campaigns/{two}/pause"), json!({})).await;
    let found = async |query: &str| {
        let listed = world.get(&format!("/api/v1/audit?{query}")).await;
        assert_eq!(listed.status, 200, "{listed:?}");
        let items = listed.json["data"]["items"].as_array().unwrap().clone();
        let line = |item: &Value| {
            let id = item["objectId"].as_str().unwrap().replace(&one, "one").replace(&two, "two");
            format!("{} {id}", item["action"].as_str().unwrap())
        };
        (
            items.iter().map(line).collect::<Vec<_>>().join(", "),
            listed.json["data"]["nextCursor"].clone(),
        )
    };
    let both = "campaign.paused two, campaign.created two";
    assert_eq!(found(&format!("objectId={two}")).await.0, both);
    assert_eq!(found("action=campaign.paused").await.0, "campaign.paused two");
    assert_eq!(found("action=campaign.&from=2026-11-22").await.0, both);
    assert_eq!(found("action=camp").await.0, "");
    assert!(found("action=campaign.&until=2026-11-22").await.0.starts_with("campaign.created one"));
    assert_eq!(found("actor=key%20nobody").await.0, "");
    let all = found("actor=key%20test%20admin%20installation").await.0;
    assert_eq!(all, found("").await.0);
    let keys = world.get("/api/v1/keys").await;
    let own = keys.json["data"]["items"][0]["keyId"].as_str().unwrap();
    assert_eq!(found(&format!("keyId={own}")).await.0, all);
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let (page, next) = found(&format!("limit=2{cursor}")).await;
        pages.push(page);
        let Some(next) = next.as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(pages.join(", "), all);
    let theirs = world.ask_as(&world.stranger, "GET", &format!("/api/v1/audit?objectId={two}"));
    assert_eq!(theirs.send().await.json["data"]["items"], json!([]));
}
