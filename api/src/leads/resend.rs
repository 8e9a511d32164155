//! POST /leads/{id}/repost, /deliver and /submit: a person sends a lead to a campaign once more, or at last.
use super::{
    by_hand::{Keyed, Opened, Towards, answer, ask, carry_out, sender},
    form::{Changes, LeadForm},
};
use crate::{
    Api,
    answer::{Guarded, Resending, Success},
    body::{self, Body},
    caller::{Caller, Scope},
    error::{ApiError, Detail},
    params::{Id, IdempotencyKey},
    scan::Object,
};
use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::{
    ids::{LeadId, SubmissionId},
    moves::resend,
    store::{
        desk::{Desk, Rewrite},
        intake::CampaignRef,
    },
};
use std::sync::Arc;
use utoipa::ToSchema;

const REPOST: &str = "POST /api/v1/leads/{leadId}/repost";
const DELIVER: &str = "POST /api/v1/leads/{leadId}/deliver";
const SUBMIT: &str = "POST /api/v1/leads/{leadId}/submit";

/// How a lead is sent again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"campaignId": "SOL", "modifiedPayload": {"phone": "(415) 555-0101"}}))]
pub struct Repost {
    /// The campaign's id or its code; that of the latest submission unless given. Required with `modifiedPayload`.
    pub campaign_id: Option<String>,
    /// Fields of a lead as `POST /leads/submit` takes them, but for `campaignId`, `leadId` and `isTest`. They are merged into the lead.
    #[schema(value_type = Option<Object>)]
    pub modified_payload: Option<Map<String, Value>>,
    /// Not supported: a lead is delivered to its campaign's endpoints.
    #[schema(value_type = Option<Object>)]
    pub delivery_info: Option<Value>,
}

/// What became of a repost.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reposted {
    pub new_submission_id: SubmissionId,
    pub lead_id: LeadId,
    /// Whether the campaign's rules are asked (again); false when the submission begins with its payload.
    pub requires_qualification: bool,
}

/// Repost a lead
///
/// Sends a lead again that was not sold. Without `modifiedPayload`, to the campaign of its latest submission, qualification is skipped.
/// Another campaign, or `modifiedPayload`, means qualification in full. Refused with 409 while a submission is open, when a buyer has the
/// lead or may have it, and when the campaign would only say the same again.
#[utoipa::path(
    post, path = "/leads/{leadId}/repost", tag = "Leads", operation_id = "repostLead",
    params(("leadId" = LeadId, Path), ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "As for submitting a lead.")),
    request_body = Repost,
    responses((status = 202, description = "The new submission is on its way.", body = Success<Reposted>), Guarded, Resending)
)]
pub async fn repost(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(lead): Id<LeadId>,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let form: Repost = body.read()?;
    if form.delivery_info.is_some() {
        let rule = "is not supported: a lead is delivered to its campaign's endpoints; name another campaign instead";
        return Err(ApiError::invalid_at("deliveryInfo", rule));
    }
    let by = caller.by();
    let changes = changes(form.modified_payload, form.campaign_id.as_deref(), &api, &by)?;
    let campaign = named(form.campaign_id.as_deref())?;
    let keyed = Keyed { route: REPOST, key, raw: &body.raw };
    let ask = ask(&api, &caller, lead, campaign, Some(keyed));
    let sender = sender(&api, &ask, &by);
    let done = carry_out((&api, &caller), &ask, |desk| {
        let rewrite = changes.as_ref().map(|changes| rewritten(desk, changes));
        resend::repost(desk, rewrite, sender)
    });
    done.await.map(answer)
}

fn named(campaign: Option<&str>) -> Result<Option<CampaignRef>, ApiError> {
    let campaign = campaign.map(CampaignRef::read).transpose();
    campaign.map_err(|why| ApiError::invalid_at("campaignId", why))
}

