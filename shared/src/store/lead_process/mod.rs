//! Leads that were stored only and are to be submitted, many at once: what was asked for, how far it has come, and how it is stopped.
use super::{
    Db, Rows, StoreError, Tx, audit,
    desk::repeat::{self, Key},
    intake::RepeatKey,
};
use crate::{
    audit::{Actor, Entry},
    clock::Time,
    ids::{CampaignId, ImportId, LeadId, LeadProcessId, WorkspaceId},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::types::Json;
use std::collections::BTreeSet;
use uuid::Uuid;

mod step;

pub use step::{Step, step};

/// Which leads: those that are named, or those of a campaign, of an import, or of both. Of these, those that are processed and that were
/// never submitted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Which {
    pub lead_ids: Option<BTreeSet<LeadId>>,
    pub import_id: Option<ImportId>,
    pub campaign_id: Option<CampaignId>,
    /// Taken in then or later; then or earlier.
    pub created_from: Option<Time>,
    pub created_until: Option<Time>,
}

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Request {
    pub workspace: WorkspaceId,
    pub which: Which,
    pub actor: Actor,
    /// Makes the request safe to repeat.
    pub repeat: Option<RepeatKey>,
    pub at: Time,
    /// When its job is pushed again if nobody has taken it.
    pub redeliver_at: Time,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is on disk; its job is open at generation 1.
    New(LeadProcessId),
    /// The same request was answered so before.
    Repeated(LeadProcessId),
    /// The key was used before with another body.
    KeyReused,
    NoSuchCampaign,
    /// The campaign takes no leads; its state.
    ClosedCampaign(String),
    NoSuchImport,
}

/// How far leads that are submitted many at once have come.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct LeadProcess {
    pub id: LeadProcessId,
    pub filter: Json<Which>,
    pub state: String,
    pub submitted: i64,
    pub skipped: i64,
    pub problem: Option<String>,
    pub created_by: String,
    pub created_at: Time,
    pub updated_at: Time,
    pub finished_at: Option<Time>,
}

/// Writes down that the leads are to be submitted.
pub async fn begin(db: &Db, request: &Request) -> Result<Begun, StoreError> {
    let mut tx = db.begin().await?;
    let begun = begin_in(&mut tx, request).await?;
    // What is refused leaves nothing, its key neither: mended, it may be sent again.
    match begun {
        Begun::New(_) => tx.commit().await?,
        _ => tx.rollback().await?,
    }
    Ok(begun)
}

async fn begin_in(tx: &mut Tx, request: &Request) -> Result<Begun, StoreError> {
    let (workspace, at, repeat) = (request.workspace, request.at, request.repeat.as_ref());
    match repeat::take_key(tx, workspace, repeat, at).await? {
        Key::Ours => {}
        Key::Answered(answer) => return kept(answer).map(Begun::Repeated),
        Key::OtherBody => return Ok(Begun::KeyReused),
    }
    if let Some(refused) = refused(tx, workspace, &request.which).await? {
        return Ok(refused);
    }
    let id = LeadProcessId::new();
    tx.ex()
        .sql(
            "INSERT INTO lead_process (workspace_id, id, filter, state, submitted, skipped, generation, due_at, created_by,
                created_at, updated_at)
             VALUES ($1, $2, $3, 'running', 0, 0, 1, $4, $5, $6, $6)",
        )
        .bind(workspace)
        .bind(id)
        .bind(Json(&request.which))
        .bind(request.redeliver_at)
        .bind(request.actor.name.as_str())
        .bind(at)
        .run()
        .await?;
    let entry = Entry::new("leads.process_started", "lead_process", id).to(told(&request.which));
    audit::add(tx, workspace, &request.actor, &[entry], at).await?;
    repeat::keep_answer(tx, workspace, repeat, &json!({ "processId": id })).await?;
    Ok(Begun::New(id))
}

/// The process that a repeated request is answered with.
fn kept(answer: Value) -> Result<LeadProcessId, StoreError> {
    let id = answer.get("processId").cloned().unwrap_or_default();
    serde_json::from_value(id).map_err(|error| StoreError::Inconsistent(error.to_string()))
}

/// What the audit log says of it: of named leads only how many.
fn told(which: &Which) -> Value {
    match &which.lead_ids {
        Some(ids) => json!({ "leads": ids.len() }),
        None => json!({ "importId": which.import_id, "campaignId": which.campaign_id }),
    }
}

