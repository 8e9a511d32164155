//! Telling webhooks what happened: one attempt a ring of the bell.
//!
//! The row says what is to be told and how often it was tried. It is taken before anything is posted and settled afterwards; a worker
//! that dies between leaves it due again, under the same id.
use crate::{
    context::Context,
    outside::{
        http::{Method, OutboundRequest},
        limits::Place,
        signed,
    },
};
use chrono::Duration;
use serde_json::json;
use shared::{
    campaign::config::limits::Limits,
    clock::Time,
    failpoint::failpoint,
    ids::WebhookMessageId,
    queue::{Delivered, Settle},
    store::{
        StoreError,
        notices::{Kind, Notice},
        secrets::SecretError,
        webhooks::{
            self, State,
            work::{self, End, Look, Taken},
        },
    },
    webhook::{
        Event, body,
        retry::{self, ANSWER_BYTES_MAX},
        secret,
    },
};

/// Messages that one address is sent at once by this process: a slow one must not hold back the others.
pub const AT_ONCE: u32 = 8;
/// How soon a job comes again when the database is away, or the address was just switched on.
const SOON: std::time::Duration = std::time::Duration::from_secs(1);
/// How long after its timeout a message that was taken is due again unless it was settled.
const LOST_AFTER: Duration = Duration::seconds(30);
/// When a message is tried again that could not be signed.
const UNSIGNED_PAUSE: Duration = Duration::minutes(1);

/// Posts the message that the queue delivered, if it waits still and nobody has it.
pub async fn run(ctx: &Context, delivered: Delivered) -> Settle {
    let id = WebhookMessageId(delivered.job.id);
    match attempt(ctx, (id, delivered.job.generation)).await {
        Ok(settle) => settle,
        Err(error) => {
            tracing::warn!(message = %id, %error, "a message to a webhook comes again");
            Settle::Later(SOON)
        }
    }
}

async fn attempt(ctx: &Context, key: (WebhookMessageId, i64)) -> Result<Settle, StoreError> {
    let now = ctx.clock.now();
    let Some(look) = work::look(&ctx.db, key).await? else {
        work::bury(&ctx.db, key.0, now).await?;
        return Ok(Settle::Done); // stale or repeated
    };
    if look.webhook_state != State::On && !look.is_probe() && look.about.event != Event::Test {
        let held = work::hold(&ctx.db, &look).await?;
        return Ok(if held { Settle::Done } else { Settle::Later(SOON) });
    }
    let _place = match place(ctx, &look, now) {
        Ok(place) => place,
        Err(pause) => return Ok(Settle::Later(pause)),
    };
    // The bell is rung before its time: what was rung for is due again only later.
    let due_until = now + ctx.settings.redelivery;
    let lost_at = now + Duration::seconds(look.timeout_s) + LOST_AFTER;
    let Some(taken) = work::take(&ctx.db, &look, now, (due_until, lost_at)).await? else {
        return Ok(Settle::Done);
    };
    let end = post(ctx, &look, &taken).await?;
    let retries = if taken.is_test { 0 } else { look.retries };
    let now = ctx.clock.now();
    let notice = |state: State, why: &str| notice(&look, (state, why), now);
    work::settle(&ctx.db, &taken, (&end, retries), notice, now).await?;
    Ok(Settle::Done)
}

fn place(ctx: &Context, look: &Look, now: Time) -> Result<Place, std::time::Duration> {
    let limits = Limits { concurrency: Some(AT_ONCE), ..Limits::default() };
    ctx.gates.enter((look.about.webhook_id.0, String::new()), &limits, now)
}

/// One try.
async fn post(ctx: &Context, look: &Look, taken: &Taken) -> Result<End, StoreError> {
    let about = &look.about;
    let person = match about.contact_id {
        None => None, // a test
        Some(contact) => {
            let key = (contact, about.lead_id);
            match work::person(&ctx.db, look.workspace_id, key).await? {
                None => return Ok(End::Dropped("the person was erased".to_owned())),
                Some(who) => (!who.is_hidden).then_some(who.person),
            }
        }
    };
    let (id, at) = (about.id.to_string(), taken.at);
    let body = body::body(about, &look.facts, person.as_ref()).to_string();
    let signature = match signature(ctx, look, (&id, at, &body)).await {
        Ok(signature) => signature,
        Err(SecretError::Store(error)) => return Err(error),
        Err(error) => return Ok(End::Later(at + UNSIGNED_PAUSE, error.to_string())),
    };
    let given = look.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
    let mut headers = signed::headers(given, None, signed::Post { id: &id, at, body: &body });
    headers.push((signed::SIGNATURE.to_owned(), signature));
    let request = OutboundRequest {
        method: Method::Post,
        url: look.url.clone(),
        headers,
        body: body.into(),
        timeout: std::time::Duration::from_secs(look.timeout_s.unsigned_abs()),
    };
    let email = person.as_ref().map_or("", |person| person.email.as_str());
    failpoint("webhooks.before_call", email);
    let exchange = ctx.http.send_reading(request, ANSWER_BYTES_MAX).await;
    failpoint("webhooks.after_call", email);
    let seed = about.id.0.as_u128() as u64;
    let (came, line) = retry::read(&exchange, taken.tries.max(1), seed, ctx.clock.now());
    Ok(End::Posted(came, line))
}

/// By the secret, and by the one before while it has not retired.
async fn signature(
    ctx: &Context,
    look: &Look,
    (id, at, body): (&str, Time, &str),
) -> Result<String, SecretError> {
    let key = (look.workspace_id, look.about.webhook_id);
    let mut secrets = vec![webhooks::opened(&ctx.secrets, key, &look.secret).await?];
    if let Some(old) = &look.old_secret
        && look.old_until.is_some_and(|until| at < until)
    {
        secrets.push(webhooks::opened(&ctx.secrets, key, old).await?);
    }
    let wrong = |why: &str| StoreError::Inconsistent(format!("a secret of {} {why}", key.1));
    Ok(secret::sign_all(&secrets, (id, at, body)).map_err(wrong)?)
}

/// People are told once for each time that it begins to rest.
fn notice(look: &Look, (state, why): (State, &str), now: Time) -> Notice {
    let (kind, word) = match state {
        State::Gone => (Kind::WebhookGone, "webhook_gone"),
        _ => (Kind::WebhookPaused, "webhook_paused"),
    };
    let webhook = look.about.webhook_id;
    Notice {
        workspace: look.workspace_id,
        campaign: None,
        kind,
        subject: format!("{word}:{webhook}:{}", now.timestamp()),
        message: format!("{why}; what it would be told is held"),
        details: Some(json!({"webhookId": webhook})),
        at: now,
    }
}
