//! Statuses of many leads at once on both engines: each has its answer, twice is once, another workspace's are not there.
use chrono::Duration;
use serde_json::json;
use shared::{
    ids::{CampaignId, LeadId, WorkspaceId},
    lead::{Details, LeadStatus, Person},
    on_both_engines,
    store::{
        campaigns::{self, Draft},
        intake::{Arrival, CampaignRef, Intake, Who},
        lead_bulk::{self, Became, Wish},
        lead_status, leads,
    },
    testing::{TestStore, noon},
};
use std::collections::{BTreeMap, BTreeSet};

/// A campaign with that many leads.
async fn leads(
    store: &TestStore,
    workspace: WorkspaceId,
    code: &str,
    count: usize,
) -> (CampaignId, BTreeSet<LeadId>) {
    let draft = Draft {
        workspace,
        id: CampaignId::new(),
        code: code.into(),
        name: code.into(),
        dedup_days: None,
        config: json!({}),
        at: noon(),
    };
    campaigns::create(&store.db, &draft).await.unwrap();
    let intake = Intake::start(store.db.clone());
    let mut leads = BTreeSet::new();
    for n in 0..count {
        let person = Person {
            first_name: "Ada".into(),
            last_name: "L".into(),
            email: format!("{code}{n}@example.com"),
            phone: String::new(),
        };
        let arrival = Arrival {
            workspace,
            campaign: CampaignRef::Id(draft.id),
            who: Who::New {
                person: Person { phone: format!("+1{code}{n:04}"), ..person },
                details: Details::default(),
            },
            is_test: false,
            submit: true,
            source: "api",
            repeat: None,
            at: noon(),
            redeliver_at: noon() + Duration::seconds(30),
        };
        leads.insert(intake.take(arrival).await.unwrap().unwrap().lead_id);
    }
    (draft.id, leads)
}

fn wish(to: LeadStatus) -> Wish<'static> {
    Wish { to, campaign: None, reason: "a call", by: "key ops", at: noon() }
}

fn count(became: &BTreeMap<LeadId, Became>, wanted: &Became) -> usize {
    became.values().filter(|one| *one == wanted).count()
}

on_both_engines! {
    async fn a_thousand_leads_are_removed_at_once_and_once(store: TestStore) {
        let workspace = store.workspace("a").await;
        let (_, all) = leads(&store, workspace, "555", 1_000).await;
        let from = Became::Changed { from: LeadStatus::Active };
        let became = lead_bulk::set(&store.db, workspace, &all, wish(LeadStatus::Deleted)).await.unwrap();
        assert_eq!(count(&became, &from), 1_000);
        let again = lead_bulk::set(&store.db, workspace, &all, wish(LeadStatus::Deleted)).await.unwrap();
        assert_eq!(count(&again, &Became::Unchanged), 1_000);
        for lead in all.iter().take(3) {
            let lines = lead_status::history(&store.db, workspace, *lead).await.unwrap();
            assert_eq!(lines.len(), 1, "twice is once");
            let line = &lines[0];
            assert_eq!((line.to_status, line.reason_code.as_str()), (LeadStatus::Deleted, "operator"));
            assert_eq!((line.reason.as_str(), line.changed_by.as_str()), ("a call", "key ops"));
        }
    }

    async fn each_lead_has_its_own_answer(store: TestStore) {
        let workspace = store.workspace("a").await;
        let other = store.workspace("b").await;
        let (campaign, mine) = leads(&store, workspace, "555", 4).await;
        let (_, theirs) = leads(&store, other, "666", 1).await;
        let (_, elsewhere) = leads(&store, workspace, "777", 1).await;
        let ids: Vec<LeadId> = mine.iter().copied().collect();
        let one = BTreeSet::from([ids[1]]);
        lead_bulk::set(&store.db, workspace, &one, wish(LeadStatus::Rejected)).await.unwrap();
        let all = mine.iter().chain(&theirs).chain(&elsewhere).copied().collect();
        let wish = Wish { campaign: Some(campaign), ..wish(LeadStatus::Rejected) };
        let became = lead_bulk::set(&store.db, workspace, &all, wish).await.unwrap();
        assert_eq!(became[&ids[0]], Became::Changed { from: LeadStatus::Active });
        assert_eq!(became[&ids[1]], Became::Unchanged);
        assert_eq!(became[theirs.first().unwrap()], Became::Unknown);
        assert_eq!(became[elsewhere.first().unwrap()], Became::Unknown, "it is of another campaign");
        let theirs = leads::get(&store.db, other, *theirs.first().unwrap()).await.unwrap().unwrap();
        assert_eq!(theirs.lead_status, LeadStatus::Active);
    }

    async fn people_may_do_anything_but_work_with_a_contact_who_is_gone(store: TestStore) {
        let workspace = store.workspace("a").await;
        let (_, all) = leads(&store, workspace, "555", 1).await;
        let id = *all.first().unwrap();
        let (q, r, d, a) = (LeadStatus::Qualified, LeadStatus::Rejected, LeadStatus::Deleted, LeadStatus::Active);
        let mut is = a;
        for to in [q, r, d, a, r, q, d, q, a, d, r, a, q] {
            let became = lead_bulk::set(&store.db, workspace, &all, wish(to)).await.unwrap();
            assert_eq!(became[&id], Became::Changed { from: is }, "{is:?} to {to:?}");
            is = to;
        }
        store.db.write().sql("UPDATE contact SET status = 'bounced' WHERE workspace_id = $1").bind(workspace)
            .run().await.unwrap();
        let became = lead_bulk::set(&store.db, workspace, &all, wish(a)).await.unwrap();
        assert_eq!(became[&id], Became::Refused("its contact is bounced".into()));
        let became = lead_bulk::set(&store.db, workspace, &all, wish(r)).await.unwrap();
        assert_eq!(became[&id], Became::Changed { from: q });
        assert_eq!(lead_status::history(&store.db, workspace, id).await.unwrap().len(), 14);
    }
}
