//! The log of messages: listed, looked into, and told once more.
use super::MessageState;
use crate::{
    audit::{Actor, Entry},
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, SubmissionId, WebhookId, WebhookMessageId, WorkspaceId},
    store::{Db, Rows, StoreError, audit},
    webhook::Event,
};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::types::Json;

/// Messages that one statement tells once more, at most.
pub const REPLAYED_AT_ONCE: i64 = 1_000;

/// The columns of a [`MessageRow`].
macro_rules! message_columns {
    () => {
        "m.id, m.webhook_id, m.event, m.campaign_id, m.contact_id, m.lead_id, m.submission_id, m.facts, m.state, m.attempt, \
         m.due_at, m.problem, m.at, m.finished_at "
    };
}

/// A message.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct MessageRow {
    pub id: WebhookMessageId,
    pub webhook_id: WebhookId,
    pub event: Event,
    pub campaign_id: Option<CampaignId>,
    pub contact_id: Option<ContactId>,
    pub lead_id: Option<LeadId>,
    pub submission_id: Option<SubmissionId>,
    pub facts: Json<Value>,
    pub state: MessageState,
    pub attempt: i64,
    pub due_at: Option<Time>,
    pub problem: Option<String>,
    /// When the event happened.
    pub at: Time,
    pub finished_at: Option<Time>,
}

/// Which messages of an address. What is none does not narrow.
#[derive(Debug, Clone, Copy, Default)]
pub struct MessageFilter {
    pub state: Option<MessageState>,
    pub event: Option<Event>,
    /// Only those older than this one.
    pub before: Option<WebhookMessageId>,
}

/// The messages to an address, the newest first.
pub async fn messages(
    db: &Db,
    (workspace, webhook): (WorkspaceId, WebhookId),
    filter: MessageFilter,
    limit: i64,
) -> Result<Vec<MessageRow>, StoreError> {
    let (at, id) = match filter.before {
        None => (Time::MAX_UTC.min(latest()), WebhookMessageId(uuid::Uuid::max())),
        Some(id) => match message(db, (workspace, webhook), id).await? {
            Some(row) => (row.at, row.id),
            None => return Ok(Vec::new()),
        },
    };
    db.read()
        .sql(concat!(
            "SELECT ",
            message_columns!(),
            "FROM webhook_message m
             WHERE m.webhook_id = $2 AND (m.workspace_id = $1) IS TRUE AND (m.at, m.id) < ($3, $4)
               AND ($5 IS NULL OR m.state = $5) AND ($6 IS NULL OR m.event = $6)
             ORDER BY m.at DESC, m.id DESC LIMIT $7"
        ))
        .bind(workspace)
        .bind(webhook)
        .bind(at)
        .bind(id)
        .bind(filter.state)
        .bind(filter.event)
        .bind(limit)
        .all()
        .await
}

/// Later than anything happens.
fn latest() -> Time {
    Time::from_timestamp(253_000_000_000, 0).unwrap_or(Time::MAX_UTC)
}

/// One message to an address.
pub async fn message(
    db: &Db,
    (workspace, webhook): (WorkspaceId, WebhookId),
    id: WebhookMessageId,
) -> Result<Option<MessageRow>, StoreError> {
    db.read()
        .sql(concat!(
            "SELECT ",
            message_columns!(),
            "FROM webhook_message m WHERE m.workspace_id = $1 AND m.id = $3 AND (m.webhook_id = $2) IS TRUE"
        ))
        .bind(workspace)
        .bind(webhook)
        .bind(id)
        .optional()
        .await
}

/// An attempt.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct AttemptRow {
    pub attempt: i64,
    /// None: there was no answer.
    pub status: Option<i64>,
    pub answer: String,
    pub duration_us: i64,
    pub at: Time,
}

/// The attempts of a message, first to last.
pub async fn attempts(
    db: &Db,
    workspace: WorkspaceId,
    message: WebhookMessageId,
) -> Result<Vec<AttemptRow>, StoreError> {
    db.read()
        .sql(
            "SELECT attempt, status, answer, duration_us, at FROM webhook_attempt
             WHERE workspace_id = $1 AND message_id = $2 ORDER BY attempt",
        )
        .bind(workspace)
        .bind(message)
        .all()
        .await
}

