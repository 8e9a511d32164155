//! Jobs as operators see them: listed, and tried again where they have failed.
use super::{JobKind, JobState};
use crate::{
    audit::Entry,
    clock::Time,
    ids::{AutomationJobId, CampaignId, LeadId, WorkspaceId},
    store::{Db, Rows, StoreError, audit},
};
use serde::Serialize;
use uuid::Uuid;

/// Jobs of one request to try them again, at most.
pub const RETRIED_AT_ONCE: usize = 1_000;

/// Which jobs. What is none does not narrow.
#[derive(Debug, Clone, Copy, Default)]
pub struct JobFilter {
    pub state: Option<JobState>,
    pub kind: Option<JobKind>,
    pub campaign: Option<CampaignId>,
    pub lead: Option<LeadId>,
    /// Only those before this one.
    pub before: Option<AutomationJobId>,
}

/// A job, without what it is about.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct JobRow {
    pub id: AutomationJobId,
    pub campaign_id: CampaignId,
    pub lead_id: LeadId,
    /// The number of the lead's firing that wanted it.
    pub firing: i64,
    pub kind: JobKind,
    pub state: JobState,
    pub attempt: i64,
    pub due_at: Option<Time>,
    pub problem: Option<String>,
    pub created_at: Time,
    pub finished_at: Option<Time>,
}

/// The workspace's jobs, the newest first.
pub async fn list(
    db: &Db,
    workspace: WorkspaceId,
    filter: JobFilter,
    limit: i64,
) -> Result<Vec<JobRow>, StoreError> {
    db.read()
        .sql(
            "SELECT id, campaign_id, lead_id, firing, kind, state, attempt, due_at, problem, created_at, finished_at
             FROM automation_job
             WHERE workspace_id = $1 AND id < $2 AND state = COALESCE($3, state) AND kind = COALESCE($4, kind)
               AND campaign_id = COALESCE($5, campaign_id) AND lead_id = COALESCE($6, lead_id)
             ORDER BY id DESC LIMIT $7",
        )
        .bind(workspace)
        .bind(filter.before.unwrap_or(AutomationJobId(Uuid::max())))
        .bind(filter.state)
        .bind(filter.kind)
        .bind(filter.campaign)
        .bind(filter.lead)
        .bind(limit)
        .all()
        .await
}

#[derive(Serialize)]
struct JobKey {
    workspace_id: Uuid,
    id: Uuid,
}

/// Has failed jobs tried once more; others are left alone. Answers those, each with the attempts that were made, for the bell.
pub async fn retry(
    db: &Db,
    workspace: WorkspaceId,
    ids: &[AutomationJobId],
    now: Time,
) -> Result<Vec<(AutomationJobId, i64)>, StoreError> {
    retry_of(db, (workspace, None), ids, now).await
}

/// The same of one campaign's jobs only, if one is named.
pub async fn retry_of(
    db: &Db,
    (workspace, campaign): (WorkspaceId, Option<CampaignId>),
    ids: &[AutomationJobId],
    now: Time,
) -> Result<Vec<(AutomationJobId, i64)>, StoreError> {
    let mut keys: Vec<JobKey> =
        ids.iter().map(|id| JobKey { workspace_id: workspace.0, id: id.0 }).collect();
    keys.sort_unstable_by_key(|key| key.id);
    keys.dedup_by_key(|key| key.id);
    let mut tx = db.begin().await?;
    let retried: Vec<(AutomationJobId, i64)> = tx
        .ex()
        .sql(
            "UPDATE automation_job SET state = 'waiting', due_at = $2, finished_at = NULL
             FROM ROWS($1: workspace_id uuid, id uuid) r
             WHERE automation_job.workspace_id = r.workspace_id AND automation_job.id = r.id AND automation_job.state = 'failed'
               AND COALESCE($3, automation_job.campaign_id) = automation_job.campaign_id
             RETURNING automation_job.id, automation_job.attempt",
        )
        .bind(Rows::of(&keys))
        .bind(now)
        .bind(campaign)
        .all()
        .await?;
    let told = |(id, _): &(AutomationJobId, i64)| {
        Entry::new("automation_job.retried", "automationJob", id).status("failed", "waiting")
    };
    let told: Vec<Entry> = retried.iter().map(told).collect();
    audit::tell(&mut tx, workspace, &told, now).await?;
    tx.commit().await?;
    Ok(retried)
}

/// Jobs that are done are kept so many days.
pub const KEPT_DAYS: i64 = 30;

/// Forgets jobs of all workspaces that were done before that time; says how many, at most `limit`.
pub async fn forget(db: &Db, before: Time, limit: i64) -> Result<u64, StoreError> {
    db.write()
        .sql(
            "DELETE FROM automation_job WHERE (workspace_id, id) IN (
                SELECT workspace_id, id FROM automation_job WHERE state = 'done' AND finished_at < $1 LIMIT $2)",
        )
        .bind(before)
        .bind(limit)
        .run()
        .await
}
