//! The queue: rings the bell for jobs whose truth is a database row.
//!
//! Only this module names apalis or redis. A job is an id and a generation inside a lane, nothing else, so losing every job here costs time
//! and never a lead: the database sweep pushes it again, and pushing what still lives is a no-op.
//! Delivery is at least once; handlers begin with a conditional move in the database.
//!
//! Read in this order: `job` (the words), `lane_store` (what a lane can do), `redis_lane` with
//! `scripts/` and `memory_lane` (the two lanes), `run` (a worker's life), `fetch`, `crew`,
//! `worker`, `settle`, `leases`.

mod crew;
mod error;
mod fetch;
mod job;
mod lane_store;
mod leases;
mod memory_lane;
mod patience;
mod redis_lane;
mod redis_server;
mod run;
mod scripts;
mod settle;
mod worker;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use error::QueueError;
pub use job::{Delivered, Depth, Job, Lane, Pushed, Settle};
pub use run::RunOptions;

use lane_store::LaneStore;
use memory_lane::MemoryLane;
use redis_server::RedisServer;

/// All lanes of one installation, on Redis or inside this process. Cheap to clone; clones share
/// everything.
#[derive(Clone)]
pub struct Queue(Arc<Kind>);

enum Kind {
    Redis(RedisServer),
    Memory(Mutex<HashMap<Lane, Arc<MemoryLane>>>),
}

impl Queue {
    /// Lanes on the Redis at `url` (`redis://` or `unix://`), all keys under `namespace` (ASCII
    /// letters, digits, `-`, `_`, `.`). Connects when first used and again whenever the connection
    /// is lost, so a process starts while Redis is away. Needs Redis 6.2 or newer.
    ///
    /// # Errors
    /// Only for a URL or namespace that can never work.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn redis(url: &str, namespace: &str) -> Result<Self, QueueError> {
        Ok(Self(Arc::new(Kind::Redis(RedisServer::open(url, namespace)?))))
    }

    /// Lanes inside this process, for the embedded mode. They end with the process.
    #[must_use]
    pub fn memory() -> Self {
        Self(Arc::new(Kind::Memory(Mutex::default())))
    }

    /// Puts jobs into a lane, each ready after its delay; a job that still lives there is left as
    /// it is. Any number of jobs; Redis gets them in calls of 500.
    ///
    /// # Errors
    /// Within a second when Redis is away. Jobs before the failing call may have been pushed; drop
    /// the rest, the sweep pushes them again.
    pub async fn push(&self, lane: Lane, jobs: &[(Job, Duration)]) -> Result<Pushed, QueueError> {
        self.lane(lane).push(jobs).await
    }

    /// How many jobs wait and run in each of `lanes`, in the same order, in one round trip.
    ///
    /// # Errors
    /// Within a second when Redis is away.
    pub async fn depths(&self, lanes: &[Lane]) -> Result<Vec<Depth>, QueueError> {
        match &*self.0 {
            Kind::Redis(server) => server.depths(lanes).await,
            Kind::Memory(known) => {
                Ok(lanes.iter().map(|lane| memory_lane(known, *lane).depth()).collect())
            }
        }
    }

    /// Works on a lane until `stop` is cancelled and everything is finished or handed back.
    /// Handlers run inside this future's task, so on one core at a time: spawn it, run a lane
    /// several times to use more cores, and spawn what computes for long. Dropping the future
    /// instead of stopping it is a crash: its leases run out by themselves.
    pub async fn run<F, R>(
        &self,
        lane: Lane,
        options: RunOptions,
        stop: CancellationToken,
        handler: F,
    ) where
        F: Fn(Delivered) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Settle> + Send + 'static,
    {
        if let Kind::Redis(server) = &*self.0 {
            server.listen();
        }
        // Boxed here once, so that the worker below is compiled once and not for every handler.
        let handler: crew::Handler = Arc::new(move |delivered| Box::pin(handler(delivered)));
        run::run(lane, self.lane(lane), options, stop, handler).await;
    }

    fn lane(&self, lane: Lane) -> LaneStore {
        match &*self.0 {
            Kind::Redis(server) => LaneStore::Redis(server.lane(lane)),
            Kind::Memory(known) => LaneStore::Memory(memory_lane(known, lane)),
        }
    }
}

/// A lane begins to exist when it is first named.
fn memory_lane(known: &Mutex<HashMap<Lane, Arc<MemoryLane>>>, lane: Lane) -> Arc<MemoryLane> {
    Arc::clone(locked(known).entry(lane).or_insert_with(|| Arc::new(MemoryLane::new(lane))))
}

/// Locks a mutex whose guarded data is whole after every statement, so that a panic elsewhere is no
/// reason to stop.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
