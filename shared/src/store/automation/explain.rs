//! Reading what campaigns did to leads, and where leads stand: firings, memories, positions. Nothing is written.
use crate::{
    automation::{Memory, outcome::FiringKind},
    clock::Time,
    ids::{CampaignId, LeadId, WorkspaceId},
    lead::LeadStatus,
    store::{Db, StoreError},
};
use serde_json::Value;
use sqlx::types::Json;

mod now;

pub use now::{AskedNow, Said, ask_now};

/// A line of a lead's log.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct FiringRow {
    /// 1, 2, 3, … within the lead.
    pub number: i64,
    /// The campaign whose automation fired.
    pub campaign_id: CampaignId,
    /// Of the automation; 0 for what a person did.
    pub revision: i64,
    pub kind: FiringKind,
    pub rule_id: String,
    pub rule_name: String,
    pub cause: Json<Value>,
    pub facts: Json<Value>,
    pub points: i64,
    pub points_after: i64,
    pub status_before: LeadStatus,
    pub status_after: LeadStatus,
    pub actions: Json<Value>,
    pub at: Time,
}

/// A lead's firings, newest first; those before the number `before` when it is given, `limit` at most.
pub async fn firings(
    db: &Db,
    (workspace, lead): (WorkspaceId, LeadId),
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<FiringRow>, StoreError> {
    db.read()
        .sql(
            "SELECT number, campaign_id, revision, kind, rule_id, rule_name, cause, facts, points, points_after, status_before,
                status_after, actions, at
             FROM firing WHERE workspace_id = $1 AND lead_id = $2 AND number < $3 ORDER BY number DESC LIMIT $4",
        )
        .bind(workspace)
        .bind(lead)
        .bind(before.unwrap_or(i64::MAX))
        .bind(limit)
        .all()
        .await
}

/// What is kept of a lead beside its firings.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Standing {
    pub points: i64,
    /// The number of its last firing.
    pub number: i64,
    pub memory: Json<Memory>,
    /// When the clock looks at it next.
    pub due_at: Option<Time>,
    /// Firings that are no longer kept, the points that they made, and when the last of them was.
    pub folded: i64,
    pub folded_points: i64,
    pub folded_until: Option<Time>,
}

/// None: nothing ever happened to it that its campaign reacts to.
pub async fn standing(
    db: &Db,
    workspace: WorkspaceId,
    lead: LeadId,
) -> Result<Option<Standing>, StoreError> {
    db.read()
        .sql(
            "SELECT points, number, memory, due_at, folded, folded_points, folded_until FROM lead_automation
             WHERE workspace_id = $1 AND lead_id = $2",
        )
        .bind(workspace)
        .bind(lead)
        .optional()
        .await
}

/// Where a lead waits.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PositionRow {
    pub workflow_id: String,
    pub step_id: String,
    pub due_at: Time,
    pub entered_at: Time,
    pub moved_at: Time,
}

/// A lead's places in workflows, by the workflow's id.
pub async fn positions(
    db: &Db,
    workspace: WorkspaceId,
    lead: LeadId,
) -> Result<Vec<PositionRow>, StoreError> {
    db.read()
        .sql(
            "SELECT workflow_id, step_id, due_at, entered_at, moved_at FROM workflow_position
             WHERE workspace_id = $1 AND lead_id = $2 ORDER BY workflow_id",
        )
        .bind(workspace)
        .bind(lead)
        .all()
        .await
}

/// How many leads wait at a step.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StepCount {
    pub workflow_id: String,
    pub step_id: String,
    pub leads: i64,
    /// When the next of them goes on.
    pub next_due_at: Time,
}

/// The steps of a campaign's workflows at which leads wait, by workflow and step. All that wait are read.
pub async fn waiting(
    db: &Db,
    workspace: WorkspaceId,
    campaign: CampaignId,
) -> Result<Vec<StepCount>, StoreError> {
    let mut tx = db.begin_wide_read().await?;
    tx.ex()
        .sql(
            "SELECT workflow_id, step_id, COUNT(*) AS leads, MIN(due_at) AS next_due_at FROM workflow_position
             WHERE campaign_id = $2 AND (workspace_id = $1) IS TRUE
             GROUP BY workflow_id, step_id ORDER BY workflow_id, step_id",
        )
        .bind(workspace)
        .bind(campaign)
        .all()
        .await
}
