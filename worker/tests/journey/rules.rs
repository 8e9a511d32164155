//! Leads that rules send somewhere or stop: value sets, and the record of routing.
use crate::{
    campaign::{plain, rule, with},
    world::{Run, World, yes},
};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    ids::ValueSetId,
    on_both_engines,
    store::{leads, value_sets},
    submission::Status,
    value_set,
};

async fn set(world: &World, name: &str, values: Value) -> value_sets::SetDraft {
    let draft = value_sets::SetDraft {
        workspace: world.workspace,
        id: ValueSetId::new(),
        name: name.into(),
        description: String::new(),
        members: value_set::read(values.as_array().unwrap(), "values").unwrap(),
        at: world.clock.now(),
    };
    value_sets::create(&world.store.db, &draft).await.unwrap().unwrap();
    draft
}

on_both_engines! {
    async fn a_set_decides_and_a_change_of_it_is_seen_by_the_next_lead(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let mut excluded = set(&world, "excluded", json!(["A-1"])).await;
        set(&world, "roofs", json!([{"value": "Shingle", "synonyms": ["asphalt"]}])).await;
        let config = with(plain(&world.sink, "/buy"), json!({
            "disqualification": [{"name": "excluded", "rule":
                {"field": "questionnaire.zone", "operator": "inValueSet", "valueSet": "excluded"}}],
            "acceptedValues": [{"field": "questionnaire.roof", "valueSet": "roofs"}],
        }));
        let campaign = world.campaign("AAA", config).await;
        let status = async |answers: Value| {
            let lead = world.submit(campaign, answers).await.lead_id;
            world.settle().await;
            world.submissions(lead).await[0].status
        };
        assert_eq!(status(json!({"zone": "a1"})).await, Status::Disqualified);
        assert_eq!(status(json!({"zone": "B-2", "roof": "ASPHALT"})).await, Status::Accepted);
        assert_eq!(world.bodies()[0]["questionnaire"]["roof"], "Shingle");
        assert_eq!(status(json!({"zone": "B-2", "roof": "tile"})).await, Status::Disqualified);
        excluded.members = value_set::read(&[json!("B-2")], "values").unwrap();
        assert!(value_sets::save(&world.store.db, &excluded, None).await.unwrap());
        world.clock.forward(Duration::seconds(1));
        assert_eq!(status(json!({"zone": "a1"})).await, Status::Accepted);
        assert_eq!(status(json!({"zone": "B-2"})).await, Status::Disqualified);
        // Under way or not: a set that was deleted still decides for revisions that name it.
        value_sets::delete(&world.store.db, world.workspace, excluded.id, world.clock.now()).await.unwrap();
        world.clock.forward(Duration::seconds(1));
        assert_eq!(status(json!({"zone": "B-2"})).await, Status::Disqualified);
    }

    async fn a_table_of_the_campaign_gives_the_buyers_word_for_ours(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let mut config = with(plain(&world.sink, "/buy"), json!({
            "lookups": {"regions": {"CA": "West", "Texas": "South"}},
            "computedKeys": [
                {"key": "region", "type": "text", "expression": "questionnaire.state | lookup('regions', 'elsewhere')"},
                {"key": "label", "type": "text", "expression": "(computed.region | upper) ~ '-' ~ lead.lastName"},
            ],
        }));
        config["endpoints"][0]["payload"] = json!({"nodes": [
            {"kind": "field", "key": "region", "source": "computed.region"},
            {"kind": "field", "key": "label", "source": "computed.label"},
        ]});
        let campaign = world.campaign("AAA", config).await;
        for state in ["ca", "TEXAS", "Maine"] {
            world.submit(campaign, json!({"state": state})).await;
            world.settle().await;
        }
        let seen: Vec<Value> = world.bodies();
        let one = |region: &str, label: &str| json!({"region": region, "label": label});
        assert!(seen.contains(&one("West", "WEST-Lovelace")), "{seen:?}");
        assert!(seen.contains(&one("South", "SOUTH-Lovelace")), "{seen:?}");
        assert!(seen.contains(&one("elsewhere", "ELSEWHERE-Lovelace")), "{seen:?}");
    }

    async fn a_set_that_is_not_there_stops_the_lead_before_anybody_gets_it(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let config = with(plain(&world.sink, "/buy"), json!({"disqualification": [{"name": "excluded", "rule":
            {"field": "questionnaire.zone", "operator": "inValueSet", "valueSet": "nowhere"}}]}));
        let campaign = world.campaign("AAA", config).await;
        let lead = world.submit(campaign, json!({"zone": "x"})).await.lead_id;
        for _ in 0..6 {
            world.settle().await;
            world.clock.forward(Duration::minutes(1));
        }
        let row = &world.submissions(lead).await[0];
        assert_eq!((row.run.as_str(), row.status), ("failed", Status::Error));
        assert_eq!(row.reason.as_deref(), Some("there is no value set nowhere"));
        assert!(world.calls().is_empty());
    }

    async fn every_candidate_is_recorded_and_a_ring_of_campaigns_ends_after_one_step(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let to = |name: &str, rule: Value, id| json!({"name": name, "rule": rule, "to": id});
        let any = || rule("lead.email", "isNotEmpty", Value::Null);
        let a = world.campaign("AAA", plain(&world.sink, "/a")).await;
        let paused = world.campaign("PPP", plain(&world.sink, "/p")).await;
        shared::store::campaigns::set_state(&world.store.db, world.workspace, paused, "paused", world.clock.now())
            .await
            .unwrap();
        let back = with(plain(&world.sink, "/b"), json!({"autoRouting": true, "routing": [to("back", any(), a)]}));
        let b = world.campaign("BBB", back).await;
        let ring = with(plain(&world.sink, "/a"), json!({"autoRouting": true, "routing": [
            to("big", rule("questionnaire.bill", "greaterThan", json!(100)), b),
            to("closed", any(), paused),
            to("to b", any(), b),
            to("again", any(), b),
        ]}));
        let draft = shared::store::campaigns::Draft {
            workspace: world.workspace,
            id: a,
            code: "AAA".into(),
            name: "campaign AAA".into(),
            dedup_days: None,
            config: ring,
            at: world.clock.now(),
        };
        shared::store::campaigns::save(&world.store.db, &draft, 1).await.unwrap().unwrap();
        let lead = world.submit(a, json!({"bill": 50})).await.lead_id;
        world.settle().await;
        let row = &world.submissions(lead).await[0];
        assert_eq!((row.campaign_id, row.status), (b, Status::Accepted), "b's rule back to a is not asked");
        assert_eq!(row.carry.routed_from, [a]);
        assert_eq!(world.calls(), ["POST /b 200 key 1"]);
        let events = leads::journey(&world.store.db, world.workspace, row.id).await.unwrap();
        let record = &events[1].details.as_ref().unwrap()["candidates"];
        let results: Vec<&str> =
            record.as_array().unwrap().iter().map(|one| one["result"].as_str().unwrap()).collect();
        assert_eq!(results, ["no_match", "not_active", "chosen", "not_needed"]);
        assert_eq!(record[0]["failed"]["actual"], 50);
        assert_eq!(record[0]["failed"]["expected"], 100);
    }
}
