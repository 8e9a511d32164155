//! Named secrets of a workspace: written, used, never shown.
use super::{Db, Rows, StoreError, Tx, audit};
use crate::{
    audit::{Actor, Entry},
    clock::Time,
    ids::{CampaignId, WorkspaceId},
    secret::{DataKey, KeyRing, Place, RingError, RingSource, SealError, Sensitive},
};
use chrono::TimeDelta;
use serde::Serialize;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

mod delete;

/// Secrets of a workspace, at most.
pub const SECRETS_MAX: i64 = 200;
/// Values this long or longer show their last four characters.
const SHOWN_FROM: usize = 12;
/// How long a process believes a value that it has opened: a changed one is used at most this much later.
const BELIEVED: TimeDelta = TimeDelta::seconds(5);
/// Values a process remembers, at most.
const REMEMBERED_MAX: usize = 4_096;

/// Why a secret cannot be kept or used. No variant holds a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Ring(#[from] RingError),
    #[error("the secret {name} {why}")]
    Sealed { name: String, why: SealError },
    #[error("the workspace has {SECRETS_MAX} secrets, which is the most it may have")]
    TooMany,
}

/// What is known of a secret without opening it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SecretRow {
    pub name: String,
    pub last_four: Option<String>,
    /// The key of the ring that guards it.
    pub ring_key: String,
    pub created_at: Time,
    pub updated_at: Time,
}

/// A campaign whose newest revision names a secret.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Use {
    pub secret_name: String,
    pub campaign_id: CampaignId,
    pub code: String,
    pub name: String,
    pub state: String,
}

/// An opened secret.
#[derive(Debug, Clone)]
pub struct Opened {
    pub value: Sensitive,
    /// Another one with every value.
    pub value_id: Uuid,
}

/// What became of a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    Gone,
    Absent,
    Used(Users),
}

/// Who uses a secret: campaigns, none of them archived, and agents by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    pub campaigns: Vec<Use>,
    pub agents: Vec<String>,
}

/// The way to every secret. Cheap to clone; clones share what was opened.
#[derive(Debug, Clone)]
pub struct Secrets {
    pub(super) db: Db,
    source: RingSource,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    keys: HashMap<WorkspaceId, DataKey>,
    values: HashMap<(WorkspaceId, String), (Opened, Time)>,
}

impl Secrets {
    pub fn new(db: Db, source: RingSource) -> Self {
        Self { db, source, kept: Arc::default() }
    }

    /// The same in somebody's hands: what they put and delete is theirs, and the audit log tells of it.
    pub fn acting(&self, actor: Actor) -> Self {
        Self { db: self.db.acting(actor), ..self.clone() }
    }

    /// Keeps a value under a name, in place of the one before.
    pub async fn put(
        &self,
        workspace: WorkspaceId,
        name: &str,
        value: &Sensitive,
        at: Time,
    ) -> Result<(), SecretError> {
        let key = self.data_key_or_make(workspace, at).await?;
        let value_id = Uuid::now_v7();
        let sealed = key.seal(value.expose().as_bytes(), place(&row(name, value_id), workspace));
        let mut tx = self.db.begin().await?;
        let kept = tx
            .ex()
            .sql(
                "INSERT INTO secret (workspace_id, name, value_id, sealed, last_four, created_at, updated_at)
                 SELECT $1, $2, $3, $4, $5, $6, $6
                 WHERE (SELECT COUNT(*) FROM secret c WHERE c.workspace_id = $1) < $7
                    OR EXISTS (SELECT 1 FROM secret o WHERE o.workspace_id = $1 AND o.name = $2)
                 ON CONFLICT (workspace_id, name) DO UPDATE SET value_id = excluded.value_id, sealed = excluded.sealed,
                    last_four = excluded.last_four, updated_at = excluded.updated_at",
            )
            .bind(workspace)
            .bind(name)
            .bind(value_id)
            .bind(sealed)
            .bind(last_four(value.expose()))
            .bind(at)
            .bind(SECRETS_MAX)
            .run()
            .await?;
        if kept != 1 {
            return Err(SecretError::TooMany);
        }
        let entry = Entry::new("secret.put", "secret", name);
        audit::tell(&mut tx, workspace, &[entry], at).await?;
        tx.commit().await?;
        self.kept().values.remove(&(workspace, name.to_owned()));
        Ok(())
    }

    /// Opens a secret; none when there is no such one.
    pub async fn open(
        &self,
        workspace: WorkspaceId,
        name: &str,
        now: Time,
    ) -> Result<Option<Opened>, SecretError> {
        let asked = (workspace, name.to_owned());
        let known = self.kept().values.get(&asked).cloned();
        if let Some((opened, at)) = known
            && now - at < BELIEVED
        {
            return Ok(Some(opened));
        }
        let found: Option<(Uuid, String)> = self
            .db
            .read()
            .sql("SELECT value_id, sealed FROM secret WHERE workspace_id = $1 AND name = $2")
            .bind(workspace)
            .bind(name)
            .optional()
            .await?;
        let Some((value_id, sealed)) = found else { return Ok(None) };
        let key = self.data_key(workspace).await?;
        let opened = key.open(&sealed, place(&row(name, value_id), workspace));
        let wrong = |why| SecretError::Sealed { name: name.to_owned(), why };
        let clear = opened.map_err(wrong)?;
        let text = std::str::from_utf8(&clear).map_err(|_| wrong(SealError::Form))?;
        let opened = Opened { value: text.into(), value_id };
        let mut kept = self.kept();
        if kept.values.len() >= REMEMBERED_MAX {
            kept.values.clear();
        }
        kept.values.insert(asked, (opened.clone(), now));
        Ok(Some(opened))
    }

