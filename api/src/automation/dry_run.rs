//! POST /campaigns/{id}/automation/dry-run: what a document would do with the campaign's leads. Nothing is written.
use super::save::looked;
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Planned, Sent, Success},
    body::{Body, CAMPAIGN_BYTES_MAX},
    caller::{Caller, Scope},
    campaigns::show::read,
    error::{ApiError, Code, Detail},
    params::Id,
};
use axum::extract::State;
use chrono::TimeDelta;
use serde::Deserialize;
use shared::{
    automation::AutomationConfig,
    ids::CampaignId,
    store::automation::{
        dry_run::{self, DryRun, Wish},
        programs,
    },
};
use std::{ops::RangeInclusive, sync::Arc, time::Duration};
use utoipa::ToSchema;

/// Days that are lived through again, samples of each reaction, and leads that are looked at.
const DAYS: RangeInclusive<i64> = 0..=365;
const SAMPLES: RangeInclusive<i64> = 0..=50;
const LEADS: RangeInclusive<i64> = 1..=100_000;
/// After this time it answers with what it has; a request may take longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What to look at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"replayDays": 90, "samples": 3}))]
pub struct DryRunAsked {
    /// The document; the saved one unless given.
    pub automation: Option<AutomationConfig>,
    /// 0 to 365; 30 unless given. What contacts did in so many days is lived through again; 0: nothing is.
    #[schema(minimum = 0, maximum = 365)]
    pub replay_days: Option<i64>,
    /// Leads shown of each rule, 0 to 50; 5 unless given.
    #[schema(minimum = 0, maximum = 50)]
    pub samples: Option<i64>,
    /// Leads that are looked at, the newest first, 1 to 100,000; 10,000 unless given.
    #[schema(minimum = 1, maximum = 100_000)]
    pub leads_max: Option<i64>,
}

/// A number, or its default; notes one that is out of range.
fn within(
    (path, given): (&str, Option<i64>),
    default: i64,
    range: RangeInclusive<i64>,
    problems: &mut Vec<Detail>,
) -> i64 {
    let given = given.unwrap_or(default);
    if !range.contains(&given) {
        let rule = format!("is {given}; {} to {} are allowed", range.start(), range.end());
        problems.push(Detail::new(path, rule));
    }
    given
}

/// Try an automation out
///
/// What saving the document would do at once (`saved`), and what it would have done, had it been there for some days (`replay`): how many
/// leads, how often, points, statuses, samples. Nothing is written and nothing is done outside. It is refused as saving it would be.
///
/// `replay` begins with no points and active leads. It knows when contacts did what, how often they had by then, and what the automation
/// itself made of points and statuses; everything else of contacts and leads is as it is now. Of each contact the newest 1,000 activities
/// count. What reactions do to tags, segments and other campaigns is counted, not followed. Whether the campaign is active is not asked.
/// After 20 seconds, or `leadsMax` leads, it answers with what it has, and `stopped` says so.
#[utoipa::path(
    post, path = "/campaigns/{campaignId}/automation/dry-run", tag = "Automation", operation_id = "dryRunAutomation",
    params(("campaignId" = CampaignId, Path)),
    request_body = DryRunAsked,
    responses((status = 200, description = "What it would do.", body = Success<DryRun>), Guarded, Planned, Absent, Sent, Conflicting)
)]
pub async fn run(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(campaign): Id<CampaignId>,
    body: Body<CAMPAIGN_BYTES_MAX>,
) -> Result<Data<DryRun>, ApiError> {
    // It says what is in campaigns and what is known of leads.
    caller.require(Scope::CampaignsRead)?;
    caller.require(Scope::LeadsRead)?;
    let asked: DryRunAsked = body.read()?;
    read(&api.db, caller.workspace, campaign).await?;
    let mut problems = Vec::new();
    let days = within(("replayDays", asked.replay_days), 30, DAYS, &mut problems);
    let samples = within(("samples", asked.samples), 5, SAMPLES, &mut problems);
    let leads_max = within(("leadsMax", asked.leads_max), 10_000, LEADS, &mut problems);
    if !problems.is_empty() {
        return Err(ApiError::invalid(problems));
    }
    let config = match asked.automation {
        Some(config) => config,
        None => saved(&api, &caller, campaign).await?,
    };
    let now = api.clock.now();
    let from = (days > 0).then(|| now - TimeDelta::days(days));
    let draft = looked(&api, &caller, (campaign, &config), (now, from.unwrap_or(now))).await?;
    let wish = Wish {
        workspace: caller.workspace,
        campaign,
        now,
        from,
        samples: usize::try_from(samples).unwrap_or_default(),
        leads_max: leads_max.unsigned_abs(),
        patience: PATIENCE,
    };
    Ok(Data(dry_run::run(&api.db, &draft, wish).await?))
}

async fn saved(
    api: &Api,
    caller: &Caller,
    campaign: CampaignId,
) -> Result<AutomationConfig, ApiError> {
    let saved = programs::get(&api.db, (caller.workspace, campaign)).await?;
    let none = || ApiError::new(Code::Conflict, "the campaign has no automation; give one");
    Ok(saved.ok_or_else(none)?.config)
}
