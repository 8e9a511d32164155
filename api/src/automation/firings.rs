//! GET /leads/{id}/firings: the log of what campaigns did to a lead.
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
    automation::outcome::FiringKind,
    ids::{CampaignId, LeadId},
    lead::LeadStatus,
    store::{
        automation::explain::{self, FiringRow},
        leads::{self, LeadRow},
    },
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Something that was done to a lead, and why.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Firing {
    /// 1, 2, 3, … within the lead.
    pub number: i64,
    pub campaign_id: CampaignId,
    /// The revision of the automation by which it fired; 0 for what a person did.
    pub revision: i64,
    pub kind: FiringKind,
    /// The rule's or the workflow's id and name then; empty for what a person did.
    pub rule_id: String,
    pub rule_name: String,
    /// What happened that made it fire.
    #[schema(value_type = Object)]
    pub cause: Value,
    /// The fields that its condition reads, and their values then.
    #[schema(value_type = Object)]
    pub facts: Value,
    /// Points added, or taken when negative.
    pub points: i64,
    /// All points of the lead after it.
    pub points_after: i64,
    pub status_before: LeadStatus,
    pub status_after: LeadStatus,
    /// What was done, in order; one that was left says why in `left`.
    #[schema(value_type = Vec<Object>)]
    pub actions: Value,
    pub at: DateTime<Utc>,
}

impl From<FiringRow> for Firing {
    fn from(row: FiringRow) -> Self {
        Self {
            number: row.number,
            campaign_id: row.campaign_id,
            revision: row.revision,
            kind: row.kind,
            rule_id: row.rule_id,
            rule_name: row.rule_name,
            cause: row.cause.0,
            facts: row.facts.0,
            points: row.points,
            points_after: row.points_after,
            status_before: row.status_before,
            status_after: row.status_after,
            actions: row.actions.0,
            at: row.at,
        }
    }
}

/// Which firings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FiringQuery {
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<i64>,
}

/// A lead of the caller's workspace.
pub(super) async fn lead(api: &Api, caller: &Caller, id: LeadId) -> Result<LeadRow, ApiError> {
    let found = leads::get(&api.db, caller.workspace, id).await?;
    found.ok_or_else(|| ApiError::not_found("lead"))
}

/// A page of a lead's firings.
pub(super) async fn page(
    api: &Api,
    caller: &Caller,
    (lead, query): (LeadId, &FiringQuery),
) -> Result<Page<Firing>, ApiError> {
    let (place, limit) = ((caller.workspace, lead), query.limit.0);
    let rows = explain::firings(&api.db, place, query.cursor, limit + 1).await?;
    Ok(Page::of(rows, limit as usize, |row| row.number.to_string()))
}

/// List a lead's firings
///
/// What was done to the lead by its campaign's automation and by people who gave points, newest first. The sum of `points` is the lead's.
#[utoipa::path(
    get, path = "/leads/{leadId}/firings", tag = "Automation", operation_id = "listFirings",
    params(("leadId" = LeadId, Path), FiringQuery),
    responses((status = 200, description = "A page of firings.", body = Success<Page<Firing>>), Guarded, Absent, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<LeadId>,
    Query(query): Query<FiringQuery>,
) -> Result<Data<Page<Firing>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    lead(&api, &caller, id).await?;
    page(&api, &caller, (id, &query)).await.map(Data)
}
