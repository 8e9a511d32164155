//! Visits of browsers that nobody came to know: forget them.
use super::SweepError;
use crate::Scheduler;
use chrono::Duration;
use shared::{activity::visit::VISITS_KEPT_DAYS, store::activities::read};

/// Visits forgotten by one statement, at most.
const MOST: i64 = 5_000;

pub async fn sweep(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let before = scheduler.clock.now() - Duration::days(VISITS_KEPT_DAYS);
    let mut forgotten = 0;
    loop {
        let gone = read::forget(&scheduler.db, before, MOST).await?;
        forgotten += gone;
        if gone < MOST as u64 {
            return Ok(forgotten);
        }
    }
}
