//! What a submission's end makes of its lead, as the campaign says.
use crate::{
    campaign::{plain, with},
    world::{Run, World, no, yes},
};
use serde_json::json;
use shared::{
    ids::LeadId,
    lead::LeadStatus,
    moves::{self, Settlement},
    on_both_engines,
    store::{lead_status, leads},
    submission::Status,
};

async fn lead_status_of(world: &World, lead: LeadId) -> LeadStatus {
    let row = leads::get(&world.store.db, world.workspace, lead).await.unwrap().unwrap();
    row.lead_status
}

on_both_engines! {
    async fn an_accepted_lead_is_qualified_and_a_refused_one_rejected_once_nobody_else_tries(store: TestStore) {
        let answers = |path: &str, _| if path == "/yes" { yes() } else { no() };
        let world = World::new(store, Run::Twice, answers).await;
        let says = json!({"leadStatus": {"qualifyOn": ["accepted"], "rejectOn": ["rejected"]}});
        let takes = world.campaign("AAA", with(plain(&world.sink, "/yes"), says.clone())).await;
        let mut refuses = with(plain(&world.sink, "/no"), says.clone());
        refuses["fallback"] = json!({"campaigns": [takes]});
        let refuses = world.campaign("BBB", refuses).await;
        let alone = world.campaign("CCC", with(plain(&world.sink, "/no"), says)).await;
        let silent = world.campaign("DDD", plain(&world.sink, "/yes")).await;
        for (campaign, wanted, submissions) in [
            (takes, LeadStatus::Qualified, 1),
            (refuses, LeadStatus::Qualified, 2),
            (alone, LeadStatus::Rejected, 1),
            (silent, LeadStatus::Active, 1),
        ] {
            let receipt = world.submit(campaign, json!({})).await;
            world.settle().await;
            assert_eq!(lead_status_of(&world, receipt.lead_id).await, wanted);
            assert_eq!(world.submissions(receipt.lead_id).await.len(), submissions);
            let history = lead_status::history(&world.store.db, world.workspace, receipt.lead_id);
            let lines = history.await.unwrap().len();
            assert_eq!(lines, usize::from(wanted != LeadStatus::Active), "{wanted:?}");
        }
    }

    async fn a_delivery_that_a_person_settles_decides_as_well(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| (500, json!({}))).await;
        let says = json!({"leadStatus": {"qualifyOn": ["accepted"]}});
        let campaign = world.campaign("AAA", with(plain(&world.sink, "/buyer"), says)).await;
        let receipt = world.submit(campaign, json!({})).await;
        world.settle().await;
        assert_eq!(lead_status_of(&world, receipt.lead_id).await, LeadStatus::Active);
        let id = receipt.submission_id.unwrap();
        let loaded = world.ctx.loader.load(id).await.unwrap().unwrap();
        let close = moves::settle(&loaded, Settlement::Sold, None, "ops", world.clock.now());
        assert!(world.ctx.closer.close(close.unwrap()).await.unwrap());
        assert_eq!(world.submissions(receipt.lead_id).await[0].status, Status::Accepted);
        assert_eq!(lead_status_of(&world, receipt.lead_id).await, LeadStatus::Qualified);
    }
}
