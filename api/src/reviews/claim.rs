//! POST /reviews/{id}/claim, /reviews/{id}/release and /reviews/claim-next: who works on what.
use super::{Review, taken, who};
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::ApiError,
    moving,
    params::Id,
    parking::over,
};
use axum::extract::State;
use chrono::Duration;
use serde::{Deserialize, Serialize};
use shared::{
    campaign::config::{CampaignConfig, Priority, ReviewAction},
    ids::{CampaignId, ParkId},
    moves::review,
    store::{StoreError, campaigns, reviews},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Who works on a review.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(example = json!({"reviewer": "Ada"}))]
pub struct Reviewer {
    /// The person, for people who share a key; at most 100 characters.
    pub reviewer: Option<String>,
}

/// Which review to be handed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(example = json!({"priority": "high", "reviewer": "Ada"}))]
pub struct NextReview {
    pub campaign_id: Option<CampaignId>,
    pub priority: Option<Priority>,
    /// The person, for people who share a key; at most 100 characters.
    pub reviewer: Option<String>,
}

/// The review that was handed out.
#[derive(Debug, Serialize, ToSchema)]
pub struct HandedOut {
    /// Null when there is none that nobody has claimed.
    pub review: Option<Review>,
}

/// Claim a review
///
/// For as long as its campaign says (`claimMinutes`). Claimed again by the same it lasts so long from now; a claim that has expired is none.
/// Another's claim is answered with 409; the details say `claimedBy` and `claimedUntil`.
#[utoipa::path(
    post, path = "/reviews/{reviewId}/claim", tag = "Waiting", operation_id = "claimReview",
    params(("reviewId" = ParkId, Path)),
    request_body = Reviewer,
    responses((status = 200, description = "The review, claimed.", body = Success<Review>), Guarded, Absent, Sent, Conflicting)
)]
pub async fn claim(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ParkId>,
    body: Body,
) -> Result<Data<Review>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let who = who(&caller, body.read::<Reviewer>()?.reviewer.as_deref())?;
    for _ in 0..moving::TRIES {
        let row = found(&api, &caller, id).await?;
        let now = api.clock.now();
        refuse(&row, &who, now)?;
        let until = now + claim_time(&api, &row).await?;
        if reviews::claim(&api.db, (caller.workspace, id), &who, now, until).await? {
            return Ok(Data(Review::at(now, found(&api, &caller, id).await?)));
        }
    }
    Err(moving::busy())
}

/// Release a review
///
/// Gives up one's own claim, so that somebody else may take it. Without a claim nothing happens; another's is answered with 409.
#[utoipa::path(
    post, path = "/reviews/{reviewId}/release", tag = "Waiting", operation_id = "releaseReview",
    params(("reviewId" = ParkId, Path)),
    request_body = Reviewer,
    responses((status = 200, description = "The review, free.", body = Success<Review>), Guarded, Absent, Sent, Conflicting)
)]
pub async fn release(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ParkId>,
    body: Body,
) -> Result<Data<Review>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let who = who(&caller, body.read::<Reviewer>()?.reviewer.as_deref())?;
    let now = api.clock.now();
    if !reviews::release(&api.db, caller.workspace, id, &who).await? {
        refuse(&found(&api, &caller, id).await?, &who, now)?;
    }
    Ok(Data(Review::at(now, found(&api, &caller, id).await?)))
}

/// Claim the next review
///
/// The most urgent one that nobody has claimed, and among those the one that has waited longest. Two who ask at once never get the same.
#[utoipa::path(
    post, path = "/reviews/claim-next", tag = "Waiting", operation_id = "claimNextReview",
    request_body = NextReview,
    responses((status = 200, description = "The review, or null.", body = Success<HandedOut>), Guarded, Sent)
)]
pub async fn claim_next(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Data<HandedOut>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let NextReview { campaign_id, priority, reviewer } = body.read()?;
    let who = who(&caller, reviewer.as_deref())?;
    let (now, which) = (api.clock.now(), (campaign_id, priority.map(review::rank)));
    // How long its campaign lets it be claimed is known once it is known which one it is.
    let usual = now + minutes(&ReviewAction::default());
    let id = reviews::claim_next(&api.db, caller.workspace, which, &who, (now, usual)).await?;
    let Some(id) = id else { return Ok(Data(HandedOut { review: None })) };
    let row = found(&api, &caller, id).await?;
    let until = now + claim_time(&api, &row).await?;
    if until != usual {
        reviews::claim(&api.db, (caller.workspace, id), &who, now, until).await?;
    }
    Ok(Data(HandedOut { review: Some(Review::at(now, found(&api, &caller, id).await?)) }))
}

async fn found(api: &Api, caller: &Caller, id: ParkId) -> Result<reviews::Review, ApiError> {
    let row = reviews::get(&api.db, caller.workspace, id).await?;
    row.ok_or_else(|| ApiError::not_found("review"))
}

/// Refuses what is decided, and what another has claimed.
fn refuse(row: &reviews::Review, who: &str, now: shared::clock::Time) -> Result<(), ApiError> {
    if row.park.resolution.is_some() {
        return Err(over(&row.park));
    }
    match review::claimed_by_another(&row.park, who, now) {
        Some((by, until)) => Err(taken(by, until)),
        None => Ok(()),
    }
}

/// How long a claim lasts by the revision that asked for the review.
async fn claim_time(api: &Api, row: &reviews::Review) -> Result<Duration, StoreError> {
    let workspace = row.park.workspace_id;
    let found = campaigns::revision(&api.db, workspace, row.campaign_id, row.revision).await?;
    let config = found.and_then(|(_, _, config)| {
        serde_json::from_value::<CampaignConfig>(config.0).ok()?.first_action
    });
    Ok(minutes(&config.map(|action| action.review()).unwrap_or_default()))
}

fn minutes(review: &ReviewAction) -> Duration {
    Duration::minutes(review.claim_minutes)
}
