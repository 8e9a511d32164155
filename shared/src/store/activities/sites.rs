//! Websites that report visits, and their public keys.
use crate::{
    activity::visit::SITES_MAX,
    audit::Entry,
    clock::Time,
    ids::{SiteId, WorkspaceId},
    store::{Db, StoreError, audit},
};
use serde_json::json;

/// A website.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SiteRow {
    pub workspace_id: WorkspaceId,
    pub id: SiteId,
    /// Public: it stands in pages.
    pub key: String,
    pub name: String,
    pub created_at: Time,
    pub revoked_at: Option<Time>,
}

/// What became of a new site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    Yes,
    /// There is one of that name.
    Taken,
    /// The workspace has as many as it may have.
    Full,
}

pub async fn add(db: &Db, site: &SiteRow) -> Result<Added, StoreError> {
    let open: i64 = db
        .read()
        .sql("SELECT COUNT(*) FROM tracking_site WHERE workspace_id = $1 AND revoked_at IS NULL")
        .bind(site.workspace_id)
        .scalar()
        .await?;
    if open >= SITES_MAX {
        return Ok(Added::Full);
    }
    let mut tx = db.begin().await?;
    let added = tx
        .ex()
        .sql(
            "INSERT INTO tracking_site (workspace_id, id, key, name, created_at, revoked_at)
             VALUES ($1, $2, $3, $4, $5, NULL)",
        )
        .bind(site.workspace_id)
        .bind(site.id)
        .bind(site.key.clone())
        .bind(site.name.clone())
        .bind(site.created_at)
        .run()
        .await;
    match added {
        Ok(_) => {
            let made = json!({ "name": site.name });
            let entry = Entry::new("site.created", "site", site.id).to(made);
            audit::tell(&mut tx, site.workspace_id, &[entry], site.created_at).await?;
            tx.commit().await?;
            Ok(Added::Yes)
        }
        Err(error) if error.is_taken() => Ok(Added::Taken),
        Err(error) => Err(error),
    }
}

/// All of them, oldest first, revoked ones too.
pub async fn list(db: &Db, workspace: WorkspaceId) -> Result<Vec<SiteRow>, StoreError> {
    db.read()
        .sql(
            "SELECT workspace_id, id, key, name, created_at, revoked_at FROM tracking_site
             WHERE workspace_id = $1 ORDER BY id",
        )
        .bind(workspace)
        .all()
        .await
}

/// Stops taking a site's visits; false when there is no such site, or it was stopped before.
pub async fn revoke(
    db: &Db,
    workspace: WorkspaceId,
    id: SiteId,
    now: Time,
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let revoked = tx
        .ex()
        .sql("UPDATE tracking_site SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL")
        .bind(workspace)
        .bind(id)
        .bind(now)
        .run()
        .await?;
    if revoked == 1 {
        let entry = Entry::new("site.revoked", "site", id);
        audit::tell(&mut tx, workspace, &[entry], now).await?;
    }
    tx.commit().await?;
    Ok(revoked == 1)
}

/// Whose site has that key, unless it is revoked. The one lookup that finds the workspace.
pub async fn by_key(db: &Db, key: &str) -> Result<Option<WorkspaceId>, StoreError> {
    let found: Option<(WorkspaceId,)> = db
        .read()
        .sql("SELECT workspace_id FROM tracking_site WHERE key = $1 AND revoked_at IS NULL")
        .bind(key.to_owned())
        .optional()
        .await?;
    Ok(found.map(|(workspace,)| workspace))
}
