//! A workspace with contacts and segments, changed by plain statements and a hand clock.
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    clock::{Clock, Time},
    ids::{ContactId, PropertyId, SegmentId, WorkspaceId},
    store::{
        Db, Tx,
        live::{self, Touched, What, Which, build, check, flips},
    },
    testing::{TestStore, noon},
};
use sqlx::types::Json;

pub struct World {
    pub db: Db,
    pub workspace: WorkspaceId,
    pub clock: Clock,
}

pub fn leaf(field: &str, operator: &str, value: Value) -> Value {
    json!({"field": field, "operator": operator, "value": value})
}

pub fn rule(leaves: &[Value]) -> Value {
    json!({"combinator": "and", "rules": leaves})
}

impl World {
    pub async fn new(store: &TestStore) -> Self {
        Self::named(store, "one").await
    }

    pub async fn named(store: &TestStore, name: &str) -> Self {
        let workspace = store.workspace(name).await;
        Self { db: store.db.clone(), workspace, clock: Clock::by_hand(noon()) }
    }

    pub async fn segment(&self, name: &str, rule: &Value) -> SegmentId {
        self.segment_in(name, rule, None).await
    }

    pub async fn segment_in(&self, name: &str, rule: &Value, zone: Option<&str>) -> SegmentId {
        let mut tx = self.db.begin().await.unwrap();
        let id = self.insert(&mut tx, name, rule, zone).await;
        live::changed(&mut tx, self.workspace).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    pub async fn insert(
        &self,
        tx: &mut Tx,
        name: &str,
        rule: &Value,
        zone: Option<&str>,
    ) -> SegmentId {
        let id = SegmentId::new();
        tx.ex()
            .sql(
                "INSERT INTO segment (workspace_id, id, name, description, kind, rule, timezone, state, is_enabled, generation,
                    build_due_at, member_count, created_at, updated_at)
                 VALUES ($1, $2, $3, '', 'dynamic', $4, $5, 'waiting', TRUE, 1, $6, 0, $6, $6)",
            )
            .bind(self.workspace)
            .bind(id)
            .bind(name.to_owned())
            .bind(Json(rule.clone()))
            .bind(zone.map(str::to_owned))
            .bind(self.clock.now())
            .run()
            .await
            .unwrap();
        id
    }

