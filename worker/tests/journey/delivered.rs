//! Leads that reach their buyer: through all nine stages, routed, qualified, after a busy answer.
use crate::{
    campaign::{plain, rule, with},
    world::{Run, World, yes},
};
use chrono::Duration;
use serde_json::json;
use shared::{on_both_engines, submission::Status, testing::TestStore};

const WHOLE_WAY: [&str; 9] = [
    "accepted accepted accepted",
    "routing passed routing_off",
    "first_action passed no_action",
    "disqualification passed no_rule_matched",
    "dynamic_keys passed computed",
    "required_fields passed complete",
    "field_qualification passed values_fit",
    "payload passed built",
    "delivery sold accepted",
];

async fn delivered(store: TestStore, run: Run) {
    let world = World::new(store, run, |_, _| yes()).await;
    let config = with(
        plain(&world.sink, "/buy"),
        json!({
            "disqualification": [{"name": "renters", "rule": rule("questionnaire.owner", "equals", json!("no"))}],
            "computedKeys": [{"key": "full", "expression": "lead.firstName ~ ' ' ~ lead.lastName", "type": "text"}],
            "requiredFields": ["lead.email"],
            "acceptedValues": [{"field": "questionnaire.roof", "values": ["Tile"], "synonyms": {"clay": "Tile"}}],
        }),
    );
    let mut config = config;
    config["endpoints"][0]["payload"] = json!({"nodes": [
        {"kind": "field", "key": "name", "source": "computed.full"},
        {"kind": "field", "key": "roof", "source": "questionnaire.roof"},
    ]});
    let campaign = world.campaign("AAA", config).await;
    let receipt = world.submit(campaign, json!({"owner": "yes", "roof": "clay"})).await;
    world.settle().await;
    let rows = world.submissions(receipt.lead_id).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].status, rows[0].run.as_str()), (Status::Accepted, "finished"));
    assert_eq!(world.journey(rows[0].id).await, WHOLE_WAY);
    assert_eq!(world.calls(), ["POST /buy 200 key 1"]);
    assert_eq!(world.bodies(), [json!({"name": "Ada Lovelace", "roof": "Tile"})]);
    let attempts = shared::store::leads::attempts(&world.store.db, world.workspace, rows[0].id);
    let attempts = attempts.await.unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].buyer_lead_id.as_deref(), Some("B-1"));
}

on_both_engines! {
    async fn a_lead_goes_through_all_nine_stages_to_its_buyer(store: TestStore) {
        delivered(store, Run::Plain).await;
    }

    async fn a_lead_whose_every_job_comes_twice_is_sold_once(store: TestStore) {
        delivered(store, Run::Twice).await;
    }

    async fn a_routing_rule_moves_the_lead_before_anything_else(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let there = world.campaign("BBB", plain(&world.sink, "/there")).await;
        let closed = world.campaign("CCC", plain(&world.sink, "/closed")).await;
        shared::store::campaigns::set_state(&world.store.db, world.workspace, closed, "paused", world.clock.now())
            .await.unwrap();
        let is_big = rule("questionnaire.bill", "greaterThan", json!(100));
        let config = with(plain(&world.sink, "/here"), json!({
            "autoRouting": true,
            "routing": [
                {"name": "closed first", "rule": is_big, "to": closed},
                {"name": "big bills", "rule": is_big, "to": there},
            ],
        }));
        let here = world.campaign("AAA", config).await;
        let big = world.submit(here, json!({"bill": "250"})).await;
        let small = world.submit(here, json!({"bill": "50"})).await;
        world.settle().await;
        let big = &world.submissions(big.lead_id).await[0];
        assert_eq!((big.campaign_id, big.status), (there, Status::Accepted));
        assert_eq!(big.carry.routed_from, [here]);
        let events = shared::store::leads::journey(&world.store.db, world.workspace, big.id).await.unwrap();
        let candidates = &events[1].details.as_ref().unwrap()["candidates"];
        assert_eq!(candidates[0]["result"], json!("not_active"));
        assert_eq!(candidates[1]["campaign"], json!(there));
        let small = &world.submissions(small.lead_id).await[0];
        assert_eq!((small.campaign_id, small.status), (here, Status::Accepted));
        let mut calls = world.calls();
        calls.sort();
        assert_eq!(calls.len(), 2);
        assert!(calls[0].starts_with("POST /here") && calls[1].starts_with("POST /there"), "{calls:?}");
    }

    async fn a_busy_buyer_is_asked_again_later_under_the_same_key(store: TestStore) {
        let busy = |_: &str, nth: usize| if nth < 2 { (503, json!({})) } else { yes() };
        let world = World::new(store, Run::Plain, busy).await;
        let campaign = world.campaign("AAA", plain(&world.sink, "/buy")).await;
        let lead = world.submit(campaign, json!({})).await.lead_id;
        world.settle().await;
        let row = &world.submissions(lead).await[0];
        assert_eq!((row.run.as_str(), row.attempt), ("ready", 1));
        assert!(row.due_at.unwrap() > world.clock.now());
        world.clock.forward(Duration::minutes(1));
        world.settle().await;
        world.clock.forward(Duration::minutes(1));
        world.settle().await;
        assert_eq!(world.submissions(lead).await[0].status, Status::Accepted);
        assert_eq!(
            world.calls(),
            ["POST /buy 503 key 1", "POST /buy 503 key 1", "POST /buy 200 key 1"]
        );
    }
}
