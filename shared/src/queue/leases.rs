//! Which leases a worker holds on Redis, and the loop that keeps them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::job::Lease;
use super::locked;
use super::redis_lane::{RENEW_MAX, RedisLane};

/// Renewals before a lease would run out: two may fail.
const RENEWALS_A_LEASE: u32 = 3;

/// Every lease from its taking until Redis knows what became of it, with what tells its handler of
/// the loss.
#[derive(Default)]
pub(super) struct Leases(Mutex<HashMap<Lease, CancellationToken>>);

impl Leases {
    pub(super) fn hold(&self, leases: &[Lease], cancelled: &[CancellationToken]) {
        locked(&self.0).extend(leases.iter().copied().zip(cancelled.iter().cloned()));
    }

    pub(super) fn forget<'a>(&self, leases: impl Iterator<Item = &'a Lease>) {
        let mut held = locked(&self.0);
        for lease in leases {
            held.remove(lease);
        }
    }

    fn all(&self) -> Vec<Lease> {
        locked(&self.0).keys().copied().collect()
    }

    fn lose(&self, lost: &[Lease]) -> usize {
        let mut held = locked(&self.0);
        let cancelled = lost.iter().filter_map(|lease| held.remove(lease));
        cancelled.map(|cancelled| cancelled.cancel()).count()
    }
}

/// Renews for ever. While Redis is away nothing is cancelled: nobody can take a job then, and the
/// database refuses the second of two workers anyway.
pub(super) async fn renew(lane: Arc<RedisLane>, leases: Arc<Leases>, lease: Duration) {
    let mut turns = interval((lease / RENEWALS_A_LEASE).max(Duration::from_millis(1)));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        for some in leases.all().chunks(RENEW_MAX) {
            match lane.renew(some, lease).await {
                Ok(lost) if lost.is_empty() => {}
                Ok(lost) => {
                    let lost = leases.lose(&lost);
                    tracing::warn!(lost, "leases lost, their handlers are told to stop");
                }
                Err(cause) => tracing::debug!(%cause, "cannot renew leases"),
            }
        }
    }
}
