//! Telling a webhook once more: one message, or all of a while.
use super::{
    log::{Ids, ids},
    manage::read,
};
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::{Id, is_near},
};
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    ids::{WebhookId, WebhookMessageId},
    store::webhooks::{self, MessageState, REPLAYED_AT_ONCE, Range},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// A message that is told once more.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookReplayed {
    pub message_id: WebhookMessageId,
}

/// Replay a message
///
/// It is sent once more under its id, with all its retries; whoever keeps the ids of what it has heard sees that it is a repeat. 409 while
/// it waits or is held anyway.
#[utoipa::path(
    post, path = "/webhooks/{webhookId}/messages/{messageId}/replay", tag = "Webhooks", operation_id = "replayWebhookMessage",
    params(("webhookId" = WebhookId, Path), ("messageId" = WebhookMessageId, Path)),
    responses((status = 202, description = "It is on its way.", body = Success<WebhookReplayed>), Guarded, Absent, Conflicting)
)]
pub async fn one(
    State(api): State<Arc<Api>>,
    caller: Caller,
    given: Ids,
) -> Result<(StatusCode, Data<WebhookReplayed>), ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let (webhook, message_id) = ids(given)?;
    let key = (caller.workspace, webhook);
    let by = (&caller.actor(), api.clock.now());
    if !webhooks::replay(&api.db, key, message_id, by).await? {
        let there = webhooks::message(&api.db, key, message_id).await?;
        return Err(match there {
            None => ApiError::not_found("message"),
            Some(_) => ApiError::new(Code::Conflict, "the message is on its way already"),
        });
    }
    Ok((StatusCode::ACCEPTED, Data(WebhookReplayed { message_id })))
}

/// Which messages are told once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"from": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z", "states": ["failed"]}))]
pub struct WebhookReplay {
    /// Events from then on ...
    pub from: DateTime<Utc>,
    /// ... until before then.
    pub until: DateTime<Utc>,
    /// `done`, `failed` or both; `failed` unless given.
    #[serde(default = "failed")]
    pub states: Vec<MessageState>,
}

fn failed() -> Vec<MessageState> {
    vec![MessageState::Failed]
}

/// How many messages are told once more.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookReplays {
    pub replayed: u64,
}

/// Replay messages
///
/// All of a while, oldest first, each under its id. Those that wait or are held are left alone.
#[utoipa::path(
    post, path = "/webhooks/{webhookId}/replay", tag = "Webhooks", operation_id = "replayWebhook",
    params(("webhookId" = WebhookId, Path)),
    request_body = WebhookReplay,
    responses((status = 202, description = "How many are on their way.", body = Success<WebhookReplays>), Guarded, Absent, Sent)
)]
pub async fn many(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<WebhookId>,
    body: Body,
) -> Result<(StatusCode, Data<WebhookReplays>), ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    read(&api, &caller, id).await?;
    let range = range(body.read()?)?;
    let (actor, now) = (caller.actor(), api.clock.now());
    let mut replayed = 0;
    loop {
        let key = (caller.workspace, id);
        let some = webhooks::replay_some(&api.db, key, &range, (&actor, now)).await?;
        replayed += some;
        if some < REPLAYED_AT_ONCE as u64 {
            return Ok((StatusCode::ACCEPTED, Data(WebhookReplays { replayed })));
        }
    }
}

fn range(form: WebhookReplay) -> Result<Range, ApiError> {
    let WebhookReplay { from, until, states } = form;
    for (path, time) in [("from", from), ("until", until)] {
        if !is_near(time.year()) {
            return Err(ApiError::invalid_at(path, "must be a time from 1900 to 9998"));
        }
    }
    if from >= until {
        return Err(ApiError::invalid_at("until", "must be later than `from`"));
    }
    let is_over = |state: &MessageState| matches!(state, MessageState::Done | MessageState::Failed);
    if states.is_empty() || !states.iter().all(is_over) {
        return Err(ApiError::invalid_at("states", "must be `done`, `failed` or both"));
    }
    Ok(Range { from, until, states })
}
