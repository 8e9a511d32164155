//! Leads that their first buyer does not take: the next campaign, in order, each once, or nobody.
use crate::{
    campaign::{plain, rule, with},
    world::{Run, World, no, yes},
};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    on_both_engines,
    submission::{Kind, Status},
    testing::TestStore,
};

fn only_the_third_says_yes(path: &str, _: usize) -> (u16, Value) {
    if path == "/third" { yes() } else { no() }
}

async fn three(store: TestStore, run: Run) -> World {
    let world = World::new(store, run, only_the_third_says_yes).await;
    let third = world.campaign("CCC", plain(&world.sink, "/third")).await;
    let second = world.campaign("BBB", plain(&world.sink, "/second")).await;
    let list = json!({"fallback": {"campaigns": [second, third]}});
    let first = world.campaign("AAA", with(plain(&world.sink, "/first"), list)).await;
    let lead = world.submit(first, json!({})).await.lead_id;
    world.settle().await;
    let rows = world.submissions(lead).await;
    let seen: Vec<_> = rows.iter().map(|row| (row.number, row.campaign_id, row.status)).collect();
    assert_eq!(
        seen,
        [(1, first, Status::Rejected), (2, second, Status::Rejected), (3, third, Status::Accepted)]
    );
    assert!(
        rows[1..].iter().all(|row| row.parent_id == Some(rows[0].id) && row.kind == Kind::Fallback)
    );
    assert!(rows.iter().all(|row| row.run == "finished"));
    world
}

on_both_engines! {
    async fn a_refused_lead_goes_down_the_list_until_somebody_takes_it(store: TestStore) {
        let world = three(store, Run::Plain).await;
        assert_eq!(
            world.calls(),
            ["POST /first 200 key 1", "POST /second 200 key 2", "POST /third 200 key 3"]
        );
    }

    async fn the_list_is_gone_down_once_even_when_every_job_comes_twice(store: TestStore) {
        let world = three(store, Run::Twice).await;
        assert_eq!(world.calls().len(), 3);
    }

    async fn a_disqualified_lead_falls_back_and_names_its_rule(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let second = world.campaign("BBB", plain(&world.sink, "/second")).await;
        let config = with(plain(&world.sink, "/first"), json!({
            "disqualification": [{"name": "renters", "rule": rule("questionnaire.owner", "equals", json!("no"))}],
            "fallback": {"campaigns": [second]},
        }));
        let first = world.campaign("AAA", config).await;
        let lead = world.submit(first, json!({"owner": "No"})).await.lead_id;
        world.settle().await;
        let rows = world.submissions(lead).await;
        assert_eq!(rows[0].status, Status::Disqualified);
        assert!(rows[0].reason.as_ref().unwrap().contains("renters"), "{:?}", rows[0].reason);
        assert_eq!(rows[1].status, Status::Accepted);
        assert_eq!(world.calls(), ["POST /second 200 key 1"]);
    }

    async fn a_buyer_that_stays_away_is_given_up_after_its_tries(store: TestStore) {
        let world = World::new(store, Run::Plain, |path, _| if path == "/down" { (503, json!({})) } else { yes() }).await;
        let second = world.campaign("BBB", plain(&world.sink, "/up")).await;
        let list = json!({"fallback": {"campaigns": [second]}});
        let first = world.campaign("AAA", with(plain(&world.sink, "/down"), list)).await;
        let lead = world.submit(first, json!({})).await.lead_id;
        for _ in 0..14 {
            world.settle().await;
            world.clock.forward(Duration::minutes(31));
        }
        let rows = world.submissions(lead).await;
        assert_eq!(rows.iter().map(|row| row.status).collect::<Vec<_>>(), [Status::Failed, Status::Accepted]);
        let down = world.calls().iter().filter(|call| call.contains("/down")).count();
        assert_eq!(down, 12, "the tries of a delivery");
    }

    async fn a_missing_field_refuses_before_anything_is_sent(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let mut config = plain(&world.sink, "/first");
        config["endpoints"][0]["payload"] = json!({"nodes": [
            {"kind": "field", "key": "zip", "source": "address.zip", "required": true},
        ]});
        let first = world.campaign("AAA", config).await;
        let lead = world.submit(first, json!({})).await.lead_id;
        world.settle().await;
        let row = &world.submissions(lead).await[0];
        assert_eq!((row.status, row.run.as_str()), (Status::MissingData, "finished"));
        assert_eq!(row.reason.as_deref(), Some("missing: address.zip"));
        assert!(world.calls().is_empty());
    }
}
