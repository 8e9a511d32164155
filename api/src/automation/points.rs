//! POST /leads/{id}/points: points that people give.
use crate::{
    Api,
    answer::{Data, Guarded, Scored, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    leads::{
        by_hand::{KEY_REUSED, reason},
        submit::{mark_replay, repeat_key},
    },
    params::{Id, IdempotencyKey},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use shared::{
    automation::POINTS_MAX,
    ids::LeadId,
    lead::LeadStatus,
    store::automation::by_hand::{self, Gift, Given},
};
use std::sync::Arc;
use utoipa::ToSchema;

const ROUTE: &str = "POST /api/v1/leads/{leadId}/points";

/// Points for a lead.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"points": 15, "reason": "asked for an offer at the fair"}))]
pub struct GivenPoints {
    /// Added, or taken when negative; not 0, from -1,000,000,000 to 1,000,000,000.
    pub points: i64,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

/// How the lead stands afterwards.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PointsGiven {
    pub lead_id: LeadId,
    /// What was really added: a lead has -1,000,000,000 to 1,000,000,000 points.
    pub added: i64,
    /// All points of the lead, after all that followed.
    pub points: i64,
    pub stars: f64,
    pub lead_status: LeadStatus,
    /// The number of the firing that says so; see `GET /leads/{leadId}/firings`.
    pub firing: i64,
}

/// Give a lead points
///
/// Its campaign's automation reacts to it as to any points. Works without an automation, too. A lead that is no longer processed is
/// refused with 409.
#[utoipa::path(
    post, path = "/leads/{leadId}/points", tag = "Automation", operation_id = "givePoints",
    params(("leadId" = LeadId, Path), ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "As for submitting a lead.")),
    request_body = GivenPoints,
    responses((status = 200, description = "The lead has them.", body = Success<PointsGiven>), Guarded, Scored)
)]
pub async fn give(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(lead): Id<LeadId>,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let form: GivenPoints = body.read()?;
    if form.points == 0 || !(-POINTS_MAX..=POINTS_MAX).contains(&form.points) {
        let rule = format!("is {}; -{POINTS_MAX} to {POINTS_MAX}, not 0, are allowed", form.points);
        return Err(ApiError::invalid_at("points", rule));
    }
    let signed = [lead.to_string().as_bytes(), &body.raw].concat();
    let gift = Gift {
        workspace: caller.workspace,
        lead,
        points: form.points,
        reason: reason("reason", &form.reason)?,
        by: caller.by(),
        repeat: repeat_key(ROUTE, key, &signed),
        at: api.clock.now(),
    };
    let (answer, repeated) = match by_hand::give(&caller.acting(&api.db), &gift).await? {
        Given::Done(answer) => (answer, false),
        Given::Repeated(answer) => (answer, true),
        Given::KeyReused => return Err(ApiError::new(Code::IdempotencyKeyReused, KEY_REUSED)),
        Given::NoSuchLead => return Err(ApiError::not_found("lead")),
        Given::Closed(status) => {
            let message = format!("the lead is {} and takes no points", status.word());
            return Err(ApiError::new(Code::LeadClosed, message));
        }
    };
    Ok(mark_replay(Data(answer).into_response(), repeated))
}
