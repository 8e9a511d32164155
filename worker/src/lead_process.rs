//! Submitting leads that were only stored, many at once: one step a job, and none while the pipeline has enough to do.
use crate::context::Context;
use shared::{
    ids::LeadProcessId,
    push::{LEAD_PROCESSES, lane},
    queue::{Delivered, Job, Lane, Queue, Settle},
    store::lead_process::{self, Step},
    submission::Stage,
};
use std::time::Duration;

/// Stage jobs that wait for a hand above which no more leads are submitted: those that come in one by one do not stand behind a
/// million others.
const BACKLOG: u64 = 2_000;
/// How soon it is looked again whether there is room.
const NO_ROOM: Duration = Duration::from_secs(1);
/// How soon a step comes again when the database or the queue is away.
const AWAY: Duration = Duration::from_secs(1);

/// Does the step that the queue delivered, if it is open still.
pub async fn step(ctx: &Context, queue: &Queue, delivered: Delivered) -> Settle {
    let Job { id, generation } = delivered.job;
    let process = LeadProcessId(id);
    match waiting(queue).await {
        Ok(jobs) if jobs > BACKLOG => return Settle::Later(NO_ROOM),
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(%process, %error, "the queue does not say how much waits; the step comes again");
            return Settle::Later(AWAY);
        }
    }
    let now = ctx.clock.now();
    let redeliver_at = now + ctx.settings.redelivery;
    match lead_process::step(&ctx.db, (process, generation), now, redeliver_at).await {
        Ok(Some(step)) => {
            ring(ctx, process, &step);
            Settle::Done
        }
        Ok(None) => Settle::Done,
        Err(error) => {
            tracing::warn!(%process, %error, "a step comes again");
            Settle::Later(AWAY)
        }
    }
}

/// Stage jobs that wait for a hand.
async fn waiting(queue: &Queue) -> Result<u64, shared::queue::QueueError> {
    let lanes: Vec<Lane> = Stage::ALL.iter().map(|stage| lane(*stage)).collect();
    Ok(queue.depths(&lanes).await?.iter().map(|depth| depth.ready).sum())
}

fn ring(ctx: &Context, process: LeadProcessId, step: &Step) {
    for submission in &step.submitted {
        ctx.push.push(Stage::Routing, *submission, 1);
    }
    if let Some(generation) = step.next {
        ctx.push.ring(LEAD_PROCESSES, Job { id: process.0, generation }, Duration::ZERO);
    }
}
