//! What is due but was not heard of: ring its bell (again). A lost push, a dead worker, an emptied Redis, a retry and a deadline are all
//! this one case.
use super::SweepError;
use crate::Scheduler;
use shared::{
    push::lane,
    queue::Job,
    store::sweeps::{Due, take_due},
    submission::Stage,
};
use std::{collections::HashMap, time::Duration};

/// Jobs pushed by one statement, at most.
const MOST: i64 = 1_000;
/// Jobs in a lane above which it is left alone: its workers have enough to do, and pushing a backlog over and over helps nobody.
const BACKLOG: u64 = 10_000;

pub async fn sweep(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let mut found = 0;
    loop {
        let stages = hungry(scheduler).await?;
        if stages.is_empty() {
            return Ok(found);
        }
        let now = scheduler.clock.now();
        let again_at = now + scheduler.redelivery;
        let due = take_due(&scheduler.db, &stages, now, again_at, MOST).await?;
        found += due.len() as u64;
        push(scheduler, &due).await?;
        if due.len() < MOST as usize {
            return Ok(found);
        }
    }
}

/// The stages whose lanes can take more. Nothing is taken from the tables while the queue is away.
async fn hungry(scheduler: &Scheduler) -> Result<Vec<Stage>, SweepError> {
    let depths = scheduler.queue.depths(&Stage::ALL.map(lane)).await?;
    let stages = Stage::ALL.into_iter().zip(depths);
    Ok(stages.filter(|(_, depth)| depth.ready < BACKLOG).map(|(stage, _)| stage).collect())
}

async fn push(scheduler: &Scheduler, due: &[Due]) -> Result<(), SweepError> {
    let mut lanes: HashMap<Stage, Vec<(Job, Duration)>> = HashMap::new();
    for due in due {
        let job = Job { id: due.id.0, generation: due.generation };
        lanes.entry(due.stage).or_default().push((job, Duration::ZERO));
    }
    for (stage, jobs) in lanes {
        scheduler.queue.push(lane(stage), &jobs).await?;
    }
    Ok(())
}
