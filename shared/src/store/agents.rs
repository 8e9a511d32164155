//! Agents: accounts with providers that call or text people. Campaigns name them, webhooks know their ids.
use super::{Db, Rows, StoreError, Tx, audit};
use crate::{
    audit::Entry,
    campaign::config::named_secrets,
    clock::Time,
    ids::{AgentId, CampaignId, InteractionId, WorkspaceId},
    outreach::AgentConfig,
};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::types::Json;
use std::collections::BTreeSet;
use uuid::Uuid;

mod uses;

use uses::live_uses;
pub(super) use uses::note_uses;
pub use uses::{NamedAgent, named, uses};

/// Agents of a workspace, at most.
pub const AGENTS_MAX: i64 = 200;
/// Open calls and threads that a refused deletion names, at most.
const OPEN_SHOWN_MAX: i64 = 20;

/// The columns of an [`AgentRow`].
macro_rules! agent_columns {
    () => {
        "a.workspace_id, a.id, a.name, a.config, a.revision, a.created_at, a.updated_at "
    };
}

/// An agent as it is kept.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct AgentRow {
    pub workspace_id: WorkspaceId,
    pub id: AgentId,
    pub name: String,
    pub config: Json<AgentConfig>,
    /// Grows by one with every save.
    pub revision: i64,
    pub created_at: Time,
    pub updated_at: Time,
}

/// An agent to store.
#[derive(Debug, Clone, Copy)]
pub struct AgentDraft<'a> {
    pub workspace: WorkspaceId,
    pub name: &'a str,
    pub config: &'a AgentConfig,
    pub at: Time,
}

/// What became of a save.
#[derive(Debug, Clone, PartialEq)]
pub enum Put {
    Saved(Box<AgentRow>),
    /// It is at another revision than the one that was expected; none: it is not there.
    Moved(Option<i64>),
    /// The workspace has [`AGENTS_MAX`] agents.
    TooMany,
    /// It would call in place of texting, or the reverse, and these campaigns, none of them archived, count on it.
    Used(Vec<AgentUse>),
}

/// What became of a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    Gone,
    Absent,
    /// Campaigns, none of them archived, whose newest revisions name it; and calls and threads that are open, the first few of them.
    Used {
        campaigns: Vec<AgentUse>,
        open: Vec<InteractionId>,
    },
}

/// A campaign whose newest revision names an agent.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AgentUse {
    pub agent_name: String,
    pub campaign_id: CampaignId,
    pub code: String,
    pub name: String,
    pub state: String,
}

/// Keeps an agent under its name, in place of the one before if that is at revision `expected`, or at whichever when that is none.
/// [`StoreError::is_dangling`] when it names a secret that is not there.
pub async fn put(db: &Db, draft: AgentDraft<'_>, expected: Option<i64>) -> Result<Put, StoreError> {
    let mut tx = db.begin().await?;
    let known = locked(&mut tx, draft.workspace, draft.name).await?;
    let revision = known.as_ref().map(|row| row.revision);
    let before = known.as_ref().map_or(json!({}), told);
    if expected.is_some() && expected != revision {
        return Ok(Put::Moved(revision));
    }
    match known {
        Some(row) if row.config.provider.channel() != draft.config.provider.channel() => {
            let uses = live_uses(&mut tx, draft.workspace, draft.name).await?;
            if !uses.is_empty() {
                return Ok(Put::Used(uses));
            }
        }
        None if count(&mut tx, draft.workspace).await? >= AGENTS_MAX => return Ok(Put::TooMany),
        _ => {}
    }
    let saved = upsert(&mut tx, draft).await?;
    note_secrets(&mut tx, draft).await?;
    let entry = Entry::new("agent.put", "agent", draft.name).changed(&before, &told(&saved));
    audit::tell(&mut tx, draft.workspace, &[entry], draft.at).await?;
    tx.commit().await?;
    Ok(Put::Saved(Box::new(saved)))
}

