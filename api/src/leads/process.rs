//! POST /leads/process and what follows from it: leads that were only stored are submitted, many at once.
use super::{
    bulk::some,
    by_hand::KEY_REUSED,
    submit::{mark_replay, repeat_key},
};
use crate::{
    Api,
    answer::{Absent, Asked, Conflicting, Data, Guarded, Page, Processing, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::{Id, IdempotencyKey, Limit, Moment, Query},
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    ids::{CampaignId, ImportId, LeadId, LeadProcessId},
    push::LEAD_PROCESSES,
    queue::Job,
    store::lead_process::{self, Begun, LeadProcess as Row, Request, Which},
};
use std::{sync::Arc, time::Duration};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

const ROUTE: &str = "POST /api/v1/leads/process";

/// The routes about leads that are submitted many at once.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(begin, list)).routes(routes!(show)).routes(routes!(cancel))
}

/// Which leads to submit: either those that are named, or those that a filter finds.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"filter": {"importId": "imp_01jd5p0m9we1n8x8m3t1h6y7aq"}}))]
pub struct ProcessLeads {
    /// 1 to 1,000; each counts once.
    pub lead_ids: Option<Vec<LeadId>>,
    pub filter: Option<ProcessFilter>,
    /// Only count what would be submitted now; false unless given.
    #[serde(default)]
    pub dry_run: bool,
}

/// Which leads: those of an import, of a campaign, or of both. One of them is needed.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessFilter {
    pub import_id: Option<ImportId>,
    pub campaign_id: Option<CampaignId>,
    /// Taken in on this day (UTC) or at this time, or later.
    #[schema(value_type = Option<String>)]
    pub created_from: Option<Moment>,
    /// Taken in on this day (UTC) or at this time, or earlier.
    #[schema(value_type = Option<String>)]
    pub created_until: Option<Moment>,
}

impl ProcessLeads {
    fn which(self) -> Result<Which, ApiError> {
        match (self.lead_ids, self.filter) {
            (Some(leads), None) => {
                some("leadIds", &leads)?;
                Ok(Which { lead_ids: Some(leads.into_iter().collect()), ..Which::default() })
            }
            (None, Some(filter)) if filter.import_id.is_none() && filter.campaign_id.is_none() => {
                Err(ApiError::invalid_at("filter", "needs an `importId` or a `campaignId`"))
            }
            (None, Some(filter)) => Ok(Which {
                lead_ids: None,
                import_id: filter.import_id,
                campaign_id: filter.campaign_id,
                created_from: filter.created_from.map(Moment::first),
                created_until: filter.created_until.map(Moment::last),
            }),
            _ => Err(ApiError::invalid_at("", "needs either `leadIds` or `filter`")),
        }
    }
}

/// A process that has begun.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessBegun {
    pub process_id: LeadProcessId,
}

/// What a dry run counted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessCounted {
    /// How many leads would be submitted now.
    pub matched: i64,
}

/// How far leads that are submitted many at once have come.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeadProcess {
    pub process_id: LeadProcessId,
    /// `running`, `done` or `cancelled`.
    pub state: String,
    /// How many leads were named, if they were.
    pub named: Option<usize>,
    pub import_id: Option<ImportId>,
    pub campaign_id: Option<CampaignId>,
    pub created_from: Option<DateTime<Utc>>,
    pub created_until: Option<DateTime<Utc>>,
    /// Leads that it has submitted.
    pub submitted: i64,
    /// Leads that it could not submit: they are as they were.
    pub skipped: i64,
    /// Why it skipped some, when that can be mended: a campaign that takes no leads.
    pub problem: Option<String>,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl From<Row> for LeadProcess {
    fn from(row: Row) -> Self {
        let which = row.filter.0;
        Self {
            process_id: row.id,
            state: row.state,
            named: which.lead_ids.map(|ids| ids.len()),
            import_id: which.import_id,
            campaign_id: which.campaign_id,
            created_from: which.created_from,
            created_until: which.created_until,
            submitted: row.submitted,
            skipped: row.skipped,
            problem: row.problem,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
            finished_at: row.finished_at,
        }
    }
}

