//! GET /campaigns and GET /campaigns/{id}.
use crate::{
    Api,
    answer::{Absent, Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::{Id, Limit, Query},
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    campaign::CampaignConfig,
    ids::{CampaignId, WorkspaceId},
    store::{
        Db,
        campaigns::{self, CampaignRow},
    },
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// A campaign with its newest configuration.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Campaign {
    pub campaign_id: CampaignId,
    pub code: String,
    pub name: String,
    /// `active`, `paused` or `archived`.
    pub state: String,
    /// Grows by one with every save.
    pub revision: i64,
    #[schema(value_type = CampaignConfig)]
    pub config: Value,
    /// When it is activated, if it is paused then.
    pub starts_at: Option<DateTime<Utc>>,
    /// When it is paused, if it is active then.
    pub ends_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<CampaignRow> for Campaign {
    fn from(row: CampaignRow) -> Self {
        Self {
            campaign_id: row.id,
            code: row.code,
            name: row.name,
            state: row.state,
            revision: row.revision,
            config: row.config.0,
            starts_at: row.window.starts_at,
            ends_at: row.window.ends_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The campaign, or the refusal that there is none.
pub async fn read(
    db: &Db,
    workspace: WorkspaceId,
    id: CampaignId,
) -> Result<CampaignRow, ApiError> {
    let row = campaigns::get(db, workspace, id).await?;
    row.ok_or_else(|| ApiError::not_found("campaign"))
}

/// Show a campaign
#[utoipa::path(
    get, path = "/campaigns/{campaignId}", tag = "Campaigns", operation_id = "getCampaign",
    params(("campaignId" = CampaignId, Path)),
    responses((status = 200, description = "The campaign.", body = Success<Campaign>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
) -> Result<Data<Campaign>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    Ok(Data(read(&api.db, caller.workspace, id).await?.into()))
}

/// Which campaigns.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CampaignQuery {
    /// Archived ones too.
    #[serde(default)]
    pub include_archived: bool,
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<CampaignId>,
}

/// List campaigns
///
/// Oldest first.
#[utoipa::path(
    get, path = "/campaigns", tag = "Campaigns", operation_id = "listCampaigns",
    params(CampaignQuery),
    responses((status = 200, description = "A page of campaigns.", body = Success<Page<Campaign>>), Guarded, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<CampaignQuery>,
) -> Result<Data<Page<Campaign>>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    let (limit, archived) = (query.limit.0, query.include_archived);
    let rows =
        campaigns::list(&api.db, caller.workspace, query.cursor, archived, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, |row| row.id.to_string())))
}
