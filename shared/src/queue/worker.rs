//! The apalis worker: our backend hands it deliveries, it runs the handlers and stops gracefully.

use std::convert::Infallible;
use std::task::{Context, Poll, ready};

use apalis::prelude::{Backend, RandomId, Task, WorkerBuilder, WorkerContext, WorkerError};
use apalis_core::backend::{BackendConfig, finalize::Ephemeral};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::layer::util::Identity;
use uuid::Uuid;

use super::crew::Delivery;
use super::job::Lane;

/// What apalis sees of a lane. It never fails and never runs dry, for apalis ends a worker that
/// meets either; fetching, leases, settling and their errors are ours.
pub(super) struct Deliveries {
    pub(super) incoming: UnboundedReceiver<Delivery>,
    pub(super) paused: watch::Receiver<bool>,
}

impl Backend for Deliveries {
    type Task = Task<Delivery>;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        loop {
            match ready!(self.incoming.poll_recv(cx)) {
                // Fetched just before the pause: dropped means given back.
                Some(delivery) if *self.paused.borrow() => drop(delivery),
                Some(delivery) => return Poll::Ready(Some(Ok(Task::new(delivery)))),
                // The stop that ended the fetching is about to reach the worker too.
                None => return Poll::Pending,
            }
        }
    }

    fn poll_close(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        self.incoming.close();
        while let Ok(unstarted) = self.incoming.try_recv() {
            drop(unstarted);
        }
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for Deliveries {
    type Args = Delivery;
    type Id = RandomId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}

/// Works until stopped and the running handlers have ended. Boxed outside of any async function,
/// for inside one rustc cannot prove this future `Send`.
pub(super) fn work(
    lane: Lane,
    deliveries: Deliveries,
    stop: CancellationToken,
) -> BoxFuture<'static, Result<(), WorkerError>> {
    // apalis refuses two workers of one name.
    let name = format!("{lane}-{}", Uuid::now_v7().simple());
    let worker = WorkerBuilder::new(name).backend(deliveries).build(Delivery::work);
    let stopped = stop.cancelled_owned().map(Ok::<(), WorkerError>);
    worker.run_until(stopped).boxed()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::{Semaphore, mpsc::unbounded_channel};

    use super::*;
    use crate::queue::crew::{Crew, Desk};
    use crate::queue::job::{Job, Settle};
    use crate::queue::memory_lane::MemoryLane;

    #[tokio::test]
    async fn what_was_fetched_just_before_a_pause_or_stop_is_given_back() {
        const LANE: Lane = Lane::new("stage");
        let lane = Arc::new(MemoryLane::new(LANE));
        let jobs = [1, 2].map(|generation| (Job { id: Uuid::nil(), generation }, Duration::ZERO));
        lane.push(&jobs);
        let crew = Arc::new(Crew {
            lane: LANE,
            handler: Arc::new(|_| std::future::ready(Settle::Done).boxed()),
            job_timeout: Duration::from_secs(1),
            hands: Semaphore::new(0),
            desk: Desk::Memory(Arc::clone(&lane)),
        });
        let (sender, incoming) = unbounded_channel();
        let (pause, paused) = watch::channel(true);
        let mut deliveries = Deliveries { incoming, paused };
        let (context, mut cx) =
            (WorkerContext::new("w"), Context::from_waker(std::task::Waker::noop()));

        let fetch_one = || {
            for delivery in crew.deliver(&lane.take(1).leases) {
                assert!(sender.send(delivery).is_ok());
            }
        };
        fetch_one();
        assert!(deliveries.poll_next(&mut cx, &context).is_pending(), "paused");
        assert_eq!((lane.depth().ready, crew.hands.available_permits()), (2, 1));

        pause.send(false).unwrap();
        fetch_one();
        assert!(deliveries.poll_close(&mut cx, &context).is_ready());
        assert_eq!((lane.depth().ready, crew.hands.available_permits()), (2, 2));
    }
}
