//! The addresses of a workspace: made, changed, switched, deleted, and as the engine knows them.
use super::State;
use crate::{
    audit::{Actor, Entry},
    clock::Time,
    ids::{CampaignId, WebhookId, WorkspaceId},
    store::{Db, StoreError, Tx, audit, live},
    webhook::{Address, Addresses, Draft, Event},
};
use serde_json::{Value, json};
use sqlx::types::Json;
use std::collections::{BTreeMap, BTreeSet};

/// Addresses of a workspace itself, or of one campaign, at most; and of a workspace in all.
pub const WEBHOOKS_MAX: i64 = 20;
pub const WORKSPACE_MAX: i64 = 1_000;
/// Messages that one statement of a deletion deletes, at most.
const DELETED_AT_ONCE: i64 = 1_000;

/// The columns of a [`WebhookRow`].
macro_rules! webhook_columns {
    () => {
        "w.id, w.campaign_id, w.name, w.url, w.events, w.headers, w.retries, w.timeout_s, w.old_until, w.state, w.problem, \
         w.failing_since, w.failures, w.probe_at, w.created_at, w.updated_at "
    };
}

/// An address, without its secrets.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct WebhookRow {
    pub id: WebhookId,
    /// None: the workspace's.
    pub campaign_id: Option<CampaignId>,
    pub name: String,
    pub url: String,
    pub events: Json<BTreeSet<Event>>,
    pub headers: Json<BTreeMap<String, String>>,
    pub retries: i64,
    pub timeout_s: i64,
    /// Until then the secret before signs too.
    pub old_until: Option<Time>,
    pub state: State,
    pub problem: Option<String>,
    pub failing_since: Option<Time>,
    /// Failed attempts in a row.
    pub failures: i64,
    pub probe_at: Option<Time>,
    pub created_at: Time,
    pub updated_at: Time,
}

impl WebhookRow {
    /// As somebody would want it to be made.
    pub fn draft(&self) -> Draft {
        Draft {
            name: self.name.clone(),
            url: self.url.clone(),
            events: self.events.0.clone(),
            headers: self.headers.0.clone(),
            retries: self.retries,
            timeout_seconds: self.timeout_s,
            is_enabled: self.state != State::Off,
        }
    }
}

/// What became of a creation.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    Yes(Box<WebhookRow>),
    NoSuchCampaign,
    /// The workspace itself, or the campaign, has [`WEBHOOKS_MAX`] addresses.
    TooMany,
    /// The workspace has [`WORKSPACE_MAX`] addresses in all.
    Full,
}

/// The addresses that events go to, for [`live::Definitions`].
pub(in crate::store) async fn addresses(
    tx: &mut Tx,
    workspace: WorkspaceId,
) -> Result<Addresses, StoreError> {
    let found: Vec<(WebhookId, Option<CampaignId>, Json<BTreeSet<Event>>)> = tx
        .ex()
        .sql("SELECT id, campaign_id, events FROM webhook WHERE workspace_id = $1 AND state <> 'off' ORDER BY id")
        .bind(workspace)
        .all()
        .await?;
    let address = |(id, campaign, events): (_, _, Json<BTreeSet<Event>>)| Address {
        id,
        campaign,
        events: events.0,
    };
    Ok(Addresses::new(found.into_iter().map(address)))
}

/// Makes an address; `sealed` is its secret.
pub async fn create(
    db: &Db,
    (workspace, id): (WorkspaceId, WebhookId),
    (campaign, draft): (Option<CampaignId>, &Draft),
    sealed: &str,
    (actor, now): (&Actor, Time),
) -> Result<Created, StoreError> {
    let mut tx = db.begin().await?;
    // First, so that of two that make one the second counts the first's.
    live::changed(&mut tx, workspace).await?;
    if let Some(refused) = refusal(&mut tx, workspace, campaign).await? {
        return Ok(refused);
    }
    tx.ex()
        .sql(
            "INSERT INTO webhook (workspace_id, id, campaign_id, name, url, events, headers, retries, timeout_s, secret, state,
                failures, probes, holds, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, $12, $13, $13)",
        )
        .bind(workspace)
        .bind(id)
        .bind(campaign)
        .bind(draft.name.trim())
        .bind(draft.url.as_str())
        .bind(Json(&draft.events))
        .bind(Json(&draft.headers))
        .bind(draft.retries)
        .bind(draft.timeout_seconds)
        .bind(sealed)
        .bind(if draft.is_enabled { State::On } else { State::Off })
        .bind(!draft.is_enabled)
        .bind(now)
        .run()
        .await?;
    let row = locked(&mut tx, workspace, id).await?;
    let row = row.ok_or_else(|| StoreError::Inconsistent(format!("{id} was just made")))?;
    let entry = Entry::new("webhook.created", "webhook", id).to(told(&row));
    audit::add(&mut tx, workspace, actor, &[entry], now).await?;
    tx.commit().await?;
    Ok(Created::Yes(Box::new(row)))
}