    /// Gives the segment another rule, as saving does.
    pub async fn edit(&self, id: SegmentId, rule: &Value) {
        let mut tx = self.db.begin().await.unwrap();
        tx.ex()
            .sql(
                "UPDATE segment SET rule = $3, generation = generation + 1, state = 'waiting', build_due_at = $4
                 WHERE workspace_id = $1 AND id = $2",
            )
            .bind(self.workspace)
            .bind(id)
            .bind(Json(rule.clone()))
            .bind(self.clock.now())
            .run()
            .await
            .unwrap();
        live::changed(&mut tx, self.workspace).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn again(&self, id: SegmentId) {
        let mut tx = self.db.begin().await.unwrap();
        live::make_due(&mut tx, self.workspace, Which::These(&[id]), self.clock.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
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

    pub async fn contact(&self, name: &str) -> ContactId {
        let id = ContactId::new();
        let mut tx = self.db.begin().await.unwrap();
        tx.ex()
            .sql(
                "INSERT INTO contact (workspace_id, id, first_name, email, folded, words, status, created_at, updated_at)
                 VALUES ($1, $2, $3, $3, '{}', ' ' || $3 || ' ', 'active', $4, $4)",
            )
            .bind(self.workspace)
            .bind(id)
            .bind(name.to_owned())
            .bind(self.clock.now())
            .run()
            .await
            .unwrap();
        self.tell(&mut tx, id, What::Everything, self.clock.now()).await;
        tx.commit().await.unwrap();
        id
    }

    /// So many contacts of whom nothing is known, before there is any segment.
    pub async fn contacts(&self, count: usize) -> Vec<ContactId> {
        let ids: Vec<ContactId> = (0..count).map(|_| ContactId::new()).collect();
        let mut tx = self.db.begin().await.unwrap();
        for id in &ids {
            tx.ex()
                .sql(
                    "INSERT INTO contact (workspace_id, id, email, folded, words, status, created_at, updated_at)
                     VALUES ($1, $2, $3, '{}', '', 'active', $4, $4)",
                )
                .bind(self.workspace)
                .bind(*id)
                .bind(format!("c{}@example.com", id.0.simple()))
                .bind(noon())
                .run()
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        ids
    }

    async fn tell(&self, tx: &mut Tx, contact: ContactId, what: What, now: Time) {
        let touched = Touched::new(self.workspace, contact, what);
        live::reassess(tx, &[touched], now).await.unwrap();
    }

    /// Tells of a change that was made.
    pub async fn touch(&self, contact: ContactId, what: What, now: Time) {
        let mut tx = self.db.begin().await.unwrap();
        self.tell(&mut tx, contact, what, now).await;
        tx.commit().await.unwrap();
    }

    /// Writes a column and tells of the fields.
    pub async fn set(
        &self,
        contact: ContactId,
        column: &'static str,
        value: &str,
        fields: &[&str],
    ) {
        let mut tx = self.db.begin().await.unwrap();
        let query = match column {
            "state" => tx.ex().sql("UPDATE contact SET state = $3 WHERE workspace_id = $1 AND id = $2"),
            "city" => tx.ex().sql("UPDATE contact SET city = NULLIF($3, '') WHERE workspace_id = $1 AND id = $2"),
            "status" => tx.ex().sql("UPDATE contact SET status = $3 WHERE workspace_id = $1 AND id = $2"),
            "date_of_birth" => {
                tx.ex().sql("UPDATE contact SET date_of_birth = $3 WHERE workspace_id = $1 AND id = $2")
            }
            "properties" => tx.ex().sql(
                "UPDATE contact SET properties = CAST($3 AS {pg: jsonb}{lite: text}) WHERE workspace_id = $1 AND id = $2",
            ),
            other => panic!("{other}"),
        };
        // Texts here are in small letters: they are their own folded form.
        query.bind(self.workspace).bind(contact).bind(value.to_owned()).run().await.unwrap();
        self.tell(&mut tx, contact, What::fields(fields.iter().copied()), self.clock.now()).await;
        tx.commit().await.unwrap();
    }

    /// The contact did something.
    pub async fn active(&self, contact: ContactId, at: Time) {
        let mut tx = self.db.begin().await.unwrap();
        tx.ex()
            .sql(
                "INSERT INTO activity_sum (workspace_id, contact_id, first_seen_at, last_activity_at, events)
                 VALUES ($1, $2, $3, $3, '{}')
                 ON CONFLICT (workspace_id, contact_id) DO UPDATE SET last_activity_at = excluded.last_activity_at",
            )
            .bind(self.workspace)
            .bind(contact)
            .bind(at)
            .run()
            .await
            .unwrap();
        self.tell(&mut tx, contact, What::fields(["event.call"]), self.clock.now()).await;
        tx.commit().await.unwrap();
    }

    pub async fn put_member(&self, segment: SegmentId, contact: ContactId) {
        self.db
            .write()
            .sql("INSERT INTO segment_member (workspace_id, segment_id, contact_id, added_at) VALUES ($1, $2, $3, $4)")
            .bind(self.workspace)
            .bind(segment)
            .bind(contact)
            .bind(noon())
            .run()
            .await
            .unwrap();
    }

    pub async fn members(&self, segment: SegmentId) -> Vec<ContactId> {
        let found: Vec<(ContactId,)> = self
            .db
            .read()
            .sql("SELECT contact_id FROM segment_member WHERE workspace_id = $1 AND segment_id = $2 ORDER BY contact_id")
            .bind(self.workspace)
            .bind(segment)
            .all()
            .await
            .unwrap();
        found.into_iter().map(|(id,)| id).collect()
    }

    pub async fn state(&self, segment: SegmentId) -> (String, Option<String>) {
        let query = self
            .db
            .read()
            .sql("SELECT state, problem FROM segment WHERE workspace_id = $1 AND id = $2");
        query.bind(self.workspace).bind(segment).one().await.unwrap()
    }

    /// Builds all that is due, as workers do; the clock does not run meanwhile.
    pub async fn build_all(&self) {
        for _ in 0..50 {
            let due = build::due(&self.db, self.clock.now(), 100).await.unwrap();
            if due.is_empty() {
                return;
            }
            for (id, _) in due {
                build::run(&self.db, id, &self.clock).await.unwrap();
            }
        }
        panic!("builds do not come to an end");
    }

    /// Looks at the clock's part, as the scheduler does each second.
    pub async fn sweep(&self) {
        let now = self.clock.now();
        for _ in 0..50 {
            let due = flips::due(&self.db, now, 100).await.unwrap();
            if due.is_empty() {
                return;
            }
            for (workspace, id) in due {
                flips::sweep(&self.db, workspace, id, now).await.unwrap();
            }
        }
        panic!("sweeps do not come to an end");
    }

    pub async fn all_is_right(&self) {
        for (id, checked) in
            check::check_all(&self.db, self.workspace, self.clock.now()).await.unwrap()
        {
            assert!(checked.is_right(), "{id}: {checked:?}");
        }
    }

    pub fn later(&self, seconds: i64) {
        self.clock.forward(Duration::seconds(seconds));
    }
}
