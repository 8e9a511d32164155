//! GET /jobs and GET /jobs/groups: what is stuck, one by one or counted.
use crate::{
    Api,
    answer::{Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::{Limit, Moment, Query},
};
use axum::extract::State;
use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize, de};
use shared::{
    clock::Time,
    ids::{CampaignId, SubmissionId},
    store::jobs::{self, Group, Job, JobFilter, JobState},
    submission::Stage,
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Which jobs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct JobQuery {
    /// `failed` (the default), `held`, `ready` or `parked`.
    pub state: Option<JobState>,
    pub stage: Option<Stage>,
    pub campaign: Option<CampaignId>,
    /// What failed jobs have in common.
    pub fingerprint: Option<String>,
    /// Last moved on this day (UTC) or at this time, or later.
    #[param(value_type = Option<String>)]
    pub from: Option<Moment>,
    /// Last moved before this time or day (UTC).
    #[param(value_type = Option<String>)]
    pub until: Option<Moment>,
    /// 1 to 100; 50 unless given.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

impl JobQuery {
    fn filter(&self) -> JobFilter {
        JobFilter {
            state: self.state,
            stage: self.stage,
            campaign: self.campaign,
            fingerprint: self.fingerprint.clone(),
            from: self.from.map(Moment::first),
            until: self.until.map(Moment::first),
        }
    }
}

/// The last job of a page: when it last moved, and which it is.
#[derive(Debug, Clone, Copy)]
pub struct Cursor(Time, SubmissionId);

impl Cursor {
    fn of(job: &Job) -> String {
        let at = job.updated_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        format!("{at}~{}", job.id)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parts = text.split_once('~').and_then(|(at, id)| {
            let at = DateTime::parse_from_rfc3339(at).ok()?.to_utc();
            Some(Self(at, SubmissionId::parse(id).ok()?))
        });
        parts.ok_or_else(|| de::Error::custom("is not the nextCursor of a page of jobs"))
    }
}

/// List jobs
///
/// The one that moved last comes first.
#[utoipa::path(
    get, path = "/jobs", tag = "Operations", operation_id = "listJobs",
    params(JobQuery),
    responses((status = 200, description = "A page of jobs.", body = Success<Page<Job>>), Guarded, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<JobQuery>,
) -> Result<Data<Page<Job>>, ApiError> {
    caller.require(Scope::Ops)?;
    let before = query.cursor.map(|Cursor(at, id)| (at, id));
    let limit = query.limit.0;
    let rows = jobs::list(&api.db, caller.workspace, &query.filter(), before, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, Cursor::of)))
}

/// Which jobs to count.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct GroupQuery {
    /// `failed` (the default), `held`, `ready` or `parked`.
    pub state: Option<JobState>,
    pub stage: Option<Stage>,
    pub campaign: Option<CampaignId>,
    pub fingerprint: Option<String>,
    /// Last moved on this day (UTC) or at this time, or later.
    #[param(value_type = Option<String>)]
    pub from: Option<Moment>,
    /// Last moved before this time or day (UTC).
    #[param(value_type = Option<String>)]
    pub until: Option<Moment>,
}

impl GroupQuery {
    fn filter(self) -> JobFilter {
        JobFilter {
            state: self.state,
            stage: self.stage,
            campaign: self.campaign,
            fingerprint: self.fingerprint,
            from: self.from.map(Moment::first),
            until: self.until.map(Moment::first),
        }
    }
}

/// Jobs counted by stage, campaign and error.
#[derive(Debug, Serialize, ToSchema)]
pub struct Groups {
    /// The largest first; at most 200.
    pub items: Vec<Group>,
}

/// Count jobs
///
/// Groups them by stage, campaign and error fingerprint; takes the filter of the list.
#[utoipa::path(
    get, path = "/jobs/groups", tag = "Operations", operation_id = "groupJobs",
    params(GroupQuery),
    responses((status = 200, description = "The groups.", body = Success<Groups>), Guarded, Asked)
)]
pub async fn groups(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<GroupQuery>,
) -> Result<Data<Groups>, ApiError> {
    caller.require(Scope::Ops)?;
    let items = jobs::groups(&api.db, caller.workspace, &query.filter()).await?;
    Ok(Data(Groups { items }))
}
