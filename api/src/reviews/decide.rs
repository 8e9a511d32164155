//! POST /reviews/{id}/decide and POST /reviews/decide: a person's word on one review, or the same word on many.
use super::{taken, who};
use crate::{
    Api,
    answer::{Absent, Data, Deciding, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    moving,
    params::Id,
    parking::{REASON_MAX, invalid, over},
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    clock::Time,
    ids::{ParkId, SubmissionId},
    moves::review::{self, Blocked, ReviewDecision, Word},
    reply,
    store::{
        close::Close,
        load,
        reviews::{self, Review},
    },
    submission::State as Standing,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use utoipa::ToSchema;

/// Reviews of one bulk decision, at most.
pub const BULK_MAX: usize = 200;

/// A person's word on a review.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"decision": "approve", "answers": {"questionnaire.roof": "tile"}, "reviewer": "Ada"}))]
pub struct ReviewWord {
    pub decision: ReviewDecision,
    /// At most 500 characters; needed to reject.
    pub reason: Option<String>,
    /// What was found out, by field path, below `questionnaire.` or `custom.`
    #[serde(default)]
    #[schema(value_type = Object)]
    pub answers: Map<String, Value>,
    /// The person, for people who share a key; at most 100 characters.
    pub reviewer: Option<String>,
}

/// A person's word on many reviews.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"reviewIds": ["park_01jd5p0m9we1n8x8m3t1h6y7aq"], "decision": "reject", "reason": "not a person"}))]
pub struct BulkWord {
    /// 1 to 200.
    pub review_ids: Vec<ParkId>,
    pub decision: ReviewDecision,
    /// At most 500 characters; needed to reject.
    pub reason: Option<String>,
    /// The person, for people who share a key; at most 100 characters.
    pub reviewer: Option<String>,
}

/// A review that is decided.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecidedReview {
    pub review_id: ParkId,
    pub submission_id: SubmissionId,
    pub decision: ReviewDecision,
    /// It was decided so before, and nothing has happened now.
    pub repeated: bool,
}

/// What became of a bulk decision.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkDecided {
    pub succeeded: Vec<DecidedReview>,
    pub failed: Vec<FailedReview>,
}

/// A review that could not be decided; it is as it was.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedReview {
    pub review_id: ParkId,
    pub error: ApiError,
}

/// Decide a review
///
/// `approve` lets the lead go on; `reject` (with a reason) and `disqualify` end the trip, and a fallback may take the lead as the campaign
/// says. The same decision again is answered with 200 and `repeated: true`; another one, or one that comes after the deadline, with 409 and
/// who decided what and when. A review that somebody else has claimed is answered with 409 as well.
#[utoipa::path(
    post, path = "/reviews/{reviewId}/decide", tag = "Waiting", operation_id = "decideReview",
    params(("reviewId" = ParkId, Path)),
    request_body = ReviewWord,
    responses((status = 200, description = "It is decided.", body = Success<DecidedReview>), Guarded, Absent, Deciding)
)]
pub async fn one(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ParkId>,
    body: Body,
) -> Result<Data<DecidedReview>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let given: ReviewWord = body.read()?;
    let mut problems = Vec::new();
    reply::answers(&given.answers, &mut problems);
    if !problems.is_empty() {
        return Err(invalid(problems));
    }
    let word = Word {
        decision: given.decision,
        reason: reason(given.decision, given.reason)?,
        answers: given.answers,
        who: who(&caller, given.reviewer.as_deref())?,
    };
    let decided = decide(&api, &caller, &[id], &word).await?;
    decided.into_values().next().unwrap_or_else(|| Err(moving::busy())).map(Data)
}

/// Decide many reviews
///
/// The same word on up to 200 reviews. Each is decided whole or not at all; those that fail say why and are as they were.
#[utoipa::path(
    post, path = "/reviews/decide", tag = "Waiting", operation_id = "decideReviews",
    request_body = BulkWord,
    responses((status = 200, description = "What became of each.", body = Success<BulkDecided>), Guarded, Sent)
)]
pub async fn many(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Data<BulkDecided>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let given: BulkWord = body.read()?;
    let count = given.review_ids.len();
    if !(1..=BULK_MAX).contains(&count) {
        let rule = format!("has {count} entries; 1 to {BULK_MAX} are needed");
        return Err(ApiError::invalid_at("reviewIds", rule));
    }
    let word = Word {
        decision: given.decision,
        reason: reason(given.decision, given.reason)?,
        answers: Map::new(),
        who: who(&caller, given.reviewer.as_deref())?,
    };
    let mut all = BulkDecided { succeeded: Vec::new(), failed: Vec::new() };
    for (review_id, became) in decide(&api, &caller, &given.review_ids, &word).await? {
        match became {
            Ok(decided) => all.succeeded.push(decided),
            Err(error) => all.failed.push(FailedReview { review_id, error }),
        }
    }
    Ok(Data(all))
}

