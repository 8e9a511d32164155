//! POST /campaigns/{id}/what-if: what the last leads would have met under another configuration.
use super::rehearsal;
use crate::{
    Api,
    answer::{Absent, Data, Guarded, Sent, Success},
    body::{Body, CAMPAIGN_BYTES_MAX},
    caller::{Caller, Scope},
    campaigns::{form, show},
    error::{ApiError, Code},
    params::Id,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    campaign::{Campaign, CampaignConfig},
    ids::{CampaignId, LeadId, WorkspaceId},
    store::{Db, campaigns, recent, value_sets},
    what_if::{Count, Question, Sample, Tally},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};
use utoipa::ToSchema;
use uuid::Uuid;

/// Leads that are asked about, at most, and unless the caller says otherwise.
pub const WHAT_IF_LEADS_MAX: i64 = 1_000;
const LEADS: i64 = 100;
/// Leads read by one statement.
const READ_AT_ONCE: i64 = 100;
/// Campaigns that routing may lead to and whose stages are asked; leads that are routed elsewhere count as `routed`.
pub const WHAT_IF_DESTINATIONS_MAX: usize = 20;
/// How long it works; what was found until then is the answer.
const WORKS_MAX: Duration = Duration::from_secs(20);

/// Another configuration, and which leads to ask about.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WhatIf {
    /// The edited configuration, whole, as for saving the campaign.
    #[schema(value_type = Option<CampaignConfig>)]
    pub config: Option<Value>,
    /// Or a saved revision.
    pub revision: Option<i64>,
    /// The campaign's newest leads, 1 to 1,000; 100 unless given.
    #[schema(minimum = 1, maximum = 1000)]
    pub last: Option<i64>,
    /// Only those that came in since.
    pub since: Option<DateTime<Utc>>,
}

/// What would change. Deliveries were not made and nothing was written.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhatIfAnswer {
    pub campaign_id: CampaignId,
    /// The newest revision, which is in use.
    pub before_revision: i64,
    /// Null for an edited configuration.
    pub after_revision: Option<i64>,
    /// The moment that both sides were asked at.
    pub at: DateTime<Utc>,
    /// Leads asked about.
    pub leads: u64,
    /// False when the time was over before all were asked.
    pub is_complete: bool,
    /// Leads with any difference; then those with another outcome, payload or computed key.
    pub changed: u64,
    pub outcome_changed: u64,
    pub payload_changed: u64,
    pub computed_changed: u64,
    /// Every way from before to after and how many leads take it, changes first.
    pub counts: Vec<Count>,
    /// Some of the leads that change, newest first: at most 25, of those that change alike at most 5.
    pub samples: Vec<Sample>,
    /// What stage 8 and the outside would decide is not asked.
    pub left_out: [&'static str; 5],
}

const LEFT_OUT: [&str; 5] = [
    "caps and schedule",
    "a model's answers: values are fitted deterministically",
    "the wait of a first action: its answer is taken for yes",
    "the buyer's answer",
    "fallback",
];

