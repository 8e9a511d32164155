//! Waits that nobody ends: started over, handed to a fallback, and never gone through from the beginning.
use crate::{
    campaign::{plain, with},
    world::{Run, World, no, yes},
};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    key,
    moves::{self, Decision},
    on_both_engines,
    store::parking,
    submission::Status,
};

/// A first action of an hour.
fn action(more: Value) -> Value {
    let action = json!({"kind": "human_review", "deadlineMinutes": 60});
    json!({"firstAction": with(action, more)})
}

/// Lets an hour pass, and what is due then.
async fn an_hour(world: &World) {
    world.clock.forward(Duration::minutes(60));
    world.settle().await;
    world.settle().await;
}

fn count(lines: &[String], beginning: &str) -> usize {
    lines.iter().filter(|line| line.starts_with(beginning)).count()
}

on_both_engines! {
    async fn an_action_is_started_over_as_often_as_the_campaign_says_and_no_earlier_stage_with_it(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let twice = json!({"onDeadline": "retry", "deadlineRetries": 2, "afterRetries": "continue"});
        let campaign = world.campaign("AAA", with(plain(&world.sink, "/buy"), action(twice))).await;
        let lead = world.submit(campaign, json!({})).await.lead_id;
        world.settle().await;
        let id = world.submissions(lead).await[0].id;
        let mut parks = Vec::new();
        for round in 0..3 {
            let park = parking::open(&world.store.db, world.workspace, id).await.unwrap().unwrap();
            assert_eq!(park.on_deadline, "retry");
            assert_eq!(park.deadline, world.clock.now() + Duration::minutes(60), "round {round} has its own hour");
            parks.push(park.id);
            assert!(world.calls().is_empty(), "round {round}");
            an_hour(&world).await;
        }
        parks.dedup();
        assert_eq!(parks.len(), 3, "each round is a wait of its own");
        let row = &world.submissions(lead).await[0];
        assert_eq!((row.status, row.carry.rounds), (Status::Accepted, 2));
        let lines = world.journey(id).await;
        assert_eq!(count(&lines, "first_action parked"), 3);
        assert_eq!(count(&lines, "first_action again deadline"), 2);
        assert_eq!(count(&lines, "first_action resumed deadline"), 1);
        assert_eq!(count(&lines, "routing"), 1, "routing is not asked again");
        assert_eq!(count(&lines, "disqualification"), 1);
        assert_eq!(world.calls().len(), 1);
    }

    async fn a_token_of_an_earlier_round_wakes_nothing(store: TestStore) {
        let world = World::new(store, Run::Plain, |path, _| if path == "/hook" { (200, json!({})) } else { yes() }).await;
        let again = json!({"kind": "webhook", "url": format!("{}/hook", world.sink), "onDeadline": "retry"});
        let campaign = world.campaign("AAA", with(plain(&world.sink, "/buy"), action(again))).await;
        let lead = world.submit(campaign, json!({})).await.lead_id;
        world.settle().await;
        an_hour(&world).await;
        let told = world.sent();
        assert_eq!(told.len(), 2, "the outside is told of the second round");
        let ids: Vec<&str> = told.iter().map(|call| call.headers["webhook-id"].to_str().unwrap()).collect();
        assert_ne!(ids[0], ids[1], "another wait, another id");
        let park = async |call: usize| {
            let url = told[call].body["resumeUrl"].as_str().unwrap().to_owned();
            let hash = key::hash(url.rsplit('/').next().unwrap());
            parking::by_token(&world.store.db, &hash).await.unwrap().unwrap()
        };
        let (first, second) = (park(0).await, park(1).await);
        assert_eq!((first.resolution.as_deref(), first.resolved_by.as_deref()), (Some("retry"), Some("deadline")));
        assert_eq!(second.resolution, None);
        an_hour(&world).await;
        let row = &world.submissions(lead).await[0];
        assert_eq!(row.status, Status::Disqualified, "once is the usual, and disqualify what follows");
    }

    async fn a_deadline_may_seek_a_fallback_whatever_the_list_says_of_such_ends(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let second = world.campaign("BBB", plain(&world.sink, "/second")).await;
        let list = json!({"fallback": {"campaigns": [second], "onRejected": false, "onFailed": false}});
        let config = with(with(plain(&world.sink, "/first"), list), action(json!({"onDeadline": "fallback"})));
        let first = world.campaign("AAA", config).await;
        let lead = world.submit(first, json!({})).await.lead_id;
        world.settle().await;
        an_hour(&world).await;
        let rows = world.submissions(lead).await;
        let seen: Vec<_> = rows.iter().map(|row| (row.campaign_id, row.status)).collect();
        assert_eq!(seen, [(first, Status::Failed), (second, Status::Accepted)]);
        assert_eq!(world.calls(), ["POST /second 200 key 1"]);
        let token = parking::latest_review(&world.store.db, world.workspace, lead).await.unwrap().unwrap().1;
        assert_eq!(token.resolution.as_deref(), Some("fallback"));
    }

    async fn a_lead_for_which_nobody_did_anything_and_that_nobody_takes_has_failed(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| no()).await;
        let config = with(plain(&world.sink, "/first"), action(json!({"onDeadline": "fallback"})));
        let campaign = world.campaign("AAA", config).await;
        let lead = world.submit(campaign, json!({})).await.lead_id;
        world.settle().await;
        an_hour(&world).await;
        let rows = world.submissions(lead).await;
        assert_eq!((rows.len(), rows[0].run.as_str(), rows[0].status), (1, "finished", Status::Failed));
        assert!(world.calls().is_empty());
    }

    async fn resuming_goes_on_and_never_goes_back(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let campaign = world.campaign("AAA", with(plain(&world.sink, "/buy"), action(json!({})))).await;
        let lead = world.submit(campaign, json!({})).await.lead_id;
        world.settle().await;
        let id = world.submissions(lead).await[0].id;
        let loaded = world.ctx.loader.load(id).await.unwrap().unwrap();
        let park = parking::open(&world.store.db, world.workspace, id).await.unwrap().unwrap();
        let close = moves::resume(&loaded, &park, &Decision::default(), moves::TOKEN, world.clock.now()).unwrap();
        assert!(world.ctx.closer.close(close).await.unwrap());
        world.settle().await;
        let lines = world.journey(id).await;
        for (stage, times) in [
            ("routing", 1), ("first_action", 2), ("disqualification", 1), ("dynamic_keys", 1), ("required_fields", 1),
            ("field_qualification", 1), ("payload", 1), ("delivery", 1),
        ] {
            assert_eq!(count(&lines, stage), times, "{stage} in {lines:?}");
        }
    }
}
