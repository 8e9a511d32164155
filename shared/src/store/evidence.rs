//! What proves that a person agreed: rows that are added with the lead or later, and never changed.
use super::{
    Db, Ex, Rows, StoreError, Tx,
    rows::{time, time_or_null},
};
use crate::{
    clock::Time,
    evidence::{Kind, Said},
    ids::{ContactId, EvidenceId, LeadId, WorkspaceId},
    lead::LeadStatus,
};
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::types::Json;
use uuid::Uuid;

/// The columns of [`Evidence`].
macro_rules! columns {
    () => {
        "SELECT e.id, e.lead_id, e.kind, e.reference, e.malformed, e.detail, e.captured_at, e.recorded_at, e.recorded_by "
    };
}

/// Evidence of one lead, at most; what comes after is not kept.
pub const EVIDENCE_MAX: i64 = 1_000;

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Evidence {
    pub id: EvidenceId,
    pub lead_id: LeadId,
    pub kind: Kind,
    pub reference: Option<String>,
    pub malformed: Option<String>,
    pub detail: Json<Map<String, Value>>,
    pub captured_at: Option<Time>,
    pub recorded_at: Time,
    pub recorded_by: String,
}

/// What was said of a lead, when and by whom.
#[derive(Debug)]
pub struct New<'a> {
    pub workspace: WorkspaceId,
    pub lead: LeadId,
    pub said: Said,
    pub at: Time,
    pub by: &'a str,
}

#[derive(Serialize)]
struct Row<'a> {
    workspace_id: Uuid,
    id: Uuid,
    lead_id: Uuid,
    kind: Kind,
    reference: Option<&'a str>,
    malformed: Option<&'a str>,
    detail: &'a Map<String, Value>,
    #[serde(serialize_with = "time_or_null")]
    captured_at: Option<Time>,
    digest: &'a str,
    #[serde(serialize_with = "time")]
    at: Time,
    by: &'a str,
}

fn row<'a>(new: &'a New<'_>) -> Row<'a> {
    let Said { kind, reference, malformed, detail, captured_at, digest } = &new.said;
    Row {
        workspace_id: new.workspace.0,
        id: EvidenceId::new().0,
        lead_id: new.lead.0,
        kind: *kind,
        reference: reference.as_deref(),
        malformed: malformed.as_deref(),
        detail,
        captured_at: *captured_at,
        digest,
        at: new.at,
        by: new.by,
    }
}

/// Keeps what was said, within the transaction that it belongs to. What a lead's evidence says already is not kept again.
pub async fn add(tx: &mut Tx, said: &[New<'_>]) -> Result<(), StoreError> {
    if said.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row> = said.iter().map(row).collect();
    tx.ex()
        .sql(
            "INSERT INTO consent_evidence (workspace_id, id, lead_id, kind, reference, malformed, detail, captured_at, digest,
                recorded_at, recorded_by)
             SELECT r.workspace_id, r.id, r.lead_id, r.kind, r.reference, r.malformed, r.detail, r.captured_at, r.digest, r.at, r.by
             FROM ROWS($1: workspace_id uuid, id uuid, lead_id uuid, kind text, reference text, malformed text, detail jsonb,
                captured_at timestamptz, digest text, at timestamptz, by text) r
             WHERE (SELECT COUNT(*) FROM consent_evidence e WHERE e.lead_id = r.lead_id) < $2
             ON CONFLICT (lead_id, digest) DO NOTHING",
        )
        .bind(Rows::of(&rows))
        .bind(EVIDENCE_MAX)
        .run()
        .await
        .map(drop)
}

/// What came of a piece that somebody adds.
#[derive(Debug, Clone, PartialEq)]
pub enum Added {
    /// It is kept, now or since it was said before.
    Kept(Box<Evidence>),
    NoSuchLead,
    /// Nothing is added to a lead that is deleted.
    Deleted,
    /// The lead has [`EVIDENCE_MAX`] already.
    Full,
}

/// Adds a piece to a lead that is there.
pub async fn add_one(db: &Db, new: New<'_>) -> Result<Added, StoreError> {
    let mut tx = db.begin().await?;
    let (workspace, lead, digest) = (new.workspace, new.lead, new.said.digest.clone());
    let known: Option<(LeadStatus,)> = tx
        .ex()
        .sql("SELECT l.status FROM lead l WHERE l.workspace_id = $1 AND l.id = $2{pg:  FOR NO KEY UPDATE}")
        .bind(workspace)
        .bind(lead)
        .optional()
        .await?;
    let refused = match known {
        None => Some(Added::NoSuchLead),
        Some((LeadStatus::Deleted,)) => Some(Added::Deleted),
        Some(_) => None,
    };
    if let Some(refused) = refused {
        tx.rollback().await?;
        return Ok(refused);
    }
    add(&mut tx, &[new]).await?;
    let kept = said(tx.ex(), lead, &digest).await?;
    tx.commit().await?;
    Ok(kept.map_or(Added::Full, |kept| Added::Kept(Box::new(kept))))
}

async fn said(ex: Ex<'_>, lead: LeadId, digest: &str) -> Result<Option<Evidence>, StoreError> {
    ex.sql(concat!(columns!(), "FROM consent_evidence e WHERE e.lead_id = $1 AND e.digest = $2"))
        .bind(lead)
        .bind(digest)
        .optional()
        .await
}

/// A lead's evidence, newest first, before `before`.
pub async fn of_lead(
    db: &Db,
    (workspace, lead): (WorkspaceId, LeadId),
    before: Option<EvidenceId>,
    limit: i64,
) -> Result<Vec<Evidence>, StoreError> {
    db.read()
        .sql(concat!(
            columns!(),
            "FROM consent_evidence e WHERE e.lead_id = $2 AND (e.workspace_id = $1) IS TRUE AND e.id < $3
             ORDER BY e.id DESC LIMIT $4",
        ))
        .bind(workspace)
        .bind(lead)
        .bind(before.unwrap_or(EvidenceId(Uuid::max())))
        .bind(limit)
        .all()
        .await
}

/// The evidence of all of a contact's leads, newest first, before `before`.
pub async fn of_contact(
    db: &Db,
    (workspace, contact): (WorkspaceId, ContactId),
    before: Option<EvidenceId>,
    limit: i64,
) -> Result<Vec<Evidence>, StoreError> {
    db.read()
        .sql(concat!(
            columns!(),
            "FROM lead l JOIN consent_evidence e ON e.lead_id = l.id AND (e.workspace_id = $1) IS TRUE
             WHERE l.contact_id = $2 AND (l.workspace_id = $1) IS TRUE AND e.id < $3 ORDER BY e.id DESC LIMIT $4",
        ))
        .bind(workspace)
        .bind(contact)
        .bind(before.unwrap_or(EvidenceId(Uuid::max())))
        .bind(limit)
        .all()
        .await
}
