//! What an automation names, held against what there is.
use crate::{
    automation::program::{Named, Names},
    ids::{CampaignId, SegmentId, WorkspaceId},
    rules::Problem,
    segment::SegmentKind,
    store::{Rows, StoreError, Tx},
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Everything named that is not there, or not as it must be, in the order of kinds.
pub(super) async fn unknown(
    tx: &mut Tx,
    workspace: WorkspaceId,
    names: &Names,
) -> Result<Vec<Problem>, StoreError> {
    let all = names.segments.iter().chain(&names.static_segments).map(|one| one.what);
    let segments = segments(tx, workspace, all.collect()).await?;
    let campaigns =
        campaigns(tx, workspace, names.campaigns.iter().map(|one| one.what).collect()).await?;
    let sets = texts(tx, workspace, SETS, &names.sets).await?;
    let secrets = texts(tx, workspace, SECRETS, &names.secrets).await?;
    let mut problems = Vec::new();
    let is_segment = |id: &SegmentId| segments.contains_key(id);
    missing(&mut problems, &names.segments, "segment", is_segment);
    missing(&mut problems, &names.static_segments, "segment", is_segment);
    missing(&mut problems, &names.campaigns, "campaign", |id| campaigns.contains(id));
    missing(&mut problems, &names.sets, "value set", |name| sets.contains(name));
    missing(&mut problems, &names.secrets, "secret", |name| secrets.contains(name));
    for one in &names.static_segments {
        if segments.get(&one.what) == Some(&SegmentKind::Dynamic) {
            let why = "is dynamic: its rule alone says who is in it; name a static segment";
            problems.push(Problem::new(one.path.as_str(), why));
        }
    }
    Ok(problems)
}

fn missing<T>(
    problems: &mut Vec<Problem>,
    named: &[Named<T>],
    what: &str,
    is_there: impl Fn(&T) -> bool,
) {
    let missing = named.iter().filter(|one| !is_there(&one.what));
    problems.extend(missing.map(|one| {
        Problem::new(one.path.as_str(), format!("there is no such {what} in this workspace"))
    }));
}

#[derive(Serialize)]
struct Id {
    id: Uuid,
}

async fn segments(
    tx: &mut Tx,
    workspace: WorkspaceId,
    wanted: BTreeSet<SegmentId>,
) -> Result<BTreeMap<SegmentId, SegmentKind>, StoreError> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let wanted: Vec<Id> = wanted.into_iter().map(|id| Id { id: id.0 }).collect();
    let found: Vec<(SegmentId, SegmentKind)> = tx
        .ex()
        .sql(
            "SELECT s.id, s.kind FROM ROWS($2: id uuid) r
             JOIN segment s ON s.workspace_id = $1 AND s.id = r.id AND s.deleted_at IS NULL",
        )
        .bind(workspace)
        .bind(Rows::of(&wanted))
        .all()
        .await?;
    Ok(found.into_iter().collect())
}

async fn campaigns(
    tx: &mut Tx,
    workspace: WorkspaceId,
    wanted: BTreeSet<CampaignId>,
) -> Result<BTreeSet<CampaignId>, StoreError> {
    if wanted.is_empty() {
        return Ok(BTreeSet::new());
    }
    let wanted: Vec<Id> = wanted.into_iter().map(|id| Id { id: id.0 }).collect();
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

const SETS: &str = "SELECT v.name FROM ROWS($2: name text) r
    JOIN value_set v ON v.workspace_id = $1 AND v.name = r.name AND v.deleted_at IS NULL";
const SECRETS: &str = "SELECT s.name FROM ROWS($2: name text) r
    JOIN secret s ON s.workspace_id = $1 AND s.name = r.name";

#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

async fn texts(
    tx: &mut Tx,
    workspace: WorkspaceId,
    sql: &'static str,
    named: &[Named<String>],
) -> Result<BTreeSet<String>, StoreError> {
    if named.is_empty() {
        return Ok(BTreeSet::new());
    }
    let wanted: Vec<Name> = named.iter().map(|one| Name { name: &one.what }).collect();
    let found: Vec<(String,)> =
        tx.ex().sql(sql).bind(workspace).bind(Rows::of(&wanted)).all().await?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}
