//! Leads that wait: started after the wait is on disk, woken once, never for ever.
use crate::{
    campaign::{plain, rule, with},
    world::{Run, World, yes},
};
use chrono::Duration;
use serde_json::json;
use shared::{
    key,
    moves::{self, Decision, ResumeOutcome},
    on_both_engines,
    store::parking,
    submission::Status,
};

fn review(on_deadline: &str) -> serde_json::Value {
    json!({"firstAction": {"kind": "human_review", "deadlineMinutes": 60, "onDeadline": on_deadline}})
}

on_both_engines! {
    async fn a_parked_lead_goes_on_once_when_it_is_woken(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let campaign = world.campaign("AAA", with(plain(&world.sink, "/buy"), review("disqualify"))).await;
        let receipt = world.submit(campaign, json!({})).await;
        world.settle().await;
        let row = &world.submissions(receipt.lead_id).await[0];
        assert_eq!((row.run.as_str(), row.status), ("parked", Status::PendingAction));
        assert!(world.calls().is_empty());
        let park = parking::open(&world.store.db, world.workspace, row.id).await.unwrap().unwrap();
        let answers = json!({"questionnaire.roof": "tile"}).as_object().unwrap().clone();
        let decision = Decision { outcome: ResumeOutcome::Continue, reason: None, answers };
        let loaded = world.ctx.loader.load(row.id).await.unwrap().unwrap();
        let close = moves::resume(&loaded, &park, &decision, "reviewer", world.clock.now()).unwrap();
        // Two people press the button at once: one of them moves the lead.
        let (a, b) = tokio::join!(world.ctx.closer.close(close.clone()), world.ctx.closer.close(close));
        assert_eq!([a.unwrap(), b.unwrap()].iter().filter(|won| **won).count(), 1);
        world.settle().await;
        let row = &world.submissions(receipt.lead_id).await[0];
        assert_eq!(row.status, Status::Accepted);
        assert_eq!(row.carry.answers["questionnaire.roof"], json!("tile"));
        assert_eq!(world.bodies()[0]["questionnaire"]["roof"], json!("tile"));
        let lines = world.journey(row.id).await;
        assert_eq!(lines[2..5], ["first_action parked human_review", "first_action resumed answered", "disqualification passed no_rules"]);
        let park = parking::open(&world.store.db, world.workspace, row.id).await.unwrap();
        assert!(park.is_none(), "the wait is over");
    }

    async fn a_wait_that_nobody_ends_ends_at_its_deadline(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        for (code, outcome, status) in [
            ("AAA", "continue", Status::Accepted),
            ("BBB", "disqualify", Status::Disqualified),
            ("CCC", "reject", Status::Rejected),
        ] {
            let campaign = world.campaign(code, with(plain(&world.sink, "/buy"), review(outcome))).await;
            let lead = world.submit(campaign, json!({})).await.lead_id;
            world.settle().await;
            world.clock.forward(Duration::minutes(59));
            world.settle().await;
            assert_eq!(world.submissions(lead).await[0].run, "parked", "{outcome}: a minute before");
            world.clock.forward(Duration::minutes(1));
            world.settle().await;
            world.settle().await;
            assert_eq!(world.submissions(lead).await[0].status, status, "{outcome}");
        }
    }

    async fn a_webhook_is_told_again_until_it_answers_and_every_token_wakes(store: TestStore) {
        let world = World::new(store, Run::Plain, |path, nth| match (path, nth) {
            ("/hook", 0) => (500, json!({})),
            ("/hook", _) => (200, json!({})),
            _ => yes(),
        }).await;
        let action = json!({"firstAction": {
            "kind": "webhook", "url": format!("{}/hook", world.sink), "deadlineMinutes": 600,
        }});
        let campaign = world.campaign("AAA", with(plain(&world.sink, "/buy"), action)).await;
        let receipt = world.submit(campaign, json!({})).await;
        world.settle().await;
        world.clock.forward(Duration::minutes(1));
        world.settle().await;
        let told = world.bodies();
        assert_eq!(told.len(), 2, "{told:?}");
        let tokens: Vec<&str> = told
            .iter()
            .map(|body| body["resumeUrl"].as_str().unwrap().rsplit('/').next().unwrap())
            .collect();
        assert_ne!(tokens[0], tokens[1]);
        for token in tokens {
            let park = parking::by_token(&world.store.db, &key::hash(token)).await.unwrap().unwrap();
            assert_eq!(Some(park.submission_id), receipt.submission_id);
            assert!(park.started_at.is_some());
        }
        world.clock.forward(Duration::minutes(5));
        world.settle().await;
        assert_eq!(world.bodies().len(), 2, "once it was told, it is left alone until the deadline");
    }

    async fn a_hard_stop_spares_the_first_action(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let stop = json!({"hardStops": [{"name": "too far", "rule": rule("questionnaire.miles", "greaterThan", json!(50))}]});
        let config = with(with(plain(&world.sink, "/buy"), review("continue")), stop);
        let campaign = world.campaign("AAA", config).await;
        let lead = world.submit(campaign, json!({"miles": 80})).await.lead_id;
        world.settle().await;
        let row = &world.submissions(lead).await[0];
        assert_eq!((row.status, row.run.as_str()), (Status::Disqualified, "finished"));
    }
}
