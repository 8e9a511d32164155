//! Claiming a segment that is due: one worker at a time, and each segment after those that it asks about.
use super::{Build, Claimed, FIRST_SIZE, LEASE};
use crate::{
    clock::Time,
    ids::{SegmentId, WorkspaceId},
    segment::{SegmentKind, SegmentState},
    store::{
        Db, Rows, StoreError, Tx,
        live::{
            definitions::{self, Definition, Definitions},
            step::Stepped,
        },
    },
};
use chrono::TimeDelta;
use serde::Serialize;
use std::time::Instant;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct DueRow {
    workspace_id: WorkspaceId,
    name: String,
    kind: SegmentKind,
    state: SegmentState,
    is_enabled: bool,
    generation: i64,
    claimed_until: Option<Time>,
    swept_at: Option<Time>,
    built_at: Option<Time>,
    deleted_at: Option<Time>,
}

/// Segments that are due for a build and that nobody has, with their generations. Those that are switched off are not.
pub async fn due(db: &Db, now: Time, limit: i64) -> Result<Vec<(SegmentId, i64)>, StoreError> {
    db.read()
        .sql(
            "SELECT id, generation FROM segment
             WHERE build_due_at <= $1 AND (state <> 'building' OR claimed_until IS NULL OR claimed_until <= $1)
                AND is_enabled AND deleted_at IS NULL
             ORDER BY build_due_at LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .all()
        .await
}

/// Claims a segment that is due, if nobody has it and all that it asks about is built.
pub async fn claim(db: &Db, id: SegmentId, now: Time) -> Result<Claimed, StoreError> {
    let mut tx = db.begin().await?;
    let claimed = claim_in(&mut tx, id, now).await?;
    tx.commit().await?;
    Ok(claimed)
}

async fn claim_in(tx: &mut Tx, id: SegmentId, now: Time) -> Result<Claimed, StoreError> {
    let Some(row) = due_row(tx, id).await? else { return Ok(Claimed::Nothing) };
    let workspace = row.workspace_id;
    // A claim holds for as long as nobody has asked for another build.
    let is_held =
        row.state == SegmentState::Building && row.claimed_until.is_some_and(|until| until > now);
    let stands = matches!(row.state, SegmentState::Broken | SegmentState::Frozen);
    if row.kind == SegmentKind::Static || row.deleted_at.is_some() || stands {
        not_due(tx, workspace, id).await?;
        return Ok(Claimed::Nothing);
    }
    if is_held || !row.is_enabled {
        return Ok(Claimed::Nothing);
    }
    let mut definitions = definitions::of(tx, workspace).await?;
    let knows = |all: &Definitions| all.of(id).is_some_and(|one| one.generation == row.generation);
    if !knows(&definitions) {
        definitions = definitions::anew(tx, workspace).await?;
    }
    if let Some(broken) = definitions.broken.iter().find(|broken| broken.id == id) {
        definitions::mark_broken(tx, workspace, broken, now).await?;
        return Ok(Claimed::Nothing);
    }
    let Some(place) = definitions.place(id) else { return Ok(Claimed::Nothing) };
    if waits(tx, workspace, &definitions.dynamic[place]).await? {
        return Ok(Claimed::Waits);
    }
    let build = Build {
        name: row.name,
        place,
        as_of: row.swept_at.map_or(now, |swept| swept.max(now)),
        is_clean: row.state == SegmentState::Ready,
        was_built: row.built_at.is_some(),
        claimed_until: token(now),
        after: Uuid::nil(),
        size: FIRST_SIZE,
        began: Instant::now(),
        sum: Stepped::default(),
        definitions,
    };
    build.hold(tx).await?;
    Ok(Claimed::Ours(Box::new(build)))
}

/// Until when a claim holds. No two are the same: it tells whose the build is.
pub(super) fn token(now: Time) -> Time {
    let chance = i64::from(Uuid::now_v7().as_u64_pair().1 as u32) % 1_000_000;
    now + LEASE + TimeDelta::microseconds(chance)
}

/// The one look-up that does not know the workspace: it finds it among those that are due.
async fn due_row(tx: &mut Tx, id: SegmentId) -> Result<Option<DueRow>, StoreError> {
    tx.ex()
        .sql(
            "SELECT s.workspace_id, s.name, s.kind, s.state, s.is_enabled, s.generation, s.claimed_until, s.swept_at, s.built_at,
                s.deleted_at
             FROM segment s WHERE s.build_due_at IS NOT NULL AND s.id = $1{pg:  FOR UPDATE}",
        )
        .bind(id)
        .optional()
        .await
}

async fn not_due(tx: &mut Tx, workspace: WorkspaceId, id: SegmentId) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE segment SET build_due_at = NULL, claimed_until = NULL
             WHERE workspace_id = $1 AND id = $2 AND state NOT IN ('waiting', 'building')",
        )
        .bind(workspace)
        .bind(id)
        .run()
        .await
        .map(drop)
}

#[derive(Serialize)]
struct Id {
    id: Uuid,
}

/// Whether something that it asks about is to be built. What is switched off, broken or frozen is not waited for.
async fn waits(tx: &mut Tx, workspace: WorkspaceId, one: &Definition) -> Result<bool, StoreError> {
    if one.references.is_empty() {
        return Ok(false);
    }
    let ids: Vec<Id> = one.references.iter().map(|id| Id { id: id.0 }).collect();
    let waiting: Vec<(SegmentId,)> = tx
        .ex()
        .sql(
            "SELECT s.id FROM ROWS($2: id uuid) r JOIN segment s ON s.workspace_id = $1 AND s.id = r.id
             WHERE s.build_due_at IS NOT NULL AND s.is_enabled AND s.deleted_at IS NULL
                AND s.state IN ('ready', 'waiting', 'building')",
        )
        .bind(workspace)
        .bind(Rows::of(&ids))
        .all()
        .await?;
    Ok(!waiting.is_empty())
}
