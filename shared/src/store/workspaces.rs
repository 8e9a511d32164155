//! Workspaces: what the workspace's row says beside its name.
use super::{
    Db, Ex, StoreError, audit,
    automation::programs::{self, Naming},
    segments::{self, Replan},
};
use crate::{
    audit::Entry,
    clock::Time,
    ids::{SegmentId, WorkspaceId},
    plan::Plan,
};
use chrono_tz::Tz;
use serde_json::json;

/// The settings of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Settings {
    pub name: String,
    pub plan: Plan,
    /// The zone in which days begin for rules on contacts; an IANA name.
    pub timezone: String,
}

impl Settings {
    /// The zone; UTC if it has been given up since it was set.
    pub fn zone(&self) -> Tz {
        self.timezone.parse().unwrap_or(Tz::UTC)
    }
}

/// What is to be another; none: stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    pub plan: Option<Plan>,
    /// An IANA name.
    pub timezone: Option<String>,
}

/// A workspace that was changed, and the segments that are to be built because of it, with their generations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub settings: Settings,
    pub to_build: Vec<(SegmentId, i64)>,
}

/// The plan of a workspace; the database is asked each time.
pub async fn plan(db: &Db, workspace: WorkspaceId) -> Result<Plan, StoreError> {
    Ok(settings(db.read(), workspace).await?.plan)
}

/// The settings of a workspace, which must be there.
pub async fn settings(ex: Ex<'_>, workspace: WorkspaceId) -> Result<Settings, StoreError> {
    ex.sql("SELECT name, plan, timezone FROM workspace WHERE id = $1").bind(workspace).one().await
}

/// Changes the plan; see [`change`].
pub async fn set_plan(
    db: &Db,
    workspace: WorkspaceId,
    plan: Plan,
    at: Time,
) -> Result<Changed, StoreError> {
    change(db, workspace, &Change { plan: Some(plan), timezone: None }, at).await
}

/// Changes a workspace. With a lower plan the segments that it does not allow are frozen: their members stay. With a higher one they are
/// built. With another zone those without a zone of their own are built.
pub async fn change(
    db: &Db,
    workspace: WorkspaceId,
    change: &Change,
    at: Time,
) -> Result<Changed, StoreError> {
    let mut tx = db.begin().await?;
    segments::lock_dynamic(&mut tx, workspace).await?;
    if change.timezone.is_some() {
        programs::lock_all(&mut tx, workspace).await?;
    }
    let old = segments::lock_workspace(&mut tx, workspace).await?;
    let new = Settings {
        plan: change.plan.unwrap_or(old.plan),
        timezone: change.timezone.clone().unwrap_or_else(|| old.timezone.clone()),
        name: old.name.clone(),
    };
    if new == old {
        tx.rollback().await?;
        return Ok(Changed { settings: old, to_build: Vec::new() });
    }
    tx.ex()
        .sql("UPDATE workspace SET plan = $2, timezone = $3 WHERE id = $1")
        .bind(workspace)
        .bind(new.plan)
        .bind(new.timezone.as_str())
        .run()
        .await?;
    if new.timezone != old.timezone {
        programs::look_again(&mut tx, workspace, Naming::Anything, at).await?;
    }
    let replan = Replan { plan: new.plan, zone_changed: new.timezone != old.timezone };
    let to_build = segments::replan(&mut tx, workspace, replan, at).await?;
    let shown = |is: &Settings| json!({ "plan": is.plan, "timezone": is.timezone });
    let entry = Entry::new("workspace.changed", "workspace", workspace);
    let entry = entry.changed(&shown(&old), &shown(&new));
    audit::tell(&mut tx, workspace, &[entry], at).await?;
    tx.commit().await?;
    Ok(Changed { settings: new, to_build })
}
