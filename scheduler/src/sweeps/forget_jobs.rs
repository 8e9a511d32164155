//! What automations wanted of the outside and is done: forget it.
use super::SweepError;
use crate::Scheduler;
use chrono::Duration;
use shared::store::automation::jobs::{self, KEPT_DAYS};

/// Jobs forgotten by one statement, at most.
const MOST: i64 = 5_000;

pub async fn sweep(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let before = scheduler.clock.now() - Duration::days(KEPT_DAYS);
    let mut forgotten = 0;
    loop {
        let gone = jobs::forget(&scheduler.db, before, MOST).await?;
        forgotten += gone;
        if gone < MOST as u64 {
            return Ok(forgotten);
        }
    }
}
