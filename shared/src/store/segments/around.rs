//! What a definition is held against: the workspace's plan and properties, and what there is that a rule may name.
use crate::{
    ids::{CampaignId, SegmentId, WorkspaceId},
    segment::{
        check::Around,
        named::{Named, Names, stored_references},
    },
    store::{Ex, Rows, StoreError, Tx, workspaces::Settings},
};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Each segment's name, and the segments that it asks for.
pub type Asking = BTreeMap<SegmentId, (String, BTreeSet<SegmentId>)>;

/// Reads the workspace's row and keeps others from saving a definition until the end of the transaction: two that make a circle
/// together see each other. Rows that only point to the workspace come in meanwhile.
pub async fn lock(tx: &mut Tx, workspace: WorkspaceId) -> Result<Settings, StoreError> {
    tx.ex()
        .sql("SELECT name, plan, timezone FROM workspace WHERE id = $1{pg:  FOR NO KEY UPDATE}")
        .bind(workspace)
        .one()
        .await
}

/// Which of the things that a rule names there are.
pub async fn around(
    tx: &mut Tx,
    workspace: WorkspaceId,
    names: &Names,
) -> Result<Around, StoreError> {
    Ok(Around {
        segments: segments(tx, workspace, &names.segments).await?,
        campaigns: campaigns(tx, workspace, &names.campaigns).await?,
        sets: sets(tx, workspace, &names.sets).await?,
    })
}

#[derive(Serialize)]
struct Wanted {
    id: Uuid,
}

async fn segments(
    tx: &mut Tx,
    workspace: WorkspaceId,
    named: &[Named<SegmentId>],
) -> Result<BTreeSet<SegmentId>, StoreError> {
    if named.is_empty() {
        return Ok(BTreeSet::new());
    }
    let wanted: Vec<Wanted> = named.iter().map(|one| Wanted { id: one.what.0 }).collect();
    let found: Vec<(SegmentId,)> = tx
        .ex()
        .sql(
            "SELECT s.id FROM ROWS($2: id uuid) r
             JOIN segment s ON s.workspace_id = $1 AND s.id = r.id AND s.deleted_at IS NULL",
        )
        .bind(workspace)
        .bind(Rows::of(&wanted))
        .all()
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

async fn campaigns(
    tx: &mut Tx,
    workspace: WorkspaceId,
    named: &[Named<CampaignId>],
) -> Result<BTreeSet<CampaignId>, StoreError> {
    if named.is_empty() {
        return Ok(BTreeSet::new());
    }
    let wanted: Vec<Wanted> = named.iter().map(|one| Wanted { id: one.what.0 }).collect();
    let found: Vec<(CampaignId,)> = tx
        .ex()
        .sql(
            "SELECT c.id FROM ROWS($2: id uuid) r
             JOIN campaign c ON c.workspace_id = $1 AND c.id = r.id",
        )
        .bind(workspace)
        .bind(Rows::of(&wanted))
        .all()
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

#[derive(Serialize)]
struct WantedSet<'a> {
    name: &'a str,
}

async fn sets(
    tx: &mut Tx,
    workspace: WorkspaceId,
    named: &[Named<String>],
) -> Result<BTreeSet<String>, StoreError> {
    if named.is_empty() {
        return Ok(BTreeSet::new());
    }
    let wanted: Vec<WantedSet> = named.iter().map(|one| WantedSet { name: &one.what }).collect();
    let found: Vec<(String,)> = tx
        .ex()
        .sql(
            "SELECT v.name FROM ROWS($2: name text) r
             JOIN value_set v ON v.workspace_id = $1 AND v.name = r.name AND v.deleted_at IS NULL",
        )
        .bind(workspace)
        .bind(Rows::of(&wanted))
        .all()
        .await?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}

/// What every segment asks for, broken and frozen ones too.
pub async fn asking(ex: Ex<'_>, workspace: WorkspaceId) -> Result<Asking, StoreError> {
    let rows: Vec<(SegmentId, String, Option<Json<Value>>)> = ex
        .sql("SELECT id, name, rule FROM segment WHERE workspace_id = $1 AND deleted_at IS NULL")
        .bind(workspace)
        .all()
        .await?;
    let asks = |rule: Option<Json<Value>>| {
        rule.map_or_else(BTreeSet::new, |rule| stored_references(&rule.0))
    };
    Ok(rows.into_iter().map(|(id, name, rule)| (id, (name, asks(rule)))).collect())
}
