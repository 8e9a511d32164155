//! GET /campaigns/{id}/automation and its revisions: what a campaign reacts to.
use crate::{
    Api,
    answer::{Absent, Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    campaigns::show::read,
    error::ApiError,
    params::{Id, Limit, Query},
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    automation::AutomationConfig,
    ids::CampaignId,
    store::automation::programs::{self, Revision, Saved},
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// A campaign's automation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Automation {
    pub campaign_id: CampaignId,
    /// Grows by one with every save; 0 while there is none.
    pub revision: i64,
    pub automation: AutomationConfig,
    /// Why it cannot be evaluated and stands still, if so.
    pub problem: Option<String>,
    /// Whether the campaign's leads are being looked at, all of them, because it was saved or the campaign opened again.
    pub pass_under_way: bool,
    /// Who saved it; null while there is none.
    pub updated_by: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
}

impl Automation {
    /// As it is saved; an empty one when there is none.
    pub(super) fn of(campaign_id: CampaignId, saved: Option<Saved>) -> Self {
        let Some(saved) = saved else {
            return Self {
                campaign_id,
                revision: 0,
                automation: AutomationConfig::default(),
                problem: None,
                pass_under_way: false,
                updated_by: None,
                updated_at: None,
            };
        };
        Self {
            campaign_id,
            revision: saved.revision,
            automation: saved.config,
            problem: saved.problem,
            pass_under_way: saved.pass_due_at.is_some(),
            updated_by: Some(saved.updated_by),
            updated_at: Some(saved.updated_at),
        }
    }
}

/// Show a campaign's automation
///
/// What the campaign does with its leads by itself: scoring, rules, workflows. A campaign without one has an empty one at revision 0.
#[utoipa::path(
    get, path = "/campaigns/{campaignId}/automation", tag = "Automation", operation_id = "getAutomation",
    params(("campaignId" = CampaignId, Path)),
    responses((status = 200, description = "The automation.", body = Success<Automation>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(campaign): Id<CampaignId>,
) -> Result<Data<Automation>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    read(&api.db, caller.workspace, campaign).await?;
    let saved = programs::get(&api.db, (caller.workspace, campaign)).await?;
    Ok(Data(Automation::of(campaign, saved)))
}

/// What an automation was at some time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutomationRevision {
    pub revision: i64,
    #[schema(value_type = AutomationConfig)]
    pub automation: Value,
    pub saved_by: String,
    pub saved_at: DateTime<Utc>,
}

impl From<Revision> for AutomationRevision {
    fn from(row: Revision) -> Self {
        Self {
            revision: row.revision,
            automation: row.config.0,
            saved_by: row.saved_by,
            saved_at: row.saved_at,
        }
    }
}

/// Which revisions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RevisionQuery {
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<i64>,
}

/// List the revisions of a campaign's automation
///
/// Newest first, the one that is in force too. Firings name the revision by which they fired.
#[utoipa::path(
    get, path = "/campaigns/{campaignId}/automation/revisions", tag = "Automation", operation_id = "listAutomationRevisions",
    params(("campaignId" = CampaignId, Path), RevisionQuery),
    responses((status = 200, description = "A page of revisions.", body = Success<Page<AutomationRevision>>), Guarded, Absent, Asked)
)]
pub async fn revisions(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(campaign): Id<CampaignId>,
    Query(query): Query<RevisionQuery>,
) -> Result<Data<Page<AutomationRevision>>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    read(&api.db, caller.workspace, campaign).await?;
    let (place, limit) = ((caller.workspace, campaign), query.limit.0);
    let rows = programs::revisions(&api.db, place, query.cursor, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, |row| row.revision.to_string())))
}
