//! One stage job: load the submission, run stages while nothing has to be recorded, record, ring the next bell.
use crate::{
    action,
    campaigns::CampaignError,
    context::Context,
    delivery, outreach,
    step::{StepError, step},
    trip::{Delays, Trip},
};
use shared::{
    failpoint::failpoint,
    ids::SubmissionId,
    moves,
    patience::{self, Pause},
    queue::{Delivered, Settle},
    stages::Verdict,
    store::{
        StoreError,
        close::{AttemptEnd, Close},
        leads,
    },
    submission::{Event, Stage, State},
};
use std::time::{Duration, Instant};

/// Deliveries of one job after which it is taken for one that kills its workers.
pub const CRASHES_MAX: u32 = 3;
/// How long the answer of a buyer is kept in hand while the database is away: the exchange cannot be repeated, the record can.
const ANSWER_KEPT: Duration = Duration::from_secs(90);
/// How soon a job comes again when the database is away.
const DATABASE_AWAY: Duration = Duration::from_secs(1);

/// Does the job that the queue delivered.
pub async fn drive(ctx: &Context, stage: Stage, delivered: Delivered) -> Settle {
    let job = delivered.job;
    match run(ctx, SubmissionId(job.id), stage, job.generation, delivered.delivery).await {
        Ok(()) => Settle::Done,
        Err(StepError::NoPlace(pause)) => Settle::Later(pause),
        Err(error) => {
            tracing::warn!(submission = %SubmissionId(job.id), %stage, %error, "a stage job comes again");
            Settle::Later(DATABASE_AWAY)
        }
    }
}

async fn run(
    ctx: &Context,
    id: SubmissionId,
    stage: Stage,
    generation: i64,
    delivery: u32,
) -> Result<(), StepError> {
    let Some(loaded) = ctx.loader.load(id).await? else { return Ok(()) };
    if loaded.generation != generation || loaded.stage != stage {
        return Ok(()); // stale or repeated
    }
    let campaign =
        ctx.campaigns.get(loaded.workspace_id, loaded.campaign_id, loaded.revision).await;
    let campaign = match campaign {
        Ok(campaign) => campaign,
        Err(CampaignError::Store(error)) => return Err(error.into()),
        Err(CampaignError::Unusable(error)) => {
            let close =
                moves::stuck(&loaded, "unusable_revision", &error.to_string(), ctx.clock.now());
            write(ctx, close?).await?;
            return Ok(());
        }
    };
    let mut trip = Trip::new(loaded, campaign)?;
    if delivery > CRASHES_MAX {
        let reason = format!("its worker died {} times while it ran", delivery - 1);
        return conclude(ctx, &mut trip, Verdict::stuck("quarantined", reason)).await;
    }
    failpoint(&format!("{stage}.claimed"), &trip.loaded.email);
    match stages(ctx, &mut trip).await {
        Ok(()) => {}
        Err(StepError::Stuck(why)) => {
            trip.take(stuck(&trip, why), Duration::ZERO, ctx.clock.now())?;
        }
        Err(error) => return Err(error),
    }
    if trip.moves() == 0 {
        return action::remind(ctx, &trip).await;
    }
    let recorded = record(ctx, &mut trip).await;
    if let Some(seen) = trip.seen.take() {
        ctx.breakers.observe(seen).await;
    }
    recorded
}

fn stuck(trip: &Trip, why: String) -> Verdict {
    match patience::pause(trip.stage(), trip.attempt, trip.seed(), None) {
        Pause::For(pause) => Verdict::again(pause, "internal", why),
        Pause::Exhausted => Verdict::stuck("internal", why),
    }
}

