//! PATCH /submissions/{id} and /leads/{id}: a person sets a status; GET /leads/{id}/history: how the lead came to its own.
use super::{
    by_hand::{ask, carry_out, reason},
    show::{ShownLead, shown},
    submission::Submission,
};
use crate::{
    Api,
    answer::{Absent, Data, Deciding, Guarded, Success},
    body::Body,
    caller::{Caller, Scope},
    error::ApiError,
    params::Id,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    ids::{LeadId, SubmissionId},
    lead::LeadStatus,
    moves::set::{self, Wish},
    store::{
        lead_status::{self, HistoryRow},
        leads,
    },
    submission::Status,
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Characters of a buyer's id of a lead, at most.
pub const BUYER_LEAD_ID_MAX: usize = 200;

/// A status that a person sets.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"status": "accepted", "reason": "in the buyer's report of November", "buyerLeadId": "B-17"}))]
pub struct StatusChange {
    /// An end (`accepted`, `delivered`, `disqualified`, `missing_data`, `duplicate`, `failed`, `error`, `rejected`, `no_contact`, `dnc`)
    /// ends the submission, or replaces its end. Any other word is only shown, until the submission's next move.
    pub status: Status,
    /// Why, 1 to 500 characters.
    pub reason: String,
    /// The buyer's own id of the lead, at most 200 characters; `clientLeadId` says the same.
    #[serde(alias = "clientLeadId")]
    pub buyer_lead_id: Option<String>,
}

/// Set a submission's status
///
/// A person's word counts: any status, with a reason, kept in the journey. Refused with 409 while a delivery is under way, and when a
/// lead would be sold twice: another submission of it is sold already, or open.
#[utoipa::path(
    patch, path = "/submissions/{submissionId}", tag = "Leads", operation_id = "setSubmissionStatus",
    params(("submissionId" = SubmissionId, Path)),
    request_body = StatusChange,
    responses((status = 200, description = "The submission as it is now.", body = Success<Submission>), Guarded, Deciding)
)]
pub async fn of_submission(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
    body: Body,
) -> Result<Data<Submission>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let StatusChange { status, reason: why, buyer_lead_id } = body.read()?;
    let why = reason("reason", &why)?;
    if let Some(length) = buyer_lead_id.as_ref().map(|id| id.chars().count())
        && !(1..=BUYER_LEAD_ID_MAX).contains(&length)
    {
        let rule = format!("has {length} characters; 1 to {BUYER_LEAD_ID_MAX} are allowed");
        return Err(ApiError::invalid_at("buyerLeadId", rule));
    }
    let row = leads::submission(&api.db, caller.workspace, id).await?;
    let lead = row.ok_or_else(|| ApiError::not_found("submission"))?.lead_id;
    let wish =
        Wish { status, reason: &why, by: &caller.by(), buyer_lead_id: buyer_lead_id.as_deref() };
    let ask = ask(&api, &caller, lead, None, None);
    carry_out((&api, &caller), &ask, |desk| set::set(desk, id, wish, ask.at)).await?;
    let row = leads::submission(&api.db, caller.workspace, id).await?;
    let row = row.ok_or_else(|| ApiError::not_found("submission"))?;
    let events = leads::journey(&api.db, caller.workspace, id).await?;
    Ok(Data(Submission::of(row, &events)))
}

/// What a person changes of a lead: either of its statuses, with a reason.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"leadStatus": "rejected", "reason": "asked to be left alone"}))]
pub struct LeadChange {
    /// The status of its latest submission, as `PATCH /submissions/{submissionId}` sets it.
    pub status: Option<Status>,
    /// Why the submission's status is set, 1 to 500 characters.
    pub detail: Option<String>,
    /// Whether the lead is worked on. When it is not any more, what waits ends at once and what runs at its next stage.
    pub lead_status: Option<LeadStatus>,
    /// Why the lead's status is set, 1 to 500 characters.
    pub reason: Option<String>,
}

/// Set a lead's status
///
/// Either `status` with `detail`, for its latest submission, or `leadStatus` with `reason`, for the lead itself.
#[utoipa::path(
    patch, path = "/leads/{leadId}", tag = "Leads", operation_id = "setLeadStatus",
    params(("leadId" = LeadId, Path)),
    request_body = LeadChange,
    responses((status = 200, description = "The lead as it is now.", body = Success<ShownLead>), Guarded, Deciding)
)]
pub async fn of_lead(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(lead): Id<LeadId>,
    body: Body,
) -> Result<Data<ShownLead>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let form: LeadChange = body.read()?;
    let ask = ask(&api, &caller, lead, None, None);
    let by = caller.by();
    match (form.status, form.lead_status, form.detail, form.reason) {
        (Some(status), None, detail, None) => {
            let why = reason("detail", &detail.unwrap_or_default())?;
            let wish = Wish { status, reason: &why, by: &by, buyer_lead_id: None };
            carry_out((&api, &caller), &ask, |desk| set::latest(desk, wish, ask.at)).await?;
        }
        (None, Some(status), None, why) => {
            let why = reason("reason", &why.unwrap_or_default())?;
            carry_out((&api, &caller), &ask, |desk| {
                set::lead_status(desk, status, (&why, &by), ask.at)
            })
            .await?;
        }
        _ => {
            let rule = "needs either `status` with `detail`, or `leadStatus` with `reason`";
            return Err(ApiError::invalid_at("", rule));
        }
    }
    shown(&api, &caller, lead).await.map(Data)
}

/// A change of a lead's status.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryLine {
    /// 1, 2, 3, … within the lead.
    pub number: i64,
    pub from: LeadStatus,
    pub to: LeadStatus,
    /// Why, in a stable code.
    pub reason_code: String,
    pub reason: String,
    /// A key, or the part of the program that decided.
    pub by: String,
    /// The submission whose outcome it follows from.
    pub submission_id: Option<SubmissionId>,
    pub at: DateTime<Utc>,
}

impl From<HistoryRow> for HistoryLine {
    fn from(row: HistoryRow) -> Self {
        Self {
            number: row.number,
            from: row.from_status,
            to: row.to_status,
            reason_code: row.reason_code,
            reason: row.reason,
            by: row.changed_by,
            submission_id: row.submission_id,
            at: row.at,
        }
    }
}

/// How a lead came to its status, first to last; empty while it has the one it was taken in with.
#[derive(Debug, Serialize, ToSchema)]
pub struct History {
    pub items: Vec<HistoryLine>,
}

/// Show a lead's status history
#[utoipa::path(
    get, path = "/leads/{leadId}/history", tag = "Leads", operation_id = "getLeadHistory",
    params(("leadId" = LeadId, Path)),
    responses((status = 200, description = "All changes.", body = Success<History>), Guarded, Absent)
)]
pub async fn history(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(lead): Id<LeadId>,
) -> Result<Data<History>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let rows = lead_status::history(&api.db, caller.workspace, lead).await?;
    if rows.is_empty() && leads::get(&api.db, caller.workspace, lead).await?.is_none() {
        return Err(ApiError::not_found("lead"));
    }
    Ok(Data(History { items: rows.into_iter().map(HistoryLine::from).collect() }))
}
