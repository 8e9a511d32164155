//! What the clock asks of the tables. These few functions see all workspaces.
use super::{Db, StoreError, audit};
use crate::{
    audit::Entry,
    clock::Time,
    ids::{SubmissionId, WorkspaceId},
    submission::Stage,
};
use chrono::{DateTime, Utc};

/// A stage job to push.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Due {
    pub id: SubmissionId,
    pub stage: Stage,
    pub generation: i64,
}

/// Takes what is due in the given stages, oldest first, and says when to look again. Several schedulers at once take different rows.
///
/// Parked submissions are due at their deadline. Those that wait for room are the queue sweep's.
pub async fn take_due(
    db: &Db,
    stages: &[Stage],
    now: Time,
    again_at: Time,
    limit: i64,
) -> Result<Vec<Due>, StoreError> {
    let names: Vec<StageRow> = stages.iter().map(|stage| StageRow { stage: *stage }).collect();
    db.write()
        .sql(
            "UPDATE submission SET due_at = $3 WHERE id IN (
                SELECT s.id FROM submission s
                WHERE s.run IN ('ready', 'parked') AND s.due_at <= $2 AND (s.run = 'ready' OR s.stage <> 'delivery')
                  AND s.stage IN (SELECT r.stage FROM ROWS($1: stage text) r)
                ORDER BY s.due_at LIMIT $4{pg:  FOR UPDATE SKIP LOCKED})
             AND run IN ('ready', 'parked')
             RETURNING id, stage, generation",
        )
        .bind(super::Rows::of(&names))
        .bind(now)
        .bind(again_at)
        .bind(limit)
        .all()
        .await
}

/// Makes every open job due now, for a queue that has just lost them all: the embedded one after a start.
pub async fn recall(db: &Db, now: Time) -> Result<u64, StoreError> {
    db.write()
        .sql(
            "UPDATE submission SET due_at = $1 WHERE run = 'ready' AND attempt = 0 AND due_at > $1",
        )
        .bind(now)
        .run()
        .await
}

#[derive(serde::Serialize)]
struct StageRow {
    stage: Stage,
}

/// Forgets answers of idempotent requests that are older than `before`; at most `limit` of them.
pub async fn forget_answers(db: &Db, before: Time, limit: i64) -> Result<u64, StoreError> {
    db.write()
        .sql(
            "DELETE FROM idempotency WHERE (workspace_id, route, key) IN (
                SELECT workspace_id, route, key FROM idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
        )
        .bind(before)
        .bind(limit)
        .run()
        .await
}

/// A lane that an operator has stopped.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PausedLane {
    pub lane: String,
    pub reason: String,
    pub paused_by: String,
    pub paused_at: DateTime<Utc>,
}

pub async fn paused_lanes(db: &Db) -> Result<Vec<PausedLane>, StoreError> {
    db.read()
        .sql("SELECT lane, reason, paused_by, paused_at FROM paused_lane ORDER BY lane")
        .all()
        .await
}

/// Pauses a lane; a lane that is paused already keeps its first reason. Lanes are the installation's: the audit log of the workspace
/// of whoever does it tells of it.
pub async fn pause_lane(
    db: &Db,
    workspace: WorkspaceId,
    pause: &PausedLane,
) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    let paused = tx
        .ex()
        .sql(
            "INSERT INTO paused_lane (lane, reason, paused_by, paused_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (lane) DO NOTHING",
        )
        .bind(pause.lane.as_str())
        .bind(pause.reason.as_str())
        .bind(pause.paused_by.as_str())
        .bind(pause.paused_at)
        .run()
        .await?;
    if paused == 1 {
        let entry = Entry::new("lane.paused", "lane", &pause.lane);
        audit::tell(&mut tx, workspace, &[entry], pause.paused_at).await?;
    }
    tx.commit().await
}

/// Lets a lane run again; false when it was not paused. Told of as [`pause_lane`].
pub async fn resume_lane(
    db: &Db,
    workspace: WorkspaceId,
    lane: &str,
    at: Time,
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let resumed =
        tx.ex().sql("DELETE FROM paused_lane WHERE lane = $1").bind(lane).run().await? == 1;
    if resumed {
        let entry = Entry::new("lane.resumed", "lane", lane);
        audit::tell(&mut tx, workspace, &[entry], at).await?;
    }
    tx.commit().await?;
    Ok(resumed)
}

/// What time the database thinks it is; on SQLite, which has no clock of its own, the machine's.
pub async fn database_time(db: &Db) -> Result<Time, StoreError> {
    db.read()
        .sql("SELECT {pg: now()}{lite: strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')}")
        .scalar()
        .await
}
