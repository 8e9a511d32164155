//! What a webhook was told, and what came of it.
use super::manage::read;
use crate::{
    Api,
    answer::{Absent, Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::{Id, Limit, Query},
};
use axum::extract::{Path, State, rejection::PathRejection};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    ids::{CampaignId, ContactId, LeadId, SubmissionId, WebhookId, WebhookMessageId},
    store::webhooks::{self, AttemptRow, MessageFilter, MessageRow, MessageState},
    webhook::Event,
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// A webhook and one of its messages, as the URL names them.
pub(super) type Ids = Result<Path<(String, String)>, PathRejection>;

/// Ids that cannot exist are answered like those that do not.
pub(super) fn ids(given: Ids) -> Result<(WebhookId, WebhookMessageId), ApiError> {
    let Path((webhook, message)) = given.map_err(|_| ApiError::not_found("message"))?;
    let absent = |_| ApiError::not_found("message");
    Ok((
        WebhookId::parse(&webhook).map_err(absent)?,
        WebhookMessageId::parse(&message).map_err(absent)?,
    ))
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookMessage {
    /// What goes along as `webhook-id`.
    pub message_id: WebhookMessageId,
    pub event: Event,
    pub state: MessageState,
    pub campaign_id: Option<CampaignId>,
    pub contact_id: Option<ContactId>,
    pub lead_id: Option<LeadId>,
    pub submission_id: Option<SubmissionId>,
    /// What happened, without who it happened to: that is read when the message is sent.
    #[schema(value_type = Object)]
    pub facts: Value,
    /// How often it was posted, or was to be.
    pub attempts: i64,
    /// When it is posted (again), while it waits.
    pub due_at: Option<DateTime<Utc>>,
    /// What was wrong last time.
    pub problem: Option<String>,
    /// When the event happened.
    pub at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl From<MessageRow> for WebhookMessage {
    fn from(row: MessageRow) -> Self {
        Self {
            message_id: row.id,
            event: row.event,
            state: row.state,
            campaign_id: row.campaign_id,
            contact_id: row.contact_id,
            lead_id: row.lead_id,
            submission_id: row.submission_id,
            facts: row.facts.0,
            attempts: row.attempt,
            due_at: row.due_at,
            problem: row.problem,
            at: row.at,
            finished_at: row.finished_at,
        }
    }
}

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WebhookMessageQuery {
    pub state: Option<MessageState>,
    pub event: Option<Event>,
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<WebhookMessageId>,
}

/// List a webhook's messages
///
/// Newest event first. Messages that are done or have failed are forgotten after 30 days.
#[utoipa::path(
    get, path = "/webhooks/{webhookId}/messages", tag = "Webhooks", operation_id = "listWebhookMessages",
    params(("webhookId" = WebhookId, Path), WebhookMessageQuery),
    responses((status = 200, description = "A page of messages.", body = Success<Page<WebhookMessage>>), Guarded, Absent, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<WebhookId>,
    Query(query): Query<WebhookMessageQuery>,
) -> Result<Data<Page<WebhookMessage>>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    read(&api, &caller, id).await?;
    let filter = MessageFilter { state: query.state, event: query.event, before: query.cursor };
    let limit = query.limit.0;
    let rows = webhooks::messages(&api.db, (caller.workspace, id), filter, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, |row: &MessageRow| row.id.to_string())))
}

/// An attempt.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookAttempt {
    pub attempt: i64,
    /// The status of the answer; null: there was none.
    pub status: Option<i64>,
    /// The first 1,000 characters of the answer, or why there was none.
    pub answer: String,
    pub duration_us: i64,
    pub at: DateTime<Utc>,
}

impl From<AttemptRow> for WebhookAttempt {
    fn from(row: AttemptRow) -> Self {
        Self {
            attempt: row.attempt,
            status: row.status,
            answer: row.answer,
            duration_us: row.duration_us,
            at: row.at,
        }
    }
}

/// A message with its attempts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookMessageStory {
    #[serde(flatten)]
    pub message: WebhookMessage,
    /// First to last.
    pub log: Vec<WebhookAttempt>,
}

/// Show a message
///
/// With every attempt to post it.
#[utoipa::path(
    get, path = "/webhooks/{webhookId}/messages/{messageId}", tag = "Webhooks", operation_id = "getWebhookMessage",
    params(("webhookId" = WebhookId, Path), ("messageId" = WebhookMessageId, Path)),
    responses((status = 200, description = "The message and its attempts.", body = Success<WebhookMessageStory>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    given: Ids,
) -> Result<Data<WebhookMessageStory>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    let (webhook, message) = ids(given)?;
    let found = webhooks::message(&api.db, (caller.workspace, webhook), message).await?;
    let row = found.ok_or_else(|| ApiError::not_found("message"))?;
    let log = webhooks::attempts(&api.db, caller.workspace, message).await?;
    let log = log.into_iter().map(WebhookAttempt::from).collect();
    Ok(Data(WebhookMessageStory { message: row.into(), log }))
}
