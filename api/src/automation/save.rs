//! PUT /campaigns/{id}/automation: what a campaign reacts to from now on.
use super::document::Automation;
use crate::{
    Api,
    answer::{Absent, Data, Guarded, Planned, Saving, Sent, Success},
    body::{Body, CAMPAIGN_BYTES_MAX},
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
    params::Id,
};
use axum::extract::State;
use serde::Deserialize;
use shared::{
    automation::{AutomationConfig, program::uncallable},
    ids::CampaignId,
    plan::Feature,
    rules::Problem,
    store::{
        automation::programs::{self, Draft, Put},
        workspaces,
    },
};
use std::sync::Arc;
use utoipa::ToSchema;

/// A campaign's new automation, whole.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "automation": {
        "scoring": {"rules": [
            {"id": "pricing", "name": "Looked at prices", "points": 10, "repeat": "each",
             "on": [{"type": "activity", "activity": "page_visit", "name": "/pricing*"}]}
        ]},
        "rules": [
            {"id": "hot", "name": "Hot lead", "on": [{"type": "points", "reach": 50}],
             "do": [{"type": "addTag", "tag": "hot"}, {"type": "setStatus", "status": "qualified"}]}
        ]
    },
    "revision": 0
}))]
pub struct NewAutomation {
    pub automation: AutomationConfig,
    /// The revision that was read; 0 when there was none. When somebody has saved since, nothing is saved; absent: the newest is replaced.
    pub revision: Option<i64>,
}

/// Save a campaign's automation
///
/// As a whole. It is in force at once; all leads of the campaign are looked at soon after, see `passUnderWay`. Saving what is there already
/// changes nothing. All problems are listed at once, with paths that begin with `automation.`. Conditions on custom properties depend on
/// the plan.
#[utoipa::path(
    put, path = "/campaigns/{campaignId}/automation", tag = "Automation", operation_id = "saveAutomation",
    params(("campaignId" = CampaignId, Path)),
    request_body = NewAutomation,
    responses(
        (status = 200, description = "The automation as saved.", body = Success<Automation>),
        Guarded, Planned, Absent, Sent, Saving
    )
)]
pub async fn save(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(campaign): Id<CampaignId>,
    body: Body<CAMPAIGN_BYTES_MAX>,
) -> Result<Data<Automation>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let NewAutomation { automation, revision } = body.read()?;
    check(&api, &caller, campaign, &automation).await?;
    let (key, now) = ((caller.workspace, campaign), api.clock.now());
    let by = caller.by();
    match programs::put(&caller.acting(&api.db), key, &automation, revision, (&by, now)).await? {
        Put::Saved(saved) => Ok(Data(Automation::of(campaign, Some(*saved)))),
        Put::Changed(there) => {
            let expected = revision.unwrap_or_default();
            let message = format!("the automation is at revision {there}, not {expected}");
            Err(ApiError::new(Code::RevisionConflict, message).at("revision"))
        }
        other => Err(refused(&api, &caller, other).await?),
    }
}

/// Refuses what cannot be saved, with all that is wrong; answers what it would be otherwise, had it been saved now.
async fn check(
    api: &Api,
    caller: &Caller,
    campaign: CampaignId,
    config: &AutomationConfig,
) -> Result<Draft, ApiError> {
    let now = api.clock.now();
    looked(api, caller, (campaign, config), (now, now)).await
}

/// The same with how it would be, had it been saved at an earlier time.
pub(super) async fn looked(
    api: &Api,
    caller: &Caller,
    (campaign, config): (CampaignId, &AutomationConfig),
    (now, then): (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>),
) -> Result<Draft, ApiError> {
    let key = (caller.workspace, campaign);
    let uncallable = uncallable(config, &api.settings.guard);
    match programs::look(&api.db, key, config, (now, then)).await? {
        Ok(draft) if uncallable.is_empty() => Ok(draft),
        Ok(_) => Err(invalid(uncallable)),
        Err(Put::Refused(mut problems)) => {
            problems.extend(uncallable);
            Err(invalid(problems))
        }
        Err(other) => Err(refused(api, caller, other).await?),
    }
}

fn invalid(problems: Vec<Problem>) -> ApiError {
    let place = |problem: Problem| {
        let dot = if problem.path.is_empty() { "" } else { "." };
        Detail::new(format!("automation{dot}{}", problem.path), problem.message)
    };
    ApiError::invalid(problems.into_iter().map(place).collect())
}

/// What a caller is told about an automation that cannot be as they want it.
async fn refused(api: &Api, caller: &Caller, put: Put) -> Result<ApiError, ApiError> {
    Ok(match put {
        Put::NoSuchCampaign => ApiError::not_found("campaign"),
        Put::Refused(problems) => invalid(problems),
        Put::NotInPlan(Feature::PropertyFilters) => {
            let plan = workspaces::plan(&api.db, caller.workspace).await?;
            let why = programs::refusal(plan).unwrap_or_default();
            ApiError::new(Code::PlanRequired, why)
        }
        other => {
            tracing::error!(?other, "an automation was refused in a way that nobody expected");
            ApiError::new(Code::Internal, "an internal error; the log has the cause")
        }
    })
}
