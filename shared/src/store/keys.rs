//! Workspaces and the API keys that open them.
use super::{Db, StoreError, audit};
use crate::{
    audit::Entry,
    clock::Time,
    ids::{KeyId, WorkspaceId},
};
use serde::Serialize;
use serde_json::json;
use sqlx::types::Json;

/// A workspace.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Workspace {
    pub id: WorkspaceId,
    pub name: String,
    pub plan: String,
    pub created_at: Time,
}

/// What is kept of an API key.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct KeyRow {
    #[serde(skip)]
    pub workspace_id: WorkspaceId,
    pub id: KeyId,
    pub name: String,
    pub shown: String,
    pub scopes: Json<Vec<String>>,
    pub created_at: Time,
    pub expires_at: Option<Time>,
    pub revoked_at: Option<Time>,
}

/// The workspace of that name, made when it is not there.
pub async fn workspace(db: &Db, name: &str, at: Time) -> Result<Workspace, StoreError> {
    let mut tx = db.begin().await?;
    let id = WorkspaceId::new();
    let made = tx
        .ex()
        .sql(
            "INSERT INTO workspace (id, name, plan, created_at) VALUES ($1, $2, 'standard', $3)
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(id)
        .bind(name)
        .bind(at)
        .run()
        .await?;
    if made == 1 {
        let entry = Entry::new("workspace.created", "workspace", id).to(json!({ "name": name }));
        audit::tell(&mut tx, id, &[entry], at).await?;
    }
    tx.commit().await?;
    db.read()
        .sql("SELECT id, name, plan, created_at FROM workspace WHERE name = $1")
        .bind(name)
        .one()
        .await
}

/// The workspace of that name, if it is there.
pub async fn find_workspace(db: &Db, name: &str) -> Result<Option<Workspace>, StoreError> {
    db.read()
        .sql("SELECT id, name, plan, created_at FROM workspace WHERE name = $1")
        .bind(name)
        .optional()
        .await
}

/// Keeps a new key. A key with the same secret is left as it is (and must be of the same workspace to be of use).
pub async fn add(db: &Db, key: &KeyRow, secret_hash: &str) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let added = tx
        .ex()
        .sql(
            "INSERT INTO api_key (workspace_id, id, name, shown, secret_hash, scopes, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (secret_hash) DO NOTHING",
        )
        .bind(key.workspace_id)
        .bind(key.id)
        .bind(key.name.as_str())
        .bind(key.shown.as_str())
        .bind(secret_hash)
        .bind(&key.scopes)
        .bind(key.created_at)
        .bind(key.expires_at)
        .run()
        .await?;
    if added == 1 {
        let made = json!({ "name": key.name, "scopes": key.scopes, "expiresAt": key.expires_at });
        let entry = Entry::new("key.created", "key", key.id).to(made);
        audit::tell(&mut tx, key.workspace_id, &[entry], key.created_at).await?;
    }
    tx.commit().await?;
    Ok(added == 1)
}

/// The key with that secret, whatever its workspace: the caller is not known before this.
pub async fn by_secret(db: &Db, secret_hash: &str) -> Result<Option<KeyRow>, StoreError> {
    db.read()
        .sql(
            "SELECT workspace_id, id, name, shown, scopes, created_at, expires_at, revoked_at
             FROM api_key WHERE secret_hash = $1",
        )
        .bind(secret_hash)
        .optional()
        .await
}

pub async fn list(db: &Db, workspace: WorkspaceId) -> Result<Vec<KeyRow>, StoreError> {
    db.read()
        .sql(
            "SELECT workspace_id, id, name, shown, scopes, created_at, expires_at, revoked_at
             FROM api_key WHERE workspace_id = $1 ORDER BY id",
        )
        .bind(workspace)
        .all()
        .await
}

/// Ends a key's validity; false when there is no such key that is still valid.
pub async fn revoke(
    db: &Db,
    workspace: WorkspaceId,
    key: KeyId,
    at: Time,
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let revoked: Option<(String,)> = tx
        .ex()
        .sql(
            "UPDATE api_key SET revoked_at = $3
             WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL
             RETURNING name",
        )
        .bind(workspace)
        .bind(key)
        .bind(at)
        .optional()
        .await?;
    if let Some((name,)) = &revoked {
        let entry = Entry::new("key.revoked", "key", key).from(json!({ "name": name }));
        audit::tell(&mut tx, workspace, &[entry], at).await?;
    }
    tx.commit().await?;
    Ok(revoked.is_some())
}
