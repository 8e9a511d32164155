//! Whose turn is it, what is due, do it, note it. Any number of schedulers may run: each tick is done once, and what was missed is caught up once.
use crate::{
    Scheduler,
    sweeps::{Sweep, SweepError},
    timetable::{Timed, Timetable},
};
use futures_util::FutureExt;
use shared::{
    clock::Time,
    store::{StoreError, ticks},
};
use std::{
    any::Any,
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often a scheduler looks at a sweep, at least: whether another left a tick unfinished, and whether this machine slept through one.
pub const LOOK: Duration = Duration::from_secs(15);
/// How often a scheduler says that it is still at a sweep. Several times within [`ticks::ABANDONED`].
pub const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// Writes down what this scheduler goes by, for operators to see. Done once, before [`run`].
pub async fn announce(scheduler: &Scheduler, timetable: &Timetable) -> Result<(), StoreError> {
    let scheduled = timetable.scheduled();
    ticks::announce(&scheduler.db, &scheduled, scheduler.clock.now()).await
}

/// Runs every sweep by its schedule until `stop`.
pub async fn run(scheduler: Arc<Scheduler>, timetable: Timetable, stop: CancellationToken) {
    let mut loops = JoinSet::new();
    for timed in timetable.into_all() {
        let (scheduler, stop) = (scheduler.clone(), stop.clone());
        loops.spawn(async move { keep(&scheduler, &timed, stop).await });
    }
    while loops.join_next().await.is_some() {}
}

async fn keep(scheduler: &Scheduler, timed: &Timed, stop: CancellationToken) {
    let Some(cron) = &timed.cron else { return };
    while !stop.is_cancelled() {
        if let Err(error) = turn(scheduler, timed).await {
            tracing::warn!(sweep = timed.sweep.name, %error, "a sweep failed; its next tick makes it up");
        }
        let now = scheduler.clock.now();
        let pause = cron.next(now).and_then(|next| (next - now).to_std().ok());
        tokio::select! {
            () = stop.cancelled() => return,
            () = wait(pause.map_or(LOOK, |pause| pause.min(LOOK))) => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the scheduler is where the waiting is done")]
async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// Does the latest tick of a sweep that has come, unless it is done or another scheduler is at it. Those before it that were missed are
/// made up by it. Returns how much it found; none when there was nothing to do.
pub async fn turn(scheduler: &Scheduler, timed: &Timed) -> Result<Option<u64>, SweepError> {
    let last = timed.cron.as_ref().and_then(|cron| cron.last(scheduler.clock.now()));
    match last {
        Some(last) => tick(scheduler, timed.sweep, last).await,
        None => Ok(None),
    }
}

/// Does one tick of a sweep, unless another scheduler has it. Returns how much it found; none when it was not ours.
pub async fn tick(
    scheduler: &Scheduler,
    sweep: &Sweep,
    tick: Time,
) -> Result<Option<u64>, SweepError> {
    let (name, holder, now) = (sweep.name, scheduler.holder, scheduler.clock.now());
    if !ticks::take(&scheduler.db, &ticks::Turn { name, tick, holder, now }).await? {
        return Ok(None);
    }
    perform(scheduler, sweep).await.map(Some)
}

/// Does a sweep now, whatever its schedule, even while another is at it.
pub async fn by_hand(scheduler: &Scheduler, sweep: &Sweep) -> Result<u64, SweepError> {
    let (name, holder, now) = (sweep.name, scheduler.holder, scheduler.clock.now());
    ticks::take_over(&scheduler.db, &ticks::Turn { name, tick: now, holder, now }).await?;
    perform(scheduler, sweep).await
}

/// Does a sweep that was taken, and notes how it went.
async fn perform(scheduler: &Scheduler, sweep: &Sweep) -> Result<u64, SweepError> {
    let (began, began_at) = (Instant::now(), scheduler.clock.now());
    let work = AssertUnwindSafe((sweep.run)(scheduler)).catch_unwind();
    let done = tokio::select! {
        done = work => done.unwrap_or_else(|panic| Err(SweepError::Panicked(said(&*panic)))),
        never = signs_of_life(scheduler, sweep.name) => match never {},
    };
    let outcome = match &done {
        Ok(found) => Ok(i64::try_from(*found).unwrap_or(i64::MAX)),
        Err(error) => Err(error.to_string()),
    };
    let duration_us = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX);
    let ended = ticks::Ended { began_at, ended_at: scheduler.clock.now(), duration_us, outcome };
    let noted = ticks::end(&scheduler.db, sweep.name, scheduler.holder, &ended).await;
    let found = done?;
    noted?;
    if found > 0 {
        tracing::debug!(sweep = sweep.name, found, "swept");
    }
    Ok(found)
}

/// Goes on saying that this scheduler is at the sweep.
async fn signs_of_life(scheduler: &Scheduler, name: &str) -> Infallible {
    loop {
        wait(SIGN_OF_LIFE).await;
        let now = scheduler.clock.now();
        if let Err(error) = ticks::still_alive(&scheduler.db, name, scheduler.holder, now).await {
            tracing::warn!(sweep = name, %error, "nobody knows that the sweep still runs");
        }
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no words".into())
}
