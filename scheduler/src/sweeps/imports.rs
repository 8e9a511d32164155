//! Imports: those that are due are rung for, old ones are forgotten.
use super::SweepError;
use crate::Scheduler;
use shared::{push::IMPORTS, queue::Job, store::imports};
use std::time::Duration;

/// Imports rung for by one tick, at most.
const MOST: i64 = 200;

/// Rings for imports that are due: started, left by a worker that died, or waiting for another try.
pub async fn due(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let depth = scheduler.queue.depths(&[IMPORTS]).await?;
    if depth.first().is_some_and(|depth| depth.ready >= MOST as u64) {
        return Ok(0);
    }
    let due = imports::due(&scheduler.db, scheduler.clock.now(), MOST).await?;
    let jobs: Vec<(Job, Duration)> = due
        .iter()
        .map(|(id, generation)| (Job { id: id.0, generation: *generation }, Duration::ZERO))
        .collect();
    if !jobs.is_empty() {
        scheduler.queue.push(IMPORTS, &jobs).await?;
    }
    Ok(due.len() as u64)
}

/// Forgets files that nobody started, and imports that ended long ago.
pub async fn forget(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let mut forgotten = 0;
    loop {
        let gone = imports::forget(&scheduler.db, scheduler.clock.now(), MOST).await?;
        forgotten += gone;
        if gone < MOST as u64 {
            return Ok(forgotten);
        }
    }
}
