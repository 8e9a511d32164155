//! What stages must know that is not in the submission or its campaign, asked from the database.
use crate::{context::Context, step::StepError, trip::Trip};
use shared::{
    campaign::config::Fallback,
    ids::{CampaignId, SubmissionId},
    stages::s1_routing::Standings,
    store::{StoreError, campaigns::standings, leads},
    value_set::Sets,
};
use std::sync::Arc;

/// The value sets that the campaign names. One that is gone stops the lead: without it nobody knows whom a rule lets pass.
pub async fn sets(ctx: &Context, trip: &Trip) -> Result<Sets, StepError> {
    let names = &trip.campaign.sets;
    let sets = ctx.sets.get(trip.loaded.workspace_id, names, ctx.clock.now()).await?;
    match names.iter().find(|name| !sets.contains_key(*name)) {
        None => Ok(sets),
        Some(gone) => Err(StepError::Stuck(format!("there is no value set {gone}"))),
    }
}

/// Which of the campaigns that the routing rules name take leads now.
pub async fn routing(ctx: &Context, trip: &Trip) -> Result<Standings, StepError> {
    let config = &trip.campaign.config;
    if !config.auto_routing {
        return Ok(Standings::new());
    }
    let ids: Vec<CampaignId> = config.routing.iter().map(|rule| rule.to).collect();
    ask(ctx, trip, &ids).await
}

/// Whether an endpoint may have the lead from an attempt before the one with this number: then nobody else may get it, and to ask the endpoint
/// once more under the same key is the only way to know.
pub async fn may_be_taken(
    ctx: &Context,
    trip: &Trip,
    endpoint: &str,
    before: i64,
) -> Result<bool, StoreError> {
    let attempts = leads::attempts(&ctx.db, trip.loaded.workspace_id, trip.id()).await?;
    Ok(leads::may_be_taken(&attempts, endpoint, before))
}

/// Any attempt that there is.
pub const ANY: i64 = i64::MAX;

/// What fallback must know.
pub struct FallbackFacts {
    pub list: Fallback,
    pub tried: Vec<CampaignId>,
    pub standings: Standings,
}

/// The list of the family's first campaign, who was tried, and who takes leads now.
pub async fn fallback(ctx: &Context, trip: &Trip) -> Result<FallbackFacts, StepError> {
    let mut tried = trip.carry.fallen_from.clone();
    tried.extend(&trip.carry.routed_from);
    tried.push(trip.loaded.campaign_id);
    let overflow = trip.carry.overflow.as_ref().and_then(|overflow| overflow.to);
    let list = match (overflow, trip.loaded.parent_id) {
        (Some(only), _) => Fallback { campaigns: vec![only], ..Fallback::default() },
        (None, None) => trip.campaign.config.fallback.clone(),
        (None, Some(root)) => list_of(ctx, root).await?,
    };
    let standings = ask(ctx, trip, &list.campaigns).await?;
    Ok(FallbackFacts { list, tried, standings })
}

async fn list_of(ctx: &Context, root: SubmissionId) -> Result<Fallback, StepError> {
    let Some(root) = ctx.loader.load(root).await? else { return Ok(Fallback::default()) };
    let campaign = ctx.campaigns.get(root.workspace_id, root.campaign_id, root.revision).await?;
    Ok(Arc::as_ref(&campaign).config.fallback.clone())
}

async fn ask(ctx: &Context, trip: &Trip, ids: &[CampaignId]) -> Result<Standings, StepError> {
    if ids.is_empty() {
        return Ok(Standings::new());
    }
    let rows = standings(&ctx.db, trip.loaded.workspace_id, ids).await?;
    Ok(rows.into_iter().map(|standing| (standing.id, standing)).collect())
}
