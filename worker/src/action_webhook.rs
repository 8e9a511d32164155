//! Posting the webhook that begins a wait: one try a job, and what its answer does to the wait.
use crate::{
    campaigns::CampaignError,
    context::Context,
    outside::{
        auth::{self, Credentials, NoCredentials},
        http::{Method, OutboundRequest},
        signed,
    },
};
use chrono::Duration;
use serde_json::json;
use shared::{
    action_webhook::{self, Heard, Post, Tries, short},
    campaign::{
        Campaign,
        config::{FirstAction, WebhookAction, WebhookMethod},
    },
    clock::Time,
    failpoint::failpoint,
    ids::SubmissionId,
    key, moves,
    outreach::providers::sign,
    push::ACTION_WEBHOOKS,
    queue::{Delivered, Job, Settle},
    store::{
        StoreError,
        load::Loaded,
        notices::{Kind, Notice},
        parking::{self, Park, Try},
    },
    submission::State,
    view,
};

/// How soon a post comes again when the database is away.
const DATABASE_AWAY: std::time::Duration = std::time::Duration::from_secs(1);
/// How long after its deadline for an answer a try is taken for lost: its worker has died.
const LOST_AFTER: Duration = Duration::seconds(10);

/// Posts the webhook of the parked submission that the queue delivered.
pub async fn post(ctx: &Context, delivered: Delivered) -> Settle {
    let submission = SubmissionId(delivered.job.id);
    match run(ctx, submission, delivered.job.generation).await {
        Ok(()) => Settle::Done,
        Err(error) => {
            tracing::warn!(%submission, %error, "an action's webhook comes again");
            Settle::Later(DATABASE_AWAY)
        }
    }
}

/// Whether a wait's webhook is to be posted now.
pub fn is_due(park: &Park, now: Time) -> bool {
    park.kind == "webhook"
        && park.started_at.is_none()
        && now < park.deadline
        && park.next_try_at.is_none_or(|at| at <= now)
}

/// One wait and what is posted for it.
struct Waiting<'a> {
    loaded: Box<Loaded>,
    park: Park,
    campaign: &'a Campaign,
    action: &'a FirstAction,
    webhook: WebhookAction,
}

async fn run(ctx: &Context, id: SubmissionId, generation: i64) -> Result<(), StoreError> {
    let Some(loaded) = ctx.loader.load(id).await? else { return Ok(()) };
    if loaded.state()? != State::Parked || loaded.generation != generation {
        return Ok(()); // stale or repeated
    }
    let Some(park) = parking::open(&ctx.db, loaded.workspace_id, id).await? else { return Ok(()) };
    if !is_due(&park, ctx.clock.now()) {
        return Ok(());
    }
    let campaign =
        ctx.campaigns.get(loaded.workspace_id, loaded.campaign_id, loaded.revision).await;
    let campaign = match campaign {
        Ok(campaign) => campaign,
        Err(CampaignError::Store(error)) => return Err(error),
        Err(CampaignError::Unusable(error)) => {
            tracing::warn!(submission = %id, %error, "a webhook is not posted; the wait ends at its deadline");
            return Ok(());
        }
    };
    let Some(action) = &campaign.config.first_action else { return Ok(()) };
    let webhook = action.webhook();
    let waiting = Waiting { loaded, park, campaign: &campaign, action, webhook };
    let Some(url) = action.url.clone() else {
        return parking::started(&ctx.db, &waiting.park, generation, ctx.clock.now()).await;
    };
    attempt(ctx, &waiting, url).await
}

/// One try. Its intent and its token are on disk before anything is sent: an answer can never come too early.
async fn attempt(ctx: &Context, waiting: &Waiting<'_>, url: String) -> Result<(), StoreError> {
    let Waiting { loaded, park, webhook, .. } = waiting;
    let (now, token) = (ctx.clock.now(), key::token());
    let lost_at = now + Duration::seconds(webhook.timeout_seconds as i64) + LOST_AFTER;
    let intent = Try { generation: loaded.generation, now, lost_at: lost_at.min(park.deadline) };
    if !parking::begin_try(&ctx.db, park, intent, &key::hash(&token)).await? {
        return Ok(()); // another worker posts it
    }
    let seed = loaded.id.0.as_u128() as u64;
    let tries = Tries { made: park.tries + 1, retries: webhook.retries, seed };
    let known = match credentials(ctx, waiting).await {
        Ok(known) => known,
        Err(NoCredentials::Store(error)) => return Err(error),
        Err(NoCredentials::Trouble(trouble)) => {
            let heard = match trouble.passes {
                Some(asked) => action_webhook::failed(trouble.why, asked, tries),
                None => Heard::GivenUp(trouble.why),
            };
            return record(ctx, waiting, heard).await;
        }
    };
    let resume_url = format!("{}/api/v1/resume/{token}", ctx.settings.public_url);
    let post = Post { deadline: park.deadline, resume_url: &resume_url, attempt: tries.made };
    let view = view::of(loaded, waiting.campaign, now);
    let body = action_webhook::body(loaded, waiting.campaign, &view, post).to_string();
    let request = request(waiting, url, &known, (body, now));
    failpoint("action_webhook.before_call", &loaded.email);
    let mut exchange = ctx.http.send(request).await;
    known.headers.hide(&mut exchange);
    failpoint("action_webhook.after_call", &loaded.email);
    record(ctx, waiting, action_webhook::read(&exchange, tries, ctx.clock.now())).await
}

