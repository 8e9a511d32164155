//! POST /campaigns/{id}/activate, /pause, /archive: whether a campaign takes leads.
use super::show::{Campaign, read};
use crate::{
    Api,
    answer::{Absent, Data, Guarded, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::Id,
};
use axum::extract::State;
use shared::{ids::CampaignId, store::campaigns};
use std::sync::Arc;

/// Activate a campaign
///
/// It takes leads, from whatever state it was in. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/campaigns/{campaignId}/activate", tag = "Campaigns", operation_id = "activateCampaign",
    params(("campaignId" = CampaignId, Path)),
    responses((status = 200, description = "The campaign.", body = Success<Campaign>), Guarded, Absent)
)]
pub async fn activate(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
) -> Result<Data<Campaign>, ApiError> {
    set(&api, &caller, id, "active").await
}

/// Pause a campaign
///
/// It takes no leads until it is activated; submissions that are under way go on. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/campaigns/{campaignId}/pause", tag = "Campaigns", operation_id = "pauseCampaign",
    params(("campaignId" = CampaignId, Path)),
    responses((status = 200, description = "The campaign.", body = Success<Campaign>), Guarded, Absent)
)]
pub async fn pause(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
) -> Result<Data<Campaign>, ApiError> {
    set(&api, &caller, id, "paused").await
}

/// Archive a campaign
///
/// It takes no leads and is left out of lists until it is activated. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/campaigns/{campaignId}/archive", tag = "Campaigns", operation_id = "archiveCampaign",
    params(("campaignId" = CampaignId, Path)),
    responses((status = 200, description = "The campaign.", body = Success<Campaign>), Guarded, Absent)
)]
pub async fn archive(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
) -> Result<Data<Campaign>, ApiError> {
    set(&api, &caller, id, "archived").await
}

async fn set(
    api: &Api,
    caller: &Caller,
    id: CampaignId,
    state: &str,
) -> Result<Data<Campaign>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    campaigns::set_state(&api.db, caller.workspace, id, state, api.clock.now()).await?;
    // A campaign that is not there was not changed, and is not found now.
    Ok(Data(read(&api.db, caller.workspace, id).await?.into()))
}
