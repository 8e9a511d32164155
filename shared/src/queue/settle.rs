//! Tells Redis what became of leased jobs: in batches, and again until it listens.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;

use super::job::{Lease, Settle};
use super::lane_store::LINGER;
use super::leases::Leases;
use super::patience::Patience;
use super::redis_lane::{RedisLane, SETTLE_MAX};

/// Ends when nobody is left who could settle and all that was settled is told. Bounded by the
/// number of jobs in hand: no more are taken while Redis does not listen.
pub(super) async fn settle(
    lane: Arc<RedisLane>,
    leases: Arc<Leases>,
    mut outbox: UnboundedReceiver<(Lease, Settle)>,
) {
    let mut batch = Vec::with_capacity(SETTLE_MAX);
    while outbox.recv_many(&mut batch, SETTLE_MAX).await > 0 {
        // Nobody waits for a settle, so a moment more saves most of the round trips.
        if batch.len() < SETTLE_MAX && !outbox.is_closed() {
            sleep(LINGER).await;
            while batch.len() < SETTLE_MAX
                && let Ok(settled) = outbox.try_recv()
            {
                batch.push(settled);
            }
        }
        tell(&lane, &batch).await;
        leases.forget(batch.iter().map(|(lease, _)| lease));
        // A delayed job may be due before the next look at the lane.
        if batch.iter().any(|(_, settle)| *settle != Settle::Done) {
            lane.wake().notify_one();
        }
        batch.clear();
    }
}

async fn tell(lane: &RedisLane, batch: &[(Lease, Settle)]) {
    let mut patience = Patience::new(Duration::from_millis(50));
    loop {
        match lane.settle(batch).await {
            Ok(held) if held < batch.len() as u64 => {
                let late = batch.len() as u64 - held;
                tracing::debug!(late, "settled after the lease was lost, without effect");
                return;
            }
            Ok(_) => return,
            Err(cause) => patience.pause("settle jobs", &cause).await,
        }
    }
}
