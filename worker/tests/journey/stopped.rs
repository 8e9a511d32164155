//! Leads that are stopped: withdrawn, quarantined, failed and retried; and workers that die after each step.
use crate::{
    campaign::{plain, with},
    world::{Run, World, yes},
};
use serde_json::json;
use shared::{
    ids::LeadId,
    lead::LeadStatus,
    moves, on_both_engines,
    queue::{Job, Settle},
    store::{
        jobs::{self, Bulk, JobFilter},
        lead_status::{self, Change},
        parking,
    },
    submission::{Stage, Status},
};

/// Somebody makes the lead so, the way that bulk changes and cascades do.
async fn make(world: &World, lead: LeadId, to: LeadStatus) {
    let change = Change {
        workspace: world.workspace,
        lead,
        from: moves::set::LEAD_STATUSES,
        to,
        code: "operator".into(),
        reason: "asked to be left alone".into(),
        by: "key ops".into(),
        submission: None,
        at: world.clock.now(),
    };
    let mut tx = world.store.db.begin().await.unwrap();
    let made = lead_status::change(&mut tx, &[change]).await.unwrap();
    lead_status::wake_stopped(&mut tx, &made, world.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

on_both_engines! {
    async fn a_lead_survives_a_worker_that_dies_after_any_step(store: TestStore) {
        let mut world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = world.campaign("AAA", plain(&world.sink, "/buy")).await;
        // Recorded steps of a lead: taken in, at delivery, sold. A worker that dies between them leaves nothing half-done.
        for steps in 0..3 {
            let receipt = world.submit(campaign, json!({})).await;
            let id = receipt.submission_id.unwrap();
            let mut generation = 1;
            for _ in 0..steps {
                let loaded = world.ctx.loader.load(id).await.unwrap().unwrap();
                generation = loaded.generation;
                world.job(loaded.stage, Job { id: id.0, generation }, 1).await;
            }
            world.another_worker();
            // The dead worker's job is delivered again, late, and changes nothing.
            world.job(Stage::Routing, Job { id: id.0, generation }, 2).await;
            world.settle().await;
            let row = &world.submissions(receipt.lead_id).await[0];
            assert_eq!(row.status, Status::Accepted, "killed after {steps}");
        }
        assert_eq!(world.calls().len(), 3);
    }

    async fn a_job_that_kills_its_workers_is_set_aside_and_can_be_retried(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = world.campaign("AAA", plain(&world.sink, "/buy")).await;
        let receipt = world.submit(campaign, json!({})).await;
        let id = receipt.submission_id.unwrap();
        let job = Job { id: id.0, generation: 1 };
        assert_eq!(world.job(Stage::Routing, job, 4).await, Settle::Done);
        let row = &world.submissions(receipt.lead_id).await[0];
        assert_eq!((row.run.as_str(), row.status), ("failed", Status::Error));
        assert_eq!(row.reason_code.as_deref(), Some("quarantined"));
        let groups = jobs::groups(&world.store.db, world.workspace, &JobFilter::default()).await.unwrap();
        assert_eq!((groups.len(), groups[0].jobs), (1, 1));
        let loaded = world.ctx.loader.load(id).await.unwrap().unwrap();
        let close = moves::retry(&loaded, "ops", world.clock.now()).unwrap();
        assert!(world.ctx.closer.close(close).await.unwrap());
        world.settle().await;
        assert_eq!(world.submissions(receipt.lead_id).await[0].status, Status::Accepted);
    }

    async fn all_failed_jobs_that_match_are_retried_and_others_left(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        // Without an endpoint a lead gets stuck at the payload.
        let nowhere = world.campaign("AAA", json!({})).await;
        let other = world.campaign("BBB", json!({})).await;
        let mut leads = Vec::new();
        for n in 0..12 {
            leads.push(world.submit(if n < 10 { nowhere } else { other }, json!({})).await.lead_id);
        }
        world.settle().await;
        let filter = JobFilter { campaign: Some(nowhere), stage: Some(Stage::Payload), ..Default::default() };
        let found = jobs::list(&world.store.db, world.workspace, &filter, None, 100).await.unwrap();
        assert_eq!(found.len(), 10);
        let by_error = JobFilter { fingerprint: found[0].error_fingerprint.clone(), ..Default::default() };
        assert_eq!(jobs::list(&world.store.db, world.workspace, &by_error, None, 100).await.unwrap().len(), 12);
        let by = ("ops", world.clock.now());
        let moved = jobs::move_failed(&world.store.db, world.workspace, &filter, Bulk::Retry, by).await.unwrap();
        assert_eq!(moved.len(), 10);
        assert!(jobs::move_failed(&world.store.db, world.workspace, &filter, Bulk::Retry, by).await.unwrap().is_empty());
        assert_eq!(world.submissions(leads[0]).await[0].run, "ready");
        assert_eq!(world.submissions(leads[11]).await[0].run, "failed");
        let gone = jobs::move_failed(&world.store.db, world.workspace, &JobFilter::default(), Bulk::Discard, by).await.unwrap();
        assert_eq!(gone.len(), 2);
        let row = &world.submissions(leads[11]).await[0];
        assert_eq!((row.run.as_str(), row.status), ("finished", Status::Error));
        world.journey(row.id).await; // gapless
    }

    async fn a_lead_that_is_no_longer_active_is_not_sold(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = world.campaign("AAA", plain(&world.sink, "/buy")).await;
        let receipt = world.submit(campaign, json!({})).await;
        let id = receipt.submission_id.unwrap();
        world.job(Stage::Routing, Job { id: id.0, generation: 1 }, 1).await;
        world.store.db.write()
            .sql("UPDATE lead SET status = 'rejected' WHERE id = $1")
            .bind(receipt.lead_id).run().await.unwrap();
        world.settle().await;
        let row = &world.submissions(receipt.lead_id).await[0];
        assert_eq!((row.status, row.reason_code.as_deref()), (Status::Rejected, Some("withdrawn")));
        assert!(world.calls().is_empty());
    }

    async fn a_wait_for_a_person_ends_at_once_when_its_lead_is_stopped(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let waits = json!({"firstAction": {"kind": "human_review", "deadlineMinutes": 600}});
        let campaign = world.campaign("AAA", with(plain(&world.sink, "/buy"), waits)).await;
        for to in [LeadStatus::Qualified, LeadStatus::Rejected, LeadStatus::Deleted] {
            let lead = world.submit(campaign, json!({})).await.lead_id;
            world.settle().await;
            assert_eq!(world.submissions(lead).await[0].run, "parked");
            make(&world, lead, to).await;
            world.settle().await;
            let row = world.submissions(lead).await.remove(0);
            assert_eq!((row.run.as_str(), row.reason_code.as_deref()), ("finished", Some("withdrawn")), "{to:?}");
            assert!(parking::open(&world.store.db, world.workspace, row.id).await.unwrap().is_none());
            world.journey(row.id).await; // gapless
        }
        assert!(world.calls().is_empty());
    }

    async fn a_wait_for_room_ends_at_once_when_its_lead_is_stopped_and_takes_no_place(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let full = json!({"caps": [{"period": "daily", "leads": 1, "whenFull": {"action": "queue"}}]});
        let campaign = world.campaign("AAA", with(plain(&world.sink, "/buy"), full)).await;
        let mut leads = Vec::new();
        for _ in 0..3 {
            leads.push(world.submit(campaign, json!({})).await.lead_id);
            world.settle().await;
        }
        assert_eq!(world.submissions(leads[1]).await[0].status, Status::Queued);
        make(&world, leads[1], LeadStatus::Rejected).await;
        world.settle().await;
        let row = world.submissions(leads[1]).await.remove(0);
        assert_eq!((row.run.as_str(), row.reason_code.as_deref()), ("finished", Some("withdrawn")));
        let journey = world.journey(row.id).await;
        assert_eq!(journey[journey.len() - 2..], ["delivery released stopped", "delivery withdrawn withdrawn"]);
        // Whoever waits behind it is served the next day, as if it had never been there.
        world.clock.forward(chrono::Duration::days(1));
        assert_eq!(world.drain().await, 1);
        world.settle().await;
        assert_eq!(world.submissions(leads[2]).await[0].status, Status::Accepted);
        assert_eq!(world.calls().len(), 2);
    }

    async fn what_waits_for_a_lead_that_is_still_processed_waits_on(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let waits = json!({"firstAction": {"kind": "human_review", "deadlineMinutes": 600}});
        let campaign = world.campaign("AAA", with(plain(&world.sink, "/buy"), waits)).await;
        let lead = world.submit(campaign, json!({})).await.lead_id;
        world.settle().await;
        let before = world.submissions(lead).await[0].due_at;
        make(&world, lead, LeadStatus::Duplicate).await;
        world.settle().await;
        let row = world.submissions(lead).await.remove(0);
        assert_eq!((row.run.as_str(), row.due_at), ("parked", before));
    }
}
