//! Imports that are forgotten: files that nobody started within a day, and all that is kept of an import a month after it ended.
use super::{Db, Key, StoreError, Time};
use crate::ids::{ImportId, WorkspaceId};
use chrono::TimeDelta;

/// Hours after which a file that nobody has started is forgotten.
pub const UPLOAD_HOURS: i64 = 24;
/// Days for which an import that has ended is kept, with its rows of errors and what is needed to undo it.
pub const FINISHED_DAYS: i64 = 30;
/// Rows that one statement forgets, at most.
const ROWS: i64 = 5_000;

/// What hangs on an import, a statement each that forgets some of it.
const HANGING: [&str; 3] = [
    "DELETE FROM import_error WHERE (workspace_id, import_id, row_number) IN
        (SELECT e.workspace_id, e.import_id, e.row_number FROM import_error e
         WHERE e.workspace_id = $1 AND e.import_id = $2 LIMIT $3)",
    "DELETE FROM import_before WHERE (workspace_id, import_id, kind, object_id) IN
        (SELECT b.workspace_id, b.import_id, b.kind, b.object_id FROM import_before b
         WHERE b.workspace_id = $1 AND b.import_id = $2 LIMIT $3)",
    "DELETE FROM import_part WHERE (workspace_id, import_id, number) IN
        (SELECT p.workspace_id, p.import_id, p.number FROM import_part p
         WHERE p.workspace_id = $1 AND p.import_id = $2 LIMIT $3)",
];

/// Forgets imports that are old enough, at most so many; answers how many went.
pub async fn forget(db: &Db, now: Time, limit: i64) -> Result<u64, StoreError> {
    let old: Vec<(WorkspaceId, ImportId)> = db
        .read()
        .sql(
            "SELECT workspace_id, id FROM import
             WHERE updated_at < $1 AND due_at IS NULL AND (state IN ('uploading', 'ready') OR updated_at < $2)
             ORDER BY updated_at LIMIT $3",
        )
        .bind(now - TimeDelta::hours(UPLOAD_HOURS))
        .bind(now - TimeDelta::days(FINISHED_DAYS))
        .bind(limit)
        .all()
        .await?;
    let mut gone = 0;
    for key in old {
        gone += forget_one(db, key, now).await?;
    }
    Ok(gone)
}

async fn forget_one(db: &Db, key: Key, now: Time) -> Result<u64, StoreError> {
    // From here on nobody starts it or adds to it; should this process die, the next sweep goes on.
    let taken = db
        .write()
        .sql(
            "UPDATE import SET state = 'cancelled', generation = generation + 1, updated_at = $4
             WHERE workspace_id = $1 AND id = $2 AND due_at IS NULL AND updated_at < $3",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(now - TimeDelta::hours(UPLOAD_HOURS))
        .bind(now - TimeDelta::days(FINISHED_DAYS + 1))
        .run()
        .await?;
    if taken == 0 {
        return Ok(0);
    }
    for text in HANGING {
        loop {
            let gone = db.write().sql(text).bind(key.0).bind(key.1).bind(ROWS).run().await?;
            if gone < ROWS as u64 {
                break;
            }
        }
    }
    db.write()
        .sql("DELETE FROM import WHERE workspace_id = $1 AND id = $2 AND state = 'cancelled' AND due_at IS NULL")
        .bind(key.0)
        .bind(key.1)
        .run()
        .await
}
