//! A workspace with campaigns, contacts, leads and segments, and firings that want something.
use serde_json::json;
use shared::{
    automation::{Effect, Firing, LeadState, Outcome, Want, outcome::FiringKind},
    ids::{CampaignId, ContactId, LeadId, SegmentId, WorkspaceId},
    lead::LeadStatus,
    store::{
        automation::{
            Decided, effects,
            jobs::{self, JobFilter, JobRow},
        },
        campaign_members::{self, Added, By},
        campaigns::{self, Draft},
        contacts, lead_status,
        leads::{self, LeadFilter, LeadRow},
        live::{self, Touched},
        segments,
    },
    testing::{TestStore, noon},
};

pub struct World {
    pub store: TestStore,
    pub workspace: WorkspaceId,
    /// The leads' campaign.
    pub campaign: CampaignId,
}

impl World {
    pub async fn new(store: TestStore) -> Self {
        let workspace = store.workspace("one").await;
        let mut world = Self { store, workspace, campaign: CampaignId::new() };
        world.campaign = world.campaign("AAA").await;
        world
    }

    pub async fn campaign(&self, code: &str) -> CampaignId {
        let draft = Draft {
            workspace: self.workspace,
            id: CampaignId::new(),
            code: code.into(),
            name: code.into(),
            dedup_days: None,
            config: json!({}),
            at: noon(),
        };
        campaigns::create(&self.store.db, &draft).await.unwrap();
        draft.id
    }

    pub async fn pause(&self, campaign: CampaignId) {
        let set = campaigns::set_state(&self.store.db, self.workspace, campaign, "paused", noon());
        assert!(set.await.unwrap());
    }

    pub async fn contacts(&self, many: usize) -> Vec<ContactId> {
        let ids: Vec<ContactId> = (0..many).map(|_| ContactId::new()).collect();
        let mut tx = self.store.db.begin().await.unwrap();
        for (n, id) in ids.iter().enumerate() {
            tx.ex()
                .sql(
                    "INSERT INTO contact (workspace_id, id, first_name, email, folded, words, status, created_at, updated_at)
                     VALUES ($1, $2, 'Ada', $3, '{}', '', 'active', $4, $4)",
                )
                .bind(self.workspace)
                .bind(*id)
                .bind(format!("many{n}@example.com"))
                .bind(noon())
                .run()
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        ids
    }

    /// A new contact with a lead in the campaign.
    pub async fn lead(&self, campaign: CampaignId, n: usize) -> (ContactId, LeadId) {
        let contact = ContactId::new();
        self.store
            .db
            .write()
            .sql(
                "INSERT INTO contact (workspace_id, id, first_name, email, folded, words, status, created_at, updated_at)
                 VALUES ($1, $2, 'Ada', $3, '{}', '', 'active', $4, $4)",
            )
            .bind(self.workspace)
            .bind(contact)
            .bind(format!("a{n}@example.com"))
            .bind(noon())
            .run()
            .await
            .unwrap();
        (contact, self.another_lead(campaign, contact).await)
    }

    pub async fn another_lead(&self, campaign: CampaignId, contact: ContactId) -> LeadId {
        self.add(campaign, &[contact]).await[0]
    }

    pub async fn add(&self, campaign: CampaignId, contacts: &[ContactId]) -> Vec<LeadId> {
        let by = By { who: "key ops", at: noon() };
        let place = (self.workspace, campaign);
        let added = campaign_members::add(&self.store.db, place, contacts, by).await.unwrap();
        let lead = |added| match added {
            Added::Made(lead) => lead,
            other => panic!("{other:?}"),
        };
        added.unwrap().into_iter().map(|(_, added)| lead(added)).collect()
    }

    pub async fn segment(&self, name: &str, is_dynamic: bool) -> SegmentId {
        let id = SegmentId::new();
        let (kind, rule) = if is_dynamic {
            let rule = json!({"field": "contact.city", "operator": "equals", "value": "Reno"});
            ("dynamic", Some(sqlx::types::Json(rule)))
        } else {
            ("static", None)
        };
        self.store
            .db
            .write()
            .sql(
                "INSERT INTO segment (workspace_id, id, name, description, kind, rule, state, is_enabled, generation, member_count,
                    created_at, updated_at)
                 VALUES ($1, $2, $3, '', $4, $5, 'ready', true, 1, 0, $6, $6)",
            )
            .bind(self.workspace)
            .bind(id)
            .bind(name)
            .bind(kind)
            .bind(rule)
            .bind(noon())
            .run()
            .await
            .unwrap();
        id
    }

    pub async fn delete_segment(&self, id: SegmentId) {
        segments::delete(&self.store.db, (self.workspace, id), noon()).await.unwrap();
    }

    pub async fn delete_contact(&self, id: ContactId) {
        let delete = "UPDATE contact SET status = 'deleted' WHERE id = $1";
        self.store.db.write().sql(delete).bind(id).run().await.unwrap();
    }

