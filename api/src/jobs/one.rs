//! One job: look at it whole, retry it, give it up, or settle what the buyer has.
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::ApiError,
    leads::submission::Story,
    moving,
    params::Id,
    parking::REASON_MAX,
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::{
    ids::SubmissionId,
    moves::{self, Settlement},
    store::close::Place,
    submission::{End, Stage},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Where a job is after an operator's move.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    pub submission_id: SubmissionId,
    /// `ready` or `finished`.
    pub run: String,
    /// The open stage, or the last one.
    pub stage: Stage,
    pub generation: i64,
    pub outcome: Option<End>,
}

impl Moved {
    fn of(submission_id: SubmissionId, place: Place) -> Data<Self> {
        Data(Self {
            submission_id,
            run: place.state.run().to_owned(),
            stage: place.stage,
            generation: place.generation,
            outcome: place.end,
        })
    }
}

/// Show a job
///
/// The submission whose job it is, its journey (every error of every attempt), and its delivery attempts.
#[utoipa::path(
    get, path = "/jobs/{submissionId}", tag = "Operations", operation_id = "getJob",
    params(("submissionId" = SubmissionId, Path)),
    responses((status = 200, description = "The job.", body = Success<Story>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
) -> Result<Data<Story>, ApiError> {
    caller.require(Scope::Ops)?;
    let story = Story::read(&api.db, caller.workspace, id).await?;
    Ok(Data(story.ok_or_else(|| ApiError::not_found("submission"))?))
}

/// Retry a job
///
/// The stage of a failed job runs again, from its first attempt. A held one is settled instead.
#[utoipa::path(
    post, path = "/jobs/{submissionId}/retry", tag = "Operations", operation_id = "retryJob",
    params(("submissionId" = SubmissionId, Path)),
    responses((status = 200, description = "The stage runs again.", body = Success<Moved>), Guarded, Absent, Conflicting)
)]
pub async fn retry(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
) -> Result<Data<Moved>, ApiError> {
    caller.require(Scope::Ops)?;
    let place = moving::of_caller(&api, &caller, ("job.retried", id), moves::retry).await?;
    Ok(Moved::of(id, place))
}

/// Discard a job
///
/// A failed or held submission ends, with the outcome `discarded`.
#[utoipa::path(
    post, path = "/jobs/{submissionId}/discard", tag = "Operations", operation_id = "discardJob",
    params(("submissionId" = SubmissionId, Path)),
    responses((status = 200, description = "The submission has ended.", body = Success<Moved>), Guarded, Absent, Conflicting)
)]
pub async fn discard(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
) -> Result<Data<Moved>, ApiError> {
    caller.require(Scope::Ops)?;
    let place = moving::of_caller(&api, &caller, ("job.discarded", id), moves::discard).await?;
    Ok(Moved::of(id, place))
}

/// What is known now about a delivery whose outcome nobody knew.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"outcome": "not_sold", "reason": "the buyer's report does not have it"}))]
pub struct Verdict {
    pub outcome: Settlement,
    /// How it is known, at most 500 characters.
    pub reason: String,
}

/// Settle a held job
///
/// Says whether the buyer has the lead: `sold` ends the submission, `not_sold` lets a fallback take it, `retry` posts it again under the
/// same idempotency key.
#[utoipa::path(
    post, path = "/jobs/{submissionId}/settle", tag = "Operations", operation_id = "settleJob",
    params(("submissionId" = SubmissionId, Path)),
    request_body = Verdict,
    responses((status = 200, description = "It is settled.", body = Success<Moved>), Guarded, Absent, Sent, Conflicting)
)]
pub async fn settle(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
    body: Body,
) -> Result<Data<Moved>, ApiError> {
    caller.require(Scope::Ops)?;
    let Verdict { outcome, reason } = body.read()?;
    let length = reason.trim().chars().count();
    if !(1..=REASON_MAX).contains(&length) {
        let rule = format!("has {length} characters; 1 to {REASON_MAX} are needed");
        return Err(ApiError::invalid_at("reason", rule));
    }
    let place = moving::of_caller(&api, &caller, ("job.settled", id), |loaded, by, now| {
        moves::settle(loaded, outcome, Some(&reason), by, now)
    })
    .await?;
    Ok(Moved::of(id, place))
}
