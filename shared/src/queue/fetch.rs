//! Takes jobs for free hands, as many as there are, and only while the lane is not paused.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::crew::{Crew, Delivery};
use super::lane_store::{LaneStore, TAKE_MAX};
use super::patience::Patience;

pub(super) struct Fetch {
    pub(super) store: LaneStore,
    pub(super) crew: Arc<Crew>,
    pub(super) lease: Duration,
    pub(super) paused: watch::Receiver<bool>,
    /// To the worker. What it no longer takes gives itself back.
    pub(super) deliveries: UnboundedSender<Delivery>,
}

impl Fetch {
    /// Ends when stopped, but never in the middle of a take: what that brings would be lost until
    /// its lease runs out.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut patience = Patience::new(Duration::from_millis(100));
        while let Some(wanted) = stop.run_until_cancelled(self.free_hands()).await {
            let took_at = Instant::now();
            match self.store.take(wanted, self.lease).await {
                Ok(taken) => {
                    patience.success("take jobs");
                    let found = taken.leases.len();
                    self.crew.hands.add_permits(wanted - found);
                    for delivery in self.crew.deliver(&taken.leases) {
                        drop(self.deliveries.send(delivery));
                    }
                    if found < wanted {
                        stop.run_until_cancelled(self.idle(taken.wait, took_at)).await;
                    } else {
                        // There may be more, for another worker on this lane whose hands are free.
                        self.store.wake().notify_waiters();
                    }
                }
                Err(cause) => {
                    self.crew.hands.add_permits(wanted);
                    stop.run_until_cancelled(patience.pause("take jobs", &cause)).await;
                }
            }
        }
    }

    /// Waits until the lane is not paused and a hand is free, then reserves all free hands, 64 at
    /// most.
    async fn free_hands(&mut self) -> usize {
        loop {
            if self.paused.wait_for(|paused| !paused).await.is_err() {
                // Paused, and whoever could end that is gone.
                std::future::pending::<()>().await;
            }
            // The semaphore is never closed, so an error cannot happen and would only mean to wait
            // on.
            let Ok(first) = self.crew.hands.acquire().await else { continue };
            if *self.paused.borrow() {
                continue;
            }
            first.forget();
            return 1 + self.crew.hands.forget_permits(TAKE_MAX - 1);
        }
    }

    /// Waits until there may be something to take.
    async fn idle(&self, wait: Duration, took_at: Instant) {
        tokio::select! {
            () = self.store.wake().notified() => {}
            () = sleep(wait) => {}
        }
        let company = self.store.linger().saturating_sub(took_at.elapsed());
        if !company.is_zero() {
            sleep(company).await;
        }
    }
}
