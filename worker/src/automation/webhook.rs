//! Posting a lead because a rule of its campaign says so.
use super::{Came, came, failed, tries};
use crate::{
    campaigns::CampaignError,
    context::Context,
    outside::{
        auth::NoCredentials,
        http::{Method, OutboundRequest},
        signed,
    },
};
use serde_json::{Value, json};
use shared::{
    action_webhook,
    automation::config::WebhookConfig,
    failpoint::failpoint,
    store::{
        StoreError,
        automation::jobs::Job,
        campaigns,
        imagine::{self, Imagined},
    },
    view,
};
use std::time::Duration;

/// What a receiver tells these posts apart by.
pub const EVENT: &str = "automation.fired";
/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The status of contacts that are kept and hidden, or erased.
const DELETED: &str = "deleted";

/// One try. The id is the job's, so it is the same for every try: whoever keeps it sees that a post is a repeated one.
pub(super) async fn post(ctx: &Context, job: &Job) -> Result<Came, StoreError> {
    let Some(webhook) = &job.payload.webhook else {
        return Ok(Came::Failed("it does not say where to".to_owned()));
    };
    let (imagined, view) = match look(ctx, job).await? {
        Ok(found) => found,
        Err(why) => return Ok(Came::Pointless(why)),
    };
    let key = match &webhook.signing_secret {
        None => None,
        Some(secret) => match signed::key(ctx, job.workspace_id, secret).await {
            Ok(key) => Some(key),
            Err(NoCredentials::Store(error)) => return Err(error),
            Err(NoCredentials::Trouble(trouble)) => {
                return Ok(match trouble.passes {
                    Some(asked) => failed(job, trouble.why, asked),
                    None => Came::Failed(trouble.why),
                });
            }
        },
    };
    let (id, body, at) =
        (job.id.to_string(), body(job, &imagined, &view).to_string(), ctx.clock.now());
    let post = signed::Post { id: &id, at, body: &body };
    let given = webhook.headers.clone().into_iter();
    let headers = signed::headers(given, key.as_ref(), post);
    let request = request(webhook, headers, body.clone());
    let about = &imagined.loaded.email;
    failpoint("automation.before_call", about);
    let exchange = ctx.http.send(request).await;
    failpoint("automation.after_call", about);
    Ok(came(action_webhook::read(&exchange, tries(job), ctx.clock.now())))
}

fn request(
    webhook: &WebhookConfig,
    headers: Vec<(String, String)>,
    body: String,
) -> OutboundRequest {
    OutboundRequest {
        method: Method::Post,
        url: webhook.url.clone(),
        headers,
        body: body.into(),
        timeout: TIMEOUT,
    }
}

/// The lead as it is now, and what is said of it; or why there is nobody to tell of.
async fn look(ctx: &Context, job: &Job) -> Result<Result<(Imagined, Value), String>, StoreError> {
    let (workspace, now) = (job.workspace_id, ctx.clock.now());
    let standings = campaigns::standings(&ctx.db, workspace, &[job.campaign_id]).await?;
    let Some(standing) = standings.first() else {
        return Ok(Err("the campaign is not there".to_owned()));
    };
    let place = (job.campaign_id, standing.revision);
    let found = imagine::submission(&ctx.db, workspace, job.lead_id, place, now).await?;
    let Some(found) = found else { return Ok(Err("the lead is not there".to_owned())) };
    if found.loaded.contact_status == DELETED {
        return Ok(Err("the contact is deleted".to_owned()));
    }
    match ctx.campaigns.get(workspace, job.campaign_id, standing.revision).await {
        Ok(campaign) => {
            let view = view::of(&found.loaded, &campaign, now);
            Ok(Ok((found, view)))
        }
        Err(CampaignError::Store(error)) => Err(error),
        Err(CampaignError::Unusable(error)) => Ok(Err(error.to_string())),
    }
}

fn body(job: &Job, imagined: &Imagined, view: &Value) -> Value {
    let payload = &job.payload.0;
    json!({
        "event": EVENT,
        "id": job.id,
        "at": job.created_at,
        "campaignId": job.campaign_id,
        "leadId": job.lead_id,
        "contactId": imagined.loaded.contact_id,
        "lead": action_webhook::lead(view),
        "rule": {"id": payload.rule_id, "name": payload.rule_name},
        "firing": job.firing,
        "cause": payload.cause,
        "points": payload.points,
        "stars": payload.stars,
        "status": payload.status,
    })
}
