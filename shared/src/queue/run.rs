//! A worker's life on one lane: from its first take until the last job is settled or handed back.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::crew::{Crew, Desk, Handler};
use super::fetch::Fetch;
use super::job::Lane;
use super::lane_store::LaneStore;
use super::leases::{self, Leases};
use super::settle::settle;
use super::worker::{self, Deliveries};

/// How long a stopped worker tries to tell Redis what it still has to say; then its leases run out.
const LAST_WORD: Duration = Duration::from_secs(3);

/// How a lane is worked on.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Most jobs in hand at a time, at least 1.
    pub concurrency: usize,
    /// How soon a dead worker's jobs come again. Renewed three times as often while a job runs.
    pub lease: Duration,
    /// A handler that runs longer is dropped and its job comes again after a rest.
    pub job_timeout: Duration,
    /// How long running handlers may go on after the stop; then they are dropped and handed back.
    pub grace: Duration,
    /// While true, nothing new is started.
    pub paused: watch::Receiver<bool>,
}

impl Default for RunOptions {
    /// One job at a time, 30 s leases, a minute for each job, 20 s grace, never paused.
    fn default() -> Self {
        Self {
            concurrency: 1,
            lease: Duration::from_secs(30),
            job_timeout: Duration::from_secs(60),
            grace: Duration::from_secs(20),
            paused: watch::channel(false).1,
        }
    }
}

/// The loops beside a worker on a Redis lane; a memory lane needs none.
struct Clerks {
    settling: AbortOnDropHandle<()>,
    _renewing: AbortOnDropHandle<()>,
}

pub(super) async fn run(
    lane: Lane,
    store: LaneStore,
    options: RunOptions,
    stop: CancellationToken,
    handler: Handler,
) {
    // Also ends the fetching should the worker ever end by itself.
    let stop = stop.child_token();
    let (desk, clerks) = open_desk(&store, options.lease);
    let hands = Semaphore::new(options.concurrency.clamp(1, Semaphore::MAX_PERMITS));
    let job_timeout = options.job_timeout;
    let crew = Arc::new(Crew { lane, handler, job_timeout, hands, desk });
    let (deliveries, incoming) = unbounded_channel();
    let paused = options.paused.clone();
    let fetch = Fetch { store, crew, lease: options.lease, paused: options.paused, deliveries };
    let fetching = AbortOnDropHandle::new(tokio::spawn(fetch.run(stop.clone())));

    let worker = worker::work(lane, Deliveries { incoming, paused }, stop.clone());
    let overrun = async {
        stop.cancelled().await;
        sleep(options.grace).await;
    };
    // Whichever ends first, the worker is dropped here, and with it what it still held is handed
    // back.
    tokio::select! {
        ended = worker => if let Err(cause) = ended {
            tracing::error!(%lane, %cause, "the worker ended");
        },
        () = overrun => tracing::warn!(%lane, "handlers outlived the grace, their jobs go back"),
    }
    stop.cancel();

    let last_word = async {
        drop(fetching.await);
        if let Some(clerks) = clerks {
            drop(clerks.settling.await);
        }
    };
    if timeout(LAST_WORD, last_word).await.is_err() {
        tracing::warn!(%lane, "redis is away, jobs in hand come again when their leases run out");
    }
}

fn open_desk(store: &LaneStore, lease: Duration) -> (Desk, Option<Clerks>) {
    match store {
        LaneStore::Memory(lane) => (Desk::Memory(Arc::clone(lane)), None),
        LaneStore::Redis(lane) => {
            let leases = Arc::new(Leases::default());
            let (outbox, settled) = unbounded_channel();
            let settling = settle(Arc::clone(lane), Arc::clone(&leases), settled);
            let renewing = leases::renew(Arc::clone(lane), Arc::clone(&leases), lease);
            let clerks = Clerks {
                settling: AbortOnDropHandle::new(tokio::spawn(settling)),
                _renewing: AbortOnDropHandle::new(tokio::spawn(renewing)),
            };
            (Desk::Redis { outbox, leases }, Some(clerks))
        }
    }
}
