//! PUT /campaigns/{id}: the next revision.
use super::{
    create::draft,
    form,
    show::{Campaign, read},
    window,
};
use crate::{
    Api,
    answer::{Absent, Data, Guarded, Saving, Sent, Success},
    body::{Body, CAMPAIGN_BYTES_MAX},
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::Id,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use shared::{
    campaign::CampaignConfig,
    ids::CampaignId,
    store::campaigns::{self, Draft},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// A campaign's new name and configuration, whole.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangedCampaign {
    /// 1 to 120 characters.
    pub name: String,
    #[schema(value_type = CampaignConfig)]
    pub config: Value,
    /// The revision that was read. When the campaign has moved on since, nothing is saved; absent: the newest is replaced.
    pub revision: Option<i64>,
    /// When it is activated, if it is paused then; absent: by nobody but people.
    pub starts_at: Option<DateTime<Utc>>,
    /// When it is paused, if it is active then; after `startsAt`. One that lies behind can only be kept.
    pub ends_at: Option<DateTime<Utc>>,
}

/// Save a campaign
///
/// Makes the next revision. Submissions that are under way keep the revision they began with.
#[utoipa::path(
    put, path = "/campaigns/{campaignId}", tag = "Campaigns", operation_id = "saveCampaign",
    params(("campaignId" = CampaignId, Path)),
    request_body = ChangedCampaign,
    responses((status = 200, description = "The campaign as saved.", body = Success<Campaign>), Guarded, Absent, Sent, Saving)
)]
pub async fn save(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
    body: Body<CAMPAIGN_BYTES_MAX>,
) -> Result<Data<Campaign>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let ChangedCampaign { name, config, revision, starts_at, ends_at } = body.read()?;
    let stored = read(&api.db, caller.workspace, id).await?;
    let mut problems = Vec::new();
    let now = api.clock.now();
    let window = window::check((starts_at, ends_at), stored.window, now, &mut problems);
    let expected = revision.unwrap_or(stored.revision);
    let config = form::check(&api, &caller, Some(id), (&name, config), problems).await?;
    let draft = Draft { code: stored.code, ..draft(&api, &caller, (id, &name), &config) };
    let db = caller.acting(&api.db);
    let saved = campaigns::save_dated(&db, &draft, expected, Some(window)).await?;
    let row = read(&api.db, caller.workspace, id).await?;
    if saved.is_none() {
        let message = format!("the campaign is at revision {}, not {expected}", row.revision);
        return Err(ApiError::new(Code::RevisionConflict, message).at("revision"));
    }
    Ok(Data(row.into()))
}