/// Tells one message once more, under its id, with all its retries; false when it is not there or on its way anyway.
pub async fn replay(
    db: &Db,
    (workspace, webhook): (WorkspaceId, WebhookId),
    id: WebhookMessageId,
    (actor, now): (&Actor, Time),
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let changed = tx
        .ex()
        .sql(
            "UPDATE webhook_message SET state = 'waiting', due_at = $4, asked_at = $4, tries = 0, tried_at = NULL, finished_at = NULL
             WHERE workspace_id = $1 AND id = $3 AND (webhook_id = $2) IS TRUE AND state IN ('done', 'failed')",
        )
        .bind(workspace)
        .bind(webhook)
        .bind(id)
        .bind(now)
        .run()
        .await?;
    if changed > 0 {
        let entry = Entry::new("webhook.message_replayed", "webhook", webhook);
        let entry = entry.to(json!({"messageId": id}));
        audit::add(&mut tx, workspace, actor, &[entry], now).await?;
    }
    tx.commit().await?;
    Ok(changed > 0)
}

/// Which messages are told once more: those of events from then until before then, in these states.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    pub from: Time,
    pub until: Time,
    /// Done, failed, or both.
    pub states: Vec<MessageState>,
}

#[derive(Serialize)]
struct StateRow {
    state: MessageState,
}

/// Tells up to [`REPLAYED_AT_ONCE`] of them once more, oldest first; says how many. Call it until it answers with fewer: what was asked
/// for again at `now` is not asked for twice, and a process that dies leaves the rest as it was.
pub async fn replay_some(
    db: &Db,
    (workspace, webhook): (WorkspaceId, WebhookId),
    range: &Range,
    (actor, now): (&Actor, Time),
) -> Result<u64, StoreError> {
    let states: Vec<StateRow> =
        range.states.iter().map(|state| StateRow { state: *state }).collect();
    let mut tx = db.begin().await?;
    let changed = tx
        .ex()
        .sql(
            "UPDATE webhook_message SET state = 'waiting', due_at = $6, asked_at = $6, tries = 0, tried_at = NULL, finished_at = NULL
             WHERE id IN (
                SELECT m.id FROM webhook_message m
                WHERE m.webhook_id = $2 AND (m.workspace_id = $1) IS TRUE AND m.at >= $3 AND m.at < $4 AND m.asked_at < $6
                  AND m.state IN ('done', 'failed') AND m.state IN (SELECT r.state FROM ROWS($5: state text) r)
                ORDER BY m.at, m.id LIMIT $7)
             AND state IN ('done', 'failed')",
        )
        .bind(workspace)
        .bind(webhook)
        .bind(range.from)
        .bind(range.until)
        .bind(Rows::of(&states))
        .bind(now)
        .bind(REPLAYED_AT_ONCE)
        .run()
        .await?;
    if changed > 0 {
        let entry = Entry::new("webhook.messages_replayed", "webhook", webhook);
        let said = json!({"from": range.from, "until": range.until, "states": range.states, "messages": changed});
        audit::add(&mut tx, workspace, actor, &[entry.to(said)], now).await?;
    }
    tx.commit().await?;
    Ok(changed)
}

/// Sends an address a message that says nothing, by the way of all others; none when the address is not there.
pub async fn test(
    db: &Db,
    (workspace, webhook): (WorkspaceId, WebhookId),
    now: Time,
) -> Result<Option<WebhookMessageId>, StoreError> {
    let id = WebhookMessageId::new();
    let sent = db
        .write()
        .sql(
            "INSERT INTO webhook_message (workspace_id, id, webhook_id, event, facts, state, attempt, tries, due_at, at, asked_at)
             SELECT w.workspace_id, $3, w.id, $4, $5, 'waiting', 0, 0, $6, $6, $6
             FROM webhook w WHERE w.workspace_id = $1 AND w.id = $2",
        )
        .bind(workspace)
        .bind(webhook)
        .bind(id)
        .bind(Event::Test)
        .bind(Json(json!({"status": "test"})))
        .bind(now)
        .run()
        .await?;
    Ok((sent > 0).then_some(id))
}