/// What the campaign's secrets open to.
struct Known {
    headers: Credentials,
    key: Option<sign::Key>,
}

async fn credentials(ctx: &Context, waiting: &Waiting<'_>) -> Result<Known, NoCredentials> {
    let (workspace, webhook) = (waiting.loaded.workspace_id, &waiting.webhook);
    let headers = auth::headers(ctx, workspace, &webhook.headers).await?;
    let Some(named) = &webhook.secret else { return Ok(Known { headers, key: None }) };
    Ok(Known { headers, key: Some(signed::key(ctx, workspace, &named.secret).await?) })
}

/// The id is the wait's, so it is the same for every try: whoever keeps it sees that a post is a repeated one.
fn request(
    waiting: &Waiting<'_>,
    url: String,
    known: &Known,
    (body, now): (String, Time),
) -> OutboundRequest {
    let id = waiting.park.id.to_string();
    let post = signed::Post { id: &id, at: now, body: &body };
    let headers = signed::headers(known.headers.headers(), known.key.as_ref(), post);
    OutboundRequest {
        method: match waiting.webhook.method {
            WebhookMethod::Post => Method::Post,
            WebhookMethod::Put => Method::Put,
        },
        url,
        headers,
        body: body.into(),
        timeout: std::time::Duration::from_secs(waiting.webhook.timeout_seconds),
    }
}

/// Writes down what came of the try, if the wait is still open.
async fn record(ctx: &Context, waiting: &Waiting<'_>, heard: Heard) -> Result<(), StoreError> {
    let Waiting { loaded, park, .. } = waiting;
    let (now, generation) = (ctx.clock.now(), loaded.generation);
    match heard {
        Heard::Decided(decision) => {
            let close = moves::resume(loaded, park, &decision, moves::WEBHOOK, now);
            let Ok(close) = close else { return Ok(()) };
            let (state, generation) = (close.place.state, close.place.generation);
            if ctx.closer.close(close).await?
                && let State::InStage(stage) = state
            {
                ctx.push.push(stage, loaded.id, generation);
            }
            Ok(())
        }
        Heard::Later(note) => {
            parking::heard(&ctx.db, park, generation, (now, note.as_deref())).await
        }
        Heard::Again(pause, why) => {
            let pause = Duration::from_std(pause).unwrap_or(Duration::MAX);
            let next = now.checked_add_signed(pause).unwrap_or(park.deadline).min(park.deadline);
            parking::try_failed(&ctx.db, park, generation, next, &short(&why)).await?;
            let job = Job { id: loaded.id.0, generation };
            let pause = (next - now).to_std().unwrap_or_default();
            ctx.push.ring(ACTION_WEBHOOKS, job, pause);
            Ok(())
        }
        Heard::GivenUp(why) => give_up(ctx, waiting, &short(&why), now).await,
    }
}

/// It is not posted again: the wait goes on until its deadline, the journey says so, and people are told once for a campaign and an hour.
async fn give_up(
    ctx: &Context,
    waiting: &Waiting<'_>,
    why: &str,
    now: Time,
) -> Result<(), StoreError> {
    let Waiting { loaded, park, campaign, action, .. } = waiting;
    let hour = now.format("%Y-%m-%dT%H");
    let notice = Notice {
        workspace: loaded.workspace_id,
        campaign: Some(campaign.id),
        kind: Kind::ActionFailed,
        subject: format!("action_failed:{}:{hour}", campaign.id),
        message: format!(
            "the webhook of {} could not be delivered: {why}; its leads wait for their deadline ({})",
            campaign.name,
            action.on_deadline.name()
        ),
        details: Some(json!({ "firstSubmissionId": loaded.id, "tries": park.tries + 1 })),
        at: now,
    };
    let Ok(close) = moves::webhook_failed(loaded, park, why, notice, now) else { return Ok(()) };
    parking::given_up(&ctx.db, park, close, why).await
}
