//! Idempotency keys of what people do: taken first, kept with the effect, gone with a refusal.
use super::Ask;
use crate::store::{StoreError, Tx};
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
    let Some(repeat) = &ask.repeat else { return Ok(Key::Ours) };
    let taken = tx
        .ex()
        .sql(
            "INSERT INTO idempotency (workspace_id, route, key, body_hash, status, answer, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (workspace_id, route, key) DO NOTHING",
        )
        .bind(ask.workspace)
        .bind(repeat.route)
        .bind(repeat.key.as_str())
        .bind(repeat.body_hash.as_str())
        .bind(STATUS)
        .bind(Json(json!({})))
        .bind(ask.at)
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
        .bind(ask.workspace)
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
    let Some(repeat) = &ask.repeat else { return Ok(()) };
    tx.ex()
        .sql(
            "UPDATE idempotency SET answer = $4 WHERE workspace_id = $1 AND route = $2 AND key = $3",
        )
        .bind(ask.workspace)
        .bind(repeat.route)
        .bind(repeat.key.as_str())
        .bind(Json(answer))
        .run()
        .await?;
    Ok(())
}
