//! A workspace with campaigns that react, moved by a hand clock.
use chrono::Duration;
use serde_json::{Map, Value, json};
use shared::{
    activity::{New, Whose},
    automation::AutomationConfig,
    clock::{Clock, Time},
    ids::{CampaignId, ContactId, LeadId, PropertyId, SegmentId, WorkspaceId},
    lead::LeadStatus,
    store::{
        Db,
        activities::Activities,
        automation::{due, passes, pending, programs},
        campaign_members::{self, Added, By},
        campaigns::{self, Draft},
        live::{self, Touched, What},
    },
    testing::{TestStore, noon},
};
use sqlx::types::Json;

pub struct World {
    pub db: Db,
    pub workspace: WorkspaceId,
    pub clock: Clock,
    pub activities: Activities,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Line {
    pub number: i64,
    pub kind: String,
    pub rule_id: String,
    pub points: i64,
    pub points_after: i64,
    pub status_before: String,
    pub cause: Json<Value>,
}

/// What is known of a lead.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Row {
    pub lead_id: LeadId,
    pub points: i64,
    pub number: i64,
    pub due_at: Option<Time>,
}

impl World {
    pub async fn new(store: &TestStore, name: &str) -> Self {
        let workspace = store.workspace(name).await;
        let db = store.db.clone();
        db.write()
            .sql("UPDATE workspace SET plan = 'enterprise' WHERE id = $1")
            .bind(workspace)
            .run()
            .await
            .unwrap();
        let activities = Activities::start(db.clone());
        Self { db, workspace, clock: Clock::by_hand(noon()), activities }
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
        campaigns::create(&self.db, &draft).await.unwrap();
        draft.id
    }

    /// Saves an automation.
    pub async fn put(&self, campaign: CampaignId, config: &Value) {
        let config: AutomationConfig = serde_json::from_value(config.clone()).unwrap();
        let place = (self.workspace, campaign);
        let put = programs::put(&self.db, place, &config, None, ("a test", self.clock.now())).await;
        let put = put.unwrap();
        assert!(matches!(put, programs::Put::Saved(_)), "{put:?}");
    }

    pub async fn contact(&self, email: &str) -> ContactId {
        let id = ContactId::new();
        let mut tx = self.db.begin().await.unwrap();
        tx.ex()
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
        let touched = Touched::new(self.workspace, id, What::Everything);
        live::reassess(&mut tx, &[touched], self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// The contact becomes a lead.
    pub async fn lead(&self, campaign: CampaignId, contact: ContactId) -> LeadId {
        let by = By { who: "a test", at: self.clock.now() };
        let place = (self.workspace, campaign);
        let added = campaign_members::add(&self.db, place, &[contact], by).await.unwrap().unwrap();
        match added[0].1 {
            Added::Made(lead) | Added::Revived(lead) | Added::There(lead) => lead,
            ref other => panic!("{other:?}"),
        }
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

    pub async fn record(&self, news: Vec<New>) {
        for answer in self.activities.record(news).await.unwrap() {
            answer.unwrap().unwrap();
        }
    }

    pub async fn static_segment(&self, name: &str) -> SegmentId {
        let id = SegmentId::new();
        self.db
            .write()
            .sql(
                "INSERT INTO segment (workspace_id, id, name, description, kind, state, is_enabled, generation, member_count,
                    created_at, updated_at)
                 VALUES ($1, $2, $3, '', 'static', 'ready', true, 1, 0, $4, $4)",
            )
            .bind(self.workspace)
            .bind(id)
            .bind(name.to_owned())
            .bind(noon())
            .run()
            .await
            .unwrap();
        id
    }

    pub async fn property(&self, key: &str, kind: &str) {
        let mut tx = self.db.begin().await.unwrap();
        tx.ex()
            .sql(
                "INSERT INTO property (workspace_id, id, key, name, description, kind, indexed, created_at, updated_at)
                 VALUES ($1, $2, $3, $3, '', $4, TRUE, $5, $5)",
            )
            .bind(self.workspace)
            .bind(PropertyId::new())
            .bind(key.to_owned())
            .bind(kind.to_owned())
            .bind(noon())
            .run()
            .await
            .unwrap();
        live::changed(&mut tx, self.workspace).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// All that the scheduler does for automation, as often as it takes.
    pub async fn sweep(&self) {
        let now = self.clock.now();
        for _ in 0..200 {
            let mut done = pending::sweep(&self.db, now, 100).await.unwrap();
            for campaign in passes::due(&self.db, now, 100).await.unwrap() {
                done += 1;
                while !passes::step(&self.db, campaign, now).await.unwrap().is_last {}
            }
            done += due::sweep(&self.db, now, 100).await.unwrap();
            if done == 0 {
                return;
            }
        }
        panic!("the sweeps do not come to an end");
    }

    pub async fn log(&self, lead: LeadId) -> Vec<Line> {
        self.db
            .read()
            .sql(
                "SELECT number, kind, rule_id, points, points_after, status_before, cause FROM firing
                 WHERE workspace_id = $1 AND lead_id = $2 ORDER BY number",
            )
            .bind(self.workspace)
            .bind(lead)
            .all()
            .await
            .unwrap()
    }

    pub async fn rows(&self) -> Vec<Row> {
        self.db
            .read()
            .sql("SELECT lead_id, points, number, due_at FROM lead_automation WHERE workspace_id = $1 ORDER BY lead_id")
            .bind(self.workspace)
            .all()
            .await
            .unwrap()
    }

    /// Every lead of the workspace.
    pub async fn leads(&self) -> Vec<(LeadId, CampaignId, ContactId, LeadStatus)> {
        self.db
            .read()
            .sql("SELECT id, campaign_id, contact_id, status FROM lead WHERE workspace_id = $1 ORDER BY id")
            .bind(self.workspace)
            .all()
            .await
            .unwrap()
    }

    pub fn later(&self, minutes: i64) {
        self.clock.forward(Duration::minutes(minutes));
    }
}
