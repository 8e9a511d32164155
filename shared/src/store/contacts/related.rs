//! What other tables know of contacts, as far as rules read it.
use crate::{
    clock::Time,
    contact::doc::{Day, Related},
    ids::{CampaignId, ContactId, SegmentId, WorkspaceId},
    lead::LeadStatus,
    rules::{Kind, Leaf, Operand, Rule},
    store::{Rows, StoreError, Tx},
};
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::types::Json;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Which tables are asked, and what for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    pub segments: Segments,
    pub leads: bool,
    pub sums: bool,
    /// The types of activities whose days are counted.
    pub days: BTreeSet<String>,
}

/// Of which segments a contact may be a member, as far as rules ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Segments {
    #[default]
    None,
    These(BTreeSet<SegmentId>),
    All,
}

impl Needs {
    /// What these rules read.
    pub fn of<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Self {
        let mut needs = Self::default();
        for leaf in rules.into_iter().flat_map(Rule::leaves) {
            needs.add(leaf);
        }
        needs
    }

    fn add(&mut self, leaf: &Leaf) {
        let other = match &leaf.operand {
            Operand::Field(other) => Some(other.path()),
            _ => None,
        };
        for path in [Some(leaf.field.path()), other].into_iter().flatten() {
            match path {
                "contact.segments" => self.add_segments(leaf),
                "contact.firstSeenAt" | "contact.lastActivityAt" => self.sums = true,
                _ => self.leads |= leaf.field.kind() == Kind::Members,
            }
        }
        let Some(kind) = leaf.field.path().strip_prefix("event.") else { return };
        self.sums = true;
        if matches!(&leaf.operand, Operand::Count(count) if count.name.is_some() || count.within_days.is_some())
        {
            self.days.insert(kind.to_owned());
        }
    }

    fn add_segments(&mut self, leaf: &Leaf) {
        let Operand::Literals(wanted) = &leaf.operand else {
            self.segments = Segments::All;
            return;
        };
        let ids = wanted.iter().filter_map(|one| SegmentId::parse(&one.text).ok());
        match &mut self.segments {
            Segments::All => {}
            Segments::These(these) => these.extend(ids),
            Segments::None => self.segments = Segments::These(ids.collect()),
        }
    }
}

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    id: Uuid,
}

fn keys(workspace: WorkspaceId, ids: impl Iterator<Item = Uuid>) -> Rows {
    Rows::of(&ids.map(|id| Key { workspace_id: workspace.0, id }).collect::<Vec<_>>())
}

#[derive(Serialize)]
struct OfType<'a> {
    kind: &'a str,
}

/// What is known of these contacts beside their own rows; every id is there. One statement for each table that is needed.
pub async fn load(
    tx: &mut Tx,
    workspace: WorkspaceId,
    ids: &[ContactId],
    needs: &Needs,
) -> Result<HashMap<ContactId, Related>, StoreError> {
    let mut found: HashMap<ContactId, Related> =
        ids.iter().map(|id| (*id, Related::default())).collect();
    if ids.is_empty() {
        return Ok(found);
    }
    // No column is compared with a plain value, so that each row is reached by its whole key, whatever the planner thinks.
    let keys = keys(workspace, ids.iter().map(|id| id.0));
    for (contact, segment) in segments(tx, workspace, &keys, &needs.segments).await? {
        found.entry(contact).or_default().segments.push(segment);
    }
    if needs.leads {
        for (contact, campaign, status) in leads(tx, &keys).await? {
            found.entry(contact).or_default().leads.push((campaign, status));
        }
    }
    if needs.sums {
        for sum in sums(tx, &keys).await? {
            let related = found.entry(sum.contact_id).or_default();
            related.first_seen_at = Some(sum.first_seen_at);
            related.last_activity_at = Some(sum.last_activity_at);
            related.events = sum.events.0;
        }
    }
    if !needs.days.is_empty() {
        for OfContact { contact_id, day } in days(tx, &keys, &needs.days).await? {
            found.entry(contact_id).or_default().days.push(day);
        }
    }
    Ok(found)
}

