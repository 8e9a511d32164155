//! GET /campaigns/{id}/room: how much of each cap is taken, whether the schedule is open, and how many leads wait.
use super::show::read;
use crate::{
    Api,
    answer::{Absent, Data, Guarded, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::Id,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::{
    campaign::{Room, room::Claim},
    ids::CampaignId,
    store::{
        StoreError,
        caps::{self, Usage},
    },
};
use std::sync::Arc;
use utoipa::ToSchema;

/// How much room a campaign has now, by its newest revision.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CampaignRoom {
    /// Whether the schedule lets leads out now; true without a schedule.
    pub is_open: bool,
    /// When it opens, if it is closed.
    pub opens_at: Option<DateTime<Utc>>,
    pub caps: Vec<CapUsage>,
    /// Leads that wait for room.
    pub waiting: i64,
}

/// A cap's present window. A lifetime cap outside its dates is left out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapUsage {
    /// Period and unit.
    #[schema(example = "daily.leads")]
    pub cap: String,
    /// Leads, or minor units of money.
    pub limit: i64,
    /// What counts towards the limit: confirmed, under way, or unknown.
    pub taken: i64,
    /// The part of it that buyers have taken.
    pub confirmed: i64,
    pub window_start: DateTime<Utc>,
    /// When it starts anew; null for a lifetime cap without an end.
    pub window_end: Option<DateTime<Utc>>,
    /// When a lead first found it full.
    pub full_at: Option<DateTime<Utc>>,
}

impl CapUsage {
    fn of(claim: Claim, used: &[Usage]) -> Self {
        let used = used.iter().find(|used| used.cap == claim.cap);
        Self {
            limit: claim.limit,
            taken: used.map_or(0, |used| used.taken),
            confirmed: used.map_or(0, |used| used.confirmed),
            window_start: claim.window_start,
            window_end: claim.window_end,
            full_at: used.and_then(|used| used.full_at),
            cap: claim.cap,
        }
    }
}

/// See a campaign's room
///
/// What is taken of each cap in its present window, whether the schedule is open, and how many leads wait.
#[utoipa::path(
    get, path = "/campaigns/{campaignId}/room", tag = "Campaigns", operation_id = "campaignRoom",
    params(("campaignId" = CampaignId, Path)),
    responses((status = 200, description = "How much room there is.", body = Success<CampaignRoom>), Guarded, Absent)
)]
pub async fn room(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
) -> Result<Data<CampaignRoom>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    let row = read(&api.db, caller.workspace, id).await?;
    let room = Room::of_config(&row.config.0)
        .map_err(|error| StoreError::Inconsistent(format!("{id} cannot be read: {error}")))?;
    let now = api.clock.now();
    let claims = room.claims(now);
    let used = caps::usage(&api.db, (caller.workspace, id), &claims).await?;
    let opens_at = room.closed(now).map(|(_, opens)| opens);
    Ok(Data(CampaignRoom {
        is_open: opens_at.is_none(),
        opens_at,
        caps: claims.into_iter().map(|claim| CapUsage::of(claim, &used)).collect(),
        waiting: caps::waiting(&api.db, caller.workspace, id).await?,
    }))
}
