//! Questions about held deliveries that are due: push them.
use super::SweepError;
use crate::Scheduler;
use shared::{push::STATUS_QUERIES, queue::Job, store::status_queries};
use std::time::Duration;

/// Questions pushed by one statement, and by one tick, at most: buyers who were down are not overrun with them.
const MOST: i64 = 500;

pub async fn sweep(scheduler: &Scheduler) -> Result<u64, SweepError> {
    // Nothing is taken from the table while the queue is away, or has enough to do.
    let depth = scheduler.queue.depths(&[STATUS_QUERIES]).await?;
    if depth.first().is_some_and(|depth| depth.ready >= MOST as u64) {
        return Ok(0);
    }
    let now = scheduler.clock.now();
    let due =
        status_queries::take_due(&scheduler.db, now, now + scheduler.redelivery, MOST).await?;
    let jobs: Vec<(Job, Duration)> = due
        .iter()
        .map(|due| {
            let job = Job { id: due.submission_id.0, generation: due.generation };
            (job, Duration::ZERO)
        })
        .collect();
    if !jobs.is_empty() {
        scheduler.queue.push(STATUS_QUERIES, &jobs).await?;
    }
    Ok(jobs.len() as u64)
}
