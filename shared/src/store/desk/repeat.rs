//! Idempotency keys of what people do: taken first, kept with the effect, gone with a refusal.
use super::Ask;
use crate::{
    clock::Time,
    ids::WorkspaceId,
    store::{StoreError, Tx, intake::RepeatKey},
};
use serde_json::{Value, json};
use sqlx::types::Json;

/// The HTTP status that the kept answers were given with.
const STATUS: i64 = 200;

pub(in crate::store) enum Key {
    /// Nobody used it before, or there is none.
    Ours,
    Answered(Value),
    OtherBody,
}

/// Takes the key. A concurrent holder is waited for: afterwards its answer is there to be read.
pub(in crate::store) async fn take(tx: &mut Tx, ask: &Ask) -> Result<Key, StoreError> {
    take_key(tx, ask.workspace, ask.repeat.as_ref(), ask.at).await
}

/// [`take`] for what is not done to one lead.
pub(in crate::store) async fn take_key(
    tx: &mut Tx,
    workspace: WorkspaceId,
    repeat: Option<&RepeatKey>,
    at: Time,
) -> Result<Key, StoreError> {
    let Some(repeat) = repeat else { return Ok(Key::Ours) };
    let taken = tx
        .ex()
        .sql(
            "INSERT INTO idempotency (workspace_id, route, key, body_hash, status, answer, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (workspace_id, route, key) DO NOTHING",
        )
        .bind(workspace)
        .bind(repeat.route)
        .bind(repeat.key.as_str())
        .bind(repeat.body_hash.as_str())
        .bind(STATUS)
        .bind(Json(json!({})))
        .bind(at)
        .run()
        .await?;
    if taken == 1 {
        return Ok(Key::Ours);
    }
    let (hash, answer): (String, Json<Value>) = tx
        .ex()
        .sql(
            "SELECT body_hash, answer FROM idempotency WHERE workspace_id = $1 AND route = $2 AND key = $3",
        )
        .bind(workspace)
        .bind(repeat.route)
        .bind(repeat.key.as_str())
        .one()
        .await?;
    Ok(if hash == repeat.body_hash { Key::Answered(answer.0) } else { Key::OtherBody })
}

pub(in crate::store) async fn keep(
    tx: &mut Tx,
    ask: &Ask,
    answer: &Value,
) -> Result<(), StoreError> {
    keep_answer(tx, ask.workspace, ask.repeat.as_ref(), answer).await
}

/// [`keep`] for what is not done to one lead.
pub(in crate::store) async fn keep_answer(
    tx: &mut Tx,
    workspace: WorkspaceId,
    repeat: Option<&RepeatKey>,
    answer: &Value,
) -> Result<(), StoreError> {
    let Some(repeat) = repeat else { return Ok(()) };
    tx.ex()
        .sql(
            "UPDATE idempotency SET answer = $4 WHERE workspace_id = $1 AND route = $2 AND key = $3",
        )
        .bind(workspace)
        .bind(repeat.route)
        .bind(repeat.key.as_str())
        .bind(Json(answer))
        .run()
        .await?;
    Ok(())
}