    pub async fn opt_out(&self, id: ContactId) {
        let out = "UPDATE contact SET opt_out_email = true, opt_out_sms = true, opt_out_phone = true, opt_out_push = true
                   WHERE id = $1";
        self.store.db.write().sql(out).bind(id).run().await.unwrap();
    }

    /// A firing of the rule "Hot" that wants this.
    pub fn decided(&self, lead: LeadId, contact: ContactId, wants: Vec<Want>) -> Decided {
        let (place, who) = ((self.workspace, lead), (contact, self.campaign));
        let mut state = LeadState::new(place, who, (LeadStatus::Active, noon()));
        state.number = 1;
        state.points = 35;
        let firing = Firing {
            number: 1,
            kind: FiringKind::Rule,
            rule_id: "hot".into(),
            rule_name: "Hot".into(),
            cause: json!({"type": "created"}),
            facts: json!({}),
            points: 35,
            points_after: 35,
            status_before: LeadStatus::Active,
            status_after: LeadStatus::Active,
            actions: wants.iter().map(|_| json!({"type": "some"})).collect(),
            at: noon(),
        };
        let effect = |(action, want)| Effect {
            firing: 1,
            action,
            rule_id: "hot".into(),
            rule_name: "Hot".into(),
            want,
        };
        let effects = (0..).zip(wants).map(effect).collect();
        let outcome = Outcome { firings: vec![firing], effects, due_at: None, changed: true };
        Decided { state, outcome }
    }

    pub async fn apply(&self, decided: &mut [Decided]) -> Vec<Touched> {
        let mut tx = self.store.db.begin().await.unwrap();
        let definitions = live::definitions::of(&mut tx, self.workspace).await.unwrap();
        let touched = effects::apply(&mut tx, &definitions, decided, noon()).await.unwrap();
        tx.commit().await.unwrap();
        touched
    }

    pub async fn leads(&self, campaign: CampaignId) -> Vec<LeadRow> {
        let filter = LeadFilter { campaign: Some(campaign), limit: 10_000, ..Default::default() };
        leads::list(&self.store.db, self.workspace, &filter).await.unwrap()
    }

    pub async fn status(&self, lead: LeadId) -> LeadStatus {
        let query = "SELECT status FROM lead WHERE workspace_id = $1 AND id = $2";
        let query = self.store.db.read().sql(query).bind(self.workspace).bind(lead);
        query.scalar().await.unwrap()
    }

    pub async fn history(&self, lead: LeadId) -> Vec<String> {
        let lines = lead_status::history(&self.store.db, self.workspace, lead).await.unwrap();
        let said = lines.iter().map(|line| {
            let status = line.to_status.word();
            format!("{status} {} {} by {}", line.reason_code, line.reason, line.changed_by)
        });
        said.collect()
    }

    /// Of a contact, oldest first.
    pub async fn contact_lines(&self, contact: ContactId) -> Vec<String> {
        let query = "SELECT kind, changed_by, reason FROM contact_change WHERE workspace_id = $1 AND contact_id = $2 ORDER BY id";
        let query = self.store.db.read().sql(query).bind(self.workspace).bind(contact);
        let lines: Vec<(String, String, String)> = query.all().await.unwrap();
        lines.into_iter().map(|(kind, by, reason)| format!("{kind} by {by}: {reason}")).collect()
    }

    pub async fn tags(&self, contact: ContactId) -> Vec<String> {
        let read = self.store.db.read();
        let found = contacts::read::get_many(read, self.workspace, &[contact]).await.unwrap();
        found[0].profile.tags.0.clone()
    }

    pub async fn members(&self, segment: SegmentId) -> Vec<ContactId> {
        let query =
            "SELECT contact_id FROM segment_member WHERE workspace_id = $1 AND segment_id = $2";
        let query = self.store.db.read().sql(query).bind(self.workspace).bind(segment);
        let found: Vec<(ContactId,)> = query.all().await.unwrap();
        found.into_iter().map(|(id,)| id).collect()
    }

    pub async fn jobs(&self, filter: JobFilter) -> Vec<JobRow> {
        jobs::list(&self.store.db, self.workspace, filter, 2_000).await.unwrap()
    }
}

pub trait Spread {
    /// Gives each effect a firing of its own, with these statuses before and after; those that are left want nothing.
    fn spread(&mut self, statuses: &[(LeadStatus, LeadStatus)]);
}

impl Spread for Decided {
    fn spread(&mut self, statuses: &[(LeadStatus, LeadStatus)]) {
        let first = self.outcome.firings.remove(0);
        for (number, (before, after)) in (1..).zip(statuses) {
            let mut firing = first.clone();
            firing.number = number;
            firing.actions.truncate(1);
            (firing.status_before, firing.status_after) = (*before, *after);
            self.outcome.firings.push(firing);
        }
        for (number, effect) in (1..).zip(&mut self.outcome.effects) {
            (effect.firing, effect.action) = (number, 0);
        }
    }
}
