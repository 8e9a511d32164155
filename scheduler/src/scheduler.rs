//! What every sweep may touch.
use shared::{clock::Clock, ids::WorkspaceId, push::Pusher, queue::Queue, store::Db};
use uuid::Uuid;

/// What the sweeps of a process share.
pub struct Scheduler {
    pub db: Db,
    pub queue: Queue,
    pub push: Pusher,
    pub clock: Clock,
    /// When a pushed job that was not heard of is pushed again.
    pub redelivery: chrono::Duration,
    /// Who took a tick.
    pub holder: Uuid,
}

impl Scheduler {
    pub fn new(db: Db, queue: Queue, push: Pusher, redelivery: chrono::Duration) -> Self {
        let holder = WorkspaceId::new().0; // any new id will do
        Self { db, queue, push, clock: Clock::system(), redelivery, holder }
    }
}
