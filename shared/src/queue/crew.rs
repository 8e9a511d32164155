//! A worker's hands: how many are free, what they hold, and that each delivery is settled once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::job::{Delivered, Lane, Lease, Settle};
use super::leases::Leases;
use super::memory_lane::MemoryLane;
use super::patience::rest_after;

pub(super) type Handler = Arc<dyn Fn(Delivered) -> BoxFuture<'static, Settle> + Send + Sync>;

/// What all deliveries of one worker share.
pub(super) struct Crew {
    pub(super) lane: Lane,
    pub(super) handler: Handler,
    pub(super) job_timeout: Duration,
    /// Free hands. A take removes permits, a delivery that ends gives one back.
    pub(super) hands: Semaphore,
    pub(super) desk: Desk,
}

/// Where a settled job is reported.
pub(super) enum Desk {
    Redis { outbox: UnboundedSender<(Lease, Settle)>, leases: Arc<Leases> },
    Memory(Arc<MemoryLane>),
}

impl Crew {
    /// Puts leases into hands; each takes up one permit that was removed before.
    pub(super) fn deliver(self: &Arc<Self>, leases: &[Lease]) -> Vec<Delivery> {
        let cancelled: Vec<_> = leases.iter().map(|_| CancellationToken::new()).collect();
        if let Desk::Redis { leases: held, .. } = &self.desk {
            held.hold(leases, &cancelled);
        }
        let delivery = |(lease, cancelled): (&Lease, CancellationToken)| Delivery {
            lease: *lease,
            cancelled,
            crew: Arc::clone(self),
            settle: Settle::Back,
        };
        leases.iter().zip(cancelled).map(delivery).collect()
    }

    fn settle(&self, lease: Lease, settle: Settle) {
        match &self.desk {
            // Nobody listens only when the run itself was dropped; then the lease runs out.
            Desk::Redis { outbox, .. } => drop(outbox.send((lease, settle))),
            Desk::Memory(lane) => lane.settle(lease.job, settle),
        }
    }
}

/// A job in hand. Settled when dropped, wherever that happens: given back unless `work` said
/// otherwise.
pub(super) struct Delivery {
    lease: Lease,
    cancelled: CancellationToken,
    crew: Arc<Crew>,
    settle: Settle,
}

impl Delivery {
    /// Runs the handler on it. A panic or a handler that takes too long costs only this delivery.
    pub(super) async fn work(mut self) {
        let Lease { job, delivery, .. } = self.lease;
        let crew = Arc::clone(&self.crew);
        let lane = crew.lane;
        let cancelled = self.cancelled.clone();
        let handling = async { (crew.handler)(Delivered { lane, job, delivery, cancelled }).await };
        let ended = timeout(crew.job_timeout, AssertUnwindSafe(handling).catch_unwind()).await;
        self.settle = match ended {
            Ok(Ok(settle)) => settle,
            Ok(Err(_)) => {
                tracing::error!(%lane, job = %job.id, delivery, "the handler panicked");
                Settle::Again(rest_after(delivery))
            }
            Err(_) => {
                let limit = crew.job_timeout;
                tracing::error!(%lane, job = %job.id, delivery, ?limit, "the handler took too long");
                Settle::Again(rest_after(delivery))
            }
        };
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if self.settle != Settle::Done {
            // For what a handler that was cut off has started elsewhere: the job is no longer its
            // own.
            self.cancelled.cancel();
        }
        self.crew.settle(self.lease, self.settle);
        self.crew.hands.add_permits(1);
    }
}
