//! POST /leads/{id}/approve: a person's word on a lead that waits for a human review.
use super::by_hand::{ask, carry_out};
use crate::{
    Api,
    answer::{Data, Deciding, Guarded, Success},
    body::Body,
    caller::{Caller, Scope},
    error::ApiError,
    params::Id,
    parking::REASON_MAX,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    ids::{CampaignId, LeadId, WorkspaceId},
    moves::approve::{self, Approval as Word},
    store::{Db, StoreError, parking},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"status": "approved", "reason": "spoke with her"}))]
pub struct Decision {
    /// `approved` lets the lead go on. `rejected` ends the submission, without a fallback, and makes the lead `rejected`. `pending` takes
    /// nothing back that has had its effect.
    pub status: Word,
    /// At most 500 characters.
    pub reason: Option<String>,
}

/// The approval of a lead: its latest human review.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    pub status: Word,
    /// The campaign that asked for it.
    pub campaign_id: CampaignId,
    /// A key, or `deadline` when nobody decided in time; null while it is pending.
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
}

impl Approval {
    /// Reads it; none when no review was asked for, or the lead was taken out of it.
    pub async fn read(
        db: &Db,
        workspace: WorkspaceId,
        lead: LeadId,
    ) -> Result<Option<Self>, StoreError> {
        let Some((campaign_id, park)) = parking::latest_review(db, workspace, lead).await? else {
            return Ok(None);
        };
        Ok(Word::of(&park).map(|status| Self {
            status,
            campaign_id,
            decided_by: park.decided_by.or(park.resolved_by),
            decided_at: park.resolved_at,
            reason: park.decision_reason,
        }))
    }
}

/// A lead and its approval.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    pub lead_id: LeadId,
    pub approval: Option<Approval>,
}

/// Approve or reject a lead
///
/// For a lead that waits for a human review. The same word again changes nothing; another one after it has had its effect is refused
/// with 409.
#[utoipa::path(
    post, path = "/leads/{leadId}/approve", tag = "Waiting", operation_id = "approveLead",
    params(("leadId" = LeadId, Path)),
    request_body = Decision,
    responses((status = 200, description = "The approval as it is now.", body = Success<Decided>), Guarded, Deciding)
)]
pub async fn approve(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(lead): Id<LeadId>,
    body: Body,
) -> Result<Data<Decided>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let Decision { status, reason } = body.read()?;
    if let Some(length) = reason.as_ref().map(|reason| reason.chars().count())
        && length > REASON_MAX
    {
        let rule = format!("has {length} characters; at most {REASON_MAX} are allowed");
        return Err(ApiError::invalid_at("reason", rule));
    }
    let ask = ask(&api, &caller, lead, None, None);
    let said = (reason.as_deref(), caller.by());
    carry_out((&api, &caller), &ask, |desk| {
        approve::approve(desk, status, (said.0, &said.1), ask.at)
    })
    .await?;
    let approval = Approval::read(&api.db, caller.workspace, lead).await?;
    Ok(Data(Decided { lead_id: lead, approval }))
}
