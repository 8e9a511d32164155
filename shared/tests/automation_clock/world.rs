//! A campaign with leads and an automation, moved by a hand clock as the scheduler moves it.
use crate::people::World as People;
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    activity::{New, Whose},
    automation::AutomationConfig,
    clock::Time,
    ids::{CampaignId, ContactId, LeadId},
    lead::LeadStatus,
    store::{
        Db,
        activities::Activities,
        automation::{
            due, passes, pending,
            programs::{self, Put},
        },
        campaigns::{self, Draft},
        lead_status::{self, Change},
        live::{self, Touched, What},
    },
    testing::{TestStore, noon},
};
use sqlx::types::Json;

/// A lead, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lead {
    pub id: LeadId,
    pub contact: ContactId,
}

pub struct World {
    pub people: People,
    pub campaign: CampaignId,
    pub activities: Activities,
}

/// A line of a lead's log: what fired, and when.
pub type Fired = (String, Time);

pub fn read(config: &Value) -> AutomationConfig {
    serde_json::from_value(config.clone()).unwrap()
}

/// Points for each lead of which nothing was heard for so many days.
pub fn silence(days: i64) -> Value {
    json!({"rules": [{
        "id": "silent", "name": "Silent", "on": [{"type": "inactivity", "for": {"amount": days, "unit": "days"}}],
        "do": [{"type": "addPoints", "points": -5}], "repeat": "each",
    }]})
}

impl World {
    pub async fn new(store: &TestStore) -> Self {
        Self::named(store, "one").await
    }

    pub async fn named(store: &TestStore, name: &str) -> Self {
        let people = People::named(store, name).await;
        let campaign = campaign(&people, "AAA").await;
        let activities = Activities::start(store.db.clone());
        Self { people, campaign, activities }
    }

    pub fn db(&self) -> &Db {
        &self.people.db
    }

    pub fn now(&self) -> Time {
        self.people.clock.now()
    }

    pub fn forward(&self, by: Duration) {
        self.people.clock.forward(by);
    }

    pub async fn save(&self, config: &Value) -> i64 {
        let key = (self.people.workspace, self.campaign);
        match programs::put(self.db(), key, &read(config), None, ("me", self.now())).await.unwrap()
        {
            Put::Saved(saved) => saved.revision,
            other => panic!("{other:?}"),
        }
    }

    /// So many leads, each of a contact of its own, who came in now; nobody has been told of them.
    pub async fn quiet_leads(&self, count: usize) -> Vec<Lead> {
        let mut leads = Vec::new();
        for contact in self.people.contacts(count).await {
            leads.push(Lead { id: LeadId::new(), contact });
        }
        let mut tx = self.db().begin().await.unwrap();
        for lead in &leads {
            insert(&mut tx, self, lead).await;
        }
        tx.commit().await.unwrap();
        leads
    }

    /// A lead of a contact that is there, as intake makes it.
    pub async fn lead_of(&self, contact: ContactId) -> Lead {
        let lead = Lead { id: LeadId::new(), contact };
        let mut tx = self.db().begin().await.unwrap();
        insert(&mut tx, self, &lead).await;
        let touched = Touched::new(self.people.workspace, contact, What::leads()).and(
            shared::automation::Happened::to_lead(lead.id, shared::automation::Occurrence::Created),
        );
        live::reassess(&mut tx, &[touched], self.now()).await.unwrap();
        tx.commit().await.unwrap();
        lead
    }

    pub async fn lead(&self) -> Lead {
        let contact = self.people.contacts(1).await[0];
        self.lead_of(contact).await
    }

    /// The contact did something just now.
    pub async fn act(&self, lead: Lead, kind: &str) {
        let new = New {
            workspace: self.people.workspace,
            whose: Whose::Contact(lead.contact),
            lead: None,
            kind: kind.into(),
            name: String::new(),
            data: Default::default(),
            key: None,
            at: self.now(),
            received_at: self.now(),
        };
        for answer in self.activities.record(vec![new]).await.unwrap() {
            answer.unwrap();
        }
    }

