//! Contacts that come to segments, or leave them, many at once: a build that reacted to each of them would keep everybody waiting who
//! changes a contact. What happened is noted in the transaction in which it does, and reacted to in parts; a note goes in the
//! transaction that reacts to it, so each is reacted to once.
use super::parts::{Parts, by_workspace};
use crate::{
    automation::{Happened, Occurrence},
    clock::Time,
    ids::{ContactId, SegmentId, WorkspaceId},
    store::{
        Db, Rows, StoreError, Tx,
        live::{self, Touched, What},
        rows::time,
    },
};
use chrono::TimeDelta;
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

/// Notes that are reacted to in one transaction, at most.
pub const TOGETHER: usize = 500;
/// When one is tried again that cannot be reacted to.
pub const POSTPONED: TimeDelta = TimeDelta::minutes(5);
/// Notes that cannot be reacted to before a sweep stops looking for more.
const BAD_MOST: usize = 20;
/// Contacts that are written in one statement, at most.
const WRITTEN_AT_ONCE: usize = 5_000;

/// The condition on `t`, with the workspace as `$1`, that a campaign may react: nobody else's notes are kept.
macro_rules! may_react {
    () => {
        "EXISTS (SELECT 1 FROM lead l JOIN automation a ON a.workspace_id = l.workspace_id AND a.campaign_id = l.campaign_id
            WHERE l.contact_id = t.contact_id AND (l.workspace_id = $1) IS TRUE AND l.status IN ('active', 'duplicate') AND a.enabled)"
    };
}

/// [`may_react`] for statements that are put together.
pub(in crate::store) const MAY_REACT: &str = may_react!();

/// What is noted of who came to a segment or left it.
pub(in crate::store) fn moved(segment: SegmentId, entered: bool) -> Happened {
    Happened::to_contact(Occurrence::Segment { segment, entered })
}

/// What is noted, as it is written.
pub(in crate::store) fn written(happened: &Happened) -> Result<Json<Value>, StoreError> {
    let written = serde_json::to_value(happened);
    written.map(Json).map_err(|error| StoreError::Inconsistent(error.to_string()))
}

#[derive(Serialize)]
struct Note<'a> {
    id: Uuid,
    contact_id: Uuid,
    happened: &'a Happened,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// Notes what happened to contacts of a workspace, where a campaign may react to it.
pub async fn note(
    tx: &mut Tx,
    workspace: WorkspaceId,
    happened: &[(ContactId, Happened)],
    at: Time,
) -> Result<(), StoreError> {
    for happened in happened.chunks(WRITTEN_AT_ONCE) {
        let note = |(contact, happened): &'_ (ContactId, Happened)| {
            serde_json::to_value(Note { id: Uuid::now_v7(), contact_id: contact.0, happened, at })
        };
        let notes: Result<Vec<Value>, _> = happened.iter().map(note).collect();
        let notes = notes.map_err(|error| StoreError::Inconsistent(error.to_string()))?;
        tx.ex()
            .sql(concat!(
                "INSERT INTO automation_pending (workspace_id, id, contact_id, happened, at)
                 SELECT $1, t.id, t.contact_id, t.happened, t.at
                 FROM ROWS($2: id uuid, contact_id uuid, happened jsonb, at timestamptz) t WHERE ",
                may_react!()
            ))
            .bind(workspace)
            .bind(Rows::of(&notes))
            .run()
            .await?;
    }
    Ok(())
}

/// Reacts to what was noted, at most `limit` notes; answers how many were done. Those whose contact somebody else is at are left to the
/// next tick.
pub async fn sweep(db: &Db, now: Time, limit: i64) -> Result<u64, StoreError> {
    let (mut done, mut bad) = (0, 0);
    for (workspace, notes) in find(db, now, limit).await? {
        let mut parts = Parts::new(notes, TOGETHER);
        while let Some(part) = parts.next() {
            let failed = match react(db, (workspace, &part), now).await {
                Ok(some) => {
                    done += some;
                    continue;
                }
                Err(error) => parts.failed(part, error)?,
            };
            let Some((note, error)) = failed else { continue };
            tracing::warn!(%workspace, %note, %error, "what happened to a contact cannot be reacted to; in five minutes it is tried again");
            postpone(db, (workspace, note), now).await?;
            bad += 1;
            if bad >= BAD_MOST {
                return Ok(done);
            }
        }
    }
    Ok(done)
}

/// Notes, oldest first within a workspace, and the workspace of the oldest first.
async fn find(db: &Db, now: Time, limit: i64) -> Result<Vec<(WorkspaceId, Vec<Uuid>)>, StoreError> {
    let notes: Vec<(WorkspaceId, Uuid)> = db
        .read()
        .sql("SELECT workspace_id, id FROM automation_pending WHERE at <= $1 ORDER BY at LIMIT $2")
        .bind(now)
        .bind(limit)
        .all()
        .await?;
    Ok(by_workspace(notes))
}

#[derive(sqlx::FromRow)]
struct Taken {
    contact_id: ContactId,
    happened: Json<Happened>,
    at: Time,
}

async fn react(
    db: &Db,
    (workspace, notes): (WorkspaceId, &[Uuid]),
    now: Time,
) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    let mut taken = take(&mut tx, (workspace, notes)).await?;
    if taken.is_empty() {
        tx.rollback().await?;
        return Ok(0);
    }
    taken.sort_by_key(|one| (one.at, one.contact_id));
    let touched = |one: &Taken| {
        Touched::new(workspace, one.contact_id, What::nothing()).and(one.happened.0.clone())
    };
    live::reassess(&mut tx, &taken.iter().map(touched).collect::<Vec<_>>(), now).await?;
    tx.commit().await?;
    Ok(taken.len() as u64)
}

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    id: Uuid,
}

#[derive(Serialize, sqlx::FromRow)]
struct Locked {
    workspace_id: Uuid,
    id: Uuid,
    contact_id: Uuid,
}

/// Takes notes away whose contacts nobody else is at, and locks those. The lock comes first, as everywhere.
async fn take(
    tx: &mut Tx,
    (workspace, notes): (WorkspaceId, &[Uuid]),
) -> Result<Vec<Taken>, StoreError> {
    let keys: Vec<Key> =
        notes.iter().map(|id| Key { workspace_id: workspace.0, id: *id }).collect();
    let locked: Vec<Locked> = tx
        .ex()
        .sql(
            "SELECT p.workspace_id, p.id, p.contact_id FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN automation_pending p ON p.workspace_id = r.workspace_id AND p.id = r.id
             JOIN contact c ON c.workspace_id = p.workspace_id AND c.id = p.contact_id{pg:  FOR NO KEY UPDATE OF c SKIP LOCKED}",
        )
        .bind(Rows::of(&keys))
        .all()
        .await?;
    if locked.is_empty() {
        return Ok(Vec::new());
    }
    tx.ex()
        .sql(
            // Somebody may have taken one, or given it to another contact, before the lock was ours.
            "DELETE FROM automation_pending WHERE (workspace_id, id, contact_id) IN
                (SELECT r.workspace_id, r.id, r.contact_id FROM ROWS($1: workspace_id uuid, id uuid, contact_id uuid) r)
             RETURNING contact_id, happened, at",
        )
        .bind(Rows::of(&locked))
        .all()
        .await
}

async fn postpone(
    db: &Db,
    (workspace, note): (WorkspaceId, Uuid),
    now: Time,
) -> Result<(), StoreError> {
    db.write()
        .sql("UPDATE automation_pending SET at = $3 WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(note)
        .bind(now + POSTPONED)
        .run()
        .await
        .map(drop)
}
