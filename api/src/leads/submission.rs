//! GET /leads/{id}/submissions and GET /submissions/{id}: what happened to a lead.
use super::routing::Routing;
use crate::{
    Api,
    answer::{Absent, Data, Guarded, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::Id,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use shared::{
    ids::{CampaignId, LeadId, SubmissionId, WorkspaceId},
    journey::JourneyEvent,
    store::{
        Db, StoreError,
        close::Outcome,
        leads::{self, AttemptRow, SubmissionRow},
        parking::{self, Park},
    },
    submission::{End, Kind, Stage, Status},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// One trip of a lead through the pipeline.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Submission {
    pub submission_id: SubmissionId,
    pub lead_id: LeadId,
    /// 1 for a lead's first submission, then 2, 3, …
    pub number: i64,
    pub kind: Kind,
    pub campaign_id: CampaignId,
    pub campaign_code: String,
    pub campaign_name: String,
    /// The campaign revision that applies.
    pub revision: i64,
    /// The submission whose fallback opened this one.
    pub parent_id: Option<SubmissionId>,
    /// `ready`, `parked`, `held`, `failed` or `finished`.
    pub run: String,
    /// The open stage, or the last one.
    pub stage: Stage,
    /// Grows by one with every move.
    pub generation: i64,
    /// How often the stage was tried before.
    pub attempt: i64,
    /// When its job is due (again), or the deadline of its wait.
    pub due_at: Option<DateTime<Utc>>,
    pub status: Status,
    /// How it ended, or will end when no fallback takes the lead.
    pub outcome: Option<End>,
    pub reason_code: Option<String>,
    pub reason: Option<String>,
    /// How it came to its campaign; null while routing has not decided.
    pub routing: Option<Routing>,
    /// What the stages have found so far: `answers`, `computed`, `canonical`, `payload`, …
    #[schema(value_type = Object)]
    pub carry: Value,
    /// What it has in common with other failed jobs.
    pub error_fingerprint: Option<String>,
    /// The buyer's own id of the lead, where a person noted it; what the buyer answered is in `attempts`.
    pub buyer_lead_id: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl Submission {
    /// A submission with what its journey says about routing.
    pub fn of<'e>(row: SubmissionRow, events: impl IntoIterator<Item = &'e JourneyEvent>) -> Self {
        Self {
            routing: Routing::of(events, row.campaign_id, &row.carry.0),
            submission_id: row.id,
            lead_id: row.lead_id,
            number: row.number,
            kind: row.kind,
            campaign_id: row.campaign_id,
            campaign_code: row.campaign_code,
            campaign_name: row.campaign_name,
            revision: row.revision,
            parent_id: row.parent_id,
            run: row.run,
            stage: row.stage,
            generation: row.generation,
            attempt: row.attempt,
            due_at: row.due_at,
            status: row.status,
            outcome: row.outcome,
            reason_code: row.reason_code,
            reason: row.reason,
            carry: serde_json::to_value(row.carry.0).expect("carry is plain data"),
            error_fingerprint: row.error_fingerprint,
            buyer_lead_id: row.buyer_lead_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
            finished_at: row.finished_at,
        }
    }
}

/// One HTTP exchange with a buyer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    pub number: i64,
    pub endpoint: String,
    pub idempotency_key: String,
    pub started_at: DateTime<Utc>,
    /// Null while it is under way.
    pub outcome: Option<Outcome>,
    pub status_code: Option<i64>,
    pub reason: Option<String>,
    /// The buyer's own id of the lead.
    pub buyer_lead_id: Option<String>,
    /// What the buyer pays, in minor units of `currency`.
    pub price_minor: Option<i64>,
    pub currency: Option<String>,
    /// The answer's beginning.
    pub answer: Option<String>,
    pub duration_us: Option<i64>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl From<AttemptRow> for Attempt {
    fn from(row: AttemptRow) -> Self {
        Self {
            number: row.number,
            endpoint: row.endpoint,
            idempotency_key: row.idempotency_key,
            started_at: row.started_at,
            outcome: row.outcome,
            status_code: row.status_code,
            reason: row.reason,
            buyer_lead_id: row.buyer_lead_id,
            price_minor: row.price_minor,
            currency: row.currency,
            answer: row.answer,
            duration_us: row.duration_us,
            finished_at: row.finished_at,
        }
    }
}

/// The wait of a parked submission.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// `human_review`, `webhook`, …
    pub kind: String,
    pub deadline: DateTime<Utc>,
    /// What happens then: `continue`, `disqualify` or `reject`.
    pub on_deadline: String,
    pub opened_at: DateTime<Utc>,
    /// When the outside was told; null until then.
    pub started_at: Option<DateTime<Utc>>,
}

impl From<Park> for Wait {
    fn from(park: Park) -> Self {
        Self {
            kind: park.kind,
            deadline: park.deadline,
            on_deadline: park.on_deadline,
            opened_at: park.opened_at,
            started_at: park.started_at,
        }
    }
}

/// A submission with its whole story.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    pub submission: Submission,
    /// What it waits for, while it is parked.
    pub wait: Option<Wait>,
    /// What happened, first to last.
    pub journey: Vec<JourneyEvent>,
    /// The exchanges with buyers, first to last.
    pub attempts: Vec<Attempt>,
}

impl Story {
    /// Reads it; none when the workspace has no such submission.
    pub async fn read(
        db: &Db,
        workspace: WorkspaceId,
        id: SubmissionId,
    ) -> Result<Option<Self>, StoreError> {
        let Some(row) = leads::submission(db, workspace, id).await? else { return Ok(None) };
        let attempts = leads::attempts(db, workspace, id).await?;
        let journey = leads::journey(db, workspace, id).await?;
        Ok(Some(Self {
            submission: Submission::of(row, &journey),
            wait: parking::open(db, workspace, id).await?.map(Wait::from),
            journey,
            attempts: attempts.into_iter().map(Attempt::from).collect(),
        }))
    }
}

/// A lead's submissions, first to last.
#[derive(Debug, Serialize, ToSchema)]
pub struct Submissions {
    pub items: Vec<Submission>,
}

/// List a lead's submissions
#[utoipa::path(
    get, path = "/leads/{leadId}/submissions", tag = "Leads", operation_id = "listSubmissions",
    params(("leadId" = LeadId, Path)),
    responses((status = 200, description = "All of them.", body = Success<Submissions>), Guarded, Absent)
)]
pub async fn of_lead(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<LeadId>,
) -> Result<Data<Submissions>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let rows = leads::submissions(&api.db, caller.workspace, id).await?;
    if rows.is_empty() && leads::get(&api.db, caller.workspace, id).await?.is_none() {
        return Err(ApiError::not_found("lead"));
    }
    let events = leads::routing(&api.db, caller.workspace, id).await?;
    let of = |row: SubmissionRow| {
        let own = events.iter().filter(|(submission, _)| *submission == row.id);
        let own: Vec<&JourneyEvent> = own.map(|(_, event)| event).collect();
        Submission::of(row, own)
    };
    Ok(Data(Submissions { items: rows.into_iter().map(of).collect() }))
}

/// Show a submission
///
/// With its journey, its delivery attempts and, while it is parked, what it waits for.
#[utoipa::path(
    get, path = "/submissions/{submissionId}", tag = "Leads", operation_id = "getSubmission",
    params(("submissionId" = SubmissionId, Path)),
    responses((status = 200, description = "The submission.", body = Success<Story>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
) -> Result<Data<Story>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let story = Story::read(&api.db, caller.workspace, id).await?;
    Ok(Data(story.ok_or_else(|| ApiError::not_found("submission"))?))
}
