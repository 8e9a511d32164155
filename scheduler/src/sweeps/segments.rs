//! Segments: builds that are due are rung for; those whose members the clock changes are looked at.
use super::SweepError;
use crate::Scheduler;
use shared::{
    ids::SegmentId,
    push::SEGMENTS,
    queue::Job,
    store::{
        StoreError,
        live::{
            build,
            flips::{self, Swept},
        },
    },
};
use std::time::Duration;

/// Builds rung for by one tick, at most.
const MOST: i64 = 200;
/// Times that one segment is looked at within a tick: one that is far behind is caught up with in parts.
const PARTS: usize = 100;

/// Rings for builds that are due and that nobody has. A build that is in the queue is not there twice.
pub async fn builds(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let depth = scheduler.queue.depths(&[SEGMENTS]).await?;
    if depth.first().is_some_and(|depth| depth.ready >= MOST as u64) {
        return Ok(0);
    }
    let due = build::due(&scheduler.db, scheduler.clock.now(), MOST).await?;
    ring(scheduler, &due).await?;
    Ok(due.len() as u64)
}

async fn ring(scheduler: &Scheduler, due: &[(SegmentId, i64)]) -> Result<(), SweepError> {
    let jobs: Vec<(Job, Duration)> = due
        .iter()
        .map(|(id, generation)| (Job { id: id.0, generation: *generation }, Duration::ZERO))
        .collect();
    if !jobs.is_empty() {
        scheduler.queue.push(SEGMENTS, &jobs).await?;
    }
    Ok(())
}

/// Looks at the segments whose members the clock may have changed. One that fails does not stop the others.
pub async fn clocks(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let due = flips::due(&scheduler.db, scheduler.clock.now(), MOST).await?;
    let mut builds = Vec::new();
    for (workspace, segment) in &due {
        for _ in 0..PARTS {
            let swept = flips::sweep(&scheduler.db, *workspace, *segment, scheduler.clock.now());
            match swept.await {
                Ok(Swept::Moved(_)) => continue,
                Ok(Swept::Due(generation)) => builds.push((*segment, generation)),
                Ok(Swept::Nothing) => {}
                Err(error) => report(*segment, &error),
            }
            break;
        }
    }
    ring(scheduler, &builds).await?;
    Ok(due.len() as u64)
}

fn report(segment: SegmentId, error: &StoreError) {
    tracing::warn!(%segment, %error, "the clock's part of a segment was not looked at; the next tick makes it up");
}