/// The checked changes of a modified repost.
fn changes(
    given: Option<Map<String, Value>>,
    campaign: Option<&str>,
    api: &Api,
    by: &str,
) -> Result<Option<Changes>, ApiError> {
    let Some(mut given) = given else { return Ok(None) };
    let Some(campaign) = campaign else {
        return Err(ApiError::invalid_at(
            "campaignId",
            "is missing; it is required with modifiedPayload",
        ));
    };
    if given.contains_key("campaignId") {
        let rule = "belongs beside modifiedPayload, not into it";
        return Err(ApiError::invalid_at("modifiedPayload.campaignId", rule));
    }
    given.insert("campaignId".to_owned(), json!(campaign));
    let below = |path: &str| format!("modifiedPayload.{path}");
    let form: Object<LeadForm> =
        serde_path_to_error::deserialize(Value::Object(given)).map_err(|error| {
            let inner = body::detail(&error.path().to_string(), error.inner());
            ApiError::invalid_at(below(&inner.path), inner.message)
        })?;
    let checked = form.0.changes(by, api.clock.now());
    checked.map(Some).map_err(|problems| {
        let placed = |problem: Detail| Detail::new(below(&problem.path), problem.message);
        ApiError::invalid(problems.into_iter().map(placed).collect())
    })
}

/// The lead with the changes merged into it.
fn rewritten(desk: &Desk, changes: &Changes) -> Rewrite {
    let lead = &desk.lead;
    let mut details = lead.details.0.clone();
    details.merge(changes.details.clone());
    let or = |change: &Option<String>, is: &String| change.clone().unwrap_or_else(|| is.clone());
    Rewrite {
        first_name: or(&changes.first_name, &lead.first_name),
        last_name: or(&changes.last_name, &lead.last_name),
        email: or(&changes.email, &lead.email),
        phone: or(&changes.phone, &lead.phone),
        details,
    }
}

/// Deliver a lead by hand
///
/// For a lead that waits, was only stored, or was not sold: a new submission towards the campaign, with all its rules but routing and the
/// first action, for a person has decided. The submission that waits is over. Refused with 409 while an approval is pending or after
/// it was refused.
#[utoipa::path(
    post, path = "/leads/{leadId}/deliver", tag = "Leads", operation_id = "deliverLead",
    params(("leadId" = LeadId, Path), ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "As for submitting a lead.")),
    request_body = Towards,
    responses((status = 202, description = "The new submission is on its way.", body = Success<Opened>), Guarded, Resending)
)]
pub async fn deliver(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(lead): Id<LeadId>,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let form: Towards = body.read()?;
    if form.campaign_id.is_none() {
        return Err(ApiError::invalid_at("campaignId", "is missing"));
    }
    let by = caller.by();
    let keyed = Keyed { route: DELIVER, key, raw: &body.raw };
    let ask = ask(&api, &caller, lead, named(form.campaign_id.as_deref())?, Some(keyed));
    let sender = sender(&api, &ask, &by);
    carry_out((&api, &caller), &ask, |desk| resend::deliver(desk, sender)).await.map(answer)
}

/// Submit a stored lead
///
/// Sends a lead through the pipeline that was only stored. One that was submitted before is reposted instead.
#[utoipa::path(
    post, path = "/leads/{leadId}/submit", tag = "Leads", operation_id = "submitStoredLead",
    params(("leadId" = LeadId, Path), ("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "As for submitting a lead.")),
    request_body = Towards,
    responses((status = 202, description = "The submission is on its way.", body = Success<Opened>), Guarded, Resending)
)]
pub async fn submit(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(lead): Id<LeadId>,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let form: Towards = body.read()?;
    let by = caller.by();
    let keyed = Keyed { route: SUBMIT, key, raw: &body.raw };
    let ask = ask(&api, &caller, lead, named(form.campaign_id.as_deref())?, Some(keyed));
    let sender = sender(&api, &ask, &by);
    carry_out((&api, &caller), &ask, |desk| resend::submit(desk, sender)).await.map(answer)
}
