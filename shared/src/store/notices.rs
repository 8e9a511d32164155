//! Notices: what people must know, raised in the transaction that it tells of, once a subject.
use super::{Db, Rows, StoreError, Tx, rows::time};
use crate::{
    clock::Time,
    ids::{CampaignId, NoticeId, WorkspaceId},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a notice is about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = NoticeKind)]
pub enum Kind {
    /// A campaign's cap is full.
    CapHit,
    /// An endpoint failed too often in a row: its deliveries wait.
    BreakerOpened,
    /// It takes leads again.
    BreakerClosed,
    /// A buyer's answer that no response rule knows: the lead is held.
    AnswerUnclassified,
    /// The buyer may have the lead and nobody knows: it is held.
    DeliveryUnknown,
    /// The buyer was asked about a held lead as often as the endpoint says, and nobody knows still.
    StatusQueryEnded,
    /// The webhook of a campaign's first action could not be delivered: its leads wait for their deadline.
    ActionFailed,
    /// A campaign has used up its calls or texts of the day.
    BudgetUsedUp,
    /// An agent does not work as it is set up: its credentials are refused, or it is gone.
    AgentBroken,
    /// The rule of a segment cannot be evaluated: its members stay as they were.
    SegmentBroken,
    /// A campaign's automation set itself off again and again: it was stopped at a lead.
    AutomationLoop,
    /// The automation of a campaign cannot be evaluated: nothing of it runs.
    AutomationBroken,
    /// A campaign's rule says so of a lead.
    Automation,
    /// What a rule wanted of the outside could not be done: a webhook that nobody takes, a lead that cannot be reposted.
    AutomationFailed,
    /// An import cannot go on, or cannot be undone.
    ImportFailed,
    /// A webhook failed for too long: what it would be told is held until it is back.
    WebhookPaused,
    /// A webhook answered that it is no more (410): what it would be told is held until somebody switches it on.
    WebhookGone,
}

/// A notice to raise.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    pub workspace: WorkspaceId,
    pub campaign: Option<CampaignId>,
    pub kind: Kind,
    /// Within the workspace: what makes it the same notice again. Begin it with the kind.
    pub subject: String,
    pub message: String,
    pub details: Option<Value>,
    pub at: Time,
}

#[derive(Serialize)]
struct Row<'a> {
    workspace_id: Uuid,
    id: Uuid,
    campaign_id: Option<Uuid>,
    kind: Kind,
    subject: &'a str,
    message: &'a str,
    details: Option<&'a Value>,
    times: i64,
    #[serde(serialize_with = "time")]
    at: Time,
    #[serde(serialize_with = "time")]
    last_at: Time,
}

/// Raises notices. One whose subject is there already is only counted: its message stays the first one's.
pub async fn raise(tx: &mut Tx, notices: &[Notice]) -> Result<(), StoreError> {
    if notices.is_empty() {
        return Ok(());
    }
    // One row a subject, for a statement cannot touch a row twice; always in the same order, so that two transactions never wait
    // for each other.
    let mut rows: BTreeMap<(Uuid, &str), Row> = BTreeMap::new();
    for notice in notices {
        let key = (notice.workspace.0, notice.subject.as_str());
        let row = rows.entry(key).or_insert_with(|| first(notice));
        row.times += 1;
        row.last_at = row.last_at.max(notice.at);
    }
    let rows: Vec<Row> = rows.into_values().collect();
    tx.ex()
        .sql(
            "INSERT INTO notice (workspace_id, id, campaign_id, kind, subject, message, details, times, at, last_at)
             SELECT r.workspace_id, r.id, r.campaign_id, r.kind, r.subject, r.message, r.details, r.times, r.at, r.last_at
             FROM ROWS($1: workspace_id uuid, id uuid, campaign_id uuid, kind text, subject text, message text,
                details jsonb, times bigint, at timestamptz, last_at timestamptz) r
             WHERE true
             ON CONFLICT (subject, workspace_id) DO UPDATE SET times = notice.times + excluded.times,
                last_at = excluded.last_at",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    Ok(())
}

fn first(notice: &Notice) -> Row<'_> {
    Row {
        workspace_id: notice.workspace.0,
        id: NoticeId::new().0,
        campaign_id: notice.campaign.map(|campaign| campaign.0),
        kind: notice.kind,
        subject: &notice.subject,
        message: &notice.message,
        details: notice.details.as_ref(),
        times: 0,
        at: notice.at,
        last_at: notice.at,
    }
}

/// A notice that was raised.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct NoticeRow {
    pub id: NoticeId,
    pub campaign_id: Option<CampaignId>,
    pub kind: Kind,
    pub message: String,
    pub details: Option<Json<Value>>,
    pub times: i64,
    pub at: Time,
    pub last_at: Time,
}

/// Which notices.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoticeFilter {
    pub kind: Option<Kind>,
    pub campaign: Option<CampaignId>,
    /// Only those before this one.
    pub before: Option<NoticeId>,
}

/// Notices, the newest first.
pub async fn list(
    db: &Db,
    workspace: WorkspaceId,
    filter: NoticeFilter,
    limit: i64,
) -> Result<Vec<NoticeRow>, StoreError> {
    if filter.campaign.is_some() {
        return of_campaign(db, workspace, filter, limit).await;
    }
    db.read()
        .sql(
            "SELECT id, campaign_id, kind, message, details, times, at, last_at FROM notice
             WHERE workspace_id = $1 AND id < $2 AND ($3 IS NULL OR kind = $3)
             ORDER BY id DESC LIMIT $4",
        )
        .bind(workspace)
        .bind(filter.before.unwrap_or(NoticeId(Uuid::max())))
        .bind(filter.kind)
        .bind(limit)
        .all()
        .await
}

async fn of_campaign(
    db: &Db,
    workspace: WorkspaceId,
    filter: NoticeFilter,
    limit: i64,
) -> Result<Vec<NoticeRow>, StoreError> {
    db.read()
        .sql(
            "SELECT id, campaign_id, kind, message, details, times, at, last_at FROM notice
             WHERE campaign_id = $1 AND id < $2 AND ($3 IS NULL OR kind = $3) AND (workspace_id = $4) IS TRUE
             ORDER BY id DESC LIMIT $5",
        )
        .bind(filter.campaign)
        .bind(filter.before.unwrap_or(NoticeId(Uuid::max())))
        .bind(filter.kind)
        .bind(workspace)
        .bind(limit)
        .all()
        .await
}
