//! What the routes have in common that do something to a lead by hand: one lead on the desk, one transaction, one answer.
use super::submit::{mark_replay, repeat_key};
use crate::{
    Api,
    answer::Data,
    caller::Caller,
    error::{ApiError, Code},
    parking::REASON_MAX,
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    ids::{LeadId, SubmissionId},
    moves::{Refused, resend::Sender},
    store::{
        desk::{self, Ask, Desk, Done, Plan},
        intake::CampaignRef,
    },
};
use utoipa::ToSchema;

/// What is said of an Idempotency-Key that was used for something else.
pub(crate) const KEY_REUSED: &str =
    "the Idempotency-Key was used before with another body or for another lead";

/// A campaign that is named in the body.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"campaignId": "SOL"}))]
pub struct Towards {
    /// The campaign's id or its code; the lead's own unless given.
    pub campaign_id: Option<String>,
}

/// A submission that was opened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    pub new_submission_id: SubmissionId,
    pub lead_id: LeadId,
}

/// What a caller may need to repeat a request safely.
pub(super) struct Keyed<'a> {
    pub route: &'static str,
    pub key: Option<String>,
    pub raw: &'a [u8],
}

/// Who asks for what. The key of a request counts for one lead.
pub(super) fn ask(
    api: &Api,
    caller: &Caller,
    lead: LeadId,
    campaign: Option<CampaignRef>,
    keyed: Option<Keyed<'_>>,
) -> Ask {
    let repeat = keyed.and_then(|keyed| {
        let body = [lead.to_string().as_bytes(), keyed.raw].concat();
        repeat_key(keyed.route, keyed.key, &body)
    });
    Ask { workspace: caller.workspace, lead, campaign, repeat, at: api.clock.now() }
}

/// Who sends a lead again, and when its job is pushed again if nobody took it.
pub(super) fn sender<'a>(api: &Api, ask: &Ask, by: &'a str) -> Sender<'a> {
    Sender { by, now: ask.at, redeliver_at: ask.at + api.settings.redelivery }
}

/// Does it and rings the bell; says whether the answer is a repeated one.
pub(super) async fn carry_out(
    (api, caller): (&Api, &Caller),
    ask: &Ask,
    decide: impl Fn(&Desk) -> Result<Plan, Refused>,
) -> Result<(Value, bool), ApiError> {
    match desk::at(&caller.acting(&api.db), ask, decide).await? {
        Done::Did { answer, jobs } => {
            for (stage, submission, generation) in jobs {
                api.push.push(stage, submission, generation);
            }
            Ok((answer, false))
        }
        Done::Repeated(answer) => Ok((answer, true)),
        Done::KeyReused => Err(ApiError::new(Code::IdempotencyKeyReused, KEY_REUSED)),
        Done::NoSuchLead => Err(ApiError::not_found("lead")),
        Done::NoSuchCampaign => Err(ApiError::not_found("campaign").at("campaignId")),
        Done::Refused(refused) => Err(refused.into()),
    }
}

/// The answer of a request that may be repeated.
pub(super) fn answer((data, repeated): (Value, bool)) -> Response {
    mark_replay((StatusCode::ACCEPTED, Data(data)).into_response(), repeated)
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let message = refused.to_string();
        match refused {
            Refused::ClosedLead(_) => Self::new(Code::LeadClosed, message),
            Refused::ClosedCampaign(_) => Self::new(Code::CampaignClosed, message).at("campaignId"),
            Refused::Conflict(_) => Self::new(Code::Conflict, message),
            Refused::Illegal(illegal) => illegal.into(),
        }
    }
}

/// A reason as a person gives it.
pub(crate) fn reason(path: &str, given: &str) -> Result<String, ApiError> {
    let given = given.trim();
    match given.chars().count() {
        1..=REASON_MAX => Ok(given.to_owned()),
        n => {
            let rule = format!("has {n} characters; 1 to {REASON_MAX} are needed");
            Err(ApiError::invalid_at(path, rule))
        }
    }
}