/// A reason that is long enough to be one and short enough to be kept.
fn reason(decision: ReviewDecision, given: Option<String>) -> Result<Option<String>, ApiError> {
    let given = given.map(|given| given.trim().to_owned()).filter(|given| !given.is_empty());
    let length = given.as_ref().map_or(0, |given| given.chars().count());
    if length > REASON_MAX {
        let rule = format!("has {length} characters; at most {REASON_MAX} are allowed");
        return Err(ApiError::invalid_at("reason", rule));
    }
    if given.is_none() && decision == ReviewDecision::Reject {
        return Err(ApiError::invalid_at("reason", "is missing; to reject, say why"));
    }
    Ok(given)
}

type Became = Result<DecidedReview, ApiError>;

/// Decides each of the reviews; those that something else moves meanwhile are looked at again.
async fn decide(
    api: &Api,
    caller: &Caller,
    ids: &[ParkId],
    word: &Word,
) -> Result<BTreeMap<ParkId, Became>, ApiError> {
    let mut all: BTreeMap<ParkId, Became> =
        ids.iter().map(|id| (*id, Err(moving::busy()))).collect();
    let mut open: Vec<ParkId> = all.keys().copied().collect();
    for _ in 0..moving::TRIES {
        if open.is_empty() {
            break;
        }
        open = round(api, caller, open, word, &mut all).await?;
    }
    Ok(all)
}

/// One look and one write; says which are to be looked at again.
async fn round(
    api: &Api,
    caller: &Caller,
    ids: Vec<ParkId>,
    word: &Word,
    all: &mut BTreeMap<ParkId, Became>,
) -> Result<Vec<ParkId>, ApiError> {
    let now = api.clock.now();
    let rows = reviews::some(&api.db, caller.workspace, &ids).await?;
    let rows: HashMap<ParkId, Review> = rows.into_iter().map(|row| (row.park.id, row)).collect();
    let submissions: Vec<SubmissionId> = rows.values().map(|row| row.park.submission_id).collect();
    let loaded = load::read(api.db.read(), &submissions).await?;
    let (mut closes, mut again): (Vec<(ParkId, Close)>, Vec<ParkId>) = Default::default();
    for id in ids {
        let Some(row) = rows.get(&id) else {
            all.insert(id, Err(ApiError::not_found("review")));
            continue;
        };
        let of = loaded.iter().find(|loaded| loaded.id == row.park.submission_id);
        let close = match of {
            Some(loaded)
                if loaded.state()? == Standing::Parked || row.park.resolution.is_some() =>
            {
                review::decide(loaded, &row.park, word, now)
            }
            // It has moved between the two reads.
            _ => {
                again.push(id);
                continue;
            }
        };
        match close {
            Ok(close) => closes.push((id, close)),
            Err(blocked) => drop(all.insert(id, told(row, word, blocked))),
        }
    }
    again.extend(write((api, caller), closes, (word, now), all).await?);
    Ok(again)
}

/// Writes the moves and rings the bells; says whose reviews are to be looked at again.
async fn write(
    (api, caller): (&Api, &Caller),
    closes: Vec<(ParkId, Close)>,
    (word, at): (&Word, Time),
    all: &mut BTreeMap<ParkId, Became>,
) -> Result<Vec<ParkId>, ApiError> {
    let (ids, closes): (Vec<ParkId>, Vec<Close>) = closes.into_iter().unzip();
    let moved = reviews::decide(&caller.acting(&api.db), &closes, &word.who, at).await?;
    let mut again = Vec::new();
    for (review_id, close) in ids.into_iter().zip(closes) {
        let submission_id = close.submission;
        if !moved.contains(&submission_id) {
            again.push(review_id);
            continue;
        }
        if let Standing::InStage(stage) = close.place.state {
            api.push.push(stage, submission_id, close.place.generation);
        }
        let decision = word.decision;
        let decided = DecidedReview { review_id, submission_id, decision, repeated: false };
        all.insert(review_id, Ok(decided));
    }
    Ok(again)
}

/// What the caller is told of a word that has no effect.
fn told(row: &Review, word: &Word, blocked: Blocked) -> Became {
    Err(match blocked {
        Blocked::Repeated => {
            return Ok(DecidedReview {
                review_id: row.park.id,
                submission_id: row.park.submission_id,
                decision: word.decision,
                repeated: true,
            });
        }
        Blocked::Over => over(&row.park),
        Blocked::Claimed { by, until } => taken(&by, until),
        Blocked::ClosedLead(status) => {
            let message = format!("the lead is {} and is not processed", status.word());
            ApiError::new(Code::LeadClosed, message)
        }
        Blocked::Illegal(illegal) => illegal.into(),
    })
}