async fn refusal(
    tx: &mut Tx,
    workspace: WorkspaceId,
    campaign: Option<CampaignId>,
) -> Result<Option<Created>, StoreError> {
    if let Some(campaign) = campaign {
        let there: i64 = tx
            .ex()
            .sql("SELECT COUNT(*) FROM campaign WHERE workspace_id = $1 AND id = $2")
            .bind(workspace)
            .bind(campaign)
            .scalar()
            .await?;
        if there == 0 {
            return Ok(Some(Created::NoSuchCampaign));
        }
    }
    let owners: Vec<(Option<CampaignId>,)> = tx
        .ex()
        .sql("SELECT campaign_id FROM webhook WHERE workspace_id = $1")
        .bind(workspace)
        .all()
        .await?;
    let own = owners.iter().filter(|(owner,)| *owner == campaign).count();
    Ok(match () {
        () if own as i64 >= WEBHOOKS_MAX => Some(Created::TooMany),
        () if owners.len() as i64 >= WORKSPACE_MAX => Some(Created::Full),
        () => None,
    })
}

/// What the audit log says of an address. Values of headers are left out.
fn told(row: &WebhookRow) -> Value {
    json!({
        "name": row.name,
        "url": row.url.split_once('?').map_or(row.url.as_str(), |(url, _)| url),
        "events": row.events.0,
        "headers": row.headers.0.keys().collect::<Vec<_>>(),
        "retries": row.retries,
        "timeoutSeconds": row.timeout_s,
        "state": row.state,
    })
}

/// Locks an address and reads it.
async fn locked(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: WebhookId,
) -> Result<Option<WebhookRow>, StoreError> {
    tx.ex()
        .sql(concat!(
            "SELECT ",
            webhook_columns!(),
            "FROM webhook w WHERE w.workspace_id = $1 AND w.id = $2{pg:  FOR UPDATE}"
        ))
        .bind(workspace)
        .bind(id)
        .optional()
        .await
}

/// An address.
pub async fn get(
    db: &Db,
    workspace: WorkspaceId,
    id: WebhookId,
) -> Result<Option<WebhookRow>, StoreError> {
    db.read()
        .sql(concat!(
            "SELECT ",
            webhook_columns!(),
            "FROM webhook w WHERE w.workspace_id = $1 AND w.id = $2"
        ))
        .bind(workspace)
        .bind(id)
        .optional()
        .await
}

/// Addresses, oldest first; `campaign`: only that one's.
pub async fn list(
    db: &Db,
    workspace: WorkspaceId,
    campaign: Option<CampaignId>,
    after: Option<WebhookId>,
    limit: i64,
) -> Result<Vec<WebhookRow>, StoreError> {
    db.read()
        .sql(concat!(
            "SELECT ",
            webhook_columns!(),
            "FROM webhook w WHERE w.workspace_id = $1 AND w.id > $2 AND ($3 IS NULL OR w.campaign_id = $3)
             ORDER BY w.id LIMIT $4"
        ))
        .bind(workspace)
        .bind(after.unwrap_or(WebhookId(uuid::Uuid::nil())))
        .bind(campaign)
        .bind(limit)
        .all()
        .await
}

/// What a change makes of whether an address is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    Stay,
    /// Also one that is paused or gone; what was held for it flows.
    On,
    Off,
}

