//! What the clock asks of messages: those that are due, probes, what is let go, what has waited for too long, what is forgotten. These
//! few functions see all workspaces.
use super::{State, pause};
use crate::{
    clock::Time,
    ids::{WebhookId, WebhookMessageId, WorkspaceId},
    store::{Db, Rows, StoreError, Tx},
    webhook::retry,
};
use chrono::Duration;
use serde::Serialize;
use uuid::Uuid;

/// Messages to one address that are under way while more are held for it, at most.
pub const FLOW: i64 = 100;
/// A message that is due later than this is in nobody's hands: no attempt takes so long.
const IN_HANDS: Duration = Duration::minutes(5);
/// Messages that one statement gathers, at most.
const GATHERED: i64 = 1_000;
/// Finished messages are kept so many days.
pub const KEPT_DAYS: i64 = 30;

/// Takes messages that are due, the longest first, each with the attempts that were made, and says when to ring for them again.
pub async fn take_due(
    db: &Db,
    now: Time,
    again_at: Time,
    limit: i64,
) -> Result<Vec<(WebhookMessageId, i64)>, StoreError> {
    let mut due: Vec<(WebhookMessageId, i64, Time)> = db
        .write()
        .sql(
            "UPDATE webhook_message SET due_at = $2 WHERE id IN (
                SELECT m.id FROM webhook_message m WHERE m.due_at <= $1 ORDER BY m.due_at LIMIT $3{pg:  FOR UPDATE SKIP LOCKED})
             AND state = 'waiting'
             RETURNING id, attempt, at",
        )
        .bind(now)
        .bind(again_at)
        .bind(limit)
        .all()
        .await?;
    due.sort_unstable_by_key(|(id, _, at)| (*at, *id));
    Ok(due.into_iter().map(|(id, attempt, _)| (id, attempt)).collect())
}

/// An address.
pub type Key = (WorkspaceId, WebhookId);

/// Paused addresses that are to be tried again.
pub async fn to_probe(db: &Db, now: Time, limit: i64) -> Result<Vec<Key>, StoreError> {
    db.read()
        .sql("SELECT workspace_id, id FROM webhook WHERE probe_at <= $1 ORDER BY probe_at LIMIT $2")
        .bind(now)
        .bind(limit)
        .all()
        .await
}

/// Holds what waits long for its next attempt while its address rests, so that all that is held flows in one order once it is back. Says
/// how many, at most [`GATHERED`].
async fn gather(db: &Db, (workspace, id): Key, now: Time) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    let gathered = tx
        .ex()
        .sql(
            "UPDATE webhook_message SET state = 'held', due_at = NULL WHERE id IN (
                SELECT m.id FROM webhook_message m WHERE m.webhook_id = $1 AND m.state = 'waiting' AND m.due_at > $2 LIMIT $3)
             AND state = 'waiting' AND due_at > $2",
        )
        .bind(id)
        .bind(now + IN_HANDS)
        .bind(GATHERED)
        .run()
        .await?;
    if pause::share(&mut tx, workspace, id).await?.is_none_or(|state| state == State::On) {
        tx.rollback().await?;
        return Ok(0);
    }
    tx.commit().await?;
    Ok(gathered)
}

/// Lets one held message of a paused address try whether it is back: the one after the last that did, so that a message that nobody can
/// take does not stand before all others. False when there is none, or somebody was faster.
pub async fn probe(db: &Db, (workspace, id): Key, now: Time) -> Result<bool, StoreError> {
    while gather(db, (workspace, id), now).await? == GATHERED as u64 {}
    let mut tx = db.begin().await?;
    let found: Option<(Option<WebhookMessageId>, i64)> = tx
        .ex()
        .sql(
            "SELECT w.probed, w.probes FROM webhook w
             WHERE w.workspace_id = $1 AND w.id = $2 AND w.state = 'paused' AND w.probe_at <= $3",
        )
        .bind(workspace)
        .bind(id)
        .bind(now)
        .optional()
        .await?;
    let Some((probed, probes)) = found else { return Ok(false) };
    let next = match next_held(&mut tx, id, probed).await? {
        Some(next) => Some(next),
        None => next_held(&mut tx, id, None).await?,
    };
    if let Some(next) = next {
        tx.ex()
            .sql("UPDATE webhook_message SET state = 'waiting', due_at = $2 WHERE id = $1 AND state = 'held'")
            .bind(next)
            .bind(now)
            .run()
            .await?;
    }
    let changed = tx
        .ex()
        .sql(
            "UPDATE webhook SET probes = probes + 1, probed = $4, probe_at = $5
             WHERE workspace_id = $1 AND id = $2 AND state = 'paused' AND probe_at <= $3",
        )
        .bind(workspace)
        .bind(id)
        .bind(now)
        .bind(next)
        .bind(now + retry::probe_pause(probes + i64::from(next.is_some())))
        .run()
        .await?;
    if changed == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    tx.commit().await?;
    Ok(next.is_some())
}