/// An agent as the audit log compares it.
fn told(row: &AgentRow) -> Value {
    json!({ "agentId": row.id, "revision": row.revision, "config": row.config })
}

async fn locked(
    tx: &mut Tx,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<AgentRow>, StoreError> {
    tx.ex()
        .sql(concat!(
            "SELECT ",
            agent_columns!(),
            "FROM agent a WHERE a.workspace_id = $1 AND a.name = $2{pg:  FOR UPDATE}",
        ))
        .bind(workspace)
        .bind(name)
        .optional()
        .await
}

async fn count(tx: &mut Tx, workspace: WorkspaceId) -> Result<i64, StoreError> {
    tx.ex().sql("SELECT COUNT(*) FROM agent WHERE workspace_id = $1").bind(workspace).scalar().await
}

async fn upsert(tx: &mut Tx, draft: AgentDraft<'_>) -> Result<AgentRow, StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO agent (workspace_id, id, name, config, revision, created_at, updated_at)
             VALUES ($1, $2, $3, $4, 1, $5, $5)
             ON CONFLICT (workspace_id, name) DO UPDATE
             SET config = excluded.config, revision = agent.revision + 1, updated_at = excluded.updated_at
             RETURNING workspace_id, id, name, config, revision, created_at, updated_at",
        )
        .bind(draft.workspace)
        .bind(AgentId::new())
        .bind(draft.name)
        .bind(Json(draft.config))
        .bind(draft.at)
        .one()
        .await
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

/// Notes which secrets an agent names.
async fn note_secrets(tx: &mut Tx, draft: AgentDraft<'_>) -> Result<(), StoreError> {
    forget_secrets(tx, draft.workspace, draft.name).await?;
    let names = secrets_of(draft.config);
    if names.is_empty() {
        return Ok(());
    }
    let rows: Vec<Named> = names.iter().map(|name| Named { name }).collect();
    tx.ex()
        .sql(
            "INSERT INTO agent_secret (workspace_id, secret_name, agent_name)
             SELECT $1, r.name, $2 FROM ROWS($3: name text) r",
        )
        .bind(draft.workspace)
        .bind(draft.name)
        .bind(Rows::of(&rows))
        .run()
        .await
        .map(drop)
}

/// The secrets that an agent names.
pub fn secrets_of(config: &AgentConfig) -> BTreeSet<String> {
    let written = serde_json::to_value(config).expect("an agent is a plain struct");
    named_secrets(&written).into_iter().map(|(_, name)| name).collect()
}

async fn forget_secrets(tx: &mut Tx, workspace: WorkspaceId, name: &str) -> Result<(), StoreError> {
    tx.ex()
        .sql("DELETE FROM agent_secret WHERE workspace_id = $1 AND agent_name = $2")
        .bind(workspace)
        .bind(name)
        .run()
        .await
        .map(drop)
}

/// An agent by its name.
pub async fn get(
    db: &Db,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<AgentRow>, StoreError> {
    db.read()
        .sql(concat!(
            "SELECT ",
            agent_columns!(),
            "FROM agent a WHERE a.workspace_id = $1 AND a.name = $2"
        ))
        .bind(workspace)
        .bind(name)
        .optional()
        .await
}

/// An agent by its id. Knows no workspace: a webhook finds it.
pub async fn by_id(db: &Db, id: AgentId) -> Result<Option<AgentRow>, StoreError> {
    Ok(by_ids(db, &[id]).await?.pop())
}

#[derive(Serialize)]
struct Wanted {
    id: Uuid,
}

/// The agents of these ids; unknown ones are left out. Knows no workspace, as [`by_id`].
pub async fn by_ids(db: &Db, ids: &[AgentId]) -> Result<Vec<AgentRow>, StoreError> {
    let wanted: Vec<Wanted> = ids.iter().map(|id| Wanted { id: id.0 }).collect();
    db.read()
        .sql(concat!(
            "SELECT ",
            agent_columns!(),
            "FROM ROWS($1: id uuid) r JOIN agent a ON a.id = r.id"
        ))
        .bind(Rows::of(&wanted))
        .all()
        .await
}

/// The workspace's agents, by name.
pub async fn list(db: &Db, workspace: WorkspaceId) -> Result<Vec<AgentRow>, StoreError> {
    db.read()
        .sql(concat!(
            "SELECT ",
            agent_columns!(),
            "FROM agent a WHERE a.workspace_id = $1 ORDER BY a.name"
        ))
        .bind(workspace)
        .all()
        .await
}

/// The names among `wanted` that the workspace has no agent of.
pub async fn unknown<'n>(
    db: &Db,
    workspace: WorkspaceId,
    wanted: impl Iterator<Item = &'n str>,
) -> Result<BTreeSet<String>, StoreError> {
    let wanted: BTreeSet<String> = wanted.map(str::to_owned).collect();
    if wanted.is_empty() {
        return Ok(wanted);
    }
    let there = list(db, workspace).await?;
    Ok(wanted.into_iter().filter(|name| there.iter().all(|row| row.name != *name)).collect())
}

/// Deletes an agent that no campaign uses, archived ones aside, and that speaks with nobody.
pub async fn delete(
    db: &Db,
    workspace: WorkspaceId,
    name: &str,
    at: Time,
) -> Result<Deleted, StoreError> {
    match try_delete(db, workspace, (name, at)).await {
        // A campaign that names it was saved in between.
        Err(error) if error.is_dangling() => try_delete(db, workspace, (name, at)).await,
        done => done,
    }
}

async fn try_delete(
    db: &Db,
    workspace: WorkspaceId,
    (name, at): (&str, Time),
) -> Result<Deleted, StoreError> {
    let mut tx = db.begin().await?;
    let Some(agent) = locked(&mut tx, workspace, name).await? else { return Ok(Deleted::Absent) };
    let campaigns = live_uses(&mut tx, workspace, name).await?;
    let open = open_interactions(&mut tx, &agent).await?;
    if !campaigns.is_empty() || !open.is_empty() {
        return Ok(Deleted::Used { campaigns, open });
    }
    forget_secrets(&mut tx, workspace, name).await?;
    for text in [
        "DELETE FROM agent_use WHERE workspace_id = $1 AND agent_name = $2",
        "DELETE FROM agent WHERE workspace_id = $1 AND name = $2",
    ] {
        tx.ex().sql(text).bind(workspace).bind(name).run().await?;
    }
    let gone = json!({ "agentId": agent.id, "revision": agent.revision });
    let entry = Entry::new("agent.deleted", "agent", name).from(gone);
    audit::tell(&mut tx, workspace, &[entry], at).await?;
    tx.commit().await?;
    Ok(Deleted::Gone)
}

/// Its calls that may still be made or go on, and its threads that take texts; the oldest of them.
async fn open_interactions(
    tx: &mut Tx,
    agent: &AgentRow,
) -> Result<Vec<InteractionId>, StoreError> {
    let mut open: Vec<(InteractionId,)> = Vec::new();
    // Each reads the index of what is open.
    for text in [
        "SELECT id FROM interaction
         WHERE agent_id = $2 AND type = 'call' AND state IN ('planned', 'placing', 'in_progress', 'unsure')
           AND (workspace_id = $1) IS TRUE LIMIT $3",
        "SELECT id FROM interaction
         WHERE agent_id = $2 AND type = 'sms' AND state = 'open' AND (workspace_id = $1) IS TRUE LIMIT $3",
    ] {
        let found: Vec<(InteractionId,)> = tx
            .ex()
            .sql(text)
            .bind(agent.workspace_id)
            .bind(agent.id)
            .bind(OPEN_SHOWN_MAX)
            .all()
            .await?;
        open.extend(found);
    }
    open.sort();
    open.truncate(OPEN_SHOWN_MAX as usize);
    Ok(open.into_iter().map(|(id,)| id).collect())
}
