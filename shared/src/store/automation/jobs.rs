//! What firings want of the outside: webhooks to post, leads to repost, pushes to a CRM. The row is the truth; the queue rings the bell.
//!
//! A job is taken with its attempt's number, and whoever took it settles it with that number: a worker that comes late changes nothing.
use crate::{
    automation::config::WebhookConfig,
    clock::Time,
    ids::{AutomationJobId, CampaignId, LeadId, WorkspaceId},
    lead::LeadStatus,
    store::{
        Db, Rows, StoreError, Tx,
        notices::{self, Notice},
        rows::time,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use std::collections::HashMap;
use uuid::Uuid;

mod operate;

pub use operate::{JobFilter, JobRow, KEPT_DAYS, RETRIED_AT_ONCE, forget, list, retry, retry_of};

/// Why a push waits.
pub const NO_CRM: &str = "no CRM is connected";

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = AutomationJobKind)]
pub enum JobKind {
    Webhook,
    Repost,
    CrmPush,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = AutomationJobState)]
pub enum JobState {
    /// Due, or waiting for its next try.
    Waiting,
    /// Nobody takes it yet.
    Held,
    Done,
    Failed,
}

/// What a job knows of the firing that wanted it. Who the lead is, is read when the job is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload {
    pub rule_id: String,
    pub rule_name: String,
    pub cause: Value,
    /// After the firing.
    pub points: i64,
    pub stars: f64,
    pub status: LeadStatus,
    /// Where it is posted; the secret by its name only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookConfig>,
}

/// A job that is to be there.
#[derive(Debug, Clone)]
pub struct New {
    pub workspace: WorkspaceId,
    pub campaign: CampaignId,
    pub lead: LeadId,
    pub firing: i64,
    pub action: i64,
    pub kind: JobKind,
    pub payload: Payload,
}

#[derive(Serialize)]
struct NewRow<'a> {
    workspace_id: Uuid,
    id: Uuid,
    campaign_id: Uuid,
    lead_id: Uuid,
    firing: i64,
    action: i64,
    kind: JobKind,
    payload: &'a Payload,
    state: JobState,
    #[serde(serialize_with = "time")]
    at: Time,
    problem: Option<&'a str>,
}

/// Opens jobs, due at once; a push to a CRM is held. Answers those that were not there before, by lead, firing and action.
pub(super) async fn open(
    tx: &mut Tx,
    new: &[New],
    now: Time,
) -> Result<HashMap<(LeadId, i64, i64), AutomationJobId>, StoreError> {
    if new.is_empty() {
        return Ok(HashMap::new());
    }
    let row = |one| new_row(one, now);
    let rows: Vec<NewRow> = new.iter().map(row).collect();
    let opened: Vec<(LeadId, i64, i64, AutomationJobId)> = tx
        .ex()
        .sql(
            "INSERT INTO automation_job (workspace_id, id, campaign_id, lead_id, firing, action, kind, payload, state, attempt,
                due_at, problem, created_at)
             SELECT r.workspace_id, r.id, r.campaign_id, r.lead_id, r.firing, r.action, r.kind, r.payload, r.state, 0,
                CASE WHEN r.state = 'waiting' THEN r.at END, r.problem, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, campaign_id uuid, lead_id uuid, firing bigint, action bigint, kind text,
                payload jsonb, state text, at timestamptz, problem text) r WHERE TRUE
             ON CONFLICT (workspace_id, lead_id, firing, action) DO NOTHING
             RETURNING lead_id, firing, action, id",
        )
        .bind(Rows::of(&rows))
        .all()
        .await?;
    Ok(opened.into_iter().map(|(lead, firing, action, id)| ((lead, firing, action), id)).collect())
}

fn new_row(one: &New, at: Time) -> NewRow<'_> {
    let is_held = one.kind == JobKind::CrmPush;
    NewRow {
        workspace_id: one.workspace.0,
        id: AutomationJobId::new().0,
        campaign_id: one.campaign.0,
        lead_id: one.lead.0,
        firing: one.firing,
        action: one.action,
        kind: one.kind,
        payload: &one.payload,
        state: if is_held { JobState::Held } else { JobState::Waiting },
        at,
        problem: is_held.then_some(NO_CRM),
    }
}

/// Jobs that are due in all workspaces, the longest first, each with the attempts that were made.
pub async fn due(
    db: &Db,
    now: Time,
    limit: i64,
) -> Result<Vec<(AutomationJobId, i64)>, StoreError> {
    db.read()
        .sql(
            "SELECT id, attempt FROM automation_job WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .all()
        .await
}

/// A job under way.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Job {
    pub workspace_id: WorkspaceId,
    pub id: AutomationJobId,
    pub campaign_id: CampaignId,
    pub lead_id: LeadId,
    pub firing: i64,
    pub kind: JobKind,
    pub payload: Json<Payload>,
    /// 1 for the first.
    pub attempt: i64,
    pub created_at: Time,
}

/// Takes a job that is due and has had so many attempts; none: somebody else has it, or it is settled. It is due again at `lost_at`, unless it
/// is settled before: its worker has died then.
///
/// A job on the queue does not know its workspace: this is one of the few functions that find it.
pub async fn take(
    db: &Db,
    (id, attempts): (AutomationJobId, i64),
    (now, lost_at): (Time, Time),
) -> Result<Option<Job>, StoreError> {
    db.write()
        .sql(
            "UPDATE automation_job SET attempt = attempt + 1, due_at = $4
             WHERE id = $1 AND attempt = $2 AND state = 'waiting' AND due_at <= $3
             RETURNING workspace_id, id, campaign_id, lead_id, firing, kind, payload, attempt, created_at",
        )
        .bind(id)
        .bind(attempts)
        .bind(now)
        .bind(lost_at)
        .optional()
        .await
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    Done,
    /// It is tried again then.
    Again(Time, String),
    /// It is over; the notice says so.
    Failed(String, Option<Box<Notice>>),
}

/// Writes down how an attempt ended, with its notice; false when a later attempt has begun, or somebody settled it: then nothing is
/// changed.
pub async fn settle(db: &Db, job: &Job, end: &End, now: Time) -> Result<bool, StoreError> {
    let (state, due_at, problem) = match end {
        End::Done => (JobState::Done, None, None),
        End::Again(at, why) => (JobState::Waiting, Some(*at), Some(why.as_str())),
        End::Failed(why, _) => (JobState::Failed, None, Some(why.as_str())),
    };
    let mut tx = db.begin().await?;
    let settled = tx
        .ex()
        .sql(
            "UPDATE automation_job SET state = $4, due_at = $5, problem = $6, finished_at = $7
             WHERE id = $2 AND attempt = $3 AND state = 'waiting' AND (workspace_id = $1) IS TRUE",
        )
        .bind(job.workspace_id)
        .bind(job.id)
        .bind(job.attempt)
        .bind(state)
        .bind(due_at)
        .bind(problem)
        .bind((state != JobState::Waiting).then_some(now))
        .run()
        .await?;
    if settled == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    if let End::Failed(_, Some(notice)) = end {
        notices::raise(&mut tx, std::slice::from_ref(notice)).await?;
    }
    tx.commit().await?;
    Ok(true)
}
