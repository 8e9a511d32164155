//! Campaigns that are due to begin or to end.
use super::SweepError;
use crate::Scheduler;
use shared::store::campaign_window;

/// Campaigns of one tick, at most; the next tick sees the others.
const CAMPAIGNS: i64 = 200;

pub async fn sweep(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let now = scheduler.clock.now();
    let mut found = 0;
    for (workspace, campaign) in campaign_window::due(&scheduler.db, now, CAMPAIGNS).await? {
        match campaign_window::turn(&scheduler.db, (workspace, campaign), now).await {
            Ok(Some(state)) => {
                tracing::info!(%campaign, state, "a campaign's date has come");
                found += 1;
            }
            Ok(None) => {}
            // One that cannot be turned keeps no other waiting.
            Err(error) => tracing::warn!(%campaign, %error, "a campaign's date has come in vain"),
        }
    }
    Ok(found)
}
