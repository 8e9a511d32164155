//! Leads that are submitted many at once: steps that are due and that no worker has.
use super::SweepError;
use crate::Scheduler;
use shared::{push::LEAD_PROCESSES, queue::Job, store::lead_process};
use std::time::Duration;

/// Steps rung for by one tick, at most.
const MOST: i64 = 200;

/// Rings for steps that are due. One that is in the queue is not there twice.
pub async fn sweep(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let depth = scheduler.queue.depths(&[LEAD_PROCESSES]).await?;
    if depth.first().is_some_and(|depth| depth.ready >= MOST as u64) {
        return Ok(0);
    }
    let due = lead_process::due(&scheduler.db, scheduler.clock.now(), MOST).await?;
    let jobs: Vec<(Job, Duration)> = due
        .iter()
        .map(|(id, generation)| (Job { id: id.0, generation: *generation }, Duration::ZERO))
        .collect();
    if !jobs.is_empty() {
        scheduler.queue.push(LEAD_PROCESSES, &jobs).await?;
    }
    Ok(due.len() as u64)
}