/// Ask what if
///
/// Runs the campaign's last leads through routing to payload, by the newest saved revision and by another configuration, at the same moment
/// and on the same stored data, and tells what would change. Sends nothing, writes nothing.
#[utoipa::path(
    post, path = "/campaigns/{campaignId}/what-if", tag = "Rules", operation_id = "whatIf",
    params(("campaignId" = CampaignId, Path)),
    request_body = WhatIf,
    responses((status = 200, description = "What would change.", body = Success<WhatIfAnswer>), Guarded, Absent, Sent, crate::answer::Conflicting)
)]
pub async fn what_if(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<CampaignId>,
    body: Body<CAMPAIGN_BYTES_MAX>,
) -> Result<Data<WhatIfAnswer>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    caller.require(Scope::LeadsRead)?;
    let WhatIf { config, revision, last, since } = body.read()?;
    let row = show::read(&api.db, caller.workspace, id).await?;
    let last = last.unwrap_or(LEADS);
    if !(1..=WHAT_IF_LEADS_MAX).contains(&last) {
        return Err(ApiError::invalid_at("last", format!("must be 1 to {WHAT_IF_LEADS_MAX}")));
    }
    let after = match (config, revision) {
        (Some(config), None) => {
            let checked = form::check_config(&api, &caller, Some(id), config, Vec::new()).await?;
            let config = serde_json::to_value(checked).expect("a configuration is plain data");
            rehearsal::compiled(&row, 0, config)?
        }
        (None, Some(revision)) => {
            let found = campaigns::revision(&api.db, caller.workspace, id, revision).await?;
            let (_, _, config) =
                found.ok_or_else(|| ApiError::not_found("revision").at("revision"))?;
            rehearsal::compiled(&row, revision, config.0)?
        }
        _ => return Err(ApiError::invalid_at("config", "give either config or revision")),
    };
    let before = rehearsal::compiled(&row, row.revision, row.config.0.clone())?;
    let now = api.clock.now();
    let question = Arc::new(question(&api.db, caller.workspace, (before, after), now).await?);
    let (mut tally, is_complete) = run(&api.db, caller.workspace, &question, (last, since)).await?;
    Ok(Data(WhatIfAnswer {
        campaign_id: id,
        before_revision: row.revision,
        after_revision: revision,
        at: now,
        leads: tally.leads,
        is_complete,
        changed: tally.changed,
        outcome_changed: tally.outcome_changed,
        payload_changed: tally.payload_changed,
        computed_changed: tally.computed_changed,
        counts: tally.counts(),
        samples: tally.samples,
        left_out: LEFT_OUT,
    }))
}

/// Everything that both sides look at, read once.
async fn question(
    db: &Db,
    workspace: WorkspaceId,
    (before, after): (Arc<Campaign>, Arc<Campaign>),
    now: DateTime<Utc>,
) -> Result<Question, ApiError> {
    let ids: BTreeSet<CampaignId> = [&before, &after]
        .into_iter()
        .filter(|campaign| campaign.config.auto_routing)
        .flat_map(|campaign| campaign.config.routing.iter().map(|rule| rule.to))
        .collect();
    let ids = Vec::from_iter(ids);
    let standings = match ids.is_empty() {
        true => Vec::new(),
        false => campaigns::standings(db, workspace, &ids).await?,
    };
    let asked = &ids[..ids.len().min(WHAT_IF_DESTINATIONS_MAX)];
    let mut others = HashMap::new();
    for row in
        if asked.is_empty() { Vec::new() } else { campaigns::some(db, workspace, asked).await? }
    {
        // Leads that are routed to a campaign that cannot be used count as routed.
        if let Ok(campaign) = rehearsal::compiled(&row, row.revision, row.config.0.clone()) {
            others.insert(row.id, campaign);
        }
    }
    let all = [&before, &after].into_iter().chain(others.values());
    let named = all.flat_map(|campaign| campaign.sets.iter());
    let named: BTreeSet<&String> = named.collect();
    let sets = value_sets::sets(db, workspace, named).await?;
    let standings = standings.into_iter().map(|one| (one.id, one)).collect();
    Ok(Question { before, after, others, standings, sets, now })
}

/// Reads leads page by page, and asks about each page away from the threads that answer requests.
async fn run(
    db: &Db,
    workspace: WorkspaceId,
    question: &Arc<Question>,
    (last, since): (i64, Option<DateTime<Utc>>),
) -> Result<(Tally, bool), ApiError> {
    let end = Instant::now() + WORKS_MAX;
    let (mut tally, mut left, mut before) = (Tally::default(), last, LeadId(Uuid::max()));
    while left > 0 {
        let most = left.min(READ_AT_ONCE);
        let mut page = recent::of_campaign(db, workspace, question.before.id, before, most).await?;
        let is_last = page.len() < most as usize;
        before = page.last().map_or(before, |lead| lead.lead_id);
        left -= page.len() as i64;
        let read = page.len();
        // Leads come newest first, so the first that is too old is followed by older ones only.
        page.retain(|lead| since.is_none_or(|since| lead.lead_created_at >= since));
        let is_last = is_last || page.len() < read;
        let question = question.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let in_time = question.ask(&page, end, &mut tally);
            (tally, in_time)
        });
        let in_time;
        (tally, in_time) = asked.await.map_err(|panic| {
            tracing::error!(%panic, "a rehearsal failed");
            ApiError::new(Code::Internal, "an internal error; the log has the cause")
        })?;
        if !in_time {
            return Ok((tally, false));
        }
        if is_last {
            break;
        }
    }
    Ok((tally, true))
}
