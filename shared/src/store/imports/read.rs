//! Looking at imports: how far they are, and the rows that were not taken.
use super::{Counts, Db, Key, State, StoreError, Time};
use crate::{
    ids::{ImportId, WorkspaceId},
    import::{ImportConfig, Problem},
};
use sqlx::types::Json;
use uuid::Uuid;

/// The columns of an [`Import`].
macro_rules! import_columns {
    () => {
        "id, file_name, state, config, header, delimiter, file_hash, bytes, row_count, created, updated, unchanged, skipped, failed, \
         undone, kept, generation, problem, created_by, created_at, updated_at, started_at, finished_at"
    };
}

/// An import.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Import {
    pub id: ImportId,
    pub file_name: String,
    pub state: State,
    pub config: Json<ImportConfig>,
    /// The names of the file's columns.
    pub header: Json<Vec<String>>,
    /// One character.
    pub delimiter: String,
    pub file_hash: Option<String>,
    pub bytes: i64,
    /// Rows of the file.
    pub row_count: i64,
    /// What became of the rows so far.
    #[sqlx(flatten)]
    pub counts: Counts,
    /// What undoing has taken back, and what it had to leave.
    pub undone: i64,
    pub kept: i64,
    /// For the job on the lane.
    pub generation: i64,
    /// Why it does not go on, or what was wrong last.
    pub problem: Option<String>,
    pub created_by: String,
    pub created_at: Time,
    pub updated_at: Time,
    pub started_at: Option<Time>,
    pub finished_at: Option<Time>,
}

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ErrorRow {
    /// Its number in the file; 1 is the first after the header.
    pub row_number: i64,
    pub problems: Json<Vec<Problem>>,
    /// The record as it stands in the file, without its line's end.
    pub record: String,
}

pub async fn get(db: &Db, (workspace, id): Key) -> Result<Option<Import>, StoreError> {
    db.read()
        .sql(concat!(
            "SELECT ",
            import_columns!(),
            " FROM import WHERE workspace_id = $1 AND id = $2"
        ))
        .bind(workspace)
        .bind(id)
        .optional()
        .await
}

/// Imports, newest first; older ones than `before` when it is given.
pub async fn list(
    db: &Db,
    workspace: WorkspaceId,
    before: Option<ImportId>,
    limit: i64,
) -> Result<Vec<Import>, StoreError> {
    db.read()
        .sql(concat!(
            "SELECT ",
            import_columns!(),
            " FROM import WHERE workspace_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
        ))
        .bind(workspace)
        .bind(before.unwrap_or(ImportId(Uuid::max())))
        .bind(limit)
        .all()
        .await
}

/// The rows that were not taken, in the order of the file; those after `after_row` (0: from the first).
pub async fn errors(
    db: &Db,
    (workspace, id): Key,
    after_row: i64,
    limit: i64,
) -> Result<Vec<ErrorRow>, StoreError> {
    db.read()
        .sql(
            "SELECT row_number, problems, record FROM import_error
             WHERE workspace_id = $1 AND import_id = $2 AND row_number > $3 ORDER BY row_number LIMIT $4",
        )
        .bind(workspace)
        .bind(id)
        .bind(after_row)
        .bind(limit)
        .all()
        .await
}
