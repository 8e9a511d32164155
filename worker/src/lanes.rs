//! Which lanes run in this process, which are paused, and when a worker may hand the next stage to itself.
use crate::{context::Context, drive::drive};
use shared::{
    push::lane,
    queue::{Queue, RunOptions},
    store::{Db, StoreError, sweeps},
    submission::Stage,
};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// How often the paused lanes are asked for.
const LOOK: Duration = Duration::from_secs(1);
/// How long a job is ours without a renewal.
const LEASE: Duration = Duration::from_secs(30);
/// How long one stage job may take.
const JOB_TIMEOUT: Duration = Duration::from_secs(180);
/// How long running jobs may take to finish once the process stops.
const GRACE: Duration = Duration::from_secs(15);

/// The nine lanes' switches.
#[derive(Debug)]
pub struct Lanes(Vec<(Stage, watch::Sender<bool>)>);

impl Default for Lanes {
    fn default() -> Self {
        Self(Stage::ALL.into_iter().map(|stage| (stage, watch::channel(false).0)).collect())
    }
}

/// How many jobs of a stage run at once in this process.
#[derive(Debug, Clone, Copy)]
pub struct Concurrency {
    /// Stages that only need the database.
    pub quick: usize,
    /// Deliveries under way.
    pub delivery: usize,
    /// How long a job is this worker's without a renewal; a dead worker's jobs are noticed after it.
    pub lease: Duration,
}

impl Default for Concurrency {
    fn default() -> Self {
        Self { quick: 128, delivery: 128, lease: LEASE }
    }
}

impl Lanes {
    /// Whether a worker that has just closed `from` may go on with `to` itself. Delivery is always a hop: a slow buyer must not hold up
    /// the stages before it.
    pub fn may_hand_on(&self, from: Stage, to: Stage) -> bool {
        from != to && to != Stage::Delivery && !self.is_paused(to)
    }

    fn is_paused(&self, stage: Stage) -> bool {
        *self.0[stage as usize].1.borrow()
    }

    fn paused(&self, stage: Stage) -> watch::Receiver<bool> {
        self.0[stage as usize].1.subscribe()
    }

    /// Reads from the database which lanes are paused.
    pub async fn refresh(&self, db: &Db) -> Result<(), StoreError> {
        let paused: HashSet<String> =
            sweeps::paused_lanes(db).await?.into_iter().map(|paused| paused.lane).collect();
        for (stage, switch) in &self.0 {
            switch.send_if_modified(|now| {
                let wanted = paused.contains(stage.name());
                std::mem::replace(now, wanted) != wanted
            });
        }
        Ok(())
    }
}

/// Runs all nine lanes until `stop`; returns when running jobs have finished or were handed back.
pub async fn run(ctx: Arc<Context>, queue: Queue, much: Concurrency, stop: CancellationToken) {
    let mut lanes = JoinSet::new();
    for stage in Stage::ALL {
        let options = RunOptions {
            concurrency: if stage == Stage::Delivery { much.delivery } else { much.quick },
            lease: much.lease,
            job_timeout: JOB_TIMEOUT,
            grace: GRACE,
            paused: ctx.lanes.paused(stage),
        };
        let (ctx, queue, stop) = (ctx.clone(), queue.clone(), stop.clone());
        lanes.spawn(async move {
            let handler = move |delivered| {
                let ctx = ctx.clone();
                async move { drive(&ctx, stage, delivered).await }
            };
            queue.run(lane(stage), options, stop, handler).await;
        });
    }
    let watcher = tokio::spawn(watch_pauses(ctx, stop));
    while lanes.join_next().await.is_some() {}
    watcher.abort();
}

async fn watch_pauses(ctx: Arc<Context>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = ctx.lanes.refresh(&ctx.db).await {
            tracing::warn!(%error, "could not ask which lanes are paused");
        }
    }
}
