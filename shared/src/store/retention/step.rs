//! One short step of a walk, in one transaction that holds the walk's row: what is over goes, what is not is noted, and the walk has come
//! so far. Dying anywhere leaves the step undone; doing it twice finds nothing the second time.
use super::{Walk, Work, apply, fold};
use crate::{
    clock::Time,
    ids::WorkspaceId,
    store::{Db, Rows, StoreError, Tx},
};
use chrono::Duration;
use serde::Serialize;
use uuid::Uuid;

/// Rows that one step looks at.
pub const STEP: i64 = 1_000;
/// A walk stays so far behind the period: most of what was begun before that is over then and need not be noted.
pub const SLACK: Duration = Duration::days(1);

/// Where a walk is in this round: first what was left, then what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Left(Uuid),
    Next,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stepped {
    /// Things that went.
    pub gone: u64,
    /// How to go on; none: there is nothing more for now.
    pub then: Option<Phase>,
}

const NOTHING: Stepped = Stepped { gone: 0, then: None };

/// What a step works with.
pub(super) struct Place {
    pub workspace: WorkspaceId,
    pub walk: Walk,
    /// What is over since before this goes.
    pub before: Time,
}

#[derive(sqlx::FromRow)]
struct Found {
    id: Uuid,
    is_over: bool,
}

#[derive(Serialize)]
pub(super) struct Id {
    pub workspace_id: Uuid,
    pub id: Uuid,
}

/// Takes one step. The period is read again: one that was changed a moment ago counts.
pub async fn step(db: &Db, work: &Work, phase: Phase, now: Time) -> Result<Stepped, StoreError> {
    let mut tx = db.begin().await?;
    let after = hold(&mut tx, work).await?;
    let Some(days) = days(&mut tx, work).await? else { return Ok(NOTHING) };
    let place =
        Place { workspace: work.workspace, walk: work.walk, before: now - Duration::days(days) };
    let stepped = match (phase, work.walk.finds()) {
        (_, None) => fold::step(&mut tx, &place).await?,
        (Phase::Left(from), Some(finds)) => left(&mut tx, &place, (finds.left, from)).await?,
        (Phase::Next, Some(finds)) => next(&mut tx, &place, (finds.next, after)).await?,
    };
    tx.commit().await?;
    Ok(stepped)
}

/// Holds the walk, so that another scheduler waits, and says after which id it goes on.
async fn hold(tx: &mut Tx, work: &Work) -> Result<Uuid, StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO retention_walk (workspace_id, walk, after_id) VALUES ($1, $2, $3)
             ON CONFLICT (workspace_id, walk) DO NOTHING",
        )
        .bind(work.workspace)
        .bind(work.walk.name())
        .bind(Uuid::nil())
        .run()
        .await?;
    tx.ex()
        .sql("SELECT after_id FROM retention_walk WHERE workspace_id = $1 AND walk = $2{pg:  FOR UPDATE}")
        .bind(work.workspace)
        .bind(work.walk.name())
        .scalar()
        .await
}

async fn days(tx: &mut Tx, work: &Work) -> Result<Option<i64>, StoreError> {
    let rule = work.walk.kind().rule();
    let set: Option<(i64,)> = tx
        .ex()
        .sql("SELECT days FROM retention WHERE workspace_id = $1 AND kind = $2")
        .bind(work.workspace)
        .bind(rule.name)
        .optional()
        .await?;
    Ok(set.map(|(days,)| days).or(rule.default_of_sweep()))
}

async fn left(
    tx: &mut Tx,
    place: &Place,
    (text, from): (&'static str, Uuid),
) -> Result<Stepped, StoreError> {
    let found: Vec<Found> = tx
        .ex()
        .sql(text)
        .bind(place.workspace)
        .bind(place.walk.name())
        .bind(from)
        .bind(most(place.walk))
        .bind(place.before)
        .all()
        .await?;
    let over = over(&found);
    if !apply::to(tx, place, &over).await? {
        return Ok(Stepped { gone: 1, then: Some(Phase::Left(from)) });
    }
    tx.ex()
        .sql(
            "DELETE FROM retention_left WHERE (workspace_id, walk, id) IN (
                SELECT r.workspace_id, $2, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
        )
        .bind(rows(place, &over))
        .bind(place.walk.name())
        .run()
        .await?;
    let last = found.last().filter(|_| found.len() as i64 == most(place.walk));
    let then = last.map_or(Phase::Next, |last| Phase::Left(last.id));
    Ok(Stepped { gone: over.len() as u64, then: Some(then) })
}

async fn next(
    tx: &mut Tx,
    place: &Place,
    (text, after): (&'static str, Uuid),
) -> Result<Stepped, StoreError> {
    let until = place.before - SLACK;
    let found: Vec<Found> = tx
        .ex()
        .sql(text)
        .bind(place.workspace)
        .bind(after)
        .bind(first_id(until))
        .bind(most(place.walk))
        .bind(place.before)
        .all()
        .await?;
    let over = over(&found);
    if !apply::to(tx, place, &over).await? {
        return Ok(Stepped { gone: 1, then: Some(Phase::Next) });
    }
    let open: Vec<Uuid> = found.iter().filter(|one| !one.is_over).map(|one| one.id).collect();
    tx.ex()
        .sql(
            "INSERT INTO retention_left (workspace_id, walk, id)
             SELECT r.workspace_id, $2, r.id FROM ROWS($1: workspace_id uuid, id uuid) r WHERE true
             ON CONFLICT (workspace_id, walk, id) DO NOTHING",
        )
        .bind(rows(place, &open))
        .bind(place.walk.name())
        .run()
        .await?;
    let more = found.len() as i64 == most(place.walk);
    let last = found.last().map_or(after, |one| one.id);
    come_to(tx, place, (last, if more { time_of(last) } else { Some(until) })).await?;
    Ok(Stepped { gone: over.len() as u64, then: more.then_some(Phase::Next) })
}

/// Notes how far the walk has come. It never goes back, even if the period has become longer.
pub(super) async fn come_to(
    tx: &mut Tx,
    place: &Place,
    (last, until): (Uuid, Option<Time>),
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE retention_walk SET after_id = $3, done_until = CASE WHEN done_until > $4 THEN done_until ELSE $4 END
             WHERE workspace_id = $1 AND walk = $2",
        )
        .bind(place.workspace)
        .bind(place.walk.name())
        .bind(last)
        .bind(until)
        .run()
        .await
        .map(drop)
}

/// An import may have many rows: they are taken one by one.
fn most(walk: Walk) -> i64 {
    if walk == Walk::Imports { 1 } else { STEP }
}

fn over(found: &[Found]) -> Vec<Uuid> {
    found.iter().filter(|one| one.is_over).map(|one| one.id).collect()
}

pub(super) fn rows(place: &Place, ids: &[Uuid]) -> Rows {
    let row = |id: &Uuid| Id { workspace_id: place.workspace.0, id: *id };
    Rows::of(&ids.iter().map(row).collect::<Vec<_>>())
}

/// No id that was made before this time is greater.
fn first_id(at: Time) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}

/// When an id was made.
fn time_of(id: Uuid) -> Option<Time> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    Time::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}
