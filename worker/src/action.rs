//! Telling the outside that a submission waits, after the wait is on disk: an answer can never come too early.
use crate::{action_webhook, context::Context, step::StepError, trip::Trip};
use shared::{
    push::ACTION_WEBHOOKS,
    queue::Job,
    stages::Verdict,
    store::parking::{self, Park},
    submission::{Stage, State},
};
use std::time::Duration;

mod facts;
mod text;
mod voice;

/// What comes next in a wait for a person; none when there is nothing to do before something is heard.
pub async fn next(
    ctx: &Context,
    trip: &mut Trip,
    park: &Park,
) -> Result<Option<Verdict>, StepError> {
    let campaign = trip.campaign.clone();
    let Some(action) = &campaign.config.first_action else { return Ok(None) };
    match (park.kind.as_str(), &action.voice, &action.sms) {
        ("voice_ai", Some(plan), _) => voice::next(ctx, trip, plan, park).await,
        ("sms", _, Some(plan)) => text::next(ctx, trip, plan, park).await,
        _ => Ok(None),
    }
}

/// Starts the action of a submission that was just parked. A start that fails is repeated when the submission is due again.
pub async fn begin(ctx: &Context, trip: &Trip) {
    let campaign = &trip.campaign;
    if campaign.config.first_action.as_ref().is_some_and(|action| action.kind.is_outreach()) {
        ctx.push.push(Stage::FirstAction, trip.id(), trip.generation);
        return;
    }
    if let Err(error) = remind(ctx, trip).await {
        tracing::warn!(submission = %trip.id(), %error, "a first action could not be started yet");
    }
}

/// Starts the action of a parked submission unless it has been started.
pub async fn remind(ctx: &Context, trip: &Trip) -> Result<(), StepError> {
    if trip.state != State::Parked {
        return Ok(());
    }
    let park = parking::open(&ctx.db, trip.loaded.workspace_id, trip.id()).await?;
    let Some(park) = park else { return Ok(()) };
    let now = ctx.clock.now();
    // A wait for a person has been put to rest where it was decided.
    if matches!(park.kind.as_str(), "voice_ai" | "sms") {
        return Ok(());
    }
    if park.kind == "webhook" && park.started_at.is_none() {
        // It may take minutes and has a lane of its own. Should the ring be lost, the submission is due again.
        if action_webhook::is_due(&park, now) {
            let job = Job { id: trip.id().0, generation: trip.generation };
            ctx.push.ring(ACTION_WEBHOOKS, job, Duration::ZERO);
        }
        return Ok(());
    }
    parking::started(&ctx.db, &park, trip.generation, now).await?;
    Ok(())
}
