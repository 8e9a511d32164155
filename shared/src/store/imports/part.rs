//! The open parts of a file: read ahead of the one that is written, and closed with it.
use super::{Db, Key, StoreError, Time, Tx, apply::Record};
use crate::import::Plan;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// A part that is not done, read.
#[derive(Debug)]
pub(super) struct Open {
    pub number: i64,
    pub records: Vec<Record>,
}

#[derive(sqlx::FromRow)]
struct Text {
    number: i64,
    first_row: i64,
    row_count: i64,
    text: String,
}

/// A part on its way.
pub(super) struct Ahead(JoinHandle<Result<Option<Open>, StoreError>>);

impl Ahead {
    /// Begins to read the first open part after `after`.
    pub fn start(db: &Db, key: Key, plan: Arc<Plan>, after: Option<i64>) -> Self {
        let db = db.clone();
        Self(tokio::spawn(async move {
            let Some(text) = next(&db, key, after).await? else { return Ok(None) };
            read(plan, text).await.map(Some)
        }))
    }

    /// The part; none if there is no other.
    pub async fn wait(mut self) -> Result<Option<Open>, StoreError> {
        (&mut self.0).await.map_err(panicked)?
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.0.abort(); // nobody waits for it any more
    }
}

fn panicked(error: tokio::task::JoinError) -> StoreError {
    StoreError::Inconsistent(format!("reading a part went wrong: {error}"))
}

/// Reads the records of a part where it keeps nobody waiting.
async fn read(plan: Arc<Plan>, text: Text) -> Result<Open, StoreError> {
    let (number, wanted) = (text.number, text.row_count);
    let reading = tokio::task::spawn_blocking(move || records(&plan, &text.text, text.first_row));
    let records = reading.await.map_err(panicked)?;
    // No row may be missing without a word.
    if records.len() as i64 != wanted {
        let what = format!("part {number} has {} rows instead of {wanted}", records.len());
        return Err(StoreError::Inconsistent(what));
    }
    Ok(Open { number, records })
}

fn records(plan: &Plan, text: &str, first_row: i64) -> Vec<Record> {
    let rows = plan.read(text, first_row).into_iter();
    let record = rows.map(|row| Record {
        number: row.number,
        text: row.record.to_owned(),
        draft: row.draft,
    });
    record.collect()
}

async fn next(
    db: &Db,
    (workspace, import): Key,
    after: Option<i64>,
) -> Result<Option<Text>, StoreError> {
    db.read()
        .sql(
            "SELECT number, first_row, row_count, text FROM import_part
             WHERE import_id = $2 AND number > $3 AND done_at IS NULL AND (workspace_id = $1) IS TRUE
             ORDER BY number LIMIT 1",
        )
        .bind(workspace)
        .bind(import)
        .bind(after.unwrap_or(-1))
        .optional()
        .await
}

/// Says that a part is done, in the transaction that does it; its text goes.
pub(super) async fn close(
    tx: &mut Tx,
    (workspace, import): Key,
    number: i64,
    now: Time,
) -> Result<(), StoreError> {
    let closed = tx
        .ex()
        .sql(
            "UPDATE import_part SET done_at = $4, text = NULL
             WHERE workspace_id = $1 AND import_id = $2 AND number = $3 AND done_at IS NULL",
        )
        .bind(workspace)
        .bind(import)
        .bind(number)
        .bind(now)
        .run()
        .await?;
    if closed == 0 {
        let what = format!("part {number} of {import} was taken by somebody else");
        return Err(StoreError::Inconsistent(what));
    }
    Ok(())
}

/// The first records of a file: at least so many, if it has them.
pub(super) async fn first(
    db: &Db,
    key: Key,
    plan: &Arc<Plan>,
    rows: i64,
) -> Result<Vec<Record>, StoreError> {
    let (mut records, mut after) = (Vec::new(), None);
    while (records.len() as i64) < rows {
        let Some(text) = next(db, key, after).await? else { break };
        after = Some(text.number);
        records.extend(read(plan.clone(), text).await?.records);
    }
    Ok(records)
}
