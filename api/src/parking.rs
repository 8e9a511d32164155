//! Waking parked submissions: by the token that the action was given, or by a person with a key.
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Open, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    leads::parts::{KEY_MAX, Problems, TEXT_MAX, is_key},
    moving,
    params::Id,
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    ids::SubmissionId,
    key,
    moves::{self, Decision, ResumeOutcome},
    store::{close::Place, parking},
    submission::{Stage, State as Standing},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Characters of a reason, at most.
pub const REASON_MAX: usize = 500;
/// Answers that may be brought back, at most.
pub const ANSWERS_MAX: usize = 200;
/// Where answers may be put: what the source said of the person and the campaign's own decisions are not overwritten.
const ANSWER_ROOTS: [&str; 2] = ["questionnaire.", "custom."];

/// What the one who was waited for says.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(example = json!({"outcome": "continue", "answers": {"questionnaire.roof": "yes"}}))]
pub struct Reply {
    /// `continue` unless given.
    pub outcome: ResumeOutcome,
    /// At most 500 characters.
    pub reason: Option<String>,
    /// Answers by field path, below `questionnaire.` or `custom.`
    #[schema(value_type = Object)]
    pub answers: Map<String, Value>,
}

impl Reply {
    fn check(self) -> Result<Decision, ApiError> {
        let mut problems = Problems::default();
        if let Some(reason) = &self.reason {
            problems.at_most("reason", reason.chars().count(), REASON_MAX, "characters");
        }
        problems.at_most("answers", self.answers.len(), ANSWERS_MAX, "members");
        for (path, answer) in &self.answers {
            let at = format!("answers.{path}");
            let key = ANSWER_ROOTS.iter().find_map(|root| path.strip_prefix(root));
            if !key.is_some_and(|key| is_key(key) && !key.contains('.')) {
                let rule = format!(
                    "must be `questionnaire.` or `custom.` and a key of 1 to {KEY_MAX} letters, digits, `_` or `-`"
                );
                problems.say(&at, rule);
            }
            problems.texts(&at, answer, TEXT_MAX);
        }
        if !problems.0.is_empty() {
            return Err(ApiError::invalid(problems.0));
        }
        Ok(Decision { outcome: self.outcome, reason: self.reason, answers: self.answers })
    }
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
/// needed. An empty body means `continue`. Repeats are answered with 200, `repeated: true` and no effect.
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
    let decision = body.read::<Reply>()?.check()?;
    for _ in 0..moving::TRIES {
        let park = parking::by_token(&api.db, &hash).await?;
        let park = park.ok_or_else(|| ApiError::not_found("resume token"))?;
        let submission_id = park.submission_id;
        if let Some(outcome) = park.resolution {
            return Ok(Data(Resumed { submission_id, outcome, repeated: true, stage: None }));
        }
        let loaded = api.loader.load(submission_id).await?;
        let loaded = loaded.ok_or_else(|| ApiError::not_found("submission"))?;
        match loaded.state()? {
            Standing::Parked => {}
            Standing::Finished => return Err(not_parked("finished")),
            // The wait has ended between the two reads; the next one finds out how.
            _ => continue,
        }
        let close = moves::resume(&loaded, &park, &decision, "token", api.clock.now())?;
        if let Some(place) = moving::record(&api, close).await? {
            return Ok(Data(Resumed::now(submission_id, decision.outcome, &place)));
        }
    }
    Err(moving::busy())
}

/// Resume by hand
///
/// A person's decision on a parked submission, as after a human review.
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
    let decision = body.read::<Reply>()?.check()?;
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
