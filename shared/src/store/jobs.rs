//! Stage jobs as operators see them: list, count, retry or discard what matches.
use super::{Db, Rows, StoreError, Tx, audit, rows::time};
use crate::{
    audit::Entry,
    clock::Time,
    ids::{CampaignId, LeadId, SubmissionId, WorkspaceId},
    submission::{End, Stage, State, Status},
    webhook::{About, Facts, Told, event},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// Jobs moved by one transaction of a bulk retry or discard.
pub const CHUNK: i64 = 500;

/// Which jobs. What is none does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JobFilter {
    /// `failed` (the default), `held`, `ready` or `parked`.
    pub state: Option<JobState>,
    pub stage: Option<Stage>,
    pub campaign: Option<CampaignId>,
    /// What failed jobs have in common.
    pub fingerprint: Option<String>,
    /// Last moved at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Last moved before this time.
    pub until: Option<DateTime<Utc>>,
}

/// Where a job is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum JobState {
    #[default]
    Failed,
    Held,
    Ready,
    Parked,
}

/// An open, parked, held or failed stage job.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// The submission whose job it is.
    pub id: SubmissionId,
    pub lead_id: LeadId,
    pub campaign_id: CampaignId,
    pub campaign_code: String,
    pub run: String,
    pub stage: Stage,
    pub generation: i64,
    pub attempt: i64,
    pub due_at: Option<DateTime<Utc>>,
    pub reason_code: Option<String>,
    /// The last error, or why the job waits.
    pub reason: Option<String>,
    pub error_fingerprint: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Jobs that match, the one that moved last first; `before` is the last one of the page before.
pub async fn list(
    db: &Db,
    workspace: WorkspaceId,
    filter: &JobFilter,
    before: Option<(Time, SubmissionId)>,
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let (before_at, before_id) = before.unzip();
    db.read()
        .sql(
            "SELECT s.id, s.lead_id, s.campaign_id, c.code AS campaign_code, s.run, s.stage, s.generation, s.attempt,
                s.due_at, s.reason_code, s.reason, s.error_fingerprint, s.created_at, s.updated_at
             FROM submission s JOIN campaign c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
             WHERE s.workspace_id = $1 AND s.run = $2
               AND COALESCE($3, s.stage) = s.stage AND COALESCE($4, s.campaign_id) = s.campaign_id
               AND COALESCE($5, s.error_fingerprint, '') = COALESCE(s.error_fingerprint, '')
               AND COALESCE($6, s.updated_at) <= s.updated_at
               AND (s.updated_at < $7 OR $7 IS NULL)
               AND (s.updated_at < $8 OR $8 IS NULL OR (s.updated_at = $8 AND s.id < $9))
             ORDER BY s.updated_at DESC, s.id DESC LIMIT $10",
        )
        .bind(workspace)
        .bind(filter.state.unwrap_or_default())
        .bind(filter.stage)
        .bind(filter.campaign)
        .bind(filter.fingerprint.as_deref())
        .bind(filter.from)
        .bind(filter.until)
        .bind(before_at)
        .bind(before_id)
        .bind(limit)
        .all()
        .await
}

/// How many jobs share stage, campaign and error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    pub stage: Stage,
    pub campaign_id: CampaignId,
    pub error_fingerprint: Option<String>,
    /// One of their errors.
    pub example: Option<String>,
    pub jobs: i64,
    pub oldest: DateTime<Utc>,
    pub newest: DateTime<Utc>,
}

/// Counts what matches, the largest group first.
pub async fn groups(
    db: &Db,
    workspace: WorkspaceId,
    filter: &JobFilter,
) -> Result<Vec<Group>, StoreError> {
    db.read()
        .sql(
            "SELECT s.stage, s.campaign_id, s.error_fingerprint, MAX(s.reason) AS example, COUNT(*) AS jobs,
                MIN(s.updated_at) AS oldest, MAX(s.updated_at) AS newest
             FROM submission s
             WHERE s.workspace_id = $1 AND s.run = $2
               AND COALESCE($3, s.stage) = s.stage AND COALESCE($4, s.campaign_id) = s.campaign_id
               AND COALESCE($5, s.error_fingerprint, '') = COALESCE(s.error_fingerprint, '')
               AND COALESCE($6, s.updated_at) <= s.updated_at AND (s.updated_at < $7 OR $7 IS NULL)
             GROUP BY s.stage, s.campaign_id, s.error_fingerprint
             ORDER BY jobs DESC, s.stage LIMIT 200",
        )
        .bind(workspace)
        .bind(filter.state.unwrap_or_default())
        .bind(filter.stage)
        .bind(filter.campaign)
        .bind(filter.fingerprint.as_deref())
        .bind(filter.from)
        .bind(filter.until)
        .all()
        .await
}

/// What a bulk move does to a failed job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bulk {
    /// The stage runs again, from its first attempt.
    Retry,
    /// The submission ends.
    Discard,
}

#[derive(sqlx::FromRow)]
struct Moved {
    id: SubmissionId,
    stage: Stage,
    generation: i64,
    campaign_id: CampaignId,
}

#[derive(Serialize)]
struct EventRow<'a> {
    workspace_id: Uuid,
    submission_id: Uuid,
    generation: i64,
    stage: Stage,
    verdict: &'a str,
    reason: &'a str,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// Moves up to [`CHUNK`] failed jobs that match and last moved before `at`; says which. Call it until it answers with none: each call
