//! Idempotency keys: a repeated request gets the first answer and has no second effect.
use super::{Arrival, Declined, Receipt, Rows, StoreError, Taken, Time, Tx, time};
use crate::ids::WorkspaceId;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// The HTTP status every kept answer was given with.
const STATUS: i64 = 202;

#[derive(Serialize)]
struct KeyRow<'a> {
    workspace_id: Uuid,
    route: &'a str,
    key: &'a str,
    body_hash: &'a str,
    status: i64,
    answer: Value,
    #[serde(serialize_with = "time")]
    at: Time,
}

type Key<'a> = (WorkspaceId, &'a str, &'a str);

fn key(arrival: &Arrival) -> Option<(Key<'_>, &str)> {
    let repeat = arrival.repeat.as_ref()?;
    Some(((arrival.workspace, repeat.route, &repeat.key), &repeat.body_hash))
}

fn row<'a>(arrival: &'a Arrival, answer: Value) -> Option<KeyRow<'a>> {
    let ((workspace, route, key), body_hash) = key(arrival)?;
    let status = STATUS;
    Some(KeyRow {
        workspace_id: workspace.0,
        route,
        key,
        body_hash,
        status,
        answer,
        at: arrival.at,
    })
}

/// What repeats there are in a batch.
pub(super) struct Repeats<'a> {
    /// For each key of the batch, the first arrival that has it, and its body.
    leaders: HashMap<Key<'a>, (usize, &'a str)>,
    /// Keys that this transaction has taken.
    taken: HashSet<Key<'a>>,
}

impl Repeats<'_> {
    /// Whether the arrival does the work itself, rather than repeat another's answer.
    pub(super) fn works(&self, at: usize, arrival: &Arrival) -> bool {
        key(arrival).is_none_or(|(key, _)| self.leaders[&key].0 == at)
    }
}

/// Answers arrivals whose key was used before; takes the keys of the others.
pub(super) async fn answer_repeats<'a>(
    tx: &mut Tx,
    arrivals: &'a [Arrival],
    answers: &mut [Option<Taken>],
) -> Result<Repeats<'a>, StoreError> {
    let mut repeats = Repeats { leaders: HashMap::new(), taken: HashSet::new() };
    let mut rows: Vec<KeyRow> = Vec::new();
    for (at, arrival) in arrivals.iter().enumerate() {
        if let Some((key, hash)) = key(arrival) {
            repeats.leaders.entry(key).or_insert_with(|| {
                rows.extend(row(arrival, json!({})));
                (at, hash)
            });
        }
    }
    if rows.is_empty() {
        return Ok(repeats);
    }
    let kept = take_keys(tx, &mut rows).await?;
    for (at, arrival) in arrivals.iter().enumerate() {
        let Some((key, hash)) = key(arrival) else { continue };
        match kept.get(&(key.0, key.1.to_owned(), key.2.to_owned())) {
            Some((kept_hash, receipt)) => {
                answers[at] = Some(replay(hash == kept_hash, receipt.clone()));
            }
            None => {
                repeats.taken.insert(key);
            }
        }
    }
    Ok(repeats)
}

fn replay(same_body: bool, receipt: Receipt) -> Taken {
    if same_body { Ok(Receipt { repeated: true, ..receipt }) } else { Err(Declined::KeyReused) }
}

type Kept = HashMap<(WorkspaceId, String, String), (String, Receipt)>;

/// Inserts the keys that are new and reads the answers of the others.
async fn take_keys(tx: &mut Tx, rows: &mut Vec<KeyRow<'_>>) -> Result<Kept, StoreError> {
    rows.sort_by(|a, b| (a.workspace_id, a.route, a.key).cmp(&(b.workspace_id, b.route, b.key)));
    // A concurrent holder of the same key is waited for here: afterwards its answer is there to be read.
    let fresh: Vec<(WorkspaceId, String, String)> = tx
        .ex()
        .sql(
            "INSERT INTO idempotency (workspace_id, route, key, body_hash, status, answer, created_at)
             SELECT r.workspace_id, r.route, r.key, r.body_hash, r.status, r.answer, r.at
             FROM ROWS($1: workspace_id uuid, route text, key text, body_hash text, status bigint, answer jsonb, at timestamptz) r
             WHERE true
             ON CONFLICT (workspace_id, route, key) DO NOTHING
             RETURNING workspace_id, route, key",
        )
        .bind(Rows::of(rows))
        .all()
        .await?;
    if fresh.len() == rows.len() {
        return Ok(Kept::new());
    }
    let fresh: HashSet<_> = fresh.into_iter().collect();
    rows.retain(|row| {
        let key = (WorkspaceId(row.workspace_id), row.route.to_owned(), row.key.to_owned());
        !fresh.contains(&key)
    });
    let kept: Vec<(WorkspaceId, String, String, String, sqlx::types::Json<Receipt>)> = tx
        .ex()
        .sql(
            "SELECT i.workspace_id, i.route, i.key, i.body_hash, i.answer
             FROM ROWS($1: workspace_id uuid, route text, key text) r
             JOIN idempotency i ON i.workspace_id = r.workspace_id AND i.route = r.route AND i.key = r.key",
        )
        .bind(Rows::of(rows))
        .all()
        .await?;
    Ok(kept.into_iter().map(|(ws, route, key, hash, r)| ((ws, route, key), (hash, r.0))).collect())
}

/// Keeps the answers of keyed requests, answers their repeats within the batch, and frees the keys of declined ones.
pub(super) async fn keep_answers(
    tx: &mut Tx,
    arrivals: &[Arrival],
    repeats: &Repeats<'_>,
    answers: &mut [Option<Taken>],
) -> Result<(), StoreError> {
    let (mut kept, mut freed) = (Vec::new(), Vec::new());
    for (key, (leader, _)) in &repeats.leaders {
        match &answers[*leader] {
            Some(Ok(receipt)) if !receipt.repeated => {
                let answer = serde_json::to_value(receipt).expect("a receipt is plain data");
                kept.extend(row(&arrivals[*leader], answer));
            }
            Some(Err(_)) if repeats.taken.contains(key) => {
                freed.extend(row(&arrivals[*leader], Value::Null));
            }
            _ => {}
        }
    }
    for (at, arrival) in arrivals.iter().enumerate() {
        if answers[at].is_none()
            && let Some((key, hash)) = key(arrival)
        {
            let (leader, leader_hash) = repeats.leaders[&key];
            let first = answers[leader].clone().expect("a leader works or is answered");
            answers[at] = Some(first.and_then(|receipt| replay(hash == leader_hash, receipt)));
        }
    }
    update_answers(tx, &kept).await?;
    free_keys(tx, &freed).await
}

async fn update_answers(tx: &mut Tx, rows: &[KeyRow<'_>]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "UPDATE idempotency SET answer = r.answer
             FROM ROWS($1: workspace_id uuid, route text, key text, answer jsonb) r
             WHERE idempotency.workspace_id = r.workspace_id AND idempotency.route = r.route
               AND idempotency.key = r.key",
        )
        .bind(Rows::of(rows))
        .run()
        .await?;
    Ok(())
}

/// A request that was declined may be sent again under its key once its cause is mended.
async fn free_keys(tx: &mut Tx, rows: &[KeyRow<'_>]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "DELETE FROM idempotency WHERE (workspace_id, route, key) IN (
                SELECT r.workspace_id, r.route, r.key
                FROM ROWS($1: workspace_id uuid, route text, key text) r)",
        )
        .bind(Rows::of(rows))
        .run()
        .await?;
    Ok(())
}
