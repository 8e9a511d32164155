//! What providers told us is remembered for a month, so that a repeat has no effect; then it is forgotten, whether anybody asked for it or not.
use super::SweepError;
use crate::Scheduler;
use chrono::Duration;
use shared::store::inbound;

/// How long an event is remembered. No provider repeats one after this long.
pub const REMEMBERED: Duration = Duration::days(30);
/// Events forgotten by one statement, at most.
const MOST: i64 = 5_000;

pub async fn sweep(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let before = scheduler.clock.now() - REMEMBERED;
    let mut forgotten = 0;
    loop {
        let gone = inbound::forget(&scheduler.db, before, MOST).await?;
        forgotten += gone;
        if gone < MOST as u64 {
            return Ok(forgotten);
        }
    }
}
