//! Telling the outside that a submission waits, after the wait is on disk: an answer can never come too early.
use crate::{
    context::Context,
    outside::http::{Exchange, Method, OutboundRequest},
    step::StepError,
    trip::Trip,
};
use serde_json::json;
use shared::{
    key,
    store::parking::{self, Park},
    submission::State,
};
use std::time::Duration;

/// How long the outside may take to say that it has understood.
const TIMEOUT: Duration = Duration::from_secs(30);

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
    let told =
        park.started_at.is_some() || park.kind != "webhook" || tell(ctx, trip, &park).await?;
    if told {
        parking::started(&ctx.db, &park, trip.generation, ctx.clock.now()).await?;
    }
    Ok(())
}

/// Posts the webhook; true when it was answered with 2xx.
async fn tell(ctx: &Context, trip: &Trip, park: &Park) -> Result<bool, StepError> {
    let action = trip.campaign.config.first_action.as_ref();
    let Some(url) = action.and_then(|action| action.url.clone()) else { return Ok(true) };
    let token = key::token();
    parking::add_token(&ctx.db, park, &key::hash(&token)).await?;
    let body = json!({
        "event": "lead.first_submission_action",
        "leadId": trip.loaded.lead_id,
        "submissionId": trip.id(),
        "campaignId": trip.campaign.id,
        "deadline": park.deadline,
        "resumeUrl": format!("{}/api/v1/resume/{token}", ctx.settings.public_url),
    });
    let request = OutboundRequest {
        method: Method::Post,
        url,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.to_string().into(),
        timeout: TIMEOUT,
    };
    match ctx.http.send(request).await {
        Exchange::Answered(answer, _) => Ok((200..300).contains(&answer.status)),
        Exchange::NotSent { why } => {
            tracing::warn!(submission = %trip.id(), %why, "the first action's webhook was not sent");
            Ok(false)
        }
        Exchange::Unknown { why } => {
            tracing::warn!(submission = %trip.id(), why, "the first action's webhook did not answer");
            Ok(false)
        }
    }
}
