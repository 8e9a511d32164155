//! Human reviews: the queue, and what reviewers do with it.
pub mod claim;
pub mod decide;
pub mod list;

use crate::{
    caller::Caller,
    error::{ApiError, Code, Detail},
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use shared::{
    campaign::config::Priority,
    clock::Time,
    ids::{CampaignId, LeadId, ParkId, SubmissionId},
    moves::review,
    store::reviews,
};
use utoipa::ToSchema;

/// Characters of a reviewer's name, at most.
pub const REVIEWER_MAX: usize = 100;

/// A lead that waits for a person's word.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    pub review_id: ParkId,
    pub priority: Priority,
    /// Why the campaign asks for it.
    pub asked_for: Option<String>,
    pub submission_id: SubmissionId,
    pub lead_id: LeadId,
    pub first_name: String,
    pub last_name: String,
    pub is_test: bool,
    pub campaign_id: CampaignId,
    pub campaign_code: String,
    pub campaign_name: String,
    pub opened_at: DateTime<Utc>,
    /// When nobody's word is needed any more, and what happens then.
    pub deadline: DateTime<Utc>,
    pub on_deadline: String,
    /// Who has taken it, and until when; both null when it is free, also after a claim has expired.
    pub claimed_by: Option<String>,
    pub claimed_until: Option<DateTime<Utc>>,
    /// How it ended: `continue`, `reject`, `disqualify`, `withdrawn`, `retry` or `fallback`; null while it is open.
    pub resolution: Option<String>,
    /// Who ended it, or `deadline`.
    pub resolved_by: Option<String>,
    pub resolved_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
}

impl Review {
    /// A review as it is seen at `now`.
    pub fn at(now: Time, row: reviews::Review) -> Self {
        let park = row.park;
        let claim = park.claimed_by.zip(park.claimed_until).filter(|(_, until)| now < *until);
        let (claimed_by, claimed_until) = claim.filter(|_| park.resolution.is_none()).unzip();
        Self {
            review_id: park.id,
            priority: review::priority(park.priority),
            asked_for: park.asked_for,
            submission_id: park.submission_id,
            lead_id: row.lead_id,
            first_name: row.first_name,
            last_name: row.last_name,
            is_test: row.is_test,
            campaign_id: row.campaign_id,
            campaign_code: row.campaign_code,
            campaign_name: row.campaign_name,
            opened_at: park.opened_at,
            deadline: park.deadline,
            on_deadline: park.on_deadline,
            claimed_by,
            claimed_until,
            resolution: park.resolution,
            resolved_by: park.decided_by.or(park.resolved_by),
            resolved_at: park.resolved_at,
            reason: park.decision_reason,
        }
    }
}

/// Who acts: the key, and the person if one is named.
fn who(caller: &Caller, reviewer: Option<&str>) -> Result<String, ApiError> {
    let reviewer = reviewer.map(str::trim).filter(|reviewer| !reviewer.is_empty());
    if let Some(length) = reviewer.map(|reviewer| reviewer.chars().count())
        && length > REVIEWER_MAX
    {
        let rule = format!("has {length} characters; at most {REVIEWER_MAX} are allowed");
        return Err(ApiError::invalid_at("reviewer", rule));
    }
    Ok(review::who(&caller.by(), reviewer))
}

/// Somebody else works on it.
fn taken(by: &str, until: Time) -> ApiError {
    let until = until.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut error = ApiError::new(Code::Conflict, format!("{by} has claimed it until {until}"));
    error.details =
        vec![Detail::new("claimedBy", by.to_owned()), Detail::new("claimedUntil", until)];
    error
}
