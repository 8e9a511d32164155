//! GET /keys and DELETE /keys/{id}: which keys open the workspace, and how one stops doing so.
use crate::{
    Api,
    answer::{Absent, Data, Guarded, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::Id,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::{
    ids::KeyId,
    store::keys::{self, KeyRow},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    pub key_id: KeyId,
    pub name: String,
    /// Its first characters, to recognise it by.
    #[schema(example = "lr_live_4fGh")]
    pub shown: String,
    pub scopes: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl From<KeyRow> for ApiKey {
    fn from(row: KeyRow) -> Self {
        Self {
            key_id: row.id,
            name: row.name,
            shown: row.shown,
            scopes: row.scopes.0,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// The workspace's keys, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeys {
    pub items: Vec<ApiKey>,
}

/// List keys
#[utoipa::path(
    get, path = "/keys", tag = "Keys", operation_id = "listKeys",
    responses((status = 200, description = "All of them, revoked ones too.", body = Success<ApiKeys>), Guarded)
)]
pub async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Data<ApiKeys>, ApiError> {
    caller.require(Scope::Admin)?;
    let rows = keys::list(&api.db, caller.workspace).await?;
    Ok(Data(ApiKeys { items: rows.into_iter().map(ApiKey::from).collect() }))
}

/// Revoke a key
///
/// For good. Other API processes may believe it for five seconds more. Repeating it changes nothing.
#[utoipa::path(
    delete, path = "/keys/{keyId}", tag = "Keys", operation_id = "revokeKey",
    params(("keyId" = KeyId, Path)),
    responses((status = 200, description = "The key, revoked.", body = Success<ApiKey>), Guarded, Absent)
)]
pub async fn revoke(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<KeyId>,
) -> Result<Data<ApiKey>, ApiError> {
    caller.require(Scope::Admin)?;
    if keys::revoke(&caller.acting(&api.db), caller.workspace, id, api.clock.now()).await? {
        api.callers.forget(id);
    }
    let rows = keys::list(&api.db, caller.workspace).await?;
    let row = rows.into_iter().find(|row| row.id == id);
    Ok(Data(row.ok_or_else(|| ApiError::not_found("key"))?.into()))
}
