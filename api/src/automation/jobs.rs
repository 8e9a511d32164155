//! GET /campaigns/{id}/automation/jobs and POST …/jobs/retry: what firings want of the outside.
use crate::{
    Api,
    answer::{Absent, Asked, Data, Guarded, Page, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    campaigns::show::read,
    error::ApiError,
    params::{Id, Limit, Query},
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    ids::{AutomationJobId, CampaignId, LeadId},
    push::AUTOMATION,
    queue::Job,
    store::automation::jobs::{self, JobFilter, JobKind, JobRow, JobState, RETRIED_AT_ONCE},
};
use std::{sync::Arc, time::Duration};
use utoipa::{IntoParams, ToSchema};

/// Something that a firing wants of the outside.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutomationJob {
    pub job_id: AutomationJobId,
    pub lead_id: LeadId,
    /// The number of the lead's firing that wanted it.
    pub firing: i64,
    pub kind: JobKind,
    pub state: JobState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried (again), while it waits.
    pub due_at: Option<DateTime<Utc>>,
    /// What was wrong last time, or why it is held.
    pub problem: Option<String>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl From<JobRow> for AutomationJob {
    fn from(row: JobRow) -> Self {
        Self {
            job_id: row.id,
            lead_id: row.lead_id,
            firing: row.firing,
            kind: row.kind,
            state: row.state,
            attempts: row.attempt,
            due_at: row.due_at,
            problem: row.problem,
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct JobQuery {
    pub state: Option<JobState>,
    pub kind: Option<JobKind>,
    pub lead_id: Option<LeadId>,
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<AutomationJobId>,
}

/// List an automation's jobs
///
/// Webhooks to post, leads to repost, pushes to a CRM, newest first. Jobs that are done are forgotten after 30 days.
#[utoipa::path(
    get, path = "/campaigns/{campaignId}/automation/jobs", tag = "Automation", operation_id = "listAutomationJobs",
    params(("campaignId" = CampaignId, Path), JobQuery),
    responses((status = 200, description = "A page of jobs.", body = Success<Page<AutomationJob>>), Guarded, Absent, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(campaign): Id<CampaignId>,
    Query(query): Query<JobQuery>,
) -> Result<Data<Page<AutomationJob>>, ApiError> {
    caller.require(Scope::Ops)?;
    read(&api.db, caller.workspace, campaign).await?;
    let filter = JobFilter {
        state: query.state,
        kind: query.kind,
        campaign: Some(campaign),
        lead: query.lead_id,
        before: query.cursor,
    };
    let limit = query.limit.0;
    let rows = jobs::list(&api.db, caller.workspace, filter, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, |row| row.id.to_string())))
}

/// Which jobs are to be tried once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobsRetried {
    /// 1 to 1,000.
    pub job_ids: Vec<AutomationJobId>,
}

/// Those that are tried once more.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobsWaiting {
    pub retried: Vec<AutomationJobId>,
}

/// Retry an automation's jobs
///
/// Failed ones are tried once more, at once; others, and those of other campaigns, are left alone and not in the answer. So it may be
/// repeated.
#[utoipa::path(
    post, path = "/campaigns/{campaignId}/automation/jobs/retry", tag = "Automation", operation_id = "retryAutomationJobs",
    params(("campaignId" = CampaignId, Path)),
    request_body = JobsRetried,
    responses((status = 200, description = "Those that wait now.", body = Success<JobsWaiting>), Guarded, Absent, Sent)
)]
pub async fn retry(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(campaign): Id<CampaignId>,
    body: Body,
) -> Result<Data<JobsWaiting>, ApiError> {
    caller.require(Scope::Ops)?;
    read(&api.db, caller.workspace, campaign).await?;
    let JobsRetried { job_ids } = body.read()?;
    if !(1..=RETRIED_AT_ONCE).contains(&job_ids.len()) {
        let rule = format!("has {} entries; 1 to {RETRIED_AT_ONCE} are needed", job_ids.len());
        return Err(ApiError::invalid_at("jobIds", rule));
    }
    let place = (caller.workspace, Some(campaign));
    let retried = jobs::retry_of(&caller.acting(&api.db), place, &job_ids, api.clock.now()).await?;
    for (id, attempt) in &retried {
        api.push.ring(AUTOMATION, Job { id: id.0, generation: *attempt }, Duration::ZERO);
    }
    Ok(Data(JobsWaiting { retried: retried.into_iter().map(|(id, _)| id).collect() }))
}
