//! The lanes of a worker process: one a stage, and one each for questions to buyers, webhooks that begin a wait, calls and texts, builds
//! of segments, what automations want of the outside, messages to webhooks, imports, and leads that are submitted many at once. Each
//! runs its jobs until the process stops.
use crate::{
    action_webhook, automation, context::Context, drive::drive, imports, lead_process, outreach,
    segments, status_query::ask, webhooks,
};
use shared::{
    push::{
        ACTION_WEBHOOKS, AUTOMATION, IMPORTS, LEAD_PROCESSES, OUTREACH, SEGMENTS, STATUS_QUERIES,
        WEBHOOKS, lane,
    },
    queue::{Queue, RunOptions},
    submission::Stage,
};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often the paused lanes are asked for.
const LOOK: Duration = Duration::from_secs(1);
/// How long a job is ours without a renewal.
const LEASE: Duration = Duration::from_secs(30);
/// How long one stage job may take.
const JOB_TIMEOUT: Duration = Duration::from_secs(180);
/// Questions to buyers about held deliveries at once.
const QUESTIONS: usize = 16;
/// Webhooks that begin a wait, posted at once.
const ACTIONS: usize = 64;
/// Calls and threads that are attended to at once.
const OUTREACHES: usize = 64;
/// Webhooks and reposts of automations that are done at once.
const AUTOMATIONS: usize = 64;
/// Messages to webhooks that are posted at once. A slow one keeps only a few of these places.
const MESSAGES: usize = 256;
/// Segments that are built at once: each keeps the database busy.
const BUILDS: usize = 2;
/// Steps of leads that are submitted many at once.
const PROCESSES: usize = 2;
/// Imports that are worked on at once: each keeps the database busy.
const IMPORTS_AT_ONCE: usize = 2;
/// How long one build may take.
const BUILD_TIMEOUT: Duration = Duration::from_secs(3_600);
/// How long one such post may take: the longest time that a campaign may give it, and some for the database.
const ACTION_TIMEOUT: Duration = Duration::from_secs(330);
/// How long running jobs may take to finish once the process stops.
const GRACE: Duration = Duration::from_secs(15);

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

