//! What an automation's firing wants of the outside: a webhook that is posted, a lead that is reposted. One attempt a ring of the bell.
//!
//! The row says what is to be done and how often it was tried. It is taken before anything is done and settled afterwards; a worker that
//! dies between leaves it due again.
use crate::context::Context;
use chrono::Duration;
use serde_json::json;
use shared::{
    action_webhook::{self, Heard, Tries, short},
    clock::Time,
    ids::AutomationJobId,
    push::AUTOMATION,
    queue::{Delivered, Settle},
    store::{
        StoreError,
        automation::jobs::{self, End, Job, JobKind, NO_CRM},
        notices::{Kind, Notice},
    },
};

mod repost;
mod webhook;

/// Attempts of a job, at most, unless somebody asks for one more.
pub const TRIES_MAX: i64 = 8;
/// How soon a job comes again when the database is away.
const DATABASE_AWAY: std::time::Duration = std::time::Duration::from_secs(1);
/// How long after it was taken a job is due again unless it was settled: longer than any attempt takes.
const LOST_AFTER: Duration = Duration::seconds(60);

/// What came of an attempt.
enum Came {
    Done,
    /// It may be better after this pause.
    Again(std::time::Duration, String),
    /// It is given up, and people are told.
    Failed(String),
    /// It is given up: what it was for is gone.
    Pointless(String),
}

/// Does the job that the queue delivered, if it is due still and nobody has it.
pub async fn run(ctx: &Context, delivered: Delivered) -> Settle {
    let id = AutomationJobId(delivered.job.id);
    match attempt(ctx, (id, delivered.job.generation)).await {
        Ok(()) => Settle::Done,
        Err(error) => {
            tracing::warn!(job = %id, %error, "what an automation wants comes again");
            Settle::Later(DATABASE_AWAY)
        }
    }
}

async fn attempt(ctx: &Context, key: (AutomationJobId, i64)) -> Result<(), StoreError> {
    let now = ctx.clock.now();
    let Some(job) = jobs::take(&ctx.db, key, (now, now + LOST_AFTER)).await? else {
        return Ok(()); // stale or repeated
    };
    let came = match job.kind {
        JobKind::Webhook => webhook::post(ctx, &job).await?,
        JobKind::Repost => repost::repost(ctx, &job).await?,
        JobKind::CrmPush => Came::Pointless(NO_CRM.to_owned()),
    };
    settle(ctx, &job, came).await
}

/// An attempt that failed for a reason that may pass.
fn failed(job: &Job, why: String, asked: Option<std::time::Duration>) -> Came {
    came(action_webhook::failed(why, asked, tries(job)))
}

fn tries(job: &Job) -> Tries {
    Tries { made: job.attempt, retries: TRIES_MAX - 1, seed: job.id.0.as_u128() as u64 }
}

/// Any answer of those that hear a post is good: nobody waits for what it says.
fn came(heard: Heard) -> Came {
    match heard {
        Heard::Decided(_) | Heard::Later(_) => Came::Done,
        Heard::Again(pause, why) => Came::Again(pause, why),
        Heard::GivenUp(why) => Came::Failed(why),
    }
}

async fn settle(ctx: &Context, job: &Job, came: Came) -> Result<(), StoreError> {
    let now = ctx.clock.now();
    let end = match came {
        Came::Done => End::Done,
        Came::Again(pause, why) => {
            let pause = Duration::from_std(pause).unwrap_or(Duration::hours(1));
            End::Again(now + pause, short(&why))
        }
        Came::Failed(why) => {
            let why = short(&why);
            let notice = notice(job, &why, now);
            End::Failed(why, Some(Box::new(notice)))
        }
        Came::Pointless(why) => End::Failed(short(&why), None),
    };
    let settled = jobs::settle(&ctx.db, job, &end, now).await?;
    if let (true, End::Again(at, _)) = (settled, &end) {
        let again = shared::queue::Job { id: job.id.0, generation: job.attempt };
        ctx.push.ring(AUTOMATION, again, (*at - now).to_std().unwrap_or_default());
    }
    Ok(())
}

/// People are told once for a rule and an hour.
fn notice(job: &Job, why: &str, now: Time) -> Notice {
    let payload = &job.payload.0;
    let what = match job.kind {
        JobKind::Webhook => "the webhook could not be delivered",
        JobKind::Repost => "the lead could not be reposted",
        JobKind::CrmPush => "the lead could not be pushed to the CRM",
    };
    let hour = now.format("%Y-%m-%dT%H");
    let (campaign, rule) = (job.campaign_id, &payload.rule_id);
    Notice {
        workspace: job.workspace_id,
        campaign: Some(campaign),
        kind: Kind::AutomationFailed,
        subject: format!("automation_failed:{campaign}:{rule}:{hour}"),
        message: format!("rule \"{}\": {what}: {why}", payload.rule_name),
        details: Some(json!({
            "firstJobId": job.id,
            "leadId": job.lead_id,
            "ruleId": rule,
            "tries": job.attempt,
        })),
        at: now,
    }
}
