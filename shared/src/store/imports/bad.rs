//! Rows that are not taken: why, and what they said.
use super::{Key, StoreError, Tx, apply::Bad};
use crate::{import::Problem, store::Rows};
use serde::Serialize;
use uuid::Uuid;

#[derive(Serialize)]
struct ErrorRow<'a> {
    workspace_id: Uuid,
    import_id: Uuid,
    row_number: i64,
    problems: &'a [Problem],
    record: &'a str,
}

/// Keeps the rows of a part that are not taken.
pub(super) async fn keep(
    tx: &mut Tx,
    (workspace, import): Key,
    bad: &[Bad],
) -> Result<(), StoreError> {
    if bad.is_empty() {
        return Ok(());
    }
    let row = |bad: &'_ Bad| -> serde_json::Value {
        serde_json::to_value(ErrorRow {
            workspace_id: workspace.0,
            import_id: import.0,
            row_number: bad.number,
            problems: &bad.problems,
            record: &bad.record,
        })
        .unwrap_or_default()
    };
    tx.ex()
        .sql(
            "INSERT INTO import_error (workspace_id, import_id, row_number, problems, record)
             SELECT r.workspace_id, r.import_id, r.row_number, r.problems, r.record
             FROM ROWS($1: workspace_id uuid, import_id uuid, row_number bigint, problems jsonb, record text) r",
        )
        .bind(Rows::of(&bad.iter().map(row).collect::<Vec<_>>()))
        .run()
        .await
        .map(drop)
}
