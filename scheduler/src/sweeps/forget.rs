//! Answers of idempotent requests that nobody will ask for again: forget them.
use super::SweepError;
use crate::Scheduler;
use chrono::Duration;
use shared::store::sweeps::forget_answers;

/// How long an `Idempotency-Key` is remembered.
pub const KEPT: Duration = Duration::hours(72);
/// Answers forgotten by one statement, at most.
const MOST: i64 = 5_000;

pub async fn sweep(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let before = scheduler.clock.now() - KEPT;
    let mut found = 0;
    loop {
        let forgotten = forget_answers(&scheduler.db, before, MOST).await?;
        found += forgotten;
        if forgotten < MOST as u64 {
            return Ok(found);
        }
    }
}
