//! Leads that are no longer processed: what waits for them is looked at at once, and ends there.
use super::Changed;
use crate::{
    clock::Time,
    ids::{SubmissionId, WorkspaceId},
    store::{Rows, StoreError, Tx, rows::time},
};
use serde::Serialize;
use std::collections::BTreeSet;
use uuid::Uuid;

#[derive(Serialize)]
struct LeadKey {
    workspace_id: Uuid,
    lead_id: Uuid,
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    workspace_id: Uuid,
    id: Uuid,
}

/// Makes due now what waits for those of the leads that are no longer processed: for a person, a call, a text, a webhook or for room.
/// The worker that looks at it ends it. Call it after [`change`](super::change), in the same transaction; the leads are locked by then.
pub async fn wake_stopped(tx: &mut Tx, changed: &[Changed], now: Time) -> Result<(), StoreError> {
    let stopped: BTreeSet<(Uuid, Uuid)> = changed
        .iter()
        .filter(|changed| !changed.to.is_processed())
        .map(|changed| (changed.workspace.0, changed.lead.0))
        .collect();
    let leads: Vec<LeadKey> = stopped
        .into_iter()
        .map(|(workspace_id, lead_id)| LeadKey { workspace_id, lead_id })
        .collect();
    if leads.is_empty() {
        return Ok(());
    }
    let open: Vec<(WorkspaceId, SubmissionId)> = tx
        .ex()
        .sql(
            "SELECT s.workspace_id, s.id FROM ROWS($1: workspace_id uuid, lead_id uuid) r
             JOIN submission s ON s.lead_id = r.lead_id AND (s.workspace_id = r.workspace_id) IS TRUE
             WHERE s.run IN ('ready', 'parked')",
        )
        .bind(Rows::of(&leads))
        .all()
        .await?;
    wake(tx, open, now).await
}

/// A worker that knew the lead as it was before may be about to park it: it is waited for, and what it left is seen.
async fn wake(
    tx: &mut Tx,
    open: Vec<(WorkspaceId, SubmissionId)>,
    now: Time,
) -> Result<(), StoreError> {
    let mut keys: Vec<Waiting> = open
        .into_iter()
        .map(|(workspace, id)| Waiting { workspace_id: workspace.0, id: id.0 })
        .collect();
    if keys.is_empty() {
        return Ok(());
    }
    keys.sort();
    let keys = Rows::of(&keys);
    tx.ex()
        .sql(
            "SELECT s.id FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN submission s ON s.id = r.id AND (s.workspace_id = r.workspace_id) IS TRUE{pg:  FOR NO KEY UPDATE OF s}",
        )
        .bind(keys.clone())
        .run()
        .await?;
    tx.ex()
        .sql(
            "UPDATE submission SET due_at = $2 FROM ROWS($1: workspace_id uuid, id uuid) r
             WHERE submission.id = r.id AND (submission.workspace_id = r.workspace_id) IS TRUE
               AND submission.run = 'parked' AND submission.stage <> 'delivery'",
        )
        .bind(keys.clone())
        .bind(now)
        .run()
        .await?;
    release(tx, keys, now).await
}

#[derive(Serialize)]
struct EventRow {
    workspace_id: Uuid,
    submission_id: Uuid,
    generation: i64,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// Who waits for room leaves the line without a place: the delivery stage ends it.
async fn release(tx: &mut Tx, keys: Rows, now: Time) -> Result<(), StoreError> {
    let released: Vec<(WorkspaceId, SubmissionId, i64)> = tx
        .ex()
        .sql(
            "UPDATE submission SET run = 'ready', generation = generation + 1, attempt = 0, due_at = $2, status = 'qualified',
                reason_code = NULL, reason = NULL, updated_at = $2
             FROM ROWS($1: workspace_id uuid, id uuid) r
             WHERE submission.id = r.id AND (submission.workspace_id = r.workspace_id) IS TRUE
               AND submission.run = 'parked' AND submission.stage = 'delivery'
             RETURNING submission.workspace_id, submission.id, submission.generation",
        )
        .bind(keys)
        .bind(now)
        .all()
        .await?;
    if released.is_empty() {
        return Ok(());
    }
    let rows: Vec<EventRow> = released
        .into_iter()
        .map(|(workspace, submission, generation)| EventRow {
            workspace_id: workspace.0,
            submission_id: submission.0,
            generation,
            at: now,
        })
        .collect();
    tx.ex()
        .sql(
            "INSERT INTO journey_event (workspace_id, submission_id, generation, stage, verdict, reason_code, reason,
                attempt, duration_us, at)
             SELECT r.workspace_id, r.submission_id, r.generation, 'delivery', 'released', 'stopped',
                'the lead is no longer processed', 0, 0, r.at
             FROM ROWS($1: workspace_id uuid, submission_id uuid, generation bigint, at timestamptz) r",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    Ok(())
}