    pub async fn set_status(&self, lead: Lead, from: &'static [LeadStatus], to: LeadStatus) {
        let change = Change {
            workspace: self.people.workspace,
            lead: lead.id,
            from,
            to,
            code: "test".into(),
            reason: String::new(),
            by: "me".into(),
            submission: None,
            at: self.now(),
        };
        let mut tx = self.db().begin().await.unwrap();
        assert_eq!(lead_status::change(&mut tx, &[change]).await.unwrap().len(), 1);
        let touched = Touched::new(self.people.workspace, lead.contact, What::leads()).and(
            shared::automation::Happened::to_lead(
                lead.id,
                shared::automation::Occurrence::Status { from: from[0], to },
            ),
        );
        live::reassess(&mut tx, &[touched], self.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn set_state(&self, state: &str) {
        let workspace = self.people.workspace;
        assert!(
            campaigns::set_state(self.db(), workspace, self.campaign, state, self.now())
                .await
                .unwrap()
        );
    }

    /// What the scheduler does in a second.
    pub async fn tick(&self) -> u64 {
        let mut all = 0;
        for _ in 0..100 {
            let mut some = due::sweep(self.db(), self.now(), 2_000).await.unwrap();
            some += self.passes().await;
            some += pending::sweep(self.db(), self.now(), 2_000).await.unwrap();
            if some == 0 {
                return all;
            }
            all += some;
        }
        panic!("sweeps do not come to an end");
    }

    pub async fn passes(&self) -> u64 {
        let mut all = 0;
        for campaign in passes::due(self.db(), self.now(), 20).await.unwrap() {
            loop {
                let step = passes::step(self.db(), campaign, self.now()).await.unwrap();
                all += step.leads;
                if step.is_last {
                    break;
                }
            }
        }
        all
    }

    /// What fired for the lead, in order.
    pub async fn fired(&self, lead: Lead) -> Vec<Fired> {
        let query = self.db().read().sql(
            "SELECT rule_id, at FROM firing WHERE workspace_id = $1 AND lead_id = $2 ORDER BY number",
        );
        query.bind(self.people.workspace).bind(lead.id).all().await.unwrap()
    }

    /// How many firings there are, and of how many leads.
    pub async fn firings(&self) -> (i64, i64) {
        let query = self
            .db()
            .read()
            .sql("SELECT COUNT(*), COUNT(DISTINCT lead_id) FROM firing WHERE workspace_id = $1");
        query.bind(self.people.workspace).one().await.unwrap()
    }

    pub async fn due_at(&self, lead: Lead) -> Option<Time> {
        let query = self
            .db()
            .read()
            .sql("SELECT due_at FROM lead_automation WHERE workspace_id = $1 AND lead_id = $2");
        let row: Option<(Option<Time>,)> =
            query.bind(self.people.workspace).bind(lead.id).optional().await.unwrap();
        row.and_then(|(due,)| due)
    }

    pub async fn notes(&self) -> i64 {
        let query =
            self.db().read().sql("SELECT COUNT(*) FROM automation_pending WHERE workspace_id = $1");
        query.bind(self.people.workspace).scalar().await.unwrap()
    }

    pub async fn run(&self, lead: Lead, text: &'static str) {
        let query = self.db().write().sql(text).bind(self.people.workspace).bind(lead.id);
        assert_eq!(query.run().await.unwrap(), 1);
    }
}

pub async fn campaign(people: &People, code: &str) -> CampaignId {
    let draft = Draft {
        workspace: people.workspace,
        id: CampaignId::new(),
        code: code.into(),
        name: code.into(),
        dedup_days: None,
        config: json!({}),
        at: noon(),
    };
    campaigns::create(&people.db, &draft).await.unwrap();
    draft.id
}

async fn insert(tx: &mut shared::store::Tx, world: &World, lead: &Lead) {
    tx.ex()
        .sql(
            "INSERT INTO lead (workspace_id, id, contact_id, campaign_id, status, first_name, last_name, email, phone, details,
                is_test, is_duplicate, source, created_at, updated_at)
             VALUES ($1, $2, $3, $4, 'active', '', '', '', '', $5, FALSE, FALSE, 'api', $6, $6)",
        )
        .bind(world.people.workspace)
        .bind(lead.id)
        .bind(lead.contact)
        .bind(world.campaign)
        .bind(Json(json!({})))
        .bind(world.now())
        .run()
        .await
        .unwrap();
}
