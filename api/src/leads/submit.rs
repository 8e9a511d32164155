//! POST /leads/submit: a lead is on disk, and its way through the pipeline begins.
use super::form::LeadForm;
use crate::{
    Api,
    answer::{Data, Guarded, Success, TakingIn},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::IdempotencyKey,
};
use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    failpoint::failpoint,
    ids::{LeadId, SubmissionId},
    key,
    store::intake::{Arrival, Declined, Receipt, RepeatKey, Who},
    submission::{Stage, Status},
};
use std::sync::Arc;
use utoipa::ToSchema;

const ROUTE: &str = "POST /api/v1/leads/submit";
const REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");

/// What became of a lead that was taken in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TakenIn {
    pub lead_id: LeadId,
    /// Null when the lead was only stored, by request or because its campaign qualifies leads at once.
    pub submission_id: Option<SubmissionId>,
    /// `pending` when it goes through the pipeline, `new` when it was only stored.
    pub status: Status,
    /// Another lead of the campaign had the same email or phone within the campaign's window.
    pub is_duplicate: bool,
}

/// Submit a lead
///
/// Takes the lead in and sends it through the pipeline. 202 means that it is on disk: no crash loses it.
#[utoipa::path(
    post, path = "/leads/submit", tag = "Leads", operation_id = "submitLead",
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255,
        description = "1 to 255 visible ASCII characters. The same key with the same body gets the first answer again, with the header \
            `Idempotent-Replay: true`; with another body it is refused.")),
    request_body = LeadForm,
    responses(
        (status = 202, description = "The lead is taken in.", body = Success<TakenIn>,
            headers(("Idempotent-Replay" = bool, description = "Present when this is the answer to an earlier request."))),
        Guarded, TakingIn
    )
)]
pub async fn submit(
    State(api): State<Arc<Api>>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let repeat = repeat_key(ROUTE, key, &body.raw);
    let arrival = arrival(&api, &caller, body.read()?, repeat, true)?;
    let about = about(&arrival);
    let receipt = take(&api, arrival).await?;
    failpoint("ingest.before_push", &about);
    // The bell rings after the commit. Should it be lost, the due sweep makes it up.
    if let (false, Some(submission)) = (receipt.repeated, receipt.submission_id) {
        api.push.push(Stage::Routing, submission, 1);
    }
    failpoint("ingest.before_reply", &about);
    let status = if receipt.submission_id.is_some() { Status::Pending } else { Status::New };
    Ok(answer(StatusCode::ACCEPTED, status, receipt))
}

/// Whom a failpoint is about.
fn about(arrival: &Arrival) -> String {
    match &arrival.who {
        Who::New { person, .. } => person.email.clone(),
        Who::Known { lead, .. } => lead.to_string(),
    }
}

/// The key under which the answer is kept, if the caller sent one.
pub(crate) fn repeat_key(
    route: &'static str,
    key: Option<String>,
    raw: &[u8],
) -> Option<RepeatKey> {
    key.map(|key| RepeatKey { route, key, body_hash: key::hash(raw) })
}

/// The checked form as a request to the store.
pub(super) fn arrival(
    api: &Api,
    caller: &Caller,
    form: LeadForm,
    repeat: Option<RepeatKey>,
    submit: bool,
) -> Result<Arrival, ApiError> {
    let now = api.clock.now();
    let checked = form.check(&caller.by(), now)?;
    Ok(Arrival {
        workspace: caller.workspace,
        campaign: checked.campaign,
        who: checked.who,
        is_test: checked.is_test,
        submit,
        source: if submit { "api" } else { "create" },
        repeat,
        at: now,
        redeliver_at: now + api.settings.redelivery,
    })
}

pub(super) async fn take(api: &Api, arrival: Arrival) -> Result<Receipt, ApiError> {
    api.intake.take(arrival).await?.map_err(|declined| match declined {
        Declined::UnknownCampaign => ApiError::not_found("campaign").at("campaignId"),
        Declined::UnknownLead => ApiError::not_found("lead").at("leadId"),
        Declined::ClosedCampaign(_) => {
            ApiError::new(Code::CampaignClosed, declined.to_string()).at("campaignId")
        }
        Declined::ClosedLead(_) => {
            ApiError::new(Code::LeadClosed, declined.to_string()).at("leadId")
        }
        Declined::Duplicate { what, .. } => {
            ApiError::new(Code::Duplicate, declined.to_string()).at(what)
        }
        Declined::KeyReused => ApiError::new(Code::IdempotencyKeyReused, declined.to_string()),
    })
}

pub(super) fn answer(code: StatusCode, status: Status, receipt: Receipt) -> Response {
    let data = TakenIn {
        lead_id: receipt.lead_id,
        submission_id: receipt.submission_id,
        status,
        is_duplicate: receipt.is_duplicate,
    };
    mark_replay((code, Data(data)).into_response(), receipt.repeated)
}

/// Says that an answer is the one of an earlier request, if it is.
pub(crate) fn mark_replay(mut response: Response, repeated: bool) -> Response {
    if repeated {
        response.headers_mut().insert(REPLAY, HeaderValue::from_static("true"));
    }
    response
}
