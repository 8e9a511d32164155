//! Leads that wait for their campaign's room go as soon as there is some.
use super::SweepError;
use crate::Scheduler;
use shared::drain::drain;

pub async fn sweep(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let now = scheduler.clock.now();
    Ok(drain(&scheduler.db, &scheduler.push, now, scheduler.redelivery).await?)
}
