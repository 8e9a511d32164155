//! Stopping the submissions of leads that are no longer processed. What is in a stage ends at its next one by itself; what waits is
//! made to move now, so that it ends at once.
use super::{Rows, StoreError, Tx, rows::time};
use crate::{
    clock::Time,
    ids::{LeadId, SubmissionId, WorkspaceId},
};
use serde::Serialize;
use uuid::Uuid;

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    lead_id: Uuid,
}

/// Wakes the parked and the queued submissions of these leads, which are locked: the worker that looks finds the lead closed, and ends
/// them. Held and failed ones stay with the people who look after them. Says how many there were.
pub async fn wake(
    tx: &mut Tx,
    leads: &[(WorkspaceId, LeadId)],
    now: Time,
) -> Result<u64, StoreError> {
    if leads.is_empty() {
        return Ok(0);
    }
    let key = |(workspace, lead): &(WorkspaceId, LeadId)| Key {
        workspace_id: workspace.0,
        lead_id: lead.0,
    };
    let keys = Rows::of(&leads.iter().map(key).collect::<Vec<_>>());
    let parked = tx
        .ex()
        .sql(
            "UPDATE submission SET due_at = $2 FROM ROWS($1: workspace_id uuid, lead_id uuid) r
             WHERE submission.lead_id = r.lead_id AND (submission.workspace_id = r.workspace_id) IS TRUE
               AND submission.run = 'parked' AND submission.stage <> 'delivery'",
        )
        .bind(keys.clone())
        .bind(now)
        .run()
        .await?;
    Ok(parked + release(tx, keys, now).await?)
}

/// Those that wait for their campaign's room wait no longer.
async fn release(tx: &mut Tx, keys: Rows, now: Time) -> Result<u64, StoreError> {
    let released: Vec<(WorkspaceId, SubmissionId, i64)> = tx
        .ex()
        .sql(
            "UPDATE submission SET run = 'ready', generation = generation + 1, attempt = 0, due_at = $2, status = 'qualified',
                reason_code = NULL, reason = NULL, updated_at = $2
             FROM ROWS($1: workspace_id uuid, lead_id uuid) r
             WHERE submission.lead_id = r.lead_id AND (submission.workspace_id = r.workspace_id) IS TRUE
               AND submission.run = 'parked' AND submission.stage = 'delivery'
             RETURNING submission.workspace_id, submission.id, submission.generation",
        )
        .bind(keys)
        .bind(now)
        .all()
        .await?;
    tell(tx, &released, now).await?;
    Ok(released.len() as u64)
}

#[derive(Serialize)]
struct EventRow {
    workspace_id: Uuid,
    submission_id: Uuid,
    generation: i64,
    #[serde(serialize_with = "time")]
    at: Time,
}

async fn tell(
    tx: &mut Tx,
    released: &[(WorkspaceId, SubmissionId, i64)],
    at: Time,
) -> Result<(), StoreError> {
    if released.is_empty() {
        return Ok(());
    }
    let row = |(workspace, id, generation): &(WorkspaceId, SubmissionId, i64)| EventRow {
        workspace_id: workspace.0,
        submission_id: id.0,
        generation: *generation,
        at,
    };
    tx.ex()
        .sql(
            "INSERT INTO journey_event (workspace_id, submission_id, generation, stage, verdict, reason_code, reason,
                attempt, duration_us, at)
             SELECT r.workspace_id, r.submission_id, r.generation, 'delivery', 'released', 'withdrawn',
                'the lead is no longer active', 0, 0, r.at
             FROM ROWS($1: workspace_id uuid, submission_id uuid, generation bigint, at timestamptz) r",
        )
        .bind(Rows::of(&released.iter().map(row).collect::<Vec<_>>()))
        .run()
        .await
        .map(drop)
}
