//! People with leads, and short words for what the tests do with them.
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    clock::Time,
    contact::Contact,
    ids::{CampaignId, ContactId, LeadId, SubmissionId, WorkspaceId},
    lead::{Details, Person},
    store::{
        Db,
        campaigns::{self, Draft},
        contacts::{
            merge::{self, Done},
            read,
        },
        intake::{Arrival, CampaignRef, Intake, RepeatKey, Who},
    },
    testing::{TestStore, noon},
};

/// A workspace with people.
pub struct World {
    pub db: Db,
    pub workspace: WorkspaceId,
    intake: Intake,
}

/// A lead that was taken in.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    pub contact: ContactId,
    pub lead: LeadId,
    pub submission: SubmissionId,
}

pub fn later(seconds: i64) -> Time {
    noon() + Duration::seconds(seconds)
}

impl World {
    pub async fn new(store: &TestStore) -> Self {
        Self::named(store, "own").await
    }

    pub async fn named(store: &TestStore, name: &str) -> Self {
        let db = store.db.clone();
        Self { workspace: store.workspace(name).await, intake: Intake::start(db.clone()), db }
    }

    pub async fn campaign(&self, code: &str) -> CampaignId {
        let draft = Draft {
            workspace: self.workspace,
            id: CampaignId::new(),
            code: code.into(),
            name: code.into(),
            dedup_days: Some(30),
            config: json!({}),
            at: noon(),
        };
        campaigns::create(&self.db, &draft).await.unwrap();
        draft.id
    }

    /// A lead of a person with that email and phone.
    pub async fn lead(&self, campaign: CampaignId, email: &str, phone: &str, at: Time) -> Taken {
        let person = Person {
            first_name: "Ada".into(),
            last_name: "Lovelace".into(),
            email: email.into(),
            phone: phone.into(),
        };
        self.taken(campaign, person, Details::default(), at).await
    }

    pub async fn taken(
        &self,
        campaign: CampaignId,
        person: Person,
        details: Details,
        at: Time,
    ) -> Taken {
        let arrival = Arrival {
            workspace: self.workspace,
            campaign: CampaignRef::Id(campaign),
            repeat: Some(RepeatKey {
                route: "POST /x",
                key: format!("{} {at}", person.email),
                body_hash: "hash".into(),
            }),
            who: Who::New { person, details },
            is_test: false,
            submit: true,
            source: "api",
            at,
            redeliver_at: at + Duration::seconds(30),
        };
        let receipt = self.intake.take(arrival).await.unwrap().unwrap();
        let lead = receipt.lead_id;
        let contact = self
            .db
            .read()
            .sql("SELECT contact_id FROM lead WHERE workspace_id = $1 AND id = $2")
            .bind(self.workspace)
            .bind(lead)
            .scalar()
            .await
            .unwrap();
        Taken { contact, lead, submission: receipt.submission_id.unwrap() }
    }

    /// Runs a statement that takes the workspace and an id.
    pub async fn run(&self, sql: &'static str, id: uuid::Uuid) {
        self.db.write().sql(sql).bind(self.workspace).bind(id).run().await.unwrap();
    }

    pub async fn count(&self, sql: &'static str, id: uuid::Uuid) -> i64 {
        self.db.read().sql(sql).bind(self.workspace).bind(id).scalar().await.unwrap()
    }

    pub async fn contact(&self, id: ContactId) -> Contact {
        let found = read::get_many(self.db.read(), self.workspace, &[id]).await.unwrap();
        found.into_iter().next().unwrap()
    }

    /// Sets the contact's properties and tags, as they are kept.
    pub async fn set(&self, id: ContactId, properties: Value, tags: Value) {
        self.db
            .write()
            .sql(
                "UPDATE contact SET properties = $3, tags = $4 WHERE workspace_id = $1 AND id = $2",
            )
            .bind(self.workspace)
            .bind(id)
            .bind(sqlx::types::Json(properties))
            .bind(sqlx::types::Json(tags))
            .run()
            .await
            .unwrap();
    }

    pub async fn note(&self, contact: ContactId, text: &str, at: Time) {
        self.db
            .write()
            .sql(
                "INSERT INTO contact_note (workspace_id, contact_id, id, text, written_by, at)
                 VALUES ($1, $2, $3, $4, 'key a', $5)",
            )
            .bind(self.workspace)
            .bind(contact)
            .bind(uuid::Uuid::now_v7())
            .bind(text)
            .bind(at)
            .run()
            .await
            .unwrap();
    }

    /// Something that the person did, with its day and the sum of this one type.
    pub async fn activity(&self, contact: ContactId, name: &str, at: Time) {
        for sql in [
            "INSERT INTO activity (workspace_id, id, contact_id, type, name, data, at, received_at)
             VALUES ($1, $2, $3, 'page_visit', $4, '{}', $5, $5)",
            "INSERT INTO activity_day (workspace_id, contact_id, type, name, day, times)
             SELECT $1, $3, 'page_visit', $4, '2026-11-21', 1 WHERE $2 IS NOT NULL AND $5 IS NOT NULL
             ON CONFLICT (workspace_id, contact_id, type, name, day) DO UPDATE SET times = activity_day.times + 1",
        ] {
            self.db
                .write()
                .sql(sql)
                .bind(self.workspace)
                .bind(uuid::Uuid::now_v7())
                .bind(contact)
                .bind(name)
                .bind(at)
                .run()
                .await
                .unwrap();
        }
    }

    pub async fn sum(&self, contact: ContactId, events: Value, (first, last): (Time, Time)) {
        self.db
            .write()
            .sql(
                "INSERT INTO activity_sum (workspace_id, contact_id, first_seen_at, last_activity_at, events)
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(self.workspace)
            .bind(contact)
            .bind(first)
            .bind(last)
            .bind(sqlx::types::Json(events))
            .run()
            .await
            .unwrap();
    }

    pub fn merging(&self, survivor: ContactId, from: &[ContactId]) -> merge::Ask {
        merge::Ask {
            workspace: self.workspace,
            survivor,
            from: from.to_vec(),
            reason: "the same person".into(),
            by: "key a".into(),
            at: later(3600),
        }
    }

    pub async fn merge(&self, survivor: ContactId, from: &[ContactId]) -> Contact {
        let done = merge::merge(&self.db, &self.merging(survivor, from)).await.unwrap();
        let Done::Merged(contact) = done else { panic!("{done:?}") };
        *contact
    }
}
