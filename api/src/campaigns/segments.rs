//! PUT and GET /campaigns/{id}/segments: the segments whose members become leads of a campaign.
use super::show::read;
use crate::{
    Api,
    answer::{Absent, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Detail},
    params::Id,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    ids::{CampaignId, SegmentId},
    store::campaign_members::{self, Assigned, Fed, NotAssigned, SEGMENTS_MAX},
};
use std::{collections::BTreeSet, sync::Arc};
use utoipa::ToSchema;

/// The segments that are to feed a campaign, all of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"segmentIds": ["seg_01jd5p0m9we1n8x8m3t1h6y7aq"]}))]
pub struct CampaignSegments {
    /// At most 50; an empty list: none any more.
    pub segment_ids: Vec<SegmentId>,
}

/// What changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SegmentsAssigned {
    pub added: Vec<SegmentId>,
    pub removed: Vec<SegmentId>,
}

/// A segment that feeds a campaign.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedingSegment {
    pub segment_id: SegmentId,
    pub name: String,
    /// `static` or `dynamic`.
    pub kind: String,
    /// `ready`, `waiting`, `building`, `broken` or `frozen`.
    pub state: String,
    /// Members after its last build or count.
    pub member_count: i64,
    /// Since when it feeds the campaign.
    pub added_at: DateTime<Utc>,
}

/// The segments that feed a campaign, by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedingSegments {
    pub items: Vec<FeedingSegment>,
}

impl From<Fed> for FeedingSegment {
    fn from(row: Fed) -> Self {
        Self {
            segment_id: row.id,
            name: row.name,
            kind: row.kind,
            state: row.state,
            member_count: row.member_count,
            added_at: row.added_at,
        }
    }
}

/// Assign segments to a campaign
///
/// The whole list: whoever is in at least one of them becomes a lead, once, and leaves with the last one. The leads follow within
/// seconds, or when the campaign is active. Repeating it changes nothing.
#[utoipa::path(
    put, path = "/campaigns/{campaignId}/segments", tag = "Campaigns", operation_id = "setCampaignSegments",
    params(("campaignId" = CampaignId, Path)),
    request_body = CampaignSegments,
    responses((status = 200, description = "What changed.", body = Success<SegmentsAssigned>), Guarded, Absent, Sent)
)]
pub async fn put(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(campaign): Id<CampaignId>,
    body: Body,
) -> Result<Data<SegmentsAssigned>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let CampaignSegments { segment_ids: given } = body.read()?;
    if given.len() > SEGMENTS_MAX {
        let rule = format!("has {} entries; at most {SEGMENTS_MAX} are allowed", given.len());
        return Err(ApiError::invalid_at("segmentIds", rule));
    }
    let wanted: BTreeSet<SegmentId> = given.iter().copied().collect();
    let place = (caller.workspace, campaign);
    match campaign_members::assign(&caller.acting(&api.db), place, &wanted, api.clock.now()).await?
    {
        Ok(Assigned { added, removed }) => Ok(Data(SegmentsAssigned { added, removed })),
        Err(NotAssigned::NoSuchCampaign) => Err(ApiError::not_found("campaign")),
        Err(NotAssigned::NoSuchSegments(unknown)) => {
            let places = given.iter().enumerate().filter(|(_, id)| unknown.contains(id));
            let why = "there is no such segment in this workspace";
            let details = places.map(|(at, _)| Detail::new(format!("segmentIds[{at}]"), why));
            Err(ApiError::invalid(details.collect()))
        }
    }
}

/// List a campaign's segments
#[utoipa::path(
    get, path = "/campaigns/{campaignId}/segments", tag = "Campaigns", operation_id = "listCampaignSegments",
    params(("campaignId" = CampaignId, Path)),
    responses((status = 200, description = "The segments.", body = Success<FeedingSegments>), Guarded, Absent)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(campaign): Id<CampaignId>,
) -> Result<Data<FeedingSegments>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    read(&api.db, caller.workspace, campaign).await?;
    let found = campaign_members::segments(&api.db, caller.workspace, campaign).await?;
    Ok(Data(FeedingSegments { items: found.into_iter().map(FeedingSegment::from).collect() }))
}