async fn refused(
    tx: &mut Tx,
    workspace: WorkspaceId,
    which: &Which,
) -> Result<Option<Begun>, StoreError> {
    if let Some(campaign) = which.campaign_id {
        let state: Option<(String,)> = tx
            .ex()
            .sql("SELECT state FROM campaign WHERE workspace_id = $1 AND id = $2")
            .bind(workspace)
            .bind(campaign)
            .optional()
            .await?;
        match state {
            None => return Ok(Some(Begun::NoSuchCampaign)),
            Some((state,)) if state != "active" => return Ok(Some(Begun::ClosedCampaign(state))),
            Some(_) => {}
        }
    }
    let Some(import) = which.import_id else { return Ok(None) };
    let found: Vec<(i64,)> = tx
        .ex()
        .sql("SELECT row_count FROM import WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(import)
        .all()
        .await?;
    Ok(found.is_empty().then_some(Begun::NoSuchImport))
}

macro_rules! columns {
    () => {
        "SELECT p.id, p.filter, p.state, p.submitted, p.skipped, p.problem, p.created_by, p.created_at, p.updated_at,
            p.finished_at
         FROM lead_process p "
    };
}

/// One of them.
pub async fn get(
    db: &Db,
    workspace: WorkspaceId,
    id: LeadProcessId,
) -> Result<Option<LeadProcess>, StoreError> {
    db.read()
        .sql(concat!(columns!(), "WHERE p.workspace_id = $1 AND p.id = $2"))
        .bind(workspace)
        .bind(id)
        .optional()
        .await
}

/// Those before that one, newest first.
pub async fn list(
    db: &Db,
    workspace: WorkspaceId,
    before: Option<LeadProcessId>,
    limit: i64,
) -> Result<Vec<LeadProcess>, StoreError> {
    db.read()
        .sql(concat!(
            columns!(),
            "WHERE p.workspace_id = $1 AND p.id < $2 ORDER BY p.id DESC LIMIT $3"
        ))
        .bind(workspace)
        .bind(before.unwrap_or(LeadProcessId(Uuid::max())))
        .bind(limit)
        .all()
        .await
}

/// Stops one that runs; what it has submitted stays so. None: there is none of that id. False: it was over.
pub async fn cancel(
    db: &Db,
    workspace: WorkspaceId,
    id: LeadProcessId,
    actor: &Actor,
    at: Time,
) -> Result<Option<bool>, StoreError> {
    let mut tx = db.begin().await?;
    let stopped = tx
        .ex()
        .sql(
            "UPDATE lead_process SET state = 'cancelled', generation = generation + 1, due_at = NULL, updated_at = $3,
                finished_at = $3
             WHERE workspace_id = $1 AND id = $2 AND state = 'running'",
        )
        .bind(workspace)
        .bind(id)
        .bind(at)
        .run()
        .await?;
    if stopped == 0 {
        tx.rollback().await?;
        return Ok(get(db, workspace, id).await?.map(|_| false));
    }
    let entry = Entry::new("leads.process_cancelled", "lead_process", id);
    audit::add(&mut tx, workspace, actor, &[entry], at).await?;
    tx.commit().await?;
    Ok(Some(true))
}

/// The jobs that are due, longest first.
pub async fn due(db: &Db, now: Time, limit: i64) -> Result<Vec<(LeadProcessId, i64)>, StoreError> {
    db.read()
        .sql("SELECT id, generation FROM lead_process WHERE due_at <= $1 ORDER BY due_at LIMIT $2")
        .bind(now)
        .bind(limit)
        .all()
        .await
}

/// A campaign's or an import's leads that would be submitted.
macro_rules! counted {
    ($of:literal) => {
        concat!(
            "SELECT COUNT(*) FROM lead l JOIN campaign c ON c.workspace_id = l.workspace_id AND c.id = l.campaign_id
             WHERE ",
            $of,
            " AND c.state = 'active' AND (l.workspace_id = $2) IS TRUE AND (l.campaign_id = $3 OR $3 IS NULL)
               AND (l.created_at >= $4 OR $4 IS NULL) AND (l.created_at <= $5 OR $5 IS NULL)
               AND l.status IN ('active', 'duplicate')
               AND NOT EXISTS (SELECT 1 FROM submission s WHERE s.lead_id = l.id)"
        )
    };
}

#[derive(Serialize)]
struct IdRow {
    workspace_id: Uuid,
    id: Uuid,
}

/// How many leads would be submitted.
pub async fn count(db: &Db, workspace: WorkspaceId, which: &Which) -> Result<i64, StoreError> {
    let mut tx = db.begin_wide_read().await?;
    if let Some(ids) = &which.lead_ids {
        return count_named(&mut tx, workspace, ids).await;
    }
    let query = match (which.import_id, which.campaign_id) {
        (Some(import), _) => tx.ex().sql(counted!("l.import_id = $1")).bind(import),
        (None, Some(campaign)) => tx.ex().sql(counted!("l.campaign_id = $1")).bind(campaign),
        (None, None) => return Ok(0),
    };
    query
        .bind(workspace)
        .bind(which.campaign_id)
        .bind(which.created_from)
        .bind(which.created_until)
        .scalar()
        .await
}

async fn count_named(
    tx: &mut Tx,
    workspace: WorkspaceId,
    ids: &BTreeSet<LeadId>,
) -> Result<i64, StoreError> {
    let row = |id: &LeadId| IdRow { workspace_id: workspace.0, id: id.0 };
    let rows: Vec<IdRow> = ids.iter().map(row).collect();
    tx.ex()
        .sql(
            "SELECT COUNT(*) FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id
             JOIN campaign c ON c.workspace_id = l.workspace_id AND c.id = l.campaign_id
             WHERE c.state = 'active' AND l.status IN ('active', 'duplicate')
               AND NOT EXISTS (SELECT 1 FROM submission s WHERE s.lead_id = l.id)",
        )
        .bind(Rows::of(&rows))
        .scalar()
        .await
}
