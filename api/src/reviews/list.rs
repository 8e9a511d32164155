//! GET /reviews and GET /reviews/{id}: what waits for people, and one of it whole.
use super::{Review, who};
use crate::{
    Api,
    answer::{Absent, Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    error::ApiError,
    leads::show::Lead,
    params::{Id, Limit, Query},
};
use axum::extract::State;
use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};
use shared::{
    campaign::config::Priority,
    clock::Time,
    ids::{CampaignId, ParkId},
    moves::review,
    store::{
        leads,
        reviews::{self, ReviewFilter},
    },
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Whose an undecided review is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewStatus {
    /// Every undecided one.
    #[default]
    Open,
    /// Nobody has claimed it.
    Pending,
    /// Somebody has.
    Claimed,
    /// The caller has.
    Mine,
}

/// Which reviews.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ReviewQuery {
    /// `open` (the default), `pending`, `claimed` or `mine`.
    #[param(inline)]
    pub status: ReviewStatus,
    /// With `mine`: the person, when several share the key.
    pub reviewer: Option<String>,
    pub campaign_id: Option<CampaignId>,
    pub priority: Option<Priority>,
    /// 1 to 100; 50 unless given.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

/// The last review of a page: how urgent it is, when it was asked for, and which it is.
#[derive(Debug, Clone, Copy)]
pub struct Cursor(i64, Time, ParkId);

impl Cursor {
    fn of(row: &reviews::Review) -> String {
        let at = row.park.opened_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        format!("{}~{at}~{}", row.park.priority.unwrap_or_default(), row.park.id)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        cursor(&text).ok_or_else(|| de::Error::custom("is not the nextCursor of a page of reviews"))
    }
}

fn cursor(text: &str) -> Option<Cursor> {
    let mut parts = text.splitn(3, '~');
    let priority = parts.next()?.parse().ok()?;
    let at = DateTime::parse_from_rfc3339(parts.next()?).ok()?.to_utc();
    Some(Cursor(priority, at, ParkId::parse(parts.next()?).ok()?))
}

impl ReviewQuery {
    fn filter(&self, caller: &Caller) -> Result<ReviewFilter, ApiError> {
        let claimed = match self.status {
            ReviewStatus::Open => None,
            ReviewStatus::Pending => Some(false),
            ReviewStatus::Claimed | ReviewStatus::Mine => Some(true),
        };
        let by = match self.status {
            ReviewStatus::Mine => Some(who(caller, self.reviewer.as_deref())?),
            _ => None,
        };
        Ok(ReviewFilter {
            claimed,
            by,
            campaign: self.campaign_id,
            priority: self.priority.map(review::rank),
            after: self.cursor.map(|Cursor(priority, at, id)| (priority, at, id)),
        })
    }
}

/// List reviews
///
/// Those that nobody has decided: the most urgent first, and among those the one that has waited longest. A review that is claimed or
/// asked for while pages are read keeps its place.
#[utoipa::path(
    get, path = "/reviews", tag = "Waiting", operation_id = "listReviews",
    params(ReviewQuery),
    responses((status = 200, description = "A page of reviews.", body = Success<Page<Review>>), Guarded, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<ReviewQuery>,
) -> Result<Data<Page<Review>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let (filter, limit, now) = (query.filter(&caller)?, query.limit.0, api.clock.now());
    let mut rows = reviews::list(&api.db, caller.workspace, &filter, now, limit + 1).await?;
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| has_more).map(Cursor::of);
    let items = rows.into_iter().map(|row| Review::at(now, row)).collect();
    Ok(Data(Page { items, next_cursor, has_more }))
}

/// A review with what there is to decide about.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownReview {
    #[serde(flatten)]
    pub review: Review,
    pub lead: Lead,
    /// What an earlier action of the submission brought back, by field path.
    #[schema(value_type = Object)]
    pub answers: Map<String, Value>,
    /// Where the submission's journey is read.
    #[schema(example = "/api/v1/submissions/sub_01jd…")]
    pub journey_url: String,
}

/// Show a review
///
/// Decided ones too, with the lead that is decided about.
#[utoipa::path(
    get, path = "/reviews/{reviewId}", tag = "Waiting", operation_id = "getReview",
    params(("reviewId" = ParkId, Path)),
    responses((status = 200, description = "The review.", body = Success<ShownReview>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ParkId>,
) -> Result<Data<ShownReview>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let row = reviews::get(&api.db, caller.workspace, id).await?;
    let row = row.ok_or_else(|| ApiError::not_found("review"))?;
    let lead = leads::get(&api.db, caller.workspace, row.lead_id).await?;
    let lead = lead.ok_or_else(|| ApiError::not_found("lead"))?.into();
    let submission = row.park.submission_id;
    let loaded = api.loader.load(submission).await?;
    let answers = loaded.map(|loaded| loaded.carry.0.answers.clone()).unwrap_or_default();
    Ok(Data(ShownReview {
        review: Review::at(api.clock.now(), row),
        lead,
        answers,
        journey_url: format!("/api/v1/submissions/{submission}"),
    }))
}