/// Runs stages until something must be on disk before the next one.
async fn stages(ctx: &Context, trip: &mut Trip) -> Result<(), StepError> {
    loop {
        let began = Instant::now();
        let stage = trip.stage();
        let verdict = if trip.state == State::InStage(Stage::Delivery) {
            delivery::deliver(ctx, trip).await?
        } else {
            step(ctx, trip).await?
        };
        let Some(verdict) = verdict else { return Ok(()) };
        let event = verdict.event;
        trip.take(verdict, began.elapsed(), ctx.clock.now())?;
        failpoint(&format!("{stage}.decided"), &trip.loaded.email);
        let onward = matches!(event, Event::Passed | Event::Refused | Event::Resumed);
        if !onward || !ctx.switches.may_hand_on(stage, trip.stage()) {
            return Ok(());
        }
        let campaign = (trip.loaded.campaign_id, trip.loaded.revision);
        if campaign != (trip.campaign.id, trip.campaign.revision) {
            let workspace = trip.loaded.workspace_id;
            trip.turn_to(ctx.campaigns.get(workspace, campaign.0, campaign.1).await?);
        }
    }
}

/// Records a last verdict and nothing else.
async fn conclude(ctx: &Context, trip: &mut Trip, verdict: Verdict) -> Result<(), StepError> {
    trip.take(verdict, Duration::ZERO, ctx.clock.now())?;
    record(ctx, trip).await
}

/// Closes. What came of an exchange with a buyer is written until it is on disk: without it nobody would know whether the lead was sold.
async fn write(ctx: &Context, close: Close) -> Result<bool, StoreError> {
    if close.attempt.is_none() {
        return ctx.closer.close(close).await;
    }
    let end = Instant::now() + ANSWER_KEPT;
    loop {
        match ctx.closer.close(close.clone()).await {
            Err(error) if error.is_outage() && Instant::now() < end => {
                tracing::warn!(submission = %close.submission, %error, "an answer waits for the database");
                rest(DATABASE_AWAY).await;
            }
            written => return written,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the job is in hand and stays there")]
async fn rest(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// Someone has given our attempt up for lost while we waited for the buyer. If the submission is held for that, the answer settles it.
async fn settle_late(ctx: &Context, trip: &Trip, answer: AttemptEnd) -> Result<(), StepError> {
    let Some(loaded) = ctx.loader.load(trip.id()).await? else { return Ok(()) };
    if loaded.run != "held" || loaded.reason_code.as_deref() != Some("outcome_unknown") {
        return Ok(());
    }
    // A later attempt may have been taken, whatever became of ours.
    let attempts = leads::attempts(&ctx.db, loaded.workspace_id, loaded.id).await?;
    if attempts.last().is_none_or(|last| last.number != answer.number) {
        return Ok(());
    }
    let Some(close) = moves::answered_late(&loaded, answer, ctx.clock.now())? else {
        return Ok(());
    };
    let place = (close.place.state, close.place.generation);
    if write(ctx, close).await?
        && let (State::InStage(stage), generation) = place
    {
        ctx.push.push(stage, trip.id(), generation);
    }
    Ok(())
}

/// Writes the trip down, if nobody was faster, and rings the bell for what comes next.
async fn record(ctx: &Context, trip: &mut Trip) -> Result<(), StepError> {
    let now = ctx.clock.now();
    let opened = trip.opened();
    let pause = trip.pause(now);
    let close = trip.close(Delays { redelivery: ctx.settings.redelivery }, now);
    let stage = close.place.stage;
    failpoint(&format!("{stage}.before_record"), &trip.loaded.email);
    let answer = close.attempt.clone();
    let begins = close.park.is_some();
    let reach = close.reach.as_ref().map(|reach| reach.interaction);
    if !write(ctx, close).await? {
        tracing::info!(submission = %trip.id(), "someone else was faster; this worker's result is dropped");
        return match answer {
            Some(answer) => settle_late(ctx, trip, answer).await,
            None => Ok(()),
        };
    }
    failpoint(&format!("{stage}.recorded"), &trip.loaded.email);
    match trip.state {
        // It waits for something that may come sooner than is thought: the due sweep pushes it.
        State::InStage(_) if trip.waits() => {}
        State::InStage(stage) => ctx.push.push_later(stage, trip.id(), trip.generation, pause),
        State::Parked if begins => action::begin(ctx, trip).await,
        State::Parked => match reach {
            Some(planned) => outreach::ring(ctx, planned),
            None => ctx.push.push(stage, trip.id(), trip.generation),
        },
        _ => {}
    }
    if let Some(child) = opened {
        ctx.push.push(Stage::Routing, child, 1);
    }
    Ok(())
}
