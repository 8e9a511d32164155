//! A workspace whose campaigns react, a hand clock, and what can be seen of leads afterwards.
use chrono::Duration;
use serde_json::{Map, Value, json};
use shared::{
    activity::{New, Whose},
    automation::AutomationConfig,
    clock::{Clock, Time},
    ids::{CampaignId, ContactId, LeadId, SegmentId, WorkspaceId},
    lead::{Details, LeadStatus, Person},
    plan::Plan,
    segment::{SegmentKind, check, source::Source},
    store::{
        Db,
        activities::{Activities, Recorded},
        automation::programs::{self, Put},
        campaign_members::{self as members, Added, By},
        campaigns::{self, Draft},
        intake::{Arrival, CampaignRef, Intake, Receipt, Who},
        lead_bulk::{self, Became, Wish},
        segments, workspaces,
    },
    testing::{TestStore, noon},
};

pub struct World {
    pub db: Db,
    pub workspace: WorkspaceId,
    pub clock: Clock,
    activities: Activities,
    _store: TestStore,
}

/// A line of a lead's log.
#[derive(Debug, sqlx::FromRow)]
pub struct Line {
    pub number: i64,
    pub kind: String,
    pub rule_id: String,
    pub points: i64,
    pub points_after: i64,
    pub status_after: LeadStatus,
    pub at: Time,
}

pub fn leaf(field: &str, operator: &str, value: Value) -> Value {
    json!({"field": field, "operator": operator, "value": value})
}

pub fn when(leaf: Value) -> Value {
    json!({"combinator": "and", "rules": [leaf]})
}

impl World {
    pub async fn new(store: TestStore) -> Self {
        let workspace = store.workspace("one").await;
        let db = store.db.clone();
        workspaces::set_plan(&db, workspace, Plan::Enterprise, noon()).await.unwrap();
        let activities = Activities::start(db.clone());
        Self { db, workspace, clock: Clock::by_hand(noon()), activities, _store: store }
    }

    /// A campaign that does this with its leads.
    pub async fn campaign(&self, code: &str, automation: Value) -> CampaignId {
        self.campaign_of(code, json!({}), automation).await
    }

    pub async fn campaign_of(&self, code: &str, config: Value, automation: Value) -> CampaignId {
        let draft = Draft {
            workspace: self.workspace,
            id: CampaignId::new(),
            code: code.into(),
            name: code.into(),
            dedup_days: None,
            config,
            at: noon(),
        };
        campaigns::create(&self.db, &draft).await.unwrap();
        self.put(draft.id, automation).await;
        draft.id
    }

    pub async fn put(&self, campaign: CampaignId, automation: Value) {
        let config: AutomationConfig = serde_json::from_value(automation).unwrap();
        let key = (self.workspace, campaign);
        let put = programs::put(&self.db, key, &config, None, ("user_1", self.clock.now())).await;
        let put = put.unwrap();
        assert!(matches!(put, Put::Saved(_)), "{put:?}");
    }

    pub async fn state(&self, campaign: CampaignId, state: &str) {
        let now = self.clock.now();
        let set = campaigns::set_state(&self.db, self.workspace, campaign, state, now).await;
        assert!(set.unwrap());
    }

    pub async fn segment(&self, name: &str, rule: Option<Value>) -> SegmentId {
        let draft = check::Draft {
            name: name.into(),
            description: String::new(),
            kind: if rule.is_some() { SegmentKind::Dynamic } else { SegmentKind::Static },
            source: rule.map(Source::Rule),
            timezone: None,
            is_enabled: true,
        };
        segments::create(&self.db, self.workspace, &draft, noon()).await.unwrap().id
    }

    pub async fn contact(&self, email: &str) -> ContactId {
        let id = ContactId::new();
        self.db
            .write()
            .sql(
                "INSERT INTO contact (workspace_id, id, first_name, email, folded, words, status, created_at, updated_at)
                 VALUES ($1, $2, 'Ada', $3, '{}', '', 'active', $4, $4)",
            )
            .bind(self.workspace)
            .bind(id)
            .bind(email.to_owned())
            .bind(self.clock.now())
            .run()
            .await
            .unwrap();
        id
    }

    /// Puts the contact into the campaign.
    pub async fn lead(&self, campaign: CampaignId, contact: ContactId) -> LeadId {
        let by = By { who: "key ops", at: self.clock.now() };
        let added = members::add(&self.db, (self.workspace, campaign), &[contact], by).await;
        match added.unwrap().unwrap().remove(0).1 {
            Added::Made(lead) | Added::Revived(lead) => lead,
            other => panic!("{other:?}"),
        }
    }

