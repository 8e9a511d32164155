//! Waking parked submissions: by the token that the action was given, or by a person with a key.
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Open, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
    moving,
    params::Id,
};
use axum::extract::State;
use chrono::SecondsFormat;
use serde::Serialize;
use shared::{
    campaign::Problem,
    ids::SubmissionId,
    key,
    moves::{self, Decision, ResumeOutcome},
    reply::Reply,
    store::{
        close::Place,
        parking::{self, Park},
    },
    submission::{Stage, State as Standing},
};
use std::sync::Arc;
use utoipa::ToSchema;

pub use shared::reply::REASON_MAX;

/// Reads what was said, with its problems as refusals.
pub fn decision(body: &Body) -> Result<Decision, ApiError> {
    let reply = body.read::<Reply>()?;
    reply.check().map_err(invalid)
}

/// The problems as one refusal.
pub fn invalid(problems: Vec<Problem>) -> ApiError {
    ApiError::invalid(problems.into_iter().map(Detail::from).collect())
}

/// What became of the wait.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resumed {
    pub submission_id: SubmissionId,
    /// How the wait ended: `continue`, `disqualify` or `reject`.
    pub outcome: String,
    /// The wait was over before, and nothing has happened now.
    pub repeated: bool,
    /// Where the submission goes on; null when nothing has happened now.
    pub stage: Option<Stage>,
}

impl Resumed {
    fn now(submission_id: SubmissionId, outcome: ResumeOutcome, place: &Place) -> Self {
        let outcome = match outcome {
            ResumeOutcome::Continue => "continue",
            ResumeOutcome::Disqualify => "disqualify",
            ResumeOutcome::Reject => "reject",
        };
        let stage = Some(place.stage);
        Self { submission_id, outcome: outcome.to_owned(), repeated: false, stage }
    }
}

/// Resume by token
///
/// Ends the wait of a parked submission. The token, part of the `resumeUrl` that the action was given, is the whole authority; no key is
/// needed. An empty body means `continue`. Once a token (or the webhook's own answer) has ended the wait, repeats are answered with 200,
/// `repeated: true` and no effect, whatever they say: the first answer stands, however far the submission has come. When a person, the
/// deadline or a withdrawal has ended it, the answer is 409, and its details say `resolution`, `by` and `at`.
#[utoipa::path(
    post, path = "/resume/{token}", tag = "Waiting", operation_id = "resumeByToken",
    params(("token" = String, Path)),
    request_body = Reply,
    responses((status = 200, description = "The wait is over.", body = Success<Resumed>), Open, Absent, Sent, Conflicting),
    security(())
)]
pub async fn by_token(
    State(api): State<Arc<Api>>,
    Id(token): Id<String>,
    body: Body,
) -> Result<Data<Resumed>, ApiError> {
    let hash = key::hash(&token);
    let decision = decision(&body)?;
    for _ in 0..moving::TRIES {
        let park = parking::by_token(&api.db, &hash).await?;
        let park = park.ok_or_else(|| ApiError::not_found("resume token"))?;
        let submission_id = park.submission_id;
        if park.resolution.is_some() {
            return repeated(park).map(Data);
        }
        let loaded = api.loader.load(submission_id).await?;
        let loaded = loaded.ok_or_else(|| ApiError::not_found("submission"))?;
        if loaded.state()? != Standing::Parked {
            // The wait has ended between the two reads; the next one finds out how.
            continue;
        }
        let close = moves::resume(&loaded, &park, &decision, moves::TOKEN, api.clock.now())?;
        if let Some(place) = moving::record(&api, close).await? {
            return Ok(Data(Resumed::now(submission_id, decision.outcome, &place)));
        }
    }
    Err(moving::busy())
}

/// What a token's use after the end of the wait is told.
fn repeated(park: Park) -> Result<Resumed, ApiError> {
    match (park.resolved_by.as_deref(), &park.resolution) {
        (Some(moves::TOKEN | moves::WEBHOOK), Some(outcome)) => Ok(Resumed {
            submission_id: park.submission_id,
            outcome: outcome.clone(),
            repeated: true,
            stage: None,
        }),
        _ => Err(over(&park)),
    }
}

/// The wait is over, and somebody else has ended it: how, who and when.
pub fn over(park: &Park) -> ApiError {
    let resolution = park.resolution.clone().unwrap_or_default();
    let by = park.decided_by.clone().or(park.resolved_by.clone()).unwrap_or_default();
    let at = park.resolved_at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    let at = at.unwrap_or_default();
    let message = format!("the wait ended at {at} with {resolution}, by {by}");
    let mut error = ApiError::new(Code::Conflict, message);
    error.details = [("resolution", resolution), ("by", by), ("at", at)]
        .map(|(path, text)| Detail::new(path, text))
        .into();
    error
}

/// Resume by hand
///
/// A person's decision on a parked submission, as after a human review. It does not ask whether somebody has claimed the review.
#[utoipa::path(
    post, path = "/submissions/{submissionId}/resume", tag = "Waiting", operation_id = "resumeByHand",
    params(("submissionId" = SubmissionId, Path)),
    request_body = Reply,
    responses((status = 200, description = "The wait is over.", body = Success<Resumed>), Guarded, Absent, Sent, Conflicting)
)]
pub async fn by_hand(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
    body: Body,
) -> Result<Data<Resumed>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let decision = decision(&body)?;
    for _ in 0..moving::TRIES {
        let loaded = api.loader.load(id).await?;
        let loaded = loaded.filter(|loaded| loaded.workspace_id == caller.workspace);
        let loaded = loaded.ok_or_else(|| ApiError::not_found("submission"))?;
        if loaded.state()? != Standing::Parked {
            return Err(not_parked(&loaded.run));
        }
        let park = parking::open(&api.db, caller.workspace, id).await?;
        let Some(park) = park else { continue };
        let close = moves::resume(&loaded, &park, &decision, &caller.by(), api.clock.now())?;
        let close = close.by(caller.actor(), "submission.resumed", &loaded);
        if let Some(place) = moving::record(&api, close).await? {
            return Ok(Data(Resumed::now(id, decision.outcome, &place)));
        }
    }
    Err(moving::busy())
}

fn not_parked(run: &str) -> ApiError {
    let message = format!("the submission is {run} and does not wait for anybody");
    ApiError::new(Code::Conflict, message)
}
