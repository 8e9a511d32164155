//! Deliveries whose outcome nobody knows: nothing is sent twice, nobody else is asked, a person settles it.
use crate::{
    campaign::{idempotent, plain, with},
    world::{Run, World, yes},
};
use chrono::Duration;
use serde_json::json;
use shared::{
    ids::LeadId,
    moves::{self, Settlement},
    on_both_engines,
    queue::Job,
    store::{
        close::AttemptStart,
        close::Started,
        leads,
        notices::{self, Kind},
    },
    submission::{Stage, Status},
};

/// A lead whose worker died after the intent was on disk: the attempt is open, nobody knows more.
async fn died_between_intent_and_outcome(world: &mut World, config: serde_json::Value) -> LeadId {
    let second = world.campaign("BBB", plain(&world.sink, "/second")).await;
    let list = json!({"fallback": {"campaigns": [second]}});
    let first = world.campaign("AAA", with(config, list)).await;
    let receipt = world.submit(first, json!({})).await;
    let id = receipt.submission_id.unwrap();
    world.job(Stage::Routing, Job { id: id.0, generation: 1 }, 1).await;
    let loaded = world.ctx.loader.load(id).await.unwrap().unwrap();
    assert_eq!(loaded.stage, Stage::Delivery);
    let planned = loaded.carry.payload.clone().unwrap();
    let start = AttemptStart {
        workspace: world.workspace,
        submission: id,
        generation: loaded.generation,
        endpoint: planned.endpoint,
        idempotency_key: planned.idempotency_key,
        over_open: false,
        needs: None,
        at: world.clock.now(),
    };
    assert_eq!(world.ctx.starter.begin(start).await.unwrap(), Started::Go { number: 1 });
    world.another_worker();
    receipt.lead_id
}

async fn settle_as(world: &World, lead: LeadId, settlement: Settlement) {
    let row = &world.submissions(lead).await[0];
    let loaded = world.ctx.loader.load(row.id).await.unwrap().unwrap();
    let close = moves::settle(&loaded, settlement, Some("asked them"), "ops", world.clock.now());
    assert!(world.ctx.closer.close(close.unwrap()).await.unwrap());
    world.settle().await;
}