    /// The workspace's data key, if it has one that opens.
    pub(super) async fn data_key(&self, workspace: WorkspaceId) -> Result<DataKey, SecretError> {
        if let Some(key) = self.kept().keys.get(&workspace) {
            return Ok(key.clone());
        }
        let row = data_key_row(&self.db, workspace).await?;
        let (id, wrapped) = row.ok_or_else(|| {
            StoreError::Inconsistent(format!("{workspace} has secrets and no data key"))
        })?;
        let key = self.source.get()?.unwrap(&wrapped, &id.simple().to_string(), workspace)?;
        self.kept().keys.insert(workspace, key.clone());
        Ok(key)
    }

    /// The workspace's data key, if it has one.
    pub(super) async fn data_key_if_made(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Option<DataKey>, SecretError> {
        if data_key_row(&self.db, workspace).await?.is_none() {
            return Ok(None);
        }
        self.data_key(workspace).await.map(Some)
    }

    /// The workspace's data key, made if there is none yet.
    pub(super) async fn data_key_or_make(
        &self,
        workspace: WorkspaceId,
        at: Time,
    ) -> Result<DataKey, SecretError> {
        if let Some(key) = self.kept().keys.get(&workspace) {
            return Ok(key.clone());
        }
        if data_key_row(&self.db, workspace).await?.is_none() {
            // A ring is never made anew while something waits for a lost one.
            let ring = if self.source.is_unmade() && has_data_keys(&self.db).await? {
                self.source.get()?
            } else {
                self.source.get_or_make()?
            };
            self.make_data_key(&ring, workspace, at).await?;
        }
        self.data_key(workspace).await
    }

    async fn make_data_key(
        &self,
        ring: &KeyRing,
        workspace: WorkspaceId,
        at: Time,
    ) -> Result<(), StoreError> {
        let id = Uuid::now_v7();
        let key = DataKey::generate(id.simple().to_string());
        self.db
            .write()
            .sql(
                "INSERT INTO data_key (workspace_id, id, wrapped, ring_key, created_at) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (workspace_id) DO NOTHING",
            )
            .bind(workspace)
            .bind(id)
            .bind(ring.wrap(&key, workspace))
            .bind(ring.first())
            .bind(at)
            .run()
            .await
            .map(drop)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The workspace's secrets, by name.
pub async fn list(db: &Db, workspace: WorkspaceId) -> Result<Vec<SecretRow>, StoreError> {
    db.read()
        .sql(
            "SELECT s.name, s.last_four, k.ring_key, s.created_at, s.updated_at
             FROM secret s JOIN data_key k ON k.workspace_id = s.workspace_id
             WHERE s.workspace_id = $1 ORDER BY s.name",
        )
        .bind(workspace)
        .all()
        .await
}

/// Which campaigns' newest revisions use which secrets.
pub async fn uses(ex: super::Ex<'_>, workspace: WorkspaceId) -> Result<Vec<Use>, StoreError> {
    ex.sql(
        "SELECT u.secret_name, u.campaign_id, c.code, c.name, c.state
         FROM secret_use u JOIN campaign c ON c.workspace_id = u.workspace_id AND c.id = u.campaign_id
         WHERE u.workspace_id = $1 ORDER BY u.secret_name, u.campaign_id",
    )
    .bind(workspace)
    .all()
    .await
}

/// Which agents use which secrets: names of both, a secret's first.
pub async fn agent_uses(
    ex: super::Ex<'_>,
    workspace: WorkspaceId,
) -> Result<Vec<(String, String)>, StoreError> {
    ex.sql(
        "SELECT secret_name, agent_name FROM agent_secret
         WHERE workspace_id = $1 ORDER BY secret_name, agent_name",
    )
    .bind(workspace)
    .all()
    .await
}

/// The names among `wanted` that the workspace has no secret of.
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

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

/// Notes which secrets a campaign's newest revision names. Fails as [`StoreError::is_dangling`] when one is not there.
pub(super) async fn note_uses(
    tx: &mut Tx,
    workspace: WorkspaceId,
    campaign: CampaignId,
    names: &BTreeSet<String>,
) -> Result<(), StoreError> {
    tx.ex()
        .sql("DELETE FROM secret_use WHERE campaign_id = $2 AND (workspace_id = $1) IS TRUE")
        .bind(workspace)
        .bind(campaign)
        .run()
        .await?;
    if names.is_empty() {
        return Ok(());
    }
    let rows: Vec<Named> = names.iter().map(|name| Named { name }).collect();
    tx.ex()
        .sql(
            "INSERT INTO secret_use (workspace_id, secret_name, campaign_id)
             SELECT $1, r.name, $2 FROM ROWS($3: name text) r",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(Rows::of(&rows))
        .run()
        .await
        .map(drop)
}

async fn data_key_row(
    db: &Db,
    workspace: WorkspaceId,
) -> Result<Option<(Uuid, String)>, StoreError> {
    db.read()
        .sql("SELECT id, wrapped FROM data_key WHERE workspace_id = $1")
        .bind(workspace)
        .optional()
        .await
}

async fn has_data_keys(db: &Db) -> Result<bool, StoreError> {
    let any: Vec<(WorkspaceId,)> =
        db.read().sql("SELECT workspace_id FROM data_key LIMIT 1").all().await?;
    Ok(!any.is_empty())
}

fn row(name: &str, value_id: Uuid) -> String {
    format!("{name}/{}", value_id.simple())
}

fn place(row: &str, workspace: WorkspaceId) -> Place<'_> {
    Place { table: "secret", column: "sealed", row, workspace }
}

fn last_four(value: &str) -> Option<String> {
    let length = value.chars().count();
    (length >= SHOWN_FROM).then(|| value.chars().skip(length - 4).collect())
}