/// is one transaction, so a process that dies leaves the rest as they were.
pub async fn move_failed(
    db: &Db,
    workspace: WorkspaceId,
    filter: &JobFilter,
    bulk: Bulk,
    (by, at): (&str, Time),
) -> Result<Vec<(SubmissionId, Stage, i64)>, StoreError> {
    let mut tx = db.begin().await?;
    let (statement, verdict, reason) = match bulk {
        Bulk::Retry => (RETRY, "retried", format!("retried by {by}")),
        Bulk::Discard => (DISCARD, "discarded", format!("discarded by {by}")),
    };
    let moved = move_chunk(&mut tx, workspace, filter, statement, at).await?;
    if matches!(bulk, Bulk::Discard) {
        tx.tell(moved.iter().flat_map(|job| told(workspace, job, at)));
    }
    let rows: Vec<EventRow> = moved
        .iter()
        .map(|job| EventRow {
            workspace_id: workspace.0,
            submission_id: job.id.0,
            generation: job.generation,
            stage: job.stage,
            verdict,
            reason: &reason,
            at,
        })
        .collect();
    tx.ex()
        .sql(
            "INSERT INTO journey_event (workspace_id, submission_id, generation, stage, verdict, reason_code, reason, attempt,
                duration_us, at)
             SELECT r.workspace_id, r.submission_id, r.generation, r.stage, r.verdict, 'operator', r.reason, 0, 0, r.at
             FROM ROWS($1: workspace_id uuid, submission_id uuid, generation bigint, stage text, verdict text, reason text,
                at timestamptz) r",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    audit::tell(&mut tx, workspace, &audited(workspace, filter, bulk, &moved), at).await?;
    tx.commit().await?;
    Ok(moved.into_iter().map(|job| (job.id, job.stage, job.generation)).collect())
}

/// The lines of the audit log: what was asked for and how many there were, and each job.
fn audited(workspace: WorkspaceId, filter: &JobFilter, bulk: Bulk, moved: &[Moved]) -> Vec<Entry> {
    let (all, each, to) = match bulk {
        Bulk::Retry => ("job.bulk_retried", "job.retried", "ready"),
        Bulk::Discard => ("job.bulk_discarded", "job.discarded", "finished"),
    };
    if moved.is_empty() {
        return Vec::new();
    }
    let counts = json!({ "filter": filter, "moved": moved.len() });
    let all = Entry::new(all, "workspace", workspace).to(counts);
    let each = moved.iter().map(|job| {
        Entry::new(each, "submission", job.id)
            .from(json!({ "run": "failed", "stage": job.stage }))
            .to(json!({ "run": to }))
    });
    std::iter::once(all).chain(each).collect()
}

/// What others may want to be told of a job that was discarded.
fn told(workspace: WorkspaceId, job: &Moved, at: Time) -> impl Iterator<Item = Told> {
    let (status, end) = (Status::of(State::Finished, Some(End::Discarded)), End::Discarded);
    let facts = Facts {
        status: status.word().into(),
        outcome: Some(end),
        reason_code: Some("operator".into()),
        ..Facts::default()
    };
    let about = About::Submission(job.id, job.campaign_id);
    let events = event::of_move(false, State::Finished, Some(end)).into_iter();
    events.map(move |event| Told { workspace, event, about, facts: facts.clone(), at })
}

/// The failed jobs that a chunk moves, and what is told of them.
macro_rules! failed_that_match {
    () => {
        "WHERE workspace_id = $1 AND run = 'failed' AND id IN ( \
         SELECT s.id FROM submission s \
         WHERE s.workspace_id = $1 AND s.run = 'failed' \
         AND COALESCE($2, s.stage) = s.stage AND COALESCE($3, s.campaign_id) = s.campaign_id \
         AND COALESCE($4, s.error_fingerprint) = s.error_fingerprint \
         AND COALESCE($5, s.updated_at) <= s.updated_at AND (s.updated_at < $6 OR $6 IS NULL) AND s.updated_at <= $7 \
         ORDER BY s.updated_at LIMIT $8) \
         RETURNING id, stage, generation, campaign_id"
    };
}

/// The stage runs again, from its first attempt, by the campaign's newest revision.
const RETRY: &str = concat!(
    "UPDATE submission SET run = 'ready', generation = generation + 1, attempt = 0, due_at = $7, \
     status = CASE WHEN stage = 'routing' THEN 'pending' WHEN stage IN ('payload', 'delivery') THEN 'qualified' \
     WHEN stage = 'fallback' THEN status ELSE 'processing' END, \
     revision = (SELECT c.revision FROM campaign c \
     WHERE c.workspace_id = submission.workspace_id AND c.id = submission.campaign_id), \
     reason_code = NULL, reason = NULL, error_fingerprint = NULL, updated_at = $7 ",
    failed_that_match!()
);

/// The submission ends.
const DISCARD: &str = concat!(
    "UPDATE submission SET run = 'finished', generation = generation + 1, status = 'error', outcome = 'discarded', \
     reason_code = 'operator', reason = 'discarded', finished_at = $7, updated_at = $7 ",
    failed_that_match!()
);

async fn move_chunk(
    tx: &mut Tx,
    workspace: WorkspaceId,
    filter: &JobFilter,
    statement: &'static str,
    at: Time,
) -> Result<Vec<Moved>, StoreError> {
    tx.ex()
        .sql(statement)
        .bind(workspace)
        .bind(filter.stage)
        .bind(filter.campaign)
        .bind(filter.fingerprint.as_deref())
        .bind(filter.from)
        .bind(filter.until)
        .bind(at)
        .bind(CHUNK)
        .all()
        .await
}