/// The oldest held message after this one.
async fn next_held(
    tx: &mut Tx,
    id: WebhookId,
    after: Option<WebhookMessageId>,
) -> Result<Option<WebhookMessageId>, StoreError> {
    let found: Option<(WebhookMessageId,)> = match after {
        None => {
            tx.ex()
                .sql("SELECT id FROM webhook_message WHERE webhook_id = $1 AND state = 'held' ORDER BY at, id LIMIT 1")
                .bind(id)
                .optional()
                .await?
        }
        Some(after) => {
            tx.ex()
                .sql(
                    "SELECT id FROM webhook_message
                     WHERE webhook_id = $1 AND state = 'held' AND (at, id) > (SELECT o.at, o.id FROM webhook_message o WHERE o.id = $2)
                     ORDER BY at, id LIMIT 1",
                )
                .bind(id)
                .bind(after)
                .optional()
                .await?
        }
    };
    Ok(found.map(|(id,)| id))
}

/// Addresses that are on and may have held messages.
pub async fn to_release(db: &Db, limit: i64) -> Result<Vec<Key>, StoreError> {
    db.read()
        .sql("SELECT workspace_id, id FROM webhook WHERE holds AND state = 'on' ORDER BY id LIMIT $1")
        .bind(limit)
        .all()
        .await
}

/// Lets held messages of an address go, oldest first, as many as keep [`FLOW`] under way; says how many. Each has all its retries again.
pub async fn release(db: &Db, (workspace, id): Key, now: Time) -> Result<u64, StoreError> {
    let under_way: i64 = db
        .read()
        .sql(
            "SELECT COUNT(*) FROM (SELECT 1 AS one FROM webhook_message WHERE webhook_id = $1 AND state = 'waiting' LIMIT $2) m",
        )
        .bind(id)
        .bind(FLOW)
        .scalar()
        .await?;
    if under_way >= FLOW {
        return Ok(0);
    }
    let let_go = db
        .write()
        .sql(
            "UPDATE webhook_message SET state = 'waiting', due_at = $2, tries = 0, tried_at = NULL WHERE id IN (
                SELECT h.id FROM webhook_message h WHERE h.webhook_id = $1 AND h.state = 'held' ORDER BY h.at, h.id LIMIT $3)
             AND state = 'held'",
        )
        .bind(id)
        .bind(now)
        .bind(FLOW - under_way)
        .run()
        .await?;
    if let_go == 0 {
        nothing_held(db, (workspace, id)).await?;
    }
    Ok(let_go)
}

/// Notes that nothing is held for an address, if that is so and it is on. Nobody holds a message for it meanwhile: that takes the same
/// lock and an address that rests.
async fn nothing_held(db: &Db, (workspace, id): Key) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    let found: Option<(State,)> = tx
        .ex()
        .sql("SELECT w.state FROM webhook w WHERE w.workspace_id = $1 AND w.id = $2{pg:  FOR UPDATE}")
        .bind(workspace)
        .bind(id)
        .optional()
        .await?;
    if found.is_none_or(|(state,)| state != State::On) {
        return tx.rollback().await;
    }
    if next_held(&mut tx, id, None).await?.is_none() {
        tx.ex()
            .sql("UPDATE webhook SET holds = FALSE WHERE workspace_id = $1 AND id = $2")
            .bind(workspace)
            .bind(id)
            .run()
            .await?;
    }
    tx.commit().await
}

/// Gives up messages that were held for too long; says how many, at most `limit`.
pub async fn expire(db: &Db, now: Time, limit: i64) -> Result<u64, StoreError> {
    db.write()
        .sql(
            "UPDATE webhook_message SET state = 'failed', finished_at = $2, problem = 'its webhook did not come back within 7 days'
             WHERE id IN (SELECT h.id FROM webhook_message h WHERE h.state = 'held' AND h.asked_at < $1 ORDER BY h.asked_at LIMIT $3)
               AND state = 'held'",
        )
        .bind(now - retry::HELD_FOR)
        .bind(now)
        .bind(limit)
        .run()
        .await
}

/// Forgets messages that were finished before that time, with their attempts; says how many, at most `limit`.
pub async fn forget(db: &Db, before: Time, limit: i64) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    let gone: Vec<(WorkspaceId, WebhookMessageId)> = tx
        .ex()
        .sql(
            "DELETE FROM webhook_message WHERE id IN (
                SELECT m.id FROM webhook_message m WHERE m.finished_at < $1 ORDER BY m.finished_at LIMIT $2)
             AND finished_at < $1
             RETURNING workspace_id, id",
        )
        .bind(before)
        .bind(limit)
        .all()
        .await?;
    forget_attempts(&mut tx, &gone).await?;
    tx.commit().await?;
    Ok(gone.len() as u64)
}

#[derive(Serialize)]
struct Gone {
    workspace_id: Uuid,
    id: Uuid,
}

/// Deletes the attempts of messages.
pub(super) async fn forget_attempts(
    tx: &mut Tx,
    messages: &[(WorkspaceId, WebhookMessageId)],
) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let gone = messages.iter().map(|(workspace, id)| Gone { workspace_id: workspace.0, id: id.0 });
    let gone: Vec<Gone> = gone.collect();
    tx.ex()
        .sql(
            "DELETE FROM webhook_attempt WHERE (workspace_id, message_id) IN (
                SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
        )
        .bind(Rows::of(&gone))
        .run()
        .await
        .map(drop)
}
