//! POST /campaigns/{id}/activate, /pause, /archive: whether a campaign takes leads.
use super::show::{Campaign, read};
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Success},
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::Id,
};
use axum::extract::State;
use shared::{
    campaign::config::named_secrets,
    ids::CampaignId,
    store::{agents, campaigns, secrets},
};
use std::sync::Arc;

/// Activate a campaign
///
/// It takes leads, from whatever state it was in. Secrets and agents that it names must be there. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/campaigns/{campaignId}/activate", tag = "Campaigns", operation_id = "activateCampaign",
    params(("campaignId" = CampaignId, Path)),
    responses((status = 200, description = "The campaign.", body = Success<Campaign>), Guarded, Absent, Conflicting)
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
    responses((status = 200, description = "The campaign.", body = Success<Campaign>), Guarded, Absent, Conflicting)
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
    if state != "archived" {
        has_what_it_names(api, caller, id).await?;
    }
    let db = caller.acting(&api.db);
    campaigns::set_state(&db, caller.workspace, id, state, api.clock.now()).await?;
    // A campaign that is not there was not changed, and is not found now.
    Ok(Data(read(&api.db, caller.workspace, id).await?.into()))
}

/// Secrets and agents may be deleted while only archived campaigns use them.
async fn has_what_it_names(api: &Api, caller: &Caller, id: CampaignId) -> Result<(), ApiError> {
    let row = read(&api.db, caller.workspace, id).await?;
    let named = named_secrets(&row.config.0);
    let wanted = named.iter().map(|(_, name)| name.as_str());
    let secrets = secrets::unknown(&api.db, caller.workspace, wanted).await?;
    let wanted = agents::named(&row.config.0).into_iter().map(|named| named.name);
    let agents = agents::unknown(&api.db, caller.workspace, wanted).await?;
    for (what, gone) in [("secrets", secrets), ("agents", agents)] {
        if !gone.is_empty() {
            let gone = gone.into_iter().collect::<Vec<_>>().join(", ");
            let message = format!("the campaign needs {what} that were deleted: {gone}");
            return Err(ApiError::new(Code::Conflict, message));
        }
    }
    Ok(())
}
