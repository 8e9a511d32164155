//! Contacts that are closed: the submissions of their leads end, those that wait at once.
use crate::{
    campaign::{plain, with},
    phones::Phones,
    world::{Run, World, yes},
};
use fakes::Provider;
use serde_json::{Value, json};
use shared::{
    contact::ContactStatus,
    ids::{CampaignId, LeadId},
    lead::LeadStatus,
    on_both_engines,
    store::{
        contacts::{
            consent::{self, Consent, Kept, Number, Outs},
            status::{self, Set, StatusChange},
        },
        leads, parking,
    },
    submission::Status,
};

async fn close(world: &World, lead: LeadId, to: ContactStatus) -> usize {
    let lead = leads::get(&world.store.db, world.workspace, lead).await.unwrap().unwrap();
    let change = StatusChange {
        workspace: world.workspace,
        contact: lead.contact_id,
        to,
        reason: "mail came back".into(),
        by: "key desk".into(),
    };
    match status::change(&world.store.db, &change, world.clock.now()).await.unwrap() {
        Set::Yes { leads, .. } => leads,
        other => panic!("{other:?}"),
    }
}

async fn campaign(world: &World, code: &str, more: Value) -> CampaignId {
    world.campaign(code, with(plain(&world.sink, "/buy"), more)).await
}

on_both_engines! {
    async fn leads_that_wait_end_at_once_when_their_contact_is_closed(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let review = json!({"firstAction": {"kind": "human_review", "deadlineMinutes": 600, "onDeadline": "continue"}});
        let full = json!({"caps": [{"period": "daily", "leads": 0, "whenFull": {"action": "queue"}}]});
        let parked = campaign(&world, "AAA", review).await;
        let queued = campaign(&world, "BBB", full).await;
        let sold = campaign(&world, "CCC", json!({})).await;
        let mut receipts = Vec::new();
        for campaign in [parked, queued, sold] {
            receipts.push(world.submit(campaign, json!({})).await);
        }
        world.settle().await;
        let ids: Vec<_> = receipts.iter().map(|receipt| receipt.submission_id.unwrap()).collect();
        for (id, status) in ids.iter().zip([Status::PendingAction, Status::Queued, Status::Accepted]) {
            assert_eq!(world.submission(*id).await.status, status);
        }
        let calls = world.calls().len();
        // A lead that has just come in has not moved yet.
        let ready = world.submit(sold, json!({})).await;
        assert_eq!(close(&world, receipts[0].lead_id, ContactStatus::Bounced).await, 4);
        world.settle().await;
        for id in [ids[0], ids[1], ready.submission_id.unwrap()] {
            let row = world.submission(id).await;
            assert_eq!((row.status, row.reason_code.as_deref()), (Status::Rejected, Some("withdrawn")));
        }
        assert_eq!(world.submission(ids[2]).await.status, Status::Accepted, "what is sold stays sold");
        let told = world.journey(ids[1]).await;
        assert_eq!(told[told.len() - 2..], ["delivery released stopped", "delivery withdrawn withdrawn"]);
        assert!(parking::open(&world.store.db, world.workspace, ids[0]).await.unwrap().is_none(), "the wait is over");
        assert_eq!(world.calls().len(), calls, "nothing was sent");
        let lead = leads::get(&world.store.db, world.workspace, ready.lead_id).await.unwrap().unwrap();
        assert_eq!(lead.lead_status, LeadStatus::Rejected);
    }

    async fn an_active_contact_brings_no_submission_back(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let sold = campaign(&world, "AAA", json!({})).await;
        let receipt = world.submit(sold, json!({})).await;
        assert_eq!(close(&world, receipt.lead_id, ContactStatus::Inactive).await, 1);
        assert_eq!(close(&world, receipt.lead_id, ContactStatus::Active).await, 0);
        world.settle().await;
        assert_eq!(world.submission(receipt.submission_id.unwrap()).await.status, Status::Rejected);
        assert!(world.calls().is_empty());
    }

    async fn who_wants_no_texts_gets_none_whatever_number_their_lead_has(store: TestStore) {
        let phones = Phones::new(store, Run::Twice).await;
        phones.agent("texter", Provider::Twilio, json!({})).await;
        let texting = phones.texting("AAA", json!({}), json!({})).await;
        let lead = phones.lead(texting, "+14155558000").await;
        let world = &phones.world;
        let lead_row = leads::get(&world.store.db, world.workspace, lead).await.unwrap().unwrap();
        let said = Consent {
            workspace: world.workspace,
            contact: lead_row.contact_id,
            outs: Outs { sms: Some(true), ..Outs::default() },
            reset: false,
            source: "a letter".into(),
            said_at: world.clock.now(),
            by: "key desk".into(),
        };
        // Its number is hashed as another here: what counts is the contact's own word.
        let number = Some(Number { phone: "+14155558000", hash: "of another number" });
        let kept = consent::keep(&world.store.db, &said, number, world.clock.now()).await.unwrap();
        assert!(matches!(kept, Kept::Yes(_)), "{kept:?}");
        phones.settle().await;
        assert_eq!((phones.orders(), phones.stands(lead).await.as_str()), (0, "finished dnc"));
    }
}
