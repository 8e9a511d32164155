//! Lead statuses on both engines: changed only from where they are expected, once, with a line of history.
use chrono::Duration;
use serde_json::json;
use shared::{
    ids::{CampaignId, LeadId, WorkspaceId},
    lead::{Details, LeadStatus, Person},
    on_both_engines,
    store::{
        campaigns::{self, Draft},
        intake::{Arrival, CampaignRef, Intake, Who},
        lead_status::{self, Change},
        leads,
    },
    testing::{TestStore, noon},
};

const PROCESSED: &[LeadStatus] = &[LeadStatus::Active, LeadStatus::Duplicate];

async fn lead(store: &TestStore, workspace: WorkspaceId) -> LeadId {
    let draft = Draft {
        workspace,
        id: CampaignId::new(),
        code: "AAA".into(),
        name: "A".into(),
        dedup_days: None,
        config: json!({}),
        at: noon(),
    };
    campaigns::create(&store.db, &draft).await.unwrap();
    let person = Person {
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        email: "ada@example.com".into(),
        phone: "+14155550100".into(),
    };
    let arrival = Arrival {
        workspace,
        campaign: CampaignRef::Id(draft.id),
        who: Who::New { person, details: Details::default() },
        is_test: false,
        submit: true,
        source: "api",
        repeat: None,
        at: noon(),
        redeliver_at: noon() + Duration::seconds(30),
    };
    Intake::start(store.db.clone()).take(arrival).await.unwrap().unwrap().lead_id
}

fn to(workspace: WorkspaceId, lead: LeadId, to: LeadStatus) -> Change {
    Change {
        workspace,
        lead,
        from: PROCESSED,
        to,
        code: "outcome".into(),
        reason: "its submission was sold".into(),
        by: "the worker".into(),
        submission: None,
        at: noon() + Duration::seconds(1),
    }
}

on_both_engines! {
    async fn a_change_is_made_from_the_expected_statuses_only_and_leaves_a_line(store: TestStore) {
        let workspace = store.workspace("a").await;
        let other = store.workspace("b").await;
        let lead = lead(&store, workspace).await;
        let change = async |change: Change| {
            let mut tx = store.db.begin().await.unwrap();
            let made = lead_status::change(&mut tx, &[change]).await.unwrap();
            tx.commit().await.unwrap();
            made
        };
        assert_eq!(change(to(other, lead, LeadStatus::Deleted)).await, [], "another workspace");
        assert_eq!(change(to(workspace, lead, LeadStatus::Active)).await, [], "it is that already");
        let made = change(to(workspace, lead, LeadStatus::Qualified)).await;
        assert_eq!(made.len(), 1);
        assert_eq!((made[0].from, made[0].to), (LeadStatus::Active, LeadStatus::Qualified));
        assert_eq!(change(to(workspace, lead, LeadStatus::Rejected)).await, [], "no longer processed");
        let back = Change { from: &[LeadStatus::Qualified], ..to(workspace, lead, LeadStatus::Active) };
        assert_eq!(change(back).await.len(), 1);
        let lines = lead_status::history(&store.db, workspace, lead).await.unwrap();
        let lines: Vec<_> = lines.iter().map(|l| (l.number, l.from_status, l.to_status)).collect();
        assert_eq!(lines, [(1, LeadStatus::Active, LeadStatus::Qualified), (2, LeadStatus::Qualified, LeadStatus::Active)]);
        assert_eq!(leads::get(&store.db, workspace, lead).await.unwrap().unwrap().lead_status, LeadStatus::Active);
        assert!(lead_status::history(&store.db, other, lead).await.unwrap().is_empty());
    }

    async fn of_twenty_changes_at_once_one_is_made(store: TestStore) {
        let workspace = store.workspace("a").await;
        let lead = lead(&store, workspace).await;
        let tasks: Vec<_> = (0..20).map(|n| {
            let db = store.db.clone();
            let wanted = if n % 2 == 0 { LeadStatus::Qualified } else { LeadStatus::Rejected };
            tokio::spawn(async move {
                let mut tx = db.begin().await.unwrap();
                let change = to(workspace, lead, wanted);
                let made = lead_status::change(&mut tx, &[change.clone(), change]).await.unwrap();
                tx.commit().await.unwrap();
                made.len()
            })
        }).collect();
        let mut made = 0;
        for task in tasks {
            made += task.await.unwrap();
        }
        assert_eq!(made, 1);
        assert_eq!(lead_status::history(&store.db, workspace, lead).await.unwrap().len(), 1);
    }

    async fn a_change_that_is_rolled_back_leaves_nothing(store: TestStore) {
        let workspace = store.workspace("a").await;
        let lead = lead(&store, workspace).await;
        let mut tx = store.db.begin().await.unwrap();
        assert_eq!(lead_status::change(&mut tx, &[to(workspace, lead, LeadStatus::Deleted)]).await.unwrap().len(), 1);
        drop(tx);
        assert!(lead_status::history(&store.db, workspace, lead).await.unwrap().is_empty());
        assert_eq!(leads::get(&store.db, workspace, lead).await.unwrap().unwrap().lead_status, LeadStatus::Active);
    }
}
