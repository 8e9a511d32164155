//! Circuit breakers of endpoints: read by every worker each second, changed over the version that was read.
use super::{
    Db, StoreError, audit,
    notices::{self, Notice},
};
use crate::{
    audit::Entry,
    breaker::{Breaker, Cause, Phase},
    clock::Time,
    ids::{CampaignId, SubmissionId, WorkspaceId},
};
use serde_json::json;

/// An endpoint's breaker as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BreakerRow {
    pub workspace_id: WorkspaceId,
    pub campaign_id: CampaignId,
    pub endpoint: String,
    pub phase: Phase,
    pub failures: i64,
    pub openings: i64,
    pub cause: Option<Cause>,
    pub retry_at: Option<Time>,
    pub version: i64,
    pub since: Time,
    pub last_error: Option<String>,
    pub last_error_at: Option<Time>,
}

impl BreakerRow {
    /// The row without its place and its words; refusals are not stored.
    pub fn breaker(&self) -> Breaker {
        Breaker {
            phase: self.phase,
            failures: self.failures,
            rejects: 0,
            openings: self.openings,
            cause: self.cause,
            retry_at: self.retry_at,
            version: self.version,
        }
    }
}

/// Every breaker that is not closed and at rest, of all workspaces.
pub async fn troubled(db: &Db) -> Result<Vec<BreakerRow>, StoreError> {
    db.read()
        .sql(
            "SELECT workspace_id, campaign_id, endpoint, phase, failures, openings, cause, retry_at, version, since,
                last_error, last_error_at
             FROM endpoint_breaker WHERE is_troubled",
        )
        .all()
        .await
}

/// The breakers of a campaign's endpoints that have one.
pub async fn of_campaign(
    db: &Db,
    workspace: WorkspaceId,
    campaign: CampaignId,
) -> Result<Vec<BreakerRow>, StoreError> {
    db.read()
        .sql(
            "SELECT workspace_id, campaign_id, endpoint, phase, failures, openings, cause, retry_at, version, since,
                last_error, last_error_at
             FROM endpoint_breaker WHERE workspace_id = $1 AND campaign_id = $2 ORDER BY endpoint",
        )
        .bind(workspace)
        .bind(campaign)
        .all()
        .await
}

/// One endpoint's breaker, if it has one.
pub async fn get(db: &Db, place: &Place) -> Result<Option<BreakerRow>, StoreError> {
    db.read()
        .sql(
            "SELECT workspace_id, campaign_id, endpoint, phase, failures, openings, cause, retry_at, version, since,
                last_error, last_error_at
             FROM endpoint_breaker WHERE workspace_id = $1 AND campaign_id = $2 AND endpoint = $3",
        )
        .bind(place.workspace)
        .bind(place.campaign)
        .bind(place.endpoint.as_str())
        .optional()
        .await
}

/// Which endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    pub workspace: WorkspaceId,
    pub campaign: CampaignId,
    pub endpoint: String,
}

/// A change of a breaker.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    pub place: &'a Place,
    pub from: Breaker,
    pub to: Breaker,
    /// What went wrong, if something did.
    pub error: Option<&'a str>,
    pub notice: Option<Notice>,
    pub at: Time,
}

/// Stores a change over the version it was made from; false when somebody was faster: then nothing was written.
pub async fn change(db: &Db, change: &Change<'_>) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let to = &change.to;
    let changed = tx
        .ex()
        .sql(
            "INSERT INTO endpoint_breaker (workspace_id, campaign_id, endpoint, phase, failures, openings, cause, retry_at,
                version, since, last_error, last_error_at, is_troubled)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
             WHERE $14 = 0 OR EXISTS (SELECT 1 FROM endpoint_breaker
                WHERE workspace_id = $1 AND campaign_id = $2 AND endpoint = $3)
             ON CONFLICT (workspace_id, campaign_id, endpoint) DO UPDATE SET phase = excluded.phase,
                failures = excluded.failures, openings = excluded.openings, cause = excluded.cause,
                retry_at = excluded.retry_at, version = excluded.version,
                since = CASE WHEN endpoint_breaker.phase = excluded.phase THEN endpoint_breaker.since ELSE excluded.since END,
                last_error = COALESCE(excluded.last_error, endpoint_breaker.last_error),
                last_error_at = COALESCE(excluded.last_error_at, endpoint_breaker.last_error_at),
                is_troubled = excluded.is_troubled
             WHERE endpoint_breaker.version = $14",
        )
        .bind(change.place.workspace)
        .bind(change.place.campaign)
        .bind(change.place.endpoint.as_str())
        .bind(to.phase)
        .bind(to.failures)
        .bind(to.openings)
        .bind(to.cause)
        .bind(to.retry_at)
        .bind(to.version)
        .bind(change.at)
        .bind(change.error)
        .bind(change.error.map(|_| change.at))
        .bind(to.is_troubled())
        .bind(change.from.version)
        .run()
        .await?;
    if changed == 0 {
        return Ok(false);
    }
    if let Some(notice) = &change.notice {
        notices::raise(&mut tx, std::slice::from_ref(notice)).await?;
    }
    audit::tell(&mut tx, change.place.workspace, &[told(change)], change.at).await?;
    tx.commit().await?;
    Ok(true)
}

fn told(change: &Change<'_>) -> Entry {
    let action = match change.to.phase {
        Phase::Closed => "campaign.breaker_reset",
        _ => "campaign.breaker_opened",
    };
    let endpoint = &change.place.endpoint;
    let shown = |breaker: &Breaker| json!({ "endpointId": endpoint, "phase": breaker.phase, "until": breaker.retry_at });
    Entry::new(action, "campaign", change.place.campaign)
        .from(shown(&change.from))
        .to(shown(&change.to))
}

/// Lets a delivery that waits wait on, if it is still at its generation.
pub async fn postpone(
    db: &Db,
    workspace: WorkspaceId,
    (submission, generation): (SubmissionId, i64),
    due_at: Time,
) -> Result<(), StoreError> {
    db.write()
        .sql(
            "UPDATE submission SET due_at = $4
             WHERE workspace_id = $1 AND id = $2 AND generation = $3 AND run = 'ready'",
        )
        .bind(workspace)
        .bind(submission)
        .bind(generation)
        .bind(due_at)
        .run()
        .await?;
    Ok(())
}

/// Makes deliveries of a campaign due that wait for a breaker, at most `limit` of them: it was closed by hand.
pub async fn wake(
    db: &Db,
    workspace: WorkspaceId,
    campaign: CampaignId,
    now: Time,
    limit: i64,
) -> Result<u64, StoreError> {
    db.write()
        .sql(
            "UPDATE submission SET due_at = $3 WHERE id IN (
                SELECT s.id FROM submission s
                WHERE s.run IN ('ready', 'parked') AND s.due_at > $3 AND (s.workspace_id = $1) IS TRUE
                  AND s.campaign_id = $2 AND s.stage = 'delivery' AND s.reason_code = 'breaker_open'
                ORDER BY s.due_at LIMIT $4)
             AND run = 'ready'",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(now)
        .bind(limit)
        .run()
        .await
}
