//! What a workspace need not keep any more: emptied or deleted in short steps, in turns, until nothing is left or the time is up.
use super::SweepError;
use crate::Scheduler;
use chrono::Duration;
use shared::store::{
    StoreError,
    retention::{self, Phase, SLACK, Work},
};
use std::collections::VecDeque;
use uuid::Uuid;

/// How long one tick works, at most. The next one goes on, first with what is furthest behind.
pub const BUDGET: Duration = Duration::seconds(60);
/// A walk that has come up to this long ago is not begun again.
pub const EVERY: Duration = Duration::hours(6);

pub async fn sweep(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let began = scheduler.clock.now();
    let rests = |work: &Work| {
        let until = began - Duration::days(work.days) - SLACK - EVERY;
        work.done_until.is_some_and(|done| done > until)
    };
    let all = retention::work(&scheduler.db).await?;
    let first = Phase::Left(Uuid::nil());
    let mut turns: VecDeque<(Work, Phase)> =
        all.into_iter().filter(|work| !rests(work)).map(|work| (work, first)).collect();
    let mut gone = 0;
    while let Some((work, phase)) = turns.pop_front() {
        let now = scheduler.clock.now();
        if now - began > BUDGET {
            break;
        }
        match retention::step(&scheduler.db, &work, phase, now).await {
            Ok(step) => {
                gone += step.gone;
                turns.extend(step.then.map(|then| (work, then)));
            }
            // Somebody else had the rows: the next tick makes it up.
            Err(error) if error.is_conflict() => told(&work, &error),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(gone)
}

fn told(work: &Work, error: &StoreError) {
    tracing::debug!(workspace = %work.workspace, walk = work.walk.name(), %error, "another transaction came first");
}