/// Saves an address as `decide` wants it to be; none when it is not there.
pub async fn change<E>(
    db: &Db,
    (workspace, id): (WorkspaceId, WebhookId),
    decide: impl Fn(&WebhookRow) -> Result<(Draft, Switch), E>,
    (actor, now): (&Actor, Time),
) -> Result<Option<Result<WebhookRow, E>>, StoreError> {
    let mut tx = db.begin().await?;
    live::changed(&mut tx, workspace).await?;
    let Some(before) = locked(&mut tx, workspace, id).await? else { return Ok(None) };
    let (draft, switch) = match decide(&before) {
        Ok(decided) => decided,
        Err(refused) => return Ok(Some(Err(refused))),
    };
    save(&mut tx, (workspace, id), &draft, now).await?;
    match switch {
        Switch::On if before.state != State::On => {
            turn(&mut tx, (workspace, id), State::On).await?;
        }
        Switch::Off if before.state != State::Off => {
            turn(&mut tx, (workspace, id), State::Off).await?;
        }
        _ => {}
    }
    let after = locked(&mut tx, workspace, id).await?;
    let after = after.ok_or_else(|| StoreError::Inconsistent(format!("{id} was locked")))?;
    let entry = Entry::new("webhook.changed", "webhook", id).from(told(&before)).to(told(&after));
    audit::add(&mut tx, workspace, actor, &[entry], now).await?;
    tx.commit().await?;
    Ok(Some(Ok(after)))
}

async fn save(
    tx: &mut Tx,
    (workspace, id): (WorkspaceId, WebhookId),
    draft: &Draft,
    now: Time,
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE webhook SET name = $3, url = $4, events = $5, headers = $6, retries = $7, timeout_s = $8, updated_at = $9
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(workspace)
        .bind(id)
        .bind(draft.name.trim())
        .bind(draft.url.as_str())
        .bind(Json(&draft.events))
        .bind(Json(&draft.headers))
        .bind(draft.retries)
        .bind(draft.timeout_seconds)
        .bind(now)
        .run()
        .await
        .map(drop)
}

/// A person's word begins everything anew: the failures are forgotten. What is held stays so until it is let go.
async fn turn(
    tx: &mut Tx,
    (workspace, id): (WorkspaceId, WebhookId),
    state: State,
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE webhook SET state = $3, holds = TRUE, problem = NULL, failing_since = NULL, failures = 0, probe_at = NULL,
                probes = 0, probed = NULL
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(workspace)
        .bind(id)
        .bind(state)
        .run()
        .await
        .map(drop)
}

/// Deletes an address with all that it was told; false when it is not there. It is off from the first step on, so a process that dies
/// leaves less to delete.
pub async fn delete(
    db: &Db,
    (workspace, id): (WorkspaceId, WebhookId),
    (actor, now): (&Actor, Time),
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    live::changed(&mut tx, workspace).await?;
    let Some(row) = locked(&mut tx, workspace, id).await? else { return Ok(false) };
    turn(&mut tx, (workspace, id), State::Off).await?;
    tx.commit().await?;
    while delete_messages(db, id).await? == DELETED_AT_ONCE as u64 {}
    let mut tx = db.begin().await?;
    live::changed(&mut tx, workspace).await?;
    let gone = tx
        .ex()
        .sql("DELETE FROM webhook WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .run()
        .await?;
    if gone > 0 {
        let entry = Entry::new("webhook.deleted", "webhook", id).from(told(&row));
        audit::add(&mut tx, workspace, actor, &[entry], now).await?;
    }
    tx.commit().await?;
    Ok(gone > 0)
}

async fn delete_messages(db: &Db, id: WebhookId) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    let gone: Vec<(WorkspaceId, crate::ids::WebhookMessageId)> = tx
        .ex()
        .sql(
            "DELETE FROM webhook_message WHERE id IN (
                SELECT m.id FROM webhook_message m WHERE m.webhook_id = $1 ORDER BY m.at, m.id LIMIT $2)
             RETURNING workspace_id, id",
        )
        .bind(id)
        .bind(DELETED_AT_ONCE)
        .all()
        .await?;
    super::sweep::forget_attempts(&mut tx, &gone).await?;
    tx.commit().await?;
    Ok(gone.len() as u64)
}