on_both_engines! {
    async fn a_delivery_whose_worker_died_is_held_and_nobody_else_is_asked(store: TestStore) {
        let mut world = World::new(store, Run::Plain, |_, _| yes()).await;
        let config = plain(&world.sink, "/first");
        let lead = died_between_intent_and_outcome(&mut world, config).await;
        for _ in 0..5 {
            world.settle().await;
            world.clock.forward(Duration::days(1));
        }
        let rows = world.submissions(lead).await;
        assert_eq!(rows.len(), 1, "no fallback");
        assert_eq!((rows[0].run.as_str(), rows[0].status), ("held", Status::Qualified));
        assert!(world.calls().is_empty());
        let attempts = leads::attempts(&world.store.db, world.workspace, rows[0].id).await.unwrap();
        assert_eq!(attempts[0].outcome, Some(shared::store::close::Outcome::Unknown));
    }

    async fn a_held_delivery_is_settled_by_a_person(store: TestStore) {
        let mut world = World::new(store, Run::Plain, |_, _| yes()).await;
        let config = plain(&world.sink, "/first");
        let lead = died_between_intent_and_outcome(&mut world, config).await;
        world.settle().await;
        settle_as(&world, lead, Settlement::NotSold).await;
        let rows = world.submissions(lead).await;
        let statuses: Vec<_> = rows.iter().map(|row| row.status).collect();
        assert_eq!(statuses, [Status::Failed, Status::Accepted]);
        assert_eq!(world.calls(), ["POST /second 200 key 1"]);
    }

    async fn a_held_delivery_that_is_posted_again_keeps_its_key(store: TestStore) {
        let mut world = World::new(store, Run::Plain, |_, _| yes()).await;
        let config = plain(&world.sink, "/first");
        let lead = died_between_intent_and_outcome(&mut world, config).await;
        world.settle().await;
        let key = world.submissions(lead).await[0].carry.payload.clone().unwrap().idempotency_key;
        settle_as(&world, lead, Settlement::Retry).await;
        let row = &world.submissions(lead).await[0];
        assert_eq!(row.status, Status::Accepted);
        let attempts = leads::attempts(&world.store.db, world.workspace, row.id).await.unwrap();
        assert!(attempts.iter().all(|attempt| attempt.idempotency_key == key), "{attempts:?}");
        assert_eq!(attempts.len(), 2);
    }

    async fn an_endpoint_that_recognises_repeats_is_asked_again_by_itself(store: TestStore) {
        let mut world = World::new(store, Run::Plain, |_, _| yes()).await;
        let config = idempotent(plain(&world.sink, "/first"));
        let lead = died_between_intent_and_outcome(&mut world, config).await;
        world.settle().await;
        assert_eq!(world.submissions(lead).await[0].status, Status::Accepted);
        assert_eq!(world.calls(), ["POST /first 200 key 1"]);
    }

    async fn an_answer_that_no_rule_knows_is_held_and_not_taken_for_success(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| (200, json!({"thanks": true}))).await;
        let first = world.campaign("AAA", plain(&world.sink, "/first")).await;
        let lead = world.submit(first, json!({})).await.lead_id;
        world.settle().await;
        let row = &world.submissions(lead).await[0];
        assert_eq!((row.run.as_str(), row.reason_code.as_deref()), ("held", Some("unclassified")));
        settle_as(&world, lead, Settlement::Sold).await;
        assert_eq!(world.submissions(lead).await[0].status, Status::Accepted);
        assert_eq!(world.calls().len(), 1);
    }

    async fn people_are_told_of_held_deliveries_once_for_an_endpoint_and_an_hour(store: TestStore) {
        let answer = |path: &str, _| match path {
            "/odd" => (200, json!({"thanks": true})),
            _ => (500, json!({})),
        };
        let world = World::new(store, Run::Twice, answer).await;
        let odd = world.campaign("ODD", plain(&world.sink, "/odd")).await;
        let broken = world.campaign("BRK", plain(&world.sink, "/broken")).await;
        for campaign in [odd, odd, broken] {
            world.submit(campaign, json!({})).await;
        }
        world.settle().await;
        world.clock.forward(Duration::hours(1));
        world.submit(odd, json!({})).await;
        world.settle().await;
        let notices = notices::list(&world.store.db, world.workspace, Default::default(), 9);
        let mut told: Vec<_> = notices
            .await
            .unwrap()
            .into_iter()
            .map(|notice| (notice.campaign_id == Some(odd), notice.kind, notice.times))
            .collect();
        told.sort_by_key(|(odd, _, times)| (!odd, *times));
        assert_eq!(
            told,
            [
                (true, Kind::AnswerUnclassified, 1),
                (true, Kind::AnswerUnclassified, 2),
                (false, Kind::DeliveryUnknown, 1),
            ]
        );
    }

    async fn a_server_error_without_a_rule_may_mean_that_the_lead_was_taken(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| (500, json!({}))).await;
        let first = world.campaign("AAA", plain(&world.sink, "/first")).await;
        let lead = world.submit(first, json!({})).await.lead_id;
        world.settle().await;
        let row = &world.submissions(lead).await[0];
        assert_eq!((row.run.as_str(), row.reason_code.as_deref()), ("held", Some("outcome_unknown")));
        assert_eq!(world.calls().len(), 1);
    }

    async fn a_buyer_that_may_have_it_and_then_stays_away_is_not_given_up_for_another(store: TestStore) {
        let answers = |path: &str, nth: usize| match (path, nth) {
            ("/first", 0) => (500, json!({})),
            ("/first", _) => (503, json!({})),
            _ => yes(),
        };
        let world = World::new(store, Run::Plain, answers).await;
        let second = world.campaign("BBB", plain(&world.sink, "/second")).await;
        let mut config = idempotent(plain(&world.sink, "/first"));
        config["endpoints"][0]["breaker"] = json!({"enabled": false});
        let first = world.campaign("AAA", with(config, json!({"fallback": {"campaigns": [second]}}))).await;
        let lead = world.submit(first, json!({})).await.lead_id;
        for _ in 0..14 {
            world.settle().await;
            world.clock.forward(Duration::minutes(31));
        }
        let rows = world.submissions(lead).await;
        assert_eq!((rows.len(), rows[0].run.as_str()), (1, "held"), "{:?}", rows[0].reason);
        assert!(world.calls().iter().all(|call| call.contains("/first")));
    }

    async fn a_buyer_that_has_it_already_may_have_it_from_us(store: TestStore) {
        let answers = |path: &str, nth: usize| match (path, nth) {
            ("/first", 0) => (500, json!({})),
            ("/first", _) => (200, json!("we already have this one")),
            _ => yes(),
        };
        let world = World::new(store, Run::Plain, answers).await;
        let second = world.campaign("BBB", plain(&world.sink, "/second")).await;
        let list = json!({"fallback": {"campaigns": [second]}});
        let first = world.campaign("AAA", with(idempotent(plain(&world.sink, "/first")), list)).await;
        let lead = world.submit(first, json!({})).await.lead_id;
        for _ in 0..3 {
            world.settle().await;
            world.clock.forward(Duration::minutes(31));
        }
        let rows = world.submissions(lead).await;
        assert_eq!((rows.len(), rows[0].run.as_str()), (1, "held"), "{:?}", rows[0].reason);
        settle_as(&world, lead, Settlement::Sold).await;
        assert_eq!(world.submissions(lead).await[0].status, Status::Accepted);
    }
}