async fn segments(
    tx: &mut Tx,
    workspace: WorkspaceId,
    keys: &Rows,
    which: &Segments,
) -> Result<Vec<(ContactId, SegmentId)>, StoreError> {
    let query = match which {
        Segments::None => return Ok(Vec::new()),
        Segments::These(these) if these.is_empty() => return Ok(Vec::new()),
        Segments::These(these) => {
            let these = self::keys(workspace, these.iter().map(|id| id.0));
            let query = tx.ex().sql(
                "WITH pairs AS MATERIALIZED (
                    SELECT s.workspace_id, s.id AS segment_id, r.id FROM ROWS($2: workspace_id uuid, id uuid) w
                    JOIN segment s ON s.workspace_id = w.workspace_id AND s.id = w.id AND s.deleted_at IS NULL
                    CROSS JOIN ROWS($1: id uuid) r)
                 SELECT p.id, m.segment_id FROM pairs p
                 JOIN segment_member m ON m.workspace_id = p.workspace_id AND m.segment_id = p.segment_id AND m.contact_id = p.id",
            );
            return query.bind(keys.clone()).bind(these).all().await;
        }
        Segments::All => tx.ex().sql(
            "WITH pairs AS MATERIALIZED (
                SELECT s.workspace_id, s.id AS segment_id, r.id FROM segment s CROSS JOIN ROWS($2: id uuid) r
                WHERE s.workspace_id = $1 AND s.deleted_at IS NULL)
             SELECT p.id, m.segment_id FROM pairs p
             JOIN segment_member m ON m.workspace_id = p.workspace_id AND m.segment_id = p.segment_id AND m.contact_id = p.id",
        ),
    };
    query.bind(workspace).bind(keys.clone()).all().await
}

async fn leads(
    tx: &mut Tx,
    keys: &Rows,
) -> Result<Vec<(ContactId, CampaignId, LeadStatus)>, StoreError> {
    tx.ex()
        .sql(
            "SELECT l.contact_id, l.campaign_id, l.status FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.contact_id = r.id AND (l.workspace_id = r.workspace_id) IS TRUE WHERE l.status <> 'deleted'",
        )
        .bind(keys.clone())
        .all()
        .await
}

#[derive(sqlx::FromRow)]
struct Sum {
    contact_id: ContactId,
    first_seen_at: Time,
    last_activity_at: Time,
    events: Json<Map<String, Value>>,
}

async fn sums(tx: &mut Tx, keys: &Rows) -> Result<Vec<Sum>, StoreError> {
    tx.ex()
        .sql(
            "SELECT a.contact_id, a.first_seen_at, a.last_activity_at, a.events FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN activity_sum a ON a.workspace_id = r.workspace_id AND a.contact_id = r.id",
        )
        .bind(keys.clone())
        .all()
        .await
}

#[derive(sqlx::FromRow)]
struct OfContact {
    contact_id: ContactId,
    #[sqlx(flatten)]
    day: Day,
}

async fn days(
    tx: &mut Tx,
    keys: &Rows,
    kinds: &BTreeSet<String>,
) -> Result<Vec<OfContact>, StoreError> {
    let kinds: Vec<OfType<'_>> = kinds.iter().map(|kind| OfType { kind }).collect();
    tx.ex()
        .sql(
            "WITH wanted AS MATERIALIZED (
                SELECT r.workspace_id, r.id, k.kind FROM ROWS($1: workspace_id uuid, id uuid) r CROSS JOIN ROWS($2: kind text) k)
             SELECT d.contact_id, d.type, d.name, d.day, d.times FROM wanted w
             JOIN activity_day d ON d.workspace_id = w.workspace_id AND d.contact_id = w.id AND d.type = w.kind",
        )
        .bind(keys.clone())
        .bind(Rows::of(&kinds))
        .all()
        .await
}
