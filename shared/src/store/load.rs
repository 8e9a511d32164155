//! Reading the submission of a stage job, with its lead: what every stage may look at.
use super::{
    Db, Ex, Rows, StoreError,
    batch::{Batcher, Shape},
    campaigns::standings,
};
use crate::{
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, SubmissionId, WorkspaceId},
    lead::{Details, LeadStatus},
    submission::{Carry, End, Kind, Stage, State},
};
use serde::Serialize;
use sqlx::types::Json;
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

/// Submissions read by one statement, at most.
const MOST: usize = 256;

/// A submission and its lead, as they are in the database.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Loaded {
    pub workspace_id: WorkspaceId,
    pub id: SubmissionId,
    pub lead_id: LeadId,
    pub number: i64,
    pub kind: Kind,
    pub campaign_id: CampaignId,
    pub revision: i64,
    pub parent_id: Option<SubmissionId>,
    pub run: String,
    pub stage: Stage,
    pub generation: i64,
    pub attempt: i64,
    pub due_at: Option<Time>,
    pub outcome: Option<End>,
    pub reason_code: Option<String>,
    pub reason: Option<String>,
    pub carry: Json<Carry>,
    pub created_at: Time,
    pub contact_id: ContactId,
    pub lead_status: LeadStatus,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub phone: String,
    pub details: Json<Details>,
    pub is_test: bool,
    pub is_duplicate: bool,
    pub source: String,
    pub lead_created_at: Time,
    pub contact_status: String,
    pub contact_created_at: Time,
    /// The campaign's newest revision; known after [`with_newest`] only.
    #[sqlx(skip)]
    pub newest_revision: Option<i64>,
}

impl Loaded {
    /// Where the submission is.
    pub fn state(&self) -> Result<State, StoreError> {
        State::from_columns(&self.run, self.stage)
            .ok_or_else(|| StoreError::Inconsistent(format!("{} has run {}", self.id, self.run)))
    }
}

/// Adds the campaign's newest revision, for moves that go on with the campaign as it is now.
pub async fn with_newest(db: &Db, mut loaded: Box<Loaded>) -> Result<Box<Loaded>, StoreError> {
    let found = standings(db, loaded.workspace_id, &[loaded.campaign_id]).await?;
    loaded.newest_revision = found.first().map(|standing| standing.revision);
    Ok(loaded)
}

/// Reads submissions by id, many at once. A stage job does not know its workspace: this is one of the few functions that find it.
#[derive(Debug, Clone)]
pub struct Loader(Batcher<SubmissionId, Option<Box<Loaded>>>);

impl Loader {
    pub fn start(db: Db) -> Self {
        let shape = Shape { name: "load", most: MOST, at_once: 2 };
        Self(Batcher::start(shape, move |ids: Arc<[SubmissionId]>| load(db.clone(), ids)))
    }

    pub async fn load(&self, id: SubmissionId) -> Result<Option<Box<Loaded>>, StoreError> {
        self.0.call(id).await
    }
}

#[derive(Serialize)]
struct Wanted {
    id: Uuid,
}

/// Reads submissions where a transaction reads, in no order.
pub async fn read(ex: Ex<'_>, ids: &[SubmissionId]) -> Result<Vec<Loaded>, StoreError> {
    let wanted: Vec<Wanted> = ids.iter().map(|id| Wanted { id: id.0 }).collect();
    ex.sql(
            "SELECT s.workspace_id, s.id, s.lead_id, s.number, s.kind, s.campaign_id, s.revision, s.parent_id, s.run, s.stage,
                s.generation, s.attempt, s.due_at, s.outcome, s.reason_code, s.reason, s.carry, s.created_at,
                l.contact_id, l.status AS lead_status, l.first_name, l.last_name, l.email, l.phone, l.details, l.is_test,
                l.is_duplicate, l.source, l.created_at AS lead_created_at,
                c.status AS contact_status, c.created_at AS contact_created_at
             FROM ROWS($1: id uuid) r
             JOIN submission s ON s.id = r.id
             JOIN lead l ON l.workspace_id = s.workspace_id AND l.id = s.lead_id
             JOIN contact c ON c.workspace_id = l.workspace_id AND c.id = l.contact_id",
        )
        .bind(Rows::of(&wanted))
        .all()
        .await
}

async fn load(db: Db, ids: Arc<[SubmissionId]>) -> Result<Vec<Option<Box<Loaded>>>, StoreError> {
    let rows = read(db.read(), &ids).await?;
    let mut found: HashMap<SubmissionId, Box<Loaded>> =
        rows.into_iter().map(|row| (row.id, Box::new(row))).collect();
    // The same id may be asked for twice in a batch; the second asker gets a copy.
    Ok(ids
        .iter()
        .enumerate()
        .map(
            |(at, id)| {
                if ids[at + 1..].contains(id) { found.get(id).cloned() } else { found.remove(id) }
            },
        )
        .collect())
}