    /// A new contact with a lead.
    pub async fn somebody(&self, campaign: CampaignId, email: &str) -> (ContactId, LeadId) {
        let contact = self.contact(email).await;
        (contact, self.lead(campaign, contact).await)
    }

    pub async fn arrives(&self, campaign: CampaignId, email: &str) -> Receipt {
        let person = Person {
            first_name: "Ada".into(),
            last_name: "Byron".into(),
            email: email.into(),
            phone: "+14155550100".into(),
        };
        let now = self.clock.now();
        let arrival = Arrival {
            workspace: self.workspace,
            campaign: CampaignRef::Id(campaign),
            who: Who::New { person, details: Details::default() },
            is_test: false,
            submit: true,
            source: "api",
            repeat: None,
            at: now,
            redeliver_at: now + Duration::minutes(1),
        };
        Intake::start(self.db.clone()).take(arrival).await.unwrap().unwrap()
    }

    pub fn activity(&self, contact: ContactId, kind: &str, name: &str) -> New {
        New {
            workspace: self.workspace,
            whose: Whose::Contact(contact),
            lead: None,
            kind: kind.into(),
            name: name.into(),
            data: Map::new(),
            key: None,
            at: self.clock.now(),
            received_at: self.clock.now(),
        }
    }

    pub async fn record(&self, news: Vec<New>) -> Vec<Recorded> {
        let answers = self.activities.record(news).await.unwrap();
        answers.into_iter().map(|answer| answer.unwrap().unwrap()).collect()
    }

    pub async fn did(&self, contact: ContactId, kind: &str, name: &str) {
        self.record(vec![self.activity(contact, kind, name)]).await;
    }

    pub async fn set_status(&self, lead: LeadId, to: LeadStatus) -> Became {
        let wish = Wish { to, campaign: None, reason: "so", by: "key ops", at: self.clock.now() };
        let became = lead_bulk::set(&self.db, self.workspace, &[lead].into(), wish).await;
        became.unwrap().remove(&lead).unwrap()
    }

    pub async fn points(&self, lead: LeadId) -> i64 {
        let found: Option<(i64,)> = self
            .db
            .read()
            .sql("SELECT points FROM lead_automation WHERE workspace_id = $1 AND lead_id = $2")
            .bind(self.workspace)
            .bind(lead)
            .optional()
            .await
            .unwrap();
        found.map_or(0, |(points,)| points)
    }

    pub async fn status(&self, lead: LeadId) -> LeadStatus {
        self.db
            .read()
            .sql("SELECT status FROM lead WHERE workspace_id = $1 AND id = $2")
            .bind(self.workspace)
            .bind(lead)
            .scalar()
            .await
            .unwrap()
    }

    pub async fn log(&self, lead: LeadId) -> Vec<Line> {
        let lines: Vec<Line> = self
            .db
            .read()
            .sql(
                "SELECT number, kind, rule_id, points, points_after, status_after, at FROM firing
                 WHERE workspace_id = $1 AND lead_id = $2 ORDER BY number",
            )
            .bind(self.workspace)
            .bind(lead)
            .all()
            .await
            .unwrap();
        // What must hold of every log.
        let mut sum = 0;
        for (at, line) in lines.iter().enumerate() {
            sum += line.points;
            assert_eq!((line.number, line.points_after), (at as i64 + 1, sum), "{lines:?}");
        }
        assert_eq!(self.points(lead).await, sum, "{lines:?}");
        lines
    }

    /// The rules that fired for the lead, in order.
    pub async fn fired(&self, lead: LeadId) -> Vec<String> {
        self.log(lead).await.into_iter().map(|line| line.rule_id).collect()
    }

    pub async fn tags(&self, contact: ContactId) -> Value {
        let found: sqlx::types::Json<Value> = self
            .db
            .read()
            .sql("SELECT tags FROM contact WHERE workspace_id = $1 AND id = $2")
            .bind(self.workspace)
            .bind(contact)
            .scalar()
            .await
            .unwrap();
        found.0
    }

    pub async fn leads_of(&self, contact: ContactId) -> Vec<(LeadId, CampaignId, LeadStatus)> {
        self.db
            .read()
            .sql(
                "SELECT id, campaign_id, status FROM lead WHERE contact_id = $2 AND (workspace_id = $1) IS TRUE ORDER BY id",
            )
            .bind(self.workspace)
            .bind(contact)
            .all()
            .await
            .unwrap()
    }
}
