//! Messages to webhooks: those that are due are rung for, those that are held are let go or try whether their address is back.
use super::SweepError;
use crate::Scheduler;
use chrono::Duration;
use shared::{
    push::WEBHOOKS,
    queue::Job,
    store::webhooks::sweep::{self, KEPT_DAYS},
};

/// Messages rung for at once, and how often within one tick: what is more waits for the next.
const MOST: i64 = 1_000;
const ROUNDS: usize = 10;
/// Jobs in the lane above which it is left alone.
const BACKLOG: u64 = 10_000;
/// Addresses of one tick, at most.
const ADDRESSES: i64 = 200;
/// Messages given up, or forgotten, by one statement, at most.
const AT_ONCE: i64 = 1_000;

/// Lets held messages go, begins probes, gives up what was held for too long, and rings for what is due. Addresses that fail to be looked
/// at do not stop the others.
pub async fn messages(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let (db, now) = (&scheduler.db, scheduler.clock.now());
    let mut found = sweep::expire(db, now, AT_ONCE).await?;
    for address in sweep::to_probe(db, now, ADDRESSES).await? {
        found += u64::from(sweep::probe(db, address, now).await?);
    }
    for address in sweep::to_release(db, ADDRESSES).await? {
        found += sweep::release(db, address, now).await?;
    }
    for _ in 0..ROUNDS {
        let depth = scheduler.queue.depths(&[WEBHOOKS]).await?;
        if depth.first().is_some_and(|depth| depth.ready >= BACKLOG) {
            break;
        }
        let due = sweep::take_due(db, now, now + scheduler.redelivery, MOST).await?;
        found += due.len() as u64;
        let job = |(id, attempt): &(shared::ids::WebhookMessageId, i64)| {
            (Job { id: id.0, generation: *attempt }, std::time::Duration::ZERO)
        };
        let jobs: Vec<_> = due.iter().map(job).collect();
        if !jobs.is_empty() {
            scheduler.queue.push(WEBHOOKS, &jobs).await?;
        }
        if due.len() < MOST as usize {
            break;
        }
    }
    Ok(found)
}

/// Forgets messages that are done, with their attempts.
pub async fn forget(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let before = scheduler.clock.now() - Duration::days(KEPT_DAYS);
    let mut forgotten = 0;
    loop {
        let gone = sweep::forget(&scheduler.db, before, AT_ONCE).await?;
        forgotten += gone;
        if gone < AT_ONCE as u64 {
            return Ok(forgotten);
        }
    }
}
