//! Several endpoints of a campaign: asked in order until one takes the lead, and never two that both have it.
use crate::{
    campaign::{plain, with},
    world::{Run, World, no, yes},
};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    moves::{self, Settlement},
    on_both_engines,
    store::leads,
    submission::Status,
};

/// A campaign whose endpoints are at these paths, in this order.
fn several(sink: &str, paths: &[&str]) -> Value {
    let mut config = plain(sink, paths[0]);
    let one = config["endpoints"][0].clone();
    let endpoints = paths.iter().map(|path| {
        let mut endpoint = one.clone();
        endpoint["id"] = json!(path.trim_start_matches('/'));
        endpoint["url"] = json!(format!("{sink}{path}"));
        endpoint
    });
    config["endpoints"] = endpoints.collect();
    config
}

on_both_engines! {
    async fn they_are_asked_in_order_until_one_takes_the_lead(store: TestStore) {
        let answers = |path: &str, _| match path {
            "/first" => no(),
            "/second" => (200, json!("already have it")),
            _ => yes(),
        };
        let world = World::new(store, Run::Twice, answers).await;
        let config = several(&world.sink, &["/first", "/second", "/third", "/fourth"]);
        let campaign = world.campaign("AAA", config).await;
        let receipt = world.submit(campaign, json!({})).await;
        world.settle().await;
        let rows = world.submissions(receipt.lead_id).await;
        assert_eq!((rows.len(), rows[0].status), (1, Status::Accepted));
        assert_eq!(
            world.calls(),
            ["POST /first 200 key 1", "POST /second 200 key 2", "POST /third 200 key 3"]
        );
        let journey = world.journey(rows[0].id).await;
        assert_eq!(
            journey[8..],
            [
                "delivery next_endpoint rejected",
                "delivery next_endpoint buyer_duplicate",
                "delivery sold accepted"
            ]
        );
        let attempts = leads::attempts(&world.store.db, world.workspace, rows[0].id).await.unwrap();
        let endpoints: Vec<_> = attempts.iter().map(|attempt| attempt.endpoint.as_str()).collect();
        assert_eq!(endpoints, ["first", "second", "third"]);
    }

    async fn only_when_the_last_one_has_refused_does_the_fallback_come(store: TestStore) {
        let answers = |path: &str, _| if path == "/other" { yes() } else { no() };
        let world = World::new(store, Run::Plain, answers).await;
        let other = world.campaign("BBB", plain(&world.sink, "/other")).await;
        let list = json!({"fallback": {"campaigns": [other]}});
        let config = with(several(&world.sink, &["/first", "/second"]), list);
        let campaign = world.campaign("AAA", config).await;
        let receipt = world.submit(campaign, json!({})).await;
        world.settle().await;
        let rows = world.submissions(receipt.lead_id).await;
        let statuses: Vec<_> = rows.iter().map(|row| row.status).collect();
        assert_eq!(statuses, [Status::Rejected, Status::Accepted]);
        assert_eq!(
            world.calls(),
            ["POST /first 200 key 1", "POST /second 200 key 2", "POST /other 200 key 3"]
        );
    }

    async fn one_that_stays_away_is_given_up_for_the_next(store: TestStore) {
        let answers = |path: &str, _| if path == "/down" { (503, json!({})) } else { yes() };
        let world = World::new(store, Run::Plain, answers).await;
        let mut config = several(&world.sink, &["/down", "/up"]);
        config["endpoints"][0]["breaker"] = json!({"enabled": false});
        let campaign = world.campaign("AAA", config).await;
        let receipt = world.submit(campaign, json!({})).await;
        for _ in 0..14 {
            world.settle().await;
            world.clock.forward(Duration::minutes(31));
        }
        let rows = world.submissions(receipt.lead_id).await;
        assert_eq!((rows.len(), rows[0].status), (1, Status::Accepted));
        assert_eq!(world.calls().last().unwrap(), "POST /up 200 key 2");
    }

    async fn a_delivery_that_nobody_knows_of_stops_the_round_until_it_is_settled(store: TestStore) {
        let answers = |path: &str, _| if path == "/first" { (500, json!({})) } else { yes() };
        let world = World::new(store, Run::Plain, answers).await;
        let config = several(&world.sink, &["/first", "/second"]);
        let campaign = world.campaign("AAA", config).await;
        let receipt = world.submit(campaign, json!({})).await;
        world.settle().await;
        let row = world.submissions(receipt.lead_id).await.remove(0);
        assert_eq!((row.run.as_str(), world.calls().len()), ("held", 1));
        let loaded = world.ctx.loader.load(row.id).await.unwrap().unwrap();
        let close = moves::settle(&loaded, Settlement::NotSold, None, "ops", world.clock.now());
        assert!(world.ctx.closer.close(close.unwrap()).await.unwrap());
        world.settle().await;
        let row = world.submissions(receipt.lead_id).await.remove(0);
        assert_eq!(row.status, Status::Accepted);
        assert_eq!(world.calls(), ["POST /first 500 key 1", "POST /second 200 key 2"]);
    }

    async fn one_whose_payload_cannot_be_built_is_passed_over(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let mut config = several(&world.sink, &["/needs_zip", "/takes_all"]);
        config["endpoints"][0]["payload"] = json!({"nodes": [
            {"kind": "field", "key": "zip", "source": "address.zip", "required": true}]});
        let campaign = world.campaign("AAA", config).await;
        let receipt = world.submit(campaign, json!({})).await;
        world.settle().await;
        let row = world.submissions(receipt.lead_id).await.remove(0);
        assert_eq!(row.status, Status::Accepted, "{:?}", row.reason);
        assert_eq!(world.calls(), ["POST /takes_all 200 key 1"]);
    }

    async fn a_buyer_that_decides_later_has_the_lead_and_nobody_else_gets_it(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| (202, json!({"id": "B-7"}))).await;
        let other = world.campaign("BBB", plain(&world.sink, "/other")).await;
        let mut config = several(&world.sink, &["/later", "/next"]);
        config["fallback"] = json!({"campaigns": [other]});
        config["endpoints"][0]["response"] = json!({
            "rules": [{"outcome": "delivered", "when": {"status": ["202"]}}],
            "buyerLeadId": {"jsonPath": "$.id"},
        });
        let campaign = world.campaign("AAA", config).await;
        let receipt = world.submit(campaign, json!({})).await;
        world.settle().await;
        let rows = world.submissions(receipt.lead_id).await;
        assert_eq!((rows.len(), rows[0].status), (1, Status::Delivered));
        assert_eq!(world.calls(), ["POST /later 202 key 1"]);
    }

    async fn a_test_lead_goes_to_the_test_url_and_takes_no_place(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let mut config = with(plain(&world.sink, "/live"), json!({"caps": [{"period": "daily", "leads": 0}]}));
        config["endpoints"][0]["testUrl"] = json!(format!("{}/sandbox", world.sink));
        let campaign = world.campaign("AAA", config).await;
        let test = world.submit_test(campaign).await;
        let live = world.submit(campaign, json!({})).await;
        world.settle().await;
        let status = async |lead| world.submissions(lead).await.remove(0).status;
        assert_eq!(status(test.lead_id).await, Status::Accepted);
        assert_eq!(status(live.lead_id).await, Status::Queued);
        assert_eq!(world.calls(), ["POST /sandbox 200 key 1"]);
    }

    async fn in_test_mode_nothing_reaches_the_buyer_and_no_lead_is_lost(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let other = world.campaign("BBB", plain(&world.sink, "/other")).await;
        let mut config = with(plain(&world.sink, "/live"), json!({"fallback": {"campaigns": [other]}}));
        config["endpoints"][0]["testMode"] = json!(true);
        let campaign = world.campaign("AAA", config).await;
        let test = world.submit_test(campaign).await;
        let live = world.submit(campaign, json!({})).await;
        world.settle().await;
        let row = async |lead| world.submissions(lead).await.remove(0);
        assert_eq!(row(test.lead_id).await.status, Status::Delivered);
        let live = row(live.lead_id).await;
        assert_eq!((live.status, live.reason_code.as_deref()), (Status::Error, Some("test_mode")));
        assert!(live.carry.payload.is_some(), "what would have been sent is there to be read");
        assert!(world.calls().is_empty());
    }
}
