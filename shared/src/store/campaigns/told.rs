//! A campaign as the audit log compares it before and after a save.
use super::Window;
use crate::{
    ids::{CampaignId, WorkspaceId},
    store::{StoreError, Tx},
};
use serde_json::{Value, json};
use sqlx::types::Json;

#[derive(sqlx::FromRow)]
struct AsTold {
    name: String,
    revision: i64,
    config: Json<Value>,
    #[sqlx(flatten)]
    window: Window,
}

/// A campaign as the audit log compares it; nothing when nobody is told of it.
pub(super) async fn told(
    tx: &mut Tx,
    (workspace, id): (WorkspaceId, CampaignId),
) -> Result<Value, StoreError> {
    if tx.actor().is_none() {
        return Ok(Value::Null);
    }
    let row: Option<AsTold> = tx
        .ex()
        .sql(
            "SELECT c.name, c.revision, v.config, c.starts_at, c.ends_at FROM campaign c JOIN campaign_revision v
               ON v.workspace_id = c.workspace_id AND v.campaign_id = c.id AND v.revision = c.revision
             WHERE c.workspace_id = $1 AND c.id = $2",
        )
        .bind(workspace)
        .bind(id)
        .optional()
        .await?;
    Ok(row.map_or(Value::Null, |row| {
        json!({
            "name": row.name, "revision": row.revision, "config": row.config.0,
            "startsAt": row.window.starts_at, "endsAt": row.window.ends_at,
        })
    }))
}
