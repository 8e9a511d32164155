//! Making, showing, changing and deleting webhooks; their secrets; trying whether one listens.
use super::form::{ChangedWebhook, NewWebhook, Webhook, WebhookWithSecret};
use crate::{
    Api,
    answer::{Absent, Asked, Conflicting, Data, Guarded, Page, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::{Id, Limit, Query},
    secrets::refusal,
};
use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use shared::{
    ids::{CampaignId, WebhookId, WebhookMessageId},
    store::webhooks::{self, Created, WEBHOOKS_MAX, WORKSPACE_MAX, WebhookRow},
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Make a webhook
///
/// It hears of what happens from now on. The answer holds its secret, which is not shown again. A workspace may have 20 of its own, each
/// campaign 20 more, and 1,000 in all.
#[utoipa::path(
    post, path = "/webhooks", tag = "Webhooks", operation_id = "createWebhook",
    request_body = NewWebhook,
    responses((status = 201, description = "The webhook and its secret.", body = Success<WebhookWithSecret>), Guarded, Sent, Conflicting)
)]
pub async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<(StatusCode, Data<WebhookWithSecret>), ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let (campaign, draft) = body.read::<NewWebhook>()?.draft(&api.settings.guard)?;
    let (key, now) = ((caller.workspace, WebhookId::new()), api.clock.now());
    let (secret, sealed) = webhooks::make(&api.secrets, key, now).await.map_err(refusal)?;
    let by = (&caller.actor(), now);
    let row = match webhooks::create(&api.db, key, (campaign, &draft), &sealed, by).await? {
        Created::Yes(row) => *row,
        Created::NoSuchCampaign => {
            let why = "there is no such campaign in this workspace";
            return Err(ApiError::invalid_at("campaignId", why));
        }
        Created::TooMany => {
            let whose = campaign.map_or("the workspace", |_| "the campaign");
            let why = format!("{whose} has {WEBHOOKS_MAX} webhooks already");
            return Err(ApiError::new(Code::Conflict, why));
        }
        Created::Full => {
            let why = format!("the workspace has {WORKSPACE_MAX} webhooks in all already");
            return Err(ApiError::new(Code::Conflict, why));
        }
    };
    let secret = secret.expose().to_owned();
    Ok((StatusCode::CREATED, Data(WebhookWithSecret { webhook: row.into(), secret })))
}

/// Which webhooks.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WebhookQuery {
    /// Only this campaign's own.
    pub campaign_id: Option<CampaignId>,
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<WebhookId>,
}

/// List webhooks
///
/// Oldest first, the workspace's and those of campaigns.
#[utoipa::path(
    get, path = "/webhooks", tag = "Webhooks", operation_id = "listWebhooks",
    params(WebhookQuery),
    responses((status = 200, description = "A page of webhooks.", body = Success<Page<Webhook>>), Guarded, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<WebhookQuery>,
) -> Result<Data<Page<Webhook>>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    let (limit, campaign) = (query.limit.0, query.campaign_id);
    let rows = webhooks::list(&api.db, caller.workspace, campaign, query.cursor, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, |row: &WebhookRow| row.id.to_string())))
}

/// The webhook, or that there is none.
pub(super) async fn read(
    api: &Api,
    caller: &Caller,
    id: WebhookId,
) -> Result<WebhookRow, ApiError> {
    let found = webhooks::get(&api.db, caller.workspace, id).await?;
    found.ok_or_else(|| ApiError::not_found("webhook"))
}

/// Show a webhook
#[utoipa::path(
    get, path = "/webhooks/{webhookId}", tag = "Webhooks", operation_id = "getWebhook",
    params(("webhookId" = WebhookId, Path)),
    responses((status = 200, description = "The webhook, without its secret.", body = Success<Webhook>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<WebhookId>,
) -> Result<Data<Webhook>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    Ok(Data(read(&api, &caller, id).await?.into()))
}

/// Change a webhook
///
/// `isEnabled: true` also switches one on that is paused or gone; what was held for it is sent then, oldest first.
#[utoipa::path(
    patch, path = "/webhooks/{webhookId}", tag = "Webhooks", operation_id = "changeWebhook",
    params(("webhookId" = WebhookId, Path)),
    request_body = ChangedWebhook,
    responses((status = 200, description = "The webhook as it is now.", body = Success<Webhook>), Guarded, Absent, Sent)
)]
pub async fn change(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<WebhookId>,
    body: Body,
) -> Result<Data<Webhook>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let form: ChangedWebhook = body.read()?;
    let decide = |before: &WebhookRow| form.decide(before, &api.settings.guard);
    let (key, by) = ((caller.workspace, id), (&caller.actor(), api.clock.now()));
    let changed = webhooks::change(&api.db, key, decide, by).await?;
    Ok(Data(changed.ok_or_else(|| ApiError::not_found("webhook"))??.into()))
}

/// A webhook that is gone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDeleted {
    pub webhook_id: WebhookId,
}

/// Delete a webhook
///
/// With its messages and their attempts. What waits for it is not sent.
#[utoipa::path(
    delete, path = "/webhooks/{webhookId}", tag = "Webhooks", operation_id = "deleteWebhook",
    params(("webhookId" = WebhookId, Path)),
    responses((status = 200, description = "It is gone.", body = Success<WebhookDeleted>), Guarded, Absent)
)]
pub async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<WebhookId>,
) -> Result<Data<WebhookDeleted>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let by = (&caller.actor(), api.clock.now());
    if !webhooks::delete(&api.db, (caller.workspace, id), by).await? {
        return Err(ApiError::not_found("webhook"));
    }
    Ok(Data(WebhookDeleted { webhook_id: id }))
}

/// Rotate a webhook's secret
///
/// For 24 hours every message is signed with the new secret and with the one before, so that whoever checks with either is content. The
/// one before that retires at once.
#[utoipa::path(
    post, path = "/webhooks/{webhookId}/rotate-secret", tag = "Webhooks", operation_id = "rotateWebhookSecret",
    params(("webhookId" = WebhookId, Path)),
    responses((status = 200, description = "The webhook and its new secret.", body = Success<WebhookWithSecret>), Guarded, Absent)
)]
pub async fn rotate(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<WebhookId>,
) -> Result<Data<WebhookWithSecret>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    read(&api, &caller, id).await?;
    let by = (&caller.actor(), api.clock.now());
    let rotated = webhooks::rotate(&api.secrets, (caller.workspace, id), by).await;
    let rotated = rotated.map_err(refusal)?;
    let (secret, row) = rotated.ok_or_else(|| ApiError::not_found("webhook"))?;
    let secret = secret.expose().to_owned();
    Ok(Data(WebhookWithSecret { webhook: row.into(), secret }))
}

/// A message that is on its way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookTested {
    /// Show it to learn what came of it.
    pub message_id: WebhookMessageId,
}

/// Try a webhook
///
/// A `webhook.test` message goes out by the way of all others, within a second or two, whatever state the webhook is in. It is tried once.
#[utoipa::path(
    post, path = "/webhooks/{webhookId}/test", tag = "Webhooks", operation_id = "testWebhook",
    params(("webhookId" = WebhookId, Path)),
    responses((status = 202, description = "The message is on its way.", body = Success<WebhookTested>), Guarded, Absent)
)]
pub async fn test(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<WebhookId>,
) -> Result<(StatusCode, Data<WebhookTested>), ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let sent = webhooks::test(&api.db, (caller.workspace, id), api.clock.now()).await?;
    let message_id = sent.ok_or_else(|| ApiError::not_found("webhook"))?;
    Ok((StatusCode::ACCEPTED, Data(WebhookTested { message_id })))
}