/// Submit many stored leads
///
/// Sends leads through the pipeline that were only stored, by `POST /leads` or by an import: up to 1,000 by their ids, or all that a
/// filter finds. Each is submitted to its own campaign, as `POST /leads/{leadId}/submit` does it. 202 means that the order is on disk; a
/// worker carries it out, slowly enough that leads that come in meanwhile do not wait. Leads that were submitted before, that are
/// closed, or whose campaign takes no leads, are left as they are: asked for twice, a lead is submitted once.
#[utoipa::path(
    post, path = "/leads/process", tag = "Leads", operation_id = "processLeads",
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "As for submitting a lead.")),
    request_body = ProcessLeads,
    responses(
        (status = 200, description = "A dry run: how many would be submitted.", body = Success<ProcessCounted>),
        (status = 202, description = "The leads will be submitted.", body = Success<ProcessBegun>),
        Guarded, Processing
    )
)]
pub async fn begin(
    State(api): State<Arc<Api>>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let form: ProcessLeads = body.read()?;
    let dry_run = form.dry_run;
    let which = form.which()?;
    if dry_run {
        let matched = lead_process::count(&api.db, caller.workspace, &which).await?;
        return Ok(Data(ProcessCounted { matched }).into_response());
    }
    let at = api.clock.now();
    let request = Request {
        workspace: caller.workspace,
        which,
        actor: caller.actor(),
        repeat: repeat_key(ROUTE, key, &body.raw),
        at,
        redeliver_at: at + api.settings.redelivery,
    };
    let begun = lead_process::begin(&api.db, &request).await?;
    let repeated = matches!(begun, Begun::Repeated(_));
    let process_id = begun_as(begun)?;
    if !repeated {
        // The bell rings after the commit. Should it be lost, the sweep makes it up.
        api.push.ring(LEAD_PROCESSES, Job { id: process_id.0, generation: 1 }, Duration::ZERO);
    }
    let answer = (StatusCode::ACCEPTED, Data(ProcessBegun { process_id })).into_response();
    Ok(mark_replay(answer, repeated))
}

fn begun_as(begun: Begun) -> Result<LeadProcessId, ApiError> {
    match begun {
        Begun::New(id) | Begun::Repeated(id) => Ok(id),
        Begun::KeyReused => Err(ApiError::new(Code::IdempotencyKeyReused, KEY_REUSED)),
        Begun::NoSuchCampaign => Err(ApiError::not_found("campaign").at("filter.campaignId")),
        Begun::NoSuchImport => Err(ApiError::not_found("import").at("filter.importId")),
        Begun::ClosedCampaign(state) => {
            let message = format!("the campaign is {state} and takes no leads");
            Err(ApiError::new(Code::CampaignClosed, message).at("filter.campaignId"))
        }
    }
}

/// Which of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProcessQuery {
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<LeadProcessId>,
}

/// List what was submitted many at once
///
/// Newest first.
#[utoipa::path(
    get, path = "/leads/process", tag = "Leads", operation_id = "listLeadProcesses",
    params(ProcessQuery),
    responses((status = 200, description = "A page of processes.", body = Success<Page<LeadProcess>>), Guarded, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<ProcessQuery>,
) -> Result<Data<Page<LeadProcess>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let limit = query.limit.0;
    let rows = lead_process::list(&api.db, caller.workspace, query.cursor, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, |row: &Row| row.id.to_string())))
}

/// Show how far it has come
#[utoipa::path(
    get, path = "/leads/process/{processId}", tag = "Leads", operation_id = "getLeadProcess",
    params(("processId" = LeadProcessId, Path)),
    responses((status = 200, description = "How far it has come.", body = Success<LeadProcess>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<LeadProcessId>,
) -> Result<Data<LeadProcess>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    read(&api, &caller, id).await.map(Data)
}

async fn read(api: &Api, caller: &Caller, id: LeadProcessId) -> Result<LeadProcess, ApiError> {
    let row = lead_process::get(&api.db, caller.workspace, id).await?;
    row.map(LeadProcess::from).ok_or_else(|| ApiError::not_found("process"))
}

/// Stop submitting
///
/// What it has submitted stays so; the other leads stay as they are.
#[utoipa::path(
    post, path = "/leads/process/{processId}/cancel", tag = "Leads", operation_id = "cancelLeadProcess",
    params(("processId" = LeadProcessId, Path)),
    responses((status = 200, description = "It is cancelled.", body = Success<LeadProcess>), Guarded, Absent, Conflicting)
)]
pub async fn cancel(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<LeadProcessId>,
) -> Result<Data<LeadProcess>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let (actor, now) = (caller.actor(), api.clock.now());
    match lead_process::cancel(&api.db, caller.workspace, id, &actor, now).await? {
        None => Err(ApiError::not_found("process")),
        Some(false) => Err(ApiError::new(Code::Conflict, "it is over")),
        Some(true) => read(&api, &caller, id).await.map(Data),
    }
}
