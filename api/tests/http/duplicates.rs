//! What a campaign does with duplicates: flag them, give them a status, refuse them.
use crate::support::{lead, world};
use chrono::Duration;
use serde_json::json;

const SUBMIT: &str = "/api/v1/leads/submit";

/// Two hundred identical posts at once: how many were taken in, as duplicates or not, and how many were refused.
async fn flood(action: &str) -> (usize, usize, usize) {
    let world = world().await;
    world.campaign("SOL", json!({"duplicates": {"windowDays": 30, "action": action}})).await;
    let asks = (0..200).map(|_| tokio::spawn(world.ask("POST", SUBMIT).json(lead("SOL")).send()));
    let (mut originals, mut duplicates, mut refused) = (0, 0, 0);
    for ask in asks.collect::<Vec<_>>() {
        let answer = ask.await.unwrap();
        match (answer.status, answer.json["data"]["isDuplicate"].as_bool()) {
            (202, Some(false)) => originals += 1,
            (202, Some(true)) => duplicates += 1,
            (409, _) => {
                assert_eq!(answer.code(), "DUPLICATE", "{answer:?}");
                refused += 1;
            }
            _ => panic!("{answer:?}"),
        }
    }
    let leads = world.get("/api/v1/leads?limit=100").await;
    let leads = leads.json["data"]["items"].as_array().unwrap().clone();
    let wanted = if action == "status" { "duplicate" } else { "active" };
    assert!(leads.iter().all(|lead| lead["isDuplicate"] == false || lead["leadStatus"] == wanted));
    if action == "refuse" {
        assert_eq!(leads.len(), 1, "nothing of a refused lead is stored");
    }
    (originals, duplicates, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_identical_posts_at_once_one_is_the_original() {
    assert_eq!(flood("flag").await, (1, 199, 0));
    assert_eq!(flood("status").await, (1, 199, 0));
    assert_eq!(flood("refuse").await, (1, 0, 199));
}

#[tokio::test]
async fn a_refused_duplicate_names_the_lead_and_may_come_again_after_the_window() {
    let world = world().await;
    world.campaign("SOL", json!({"duplicates": {"windowDays": 30, "action": "refuse"}})).await;
    let ask =
        || world.ask("POST", SUBMIT).header("idempotency-key", "k-1").json(lead("SOL")).send();
    let mut other = lead("SOL");
    other["email"] = json!("else@example.com");
    let first = world.post(SUBMIT, other).await.data("leadId");
    world.clock.forward(Duration::days(30));
    let refused = ask().await;
    insta::assert_snapshot!(refused.refusal().replace(&first, "lead_…"), @r#"
    409 DUPLICATE: the campaign has a lead with this phone already: lead_…
      phone | the campaign has a lead with this phone already: lead_…
    "#);
    assert_eq!(ask().await.json, refused.json, "a repeat is told the same");
    world.clock.forward(Duration::seconds(1));
    assert_eq!(ask().await.status, 202, "refused leads have not renewed the window");
    let again = world.post(SUBMIT, lead("SOL")).await;
    assert_eq!((again.status, again.code()), (409, "DUPLICATE"));
    let mut test = lead("SOL");
    test["isTest"] = json!(true);
    assert_eq!(world.post(SUBMIT, test).await.status, 202, "test leads are left out");
    assert_eq!(world.post("/api/v1/leads", lead("SOL")).await.code(), "DUPLICATE");
}
