//! Campaigns whose leads are to be brought into line with their segments: those whose segments were chosen anew, or that were closed.
use super::SweepError;
use crate::Scheduler;
use shared::{
    ids::{CampaignId, WorkspaceId},
    store::{StoreError, campaign_members},
};

/// Campaigns of one tick, at most.
const CAMPAIGNS: i64 = 20;
/// Steps of one campaign in one tick, at most: a large one takes several ticks, and others get their turn.
const STEPS: usize = 20;

pub async fn sweep(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let now = scheduler.clock.now();
    let mut found = 0;
    for campaign in campaign_members::due(&scheduler.db, now, CAMPAIGNS).await? {
        match some_steps(scheduler, campaign).await {
            Ok(leads) => found += leads,
            Err(error) => {
                tracing::warn!(campaign = %campaign.1, %error, "its members are behind; the next tick goes on");
            }
        }
    }
    Ok(found)
}

async fn some_steps(
    scheduler: &Scheduler,
    campaign: (WorkspaceId, CampaignId),
) -> Result<u64, StoreError> {
    let mut found = 0;
    for _ in 0..STEPS {
        let now = scheduler.clock.now();
        let step = campaign_members::step(&scheduler.db, campaign, now).await?;
        let settled = &step.settled;
        found += (settled.made + settled.revived + settled.left) as u64;
        if step.is_last {
            break;
        }
    }
    Ok(found)
}
