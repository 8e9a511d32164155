//! Leads that move by themselves: those that are due, those of campaigns whose automation was saved, and what happened in bulk.
use super::SweepError;
use crate::Scheduler;
use shared::{
    ids::{CampaignId, WorkspaceId},
    store::{
        StoreError,
        automation::{due, passes, pending},
    },
};

/// Leads, or notes, that are looked for at once, and how often within one tick: what is more waits for the next.
const AT_ONCE: i64 = 2_000;
const ROUNDS: usize = 10;
/// Campaigns of one tick, at most.
const CAMPAIGNS: i64 = 20;
/// Steps of one campaign in one tick, at most: a large one takes several ticks, and others get their turn.
const STEPS: usize = 20;

/// Looks at leads that are due: silences that have lasted, dates that have come, waits that are over.
pub async fn due(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let mut looked = 0;
    for _ in 0..ROUNDS {
        let some = due::sweep(&scheduler.db, scheduler.clock.now(), AT_ONCE).await?;
        looked += some;
        if some < AT_ONCE as u64 {
            break;
        }
    }
    Ok(looked)
}

/// Reacts to what happened to contacts in bulk.
pub async fn pending(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let mut done = 0;
    for _ in 0..ROUNDS {
        let some = pending::sweep(&scheduler.db, scheduler.clock.now(), AT_ONCE).await?;
        done += some;
        if some < AT_ONCE as u64 {
            break;
        }
    }
    Ok(done)
}

/// Looks at all leads of campaigns whose automation was saved, or that opened again. One that fails does not stop the others.
pub async fn passes(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let mut looked = 0;
    for campaign in passes::due(&scheduler.db, scheduler.clock.now(), CAMPAIGNS).await? {
        match some_steps(scheduler, campaign).await {
            Ok(leads) => looked += leads,
            Err(error) => {
                tracing::warn!(campaign = %campaign.1, %error, "the pass over its leads is behind; the next tick goes on");
            }
        }
    }
    Ok(looked)
}

async fn some_steps(
    scheduler: &Scheduler,
    campaign: (WorkspaceId, CampaignId),
) -> Result<u64, StoreError> {
    let mut looked = 0;
    for _ in 0..STEPS {
        let step = passes::step(&scheduler.db, campaign, scheduler.clock.now()).await?;
        looked += step.leads;
        if step.is_last {
            break;
        }
    }
    Ok(looked)
}
