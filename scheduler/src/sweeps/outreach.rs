//! Calls and threads of texts that are due: push them.
use super::SweepError;
use crate::Scheduler;
use shared::{push::OUTREACH, queue::Job, store::interactions};
use std::time::Duration;

/// Calls and threads pushed by one statement, and by one tick, at most: providers are not overrun.
const MOST: i64 = 1_000;

pub async fn sweep(scheduler: &Scheduler) -> Result<u64, SweepError> {
    // Nothing is taken from the table while the queue is away, or has enough to do.
    let depth = scheduler.queue.depths(&[OUTREACH]).await?;
    if depth.first().is_some_and(|depth| depth.ready >= MOST as u64) {
        return Ok(0);
    }
    let now = scheduler.clock.now();
    let due = interactions::take_due(&scheduler.db, now, now + scheduler.redelivery, MOST).await?;
    let generation = now.timestamp_micros();
    let jobs: Vec<(Job, Duration)> =
        due.iter().map(|id| (Job { id: id.0, generation }, Duration::ZERO)).collect();
    if !jobs.is_empty() {
        scheduler.queue.push(OUTREACH, &jobs).await?;
    }
    Ok(jobs.len() as u64)
}
