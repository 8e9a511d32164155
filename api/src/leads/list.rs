//! GET /leads: a campaign's or everybody's leads, newest first.
use super::{
    conditions::{self, Filtered},
    show::Lead,
};
use crate::{
    Api,
    answer::{Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    error::{ApiError, Detail},
    params::{Limit, Moment},
};
use axum::extract::State;
use serde::Deserialize;
use shared::{
    ids::{CampaignId, LeadId},
    lead::LeadStatus,
    person,
    store::leads::{self, LeadFilter},
    submission::Status,
};
use std::sync::Arc;
use utoipa::IntoParams;

/// Which leads.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LeadQuery {
    pub campaign_id: Option<CampaignId>,
    /// Whether the lead is worked on.
    pub lead_status: Option<LeadStatus>,
    /// How its latest submission stands.
    pub status: Option<Status>,
    /// The whole address; case does not matter.
    pub email: Option<String>,
    /// The whole number, in E.164 or as written in the United States.
    pub phone: Option<String>,
    /// Taken in on this day (UTC) or at this time, or later.
    #[param(value_type = Option<String>)]
    pub start_date: Option<Moment>,
    /// Taken in on this day (UTC) or at this time, or earlier.
    #[param(value_type = Option<String>)]
    pub end_date: Option<Moment>,
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<LeadId>,
}

impl LeadQuery {
    /// Reads it, or says what of it is wrong.
    pub fn filter(self) -> Result<LeadFilter, ApiError> {
        let mut problems = Vec::new();
        let mut take = |path: &str, checked: Option<Result<String, String>>| match checked? {
            Ok(value) => Some(value),
            Err(why) => {
                problems.push(Detail::new(path, why));
                None
            }
        };
        let email = take("email", self.email.as_deref().map(person::email));
        let phone = take("phone", self.phone.as_deref().map(|given| person::phone(given, None)));
        if !problems.is_empty() {
            return Err(ApiError::invalid(problems));
        }
        Ok(LeadFilter {
            campaign: self.campaign_id,
            lead_status: self.lead_status,
            status: self.status,
            email,
            phone,
            from: self.start_date.map(Moment::first),
            until: self.end_date.map(Moment::last),
            before: self.cursor,
            limit: self.limit.0 + 1,
        })
    }
}

/// List leads
///
/// Newest first. The cursor is the last lead's id, so pages stay stable while leads come in.
#[utoipa::path(
    get, path = "/leads", tag = "Leads", operation_id = "listLeads",
    params(LeadQuery, ("where" = Option<Vec<String>>, Query, description = "At most five times: `attribution.<member>:<value>`, \
        `attribution.params.<key>:<value>`, `compliance.<member>:<value>` or `file.<key>:<status>`, exactly. Every one must hold. At most \
        5,000 leads are looked at for a page: it may be short, or empty, while `hasMore` is true.")),
    responses((status = 200, description = "A page of leads.", body = Success<Page<Lead>>), Guarded, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Filtered { query, conditions }: Filtered,
) -> Result<Data<Page<Lead>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let limit = query.limit.0;
    if !conditions.is_empty() {
        let found = conditions::page(&api, caller.workspace, query.filter()?, &conditions).await?;
        return Ok(Data(found));
    }
    let rows = leads::list(&api.db, caller.workspace, &query.filter()?).await?;
    Ok(Data(Page::of(rows, limit as usize, |row| row.id.to_string())))
}
