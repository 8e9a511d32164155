//! Workspaces: what the workspace's row says beside its name.
use super::{Db, Ex, StoreError};
use crate::{ids::WorkspaceId, plan::Plan};

/// The settings of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Settings {
    pub name: String,
    pub plan: Plan,
    /// The zone in which days begin for rules on contacts; an IANA name.
    pub timezone: String,
}

/// The plan of a workspace; the database is asked each time.
pub async fn plan(db: &Db, workspace: WorkspaceId) -> Result<Plan, StoreError> {
    Ok(settings(db.read(), workspace).await?.plan)
}

/// The settings of a workspace, which must be there.
pub async fn settings(ex: Ex<'_>, workspace: WorkspaceId) -> Result<Settings, StoreError> {
    ex.sql("SELECT name, plan, timezone FROM workspace WHERE id = $1").bind(workspace).one().await
}
