//! Telling the outside that a submission waits, after the wait is on disk: an answer can never come too early.
use crate::{action_webhook, context::Context, step::StepError, trip::Trip};
use shared::{push::ACTION_WEBHOOKS, queue::Job, store::parking, submission::State};
use std::time::Duration;

/// Starts the action of a submission that was just parked. A start that fails is repeated when the submission is due again.
pub async fn begin(ctx: &Context, trip: &Trip) {
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
