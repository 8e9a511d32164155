//! A workspace's submissions from end to end.
use super::{WINDOW, Walk};
use crate::{
    clock::Time,
    ids::{CampaignId, LeadId, SubmissionId, WorkspaceId},
    journey::JourneyEvent,
    store::{
        Db, Rows, StoreError, Tx,
        leads::{OfSubmission, SubmissionRow, submission_columns},
    },
    submission::Status,
};
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

/// Which submissions. What is none does not narrow.
#[derive(Debug, Clone, Default)]
pub struct SubmissionFilter {
    pub lead: Option<LeadId>,
    /// Where the submission is; routing may have moved it there.
    pub campaign: Option<CampaignId>,
    pub status: Option<Status>,
    pub from: Option<Time>,
    pub until: Option<Time>,
}

/// The walk over all submissions that there are now.
pub async fn walk(db: &Db, workspace: WorkspaceId) -> Result<Walk, StoreError> {
    let newest: Option<(SubmissionId,)> = db
        .read()
        .sql("SELECT id FROM submission WHERE workspace_id = $1 ORDER BY id DESC LIMIT 1")
        .bind(workspace)
        .optional()
        .await?;
    Ok(Walk::to(newest.map(|(id,)| id.0)))
}

/// The next submissions that match, oldest first, each with what routing said: at most `limit`, or none although there are more.
pub async fn next(
    db: &Db,
    workspace: WorkspaceId,
    filter: &SubmissionFilter,
    walk: &mut Walk,
    limit: usize,
) -> Result<Vec<(SubmissionRow, Vec<JourneyEvent>)>, StoreError> {
    let mut tx = db.begin_wide_read().await?;
    open(&mut tx, workspace, walk).await?;
    let rows: Vec<SubmissionRow> = tx
        .ex()
        .sql(concat!(
            submission_columns!(),
            "WHERE s.workspace_id = $1 AND s.id > $2 AND s.id <= $3
                AND COALESCE($4, s.lead_id) = s.lead_id AND COALESCE($5, s.campaign_id) = s.campaign_id
                AND COALESCE($6, s.status) = s.status
                AND COALESCE($7, s.created_at) <= s.created_at AND COALESCE($8, s.created_at) >= s.created_at
             ORDER BY s.id LIMIT $9"
        ))
        .bind(workspace)
        .bind(walk.after)
        .bind(walk.window)
        .bind(filter.lead)
        .bind(filter.campaign)
        .bind(filter.status)
        .bind(filter.from)
        .bind(filter.until)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .all()
        .await?;
    let mut said: HashMap<SubmissionId, Vec<JourneyEvent>> = HashMap::new();
    for (submission, event) in routing(&mut tx, workspace, &rows).await? {
        said.entry(submission).or_default().push(event);
    }
    tx.rollback().await?;
    walk.found(rows.last().map(|row| row.id.0), rows.len() == limit);
    let with = |row: SubmissionRow| {
        let own = said.remove(&row.id).unwrap_or_default();
        (row, own)
    };
    Ok(rows.into_iter().map(with).collect())
}

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    submission_id: Uuid,
}

/// What routing said about these submissions.
async fn routing(
    tx: &mut Tx,
    workspace: WorkspaceId,
    rows: &[SubmissionRow],
) -> Result<Vec<(SubmissionId, JourneyEvent)>, StoreError> {
    let key = |row: &SubmissionRow| Key { workspace_id: workspace.0, submission_id: row.id.0 };
    let keys: Vec<Key> = rows.iter().map(key).collect();
    let found: Vec<OfSubmission> = tx
        .ex()
        .sql(
            "SELECT e.submission_id, e.generation, e.stage, e.verdict, e.reason_code, e.reason, e.attempt, e.details,
                e.duration_us, e.at
             FROM ROWS($1: workspace_id uuid, submission_id uuid) r
             JOIN journey_event e ON e.workspace_id = r.workspace_id AND e.submission_id = r.submission_id AND e.stage = 'routing'
             ORDER BY e.submission_id, e.generation",
        )
        .bind(Rows::of(&keys))
        .all()
        .await?;
    Ok(found.into_iter().map(|row| (row.submission_id, row.event)).collect())
}

/// Opens the next window, when the last one has been read.
async fn open(tx: &mut Tx, workspace: WorkspaceId, walk: &mut Walk) -> Result<(), StoreError> {
    if walk.after < walk.window {
        return Ok(());
    }
    let end: Option<(Uuid,)> = tx
        .ex()
        .sql(
            "SELECT id FROM submission WHERE workspace_id = $1 AND id > $2 AND id <= $3 ORDER BY id LIMIT 1 OFFSET $4",
        )
        .bind(workspace)
        .bind(walk.after)
        .bind(walk.last)
        .bind(WINDOW - 1)
        .optional()
        .await?;
    walk.window = end.map_or(walk.last, |(id,)| id);
    Ok(())
}