/// Runs all lanes until `stop`; returns when running jobs have finished or were handed back.
pub async fn run(ctx: Arc<Context>, queue: Queue, much: Concurrency, stop: CancellationToken) {
    let mut lanes = JoinSet::new();
    for stage in Stage::ALL {
        let options = RunOptions {
            concurrency: if stage == Stage::Delivery { much.delivery } else { much.quick },
            lease: much.lease,
            job_timeout: JOB_TIMEOUT,
            grace: GRACE,
            paused: ctx.switches.paused(stage),
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
    lanes.spawn(questions(ctx.clone(), queue.clone(), much.lease, stop.clone()));
    lanes.spawn(actions(ctx.clone(), queue.clone(), much.lease, stop.clone()));
    lanes.spawn(outreaches(ctx.clone(), queue.clone(), much.lease, stop.clone()));
    lanes.spawn(automations(ctx.clone(), queue.clone(), much.lease, stop.clone()));
    lanes.spawn(messages(ctx.clone(), queue.clone(), much.lease, stop.clone()));
    lanes.spawn(builds(ctx.clone(), queue.clone(), much.lease, stop.clone()));
    lanes.spawn(processes(ctx.clone(), queue.clone(), much.lease, stop.clone()));
    lanes.spawn(files(ctx.clone(), queue, much.lease, stop.clone()));
    let watcher = tokio::spawn(watch_pauses(ctx, stop));
    while lanes.join_next().await.is_some() {}
    watcher.abort();
}

/// Asks buyers about held deliveries. A pause of the delivery lane stops that too: it says that buyers are left alone.
async fn questions(ctx: Arc<Context>, queue: Queue, lease: Duration, stop: CancellationToken) {
    let options = RunOptions {
        concurrency: QUESTIONS,
        lease,
        job_timeout: JOB_TIMEOUT,
        grace: GRACE,
        paused: ctx.switches.paused(Stage::Delivery),
    };
    let handler = move |delivered| {
        let ctx = ctx.clone();
        async move { ask(&ctx, delivered).await }
    };
    queue.run(STATUS_QUERIES, options, stop, handler).await;
}

/// Posts webhooks that begin a wait. A pause of the lane of first actions stops that too.
async fn actions(ctx: Arc<Context>, queue: Queue, lease: Duration, stop: CancellationToken) {
    let options = RunOptions {
        concurrency: ACTIONS,
        lease,
        job_timeout: ACTION_TIMEOUT,
        grace: GRACE,
        paused: ctx.switches.paused(Stage::FirstAction),
    };
    let handler = move |delivered| {
        let ctx = ctx.clone();
        async move { action_webhook::post(&ctx, delivered).await }
    };
    queue.run(ACTION_WEBHOOKS, options, stop, handler).await;
}

/// Attends to calls and threads of texts. A pause of the lane of first actions stops that too: nobody is called or texted then.
async fn outreaches(ctx: Arc<Context>, queue: Queue, lease: Duration, stop: CancellationToken) {
    let options = RunOptions {
        concurrency: OUTREACHES,
        lease,
        job_timeout: JOB_TIMEOUT,
        grace: GRACE,
        paused: ctx.switches.paused(Stage::FirstAction),
    };
    let handler = move |delivered| {
        let ctx = ctx.clone();
        async move { outreach::attend(&ctx, delivered).await }
    };
    queue.run(OUTREACH, options, stop, handler).await;
}

/// Does what automations want of the outside. No pause of a stage stops that: a lead that is reposted waits before the paused stage.
async fn automations(ctx: Arc<Context>, queue: Queue, lease: Duration, stop: CancellationToken) {
    let (_never, paused) = tokio::sync::watch::channel(false);
    let options = RunOptions {
        concurrency: AUTOMATIONS,
        lease,
        job_timeout: JOB_TIMEOUT,
        grace: GRACE,
        paused,
    };
    let handler = move |delivered| {
        let ctx = ctx.clone();
        async move { automation::run(&ctx, delivered).await }
    };
    queue.run(AUTOMATION, options, stop, handler).await;
}

/// Tells webhooks what happened. No pause of a stage stops that.
async fn messages(ctx: Arc<Context>, queue: Queue, lease: Duration, stop: CancellationToken) {
    let (_never, paused) = tokio::sync::watch::channel(false);
    let options =
        RunOptions { concurrency: MESSAGES, lease, job_timeout: JOB_TIMEOUT, grace: GRACE, paused };
    let handler = move |delivered| {
        let ctx = ctx.clone();
        async move { webhooks::run(&ctx, delivered).await }
    };
    queue.run(WEBHOOKS, options, stop, handler).await;
}

/// Builds segments. No pause of a stage concerns them.
async fn builds(ctx: Arc<Context>, queue: Queue, lease: Duration, stop: CancellationToken) {
    let (_never, paused) = tokio::sync::watch::channel(false);
    let options =
        RunOptions { concurrency: BUILDS, lease, job_timeout: BUILD_TIMEOUT, grace: GRACE, paused };
    let handler = move |delivered| {
        let ctx = ctx.clone();
        async move { segments::build(&ctx, delivered).await }
    };
    queue.run(SEGMENTS, options, stop, handler).await;
}

/// Submits leads that were only stored, many at once. No pause of a stage stops that: they wait before the paused stage.
async fn processes(ctx: Arc<Context>, queue: Queue, lease: Duration, stop: CancellationToken) {
    let (_never, paused) = tokio::sync::watch::channel(false);
    let options = RunOptions {
        concurrency: PROCESSES,
        lease,
        job_timeout: JOB_TIMEOUT,
        grace: GRACE,
        paused,
    };
    let asked = queue.clone();
    let handler = move |delivered| {
        let (ctx, queue) = (ctx.clone(), asked.clone());
        async move { lead_process::step(&ctx, &queue, delivered).await }
    };
    queue.run(LEAD_PROCESSES, options, stop, handler).await;
}

/// Brings files in and takes them back. No pause of a stage concerns them: their leads are stored only.
async fn files(ctx: Arc<Context>, queue: Queue, lease: Duration, stop: CancellationToken) {
    let (_never, paused) = tokio::sync::watch::channel(false);
    let options = RunOptions {
        concurrency: IMPORTS_AT_ONCE,
        lease,
        job_timeout: JOB_TIMEOUT,
        grace: GRACE,
        paused,
    };
    let handler = move |delivered| {
        let ctx = ctx.clone();
        async move { imports::work(&ctx, delivered).await }
    };
    queue.run(IMPORTS, options, stop, handler).await;
}

async fn watch_pauses(ctx: Arc<Context>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = ctx.switches.refresh(&ctx.db).await {
            tracing::warn!(%error, "could not ask which lanes are paused");
        }
    }
}
