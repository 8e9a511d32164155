//! What any lane can do, wherever it is kept.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::error::QueueError;
use super::job::{Job, Lease, Pushed};
use super::memory_lane::MemoryLane;
use super::redis_lane::RedisLane;

/// Longest time an idle worker goes without looking, should every wake-up get lost.
pub(super) const SAFETY_POLL: Duration = Duration::from_secs(1);

/// Most jobs one take gives out.
pub(super) const TAKE_MAX: usize = 64;

/// How long takes and settles under load wait for company. It holds round trips below a thousand a
/// second and lane; the first job after a quiet moment does not wait.
pub(super) const LINGER: Duration = Duration::from_millis(1);

#[derive(Clone)]
pub(super) enum LaneStore {
    Redis(Arc<RedisLane>),
    Memory(Arc<MemoryLane>),
}

/// What a take brought.
pub(super) struct Taken {
    /// Oldest first; fewer than asked means that no more are ready.
    pub(super) leases: Vec<Lease>,
    /// How long until a delayed job is due, at most `SAFETY_POLL`.
    pub(super) wait: Duration,
}

impl LaneStore {
    pub(super) async fn push(&self, jobs: &[(Job, Duration)]) -> Result<Pushed, QueueError> {
        match self {
            Self::Redis(lane) => lane.push(jobs).await,
            Self::Memory(lane) => Ok(lane.push(jobs)),
        }
    }

    pub(super) async fn take(&self, most: usize, lease: Duration) -> Result<Taken, QueueError> {
        match self {
            Self::Redis(lane) => lane.take(most, lease).await,
            Self::Memory(lane) => Ok(lane.take(most)),
        }
    }

    /// Least time between two takes that may bring little.
    pub(super) fn linger(&self) -> Duration {
        match self {
            Self::Redis(_) => LINGER,
            Self::Memory(_) => Duration::ZERO,
        }
    }

    /// Notified when there may be something to take.
    pub(super) fn wake(&self) -> &Notify {
        match self {
            Self::Redis(lane) => lane.wake(),
            Self::Memory(lane) => lane.wake(),
        }
    }
}
