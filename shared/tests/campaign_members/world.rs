//! A workspace with campaigns, contacts and segments that a test moves by hand.
use chrono::Duration;
use serde_json::Value;
use shared::{
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, SegmentId, WorkspaceId},
    lead::{Details, LeadStatus, Person},
    store::{
        campaign_members::{self as members, Added, Assigned, By, Settled},
        campaigns::{self, Draft},
        intake::{Arrival, CampaignRef, Intake, Receipt, Who},
        lead_bulk::{self, Wish},
        lead_status,
        leads::{self, LeadFilter, LeadRow},
    },
    testing::{TestStore, noon},
};
use std::collections::BTreeSet;

pub struct World {
    pub store: TestStore,
    pub workspace: WorkspaceId,
    pub intake: Intake,
}

pub fn by() -> By<'static> {
    By { who: "key ops", at: noon() }
}

impl World {
    pub async fn new(store: TestStore) -> Self {
        let workspace = store.workspace("a").await;
        let intake = Intake::start(store.db.clone());
        Self { store, workspace, intake }
    }

    pub async fn campaign(&self, code: &str, config: Value) -> CampaignId {
        let dedup_days = config.pointer("/duplicates/windowDays").and_then(Value::as_i64);
        let draft = Draft {
            workspace: self.workspace,
            id: CampaignId::new(),
            code: code.into(),
            name: code.into(),
            dedup_days,
            config,
            at: noon(),
        };
        campaigns::create(&self.store.db, &draft).await.unwrap();
        draft.id
    }

    pub async fn state(&self, campaign: CampaignId, state: &str, at: Time) {
        let set = campaigns::set_state(&self.store.db, self.workspace, campaign, state, at).await;
        assert!(set.unwrap());
    }

    pub async fn contact(&self, n: usize) -> ContactId {
        let id = ContactId::new();
        self.store.db.write()
            .sql(
                "INSERT INTO contact (workspace_id, id, first_name, email, city, status, created_at, updated_at)
                 VALUES ($1, $2, 'Ada', $3, 'Turin', 'active', $4, $4)",
            )
            .bind(self.workspace).bind(id).bind(format!("a{n}@example.com")).bind(noon())
            .run().await.unwrap();
        id
    }

    pub async fn set(&self, contact: ContactId, what: &'static str) {
        self.store.db.write().sql(what).bind(contact).run().await.unwrap();
    }

    pub async fn segment(&self, name: &str) -> SegmentId {
        let id = SegmentId::new();
        self.store.db.write()
            .sql(
                "INSERT INTO segment (workspace_id, id, name, description, kind, state, is_enabled, generation, member_count,
                    created_at, updated_at)
                 VALUES ($1, $2, $3, '', 'static', 'ready', true, 1, 0, $4, $4)",
            )
            .bind(self.workspace).bind(id).bind(name).bind(noon())
            .run().await.unwrap();
        id
    }

    /// Puts the contact into the segment, or takes it out, without settling.
    pub async fn place(&self, segment: SegmentId, contact: ContactId, is_in: bool) {
        let sql = if is_in {
            "INSERT INTO segment_member (workspace_id, segment_id, contact_id, added_at) VALUES ($1, $2, $3, $4)"
        } else {
            "DELETE FROM segment_member WHERE workspace_id = $1 AND segment_id = $2 AND contact_id = $3 AND added_at = $4"
        };
        let rows = self
            .store
            .db
            .write()
            .sql(sql)
            .bind(self.workspace)
            .bind(segment)
            .bind(contact)
            .bind(noon())
            .run()
            .await
            .unwrap();
        assert_eq!(rows, 1);
    }

    pub async fn feed(&self, campaign: CampaignId, segments: &[SegmentId]) -> Assigned {
        let wanted: BTreeSet<SegmentId> = segments.iter().copied().collect();
        let place = (self.workspace, campaign);
        members::assign(&self.store.db, place, &wanted, noon()).await.unwrap().unwrap()
    }

    pub async fn settle(&self, contacts: &[ContactId], at: Time) -> Settled {
        let mut tx = self.store.db.begin().await.unwrap();
        let settled = members::settle(&mut tx, self.workspace, contacts, at).await.unwrap();
        tx.commit().await.unwrap();
        settled
    }

    pub async fn catch_up(&self, at: Time) -> usize {
        let due = members::due(&self.store.db, at, 10).await.unwrap();
        for campaign in &due {
            while !members::step(&self.store.db, *campaign, at).await.unwrap().is_last {}
        }
        due.len()
    }

    pub async fn submit(&self, campaign: CampaignId, n: usize, submit: bool) -> Receipt {
        let person = Person {
            first_name: "Ada".into(),
            last_name: String::new(),
            email: format!("a{n}@example.com"),
            phone: format!("+1415555{n:04}"),
        };
        let arrival = Arrival {
            workspace: self.workspace,
            campaign: CampaignRef::Id(campaign),
            who: Who::New { person, details: Details::default() },
            is_test: false,
            submit,
            source: if submit { "api" } else { "create" },
            repeat: None,
            at: noon(),
            redeliver_at: noon() + Duration::seconds(30),
        };
        self.intake.take(arrival).await.unwrap().unwrap()
    }

    pub async fn add(&self, campaign: CampaignId, contacts: &[ContactId]) -> Vec<Added> {
        let place = (self.workspace, campaign);
        let added = members::add(&self.store.db, place, contacts, by()).await.unwrap().unwrap();
        added.into_iter().map(|(_, added)| added).collect()
    }

    pub async fn make(&self, lead: LeadId, to: LeadStatus) {
        let wish = Wish { to, campaign: None, reason: "by hand", by: "key ops", at: noon() };
        let leads = BTreeSet::from([lead]);
        lead_bulk::set(&self.store.db, self.workspace, &leads, wish).await.unwrap();
    }

    /// Newest first.
    pub async fn leads(&self, campaign: CampaignId) -> Vec<LeadRow> {
        let filter = LeadFilter { campaign: Some(campaign), limit: 10_000, ..Default::default() };
        leads::list(&self.store.db, self.workspace, &filter).await.unwrap()
    }

    pub async fn statuses(&self, campaign: CampaignId) -> Vec<LeadStatus> {
        self.leads(campaign).await.into_iter().map(|lead| lead.lead_status).collect()
    }

    pub async fn history(&self, lead: LeadId) -> Vec<String> {
        let lines = lead_status::history(&self.store.db, self.workspace, lead).await.unwrap();
        lines
            .iter()
            .map(|l| format!("{} {} by {}", l.to_status.word(), l.reason_code, l.changed_by))
            .collect()
    }
}
