//! Whose turn is it, what is due, do it, note it. Any number of schedulers may run: each tick is done once.
use crate::{
    Scheduler,
    sweeps::{self, Sweep, SweepError},
};
use cron::Schedule;
use shared::{
    clock::Time,
    store::{StoreError, sweeps as store},
};
use std::{
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Runs every sweep by its schedule until `stop`.
pub async fn run(scheduler: Arc<Scheduler>, stop: CancellationToken) {
    let mut loops = JoinSet::new();
    for sweep in sweeps::ALL {
        let (scheduler, stop) = (scheduler.clone(), stop.clone());
        loops.spawn(async move { keep(&scheduler, sweep, stop).await });
    }
    while loops.join_next().await.is_some() {}
}

async fn keep(scheduler: &Scheduler, sweep: &'static Sweep, stop: CancellationToken) {
    let schedule = schedule(sweep);
    loop {
        let now = scheduler.clock.now();
        let Some(next) = schedule.after(&now).next() else { return };
        let pause = (next - now).to_std().unwrap_or(Duration::ZERO);
        tokio::select! {
            () = stop.cancelled() => return,
            () = wait(pause) => {}
        }
        if let Err(error) = tick(scheduler, sweep, next).await {
            tracing::warn!(sweep = sweep.name, %error, "a sweep failed; its next tick makes it up");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the scheduler is where the waiting is done")]
async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// Does one tick of a sweep, unless another scheduler has it. Returns how much it found; none when it was not ours.
pub async fn tick(
    scheduler: &Scheduler,
    sweep: &Sweep,
    tick: Time,
) -> Result<Option<u64>, SweepError> {
    if !store::take_tick(&scheduler.db, sweep.name, tick, scheduler.holder).await? {
        return Ok(None);
    }
    let began = Instant::now();
    let found = sweep.run(scheduler).await?;
    note(scheduler, sweep, found, began.elapsed()).await?;
    if found > 0 {
        tracing::debug!(sweep = sweep.name, found, "swept");
    }
    Ok(Some(found))
}

async fn note(
    scheduler: &Scheduler,
    sweep: &Sweep,
    found: u64,
    took: Duration,
) -> Result<(), StoreError> {
    let report = store::TickReport {
        finished_at: scheduler.clock.now(),
        found: i64::try_from(found).unwrap_or(i64::MAX),
        duration_us: i64::try_from(took.as_micros()).unwrap_or(i64::MAX),
    };
    store::finish_tick(&scheduler.db, sweep.name, scheduler.holder, report).await
}

/// When a sweep runs.
fn schedule(sweep: &Sweep) -> Schedule {
    Schedule::from_str(sweep.cron).expect("the sweeps' expressions are tested")
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::clock::Clock;

    #[test]
    fn every_sweep_has_a_schedule_that_comes_again() {
        let now = Clock::system().now();
        for sweep in sweeps::ALL {
            let first =
                schedule(sweep).after(&now).next().unwrap_or_else(|| panic!("{}", sweep.name));
            assert!(
                schedule(sweep).after(&first).next().is_some_and(|second| second > first),
                "{}",
                sweep.name
            );
        }
    }
}
