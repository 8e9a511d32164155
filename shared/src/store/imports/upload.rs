//! A file comes in, part by part, each in its own short transaction. One that breaks off is begun again, or forgotten after a day.
use super::{Answer, Db, Key, Refused, State, StoreError, Time, Tx};
use crate::{
    ids::{ImportId, WorkspaceId},
    import::ImportConfig,
};
use sqlx::types::Json;

/// What may be uploaded to, as those are told who do it too late.
const OPEN: &str = "a file is uploaded before the import is started";

/// An upload under way. Only the newest one of an import adds parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload {
    pub workspace: WorkspaceId,
    pub import: ImportId,
    generation: i64,
}

impl Upload {
    pub fn key(&self) -> Key {
        (self.workspace, self.import)
    }
}

/// A part of a file: whole records.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// 0, 1, 2, …
    pub number: i64,
    /// The number of its first record; 1 is the first after the header.
    pub first_row: i64,
    pub row_count: i64,
    pub text: &'a str,
}

/// What is known of a file once all of it is here.
#[derive(Debug, Clone)]
pub struct Uploaded {
    pub header: Vec<String>,
    pub delimiter: char,
    /// SHA-256 of the file, hexadecimal.
    pub hash: String,
    pub bytes: i64,
    pub rows: i64,
    pub config: ImportConfig,
}

/// Begins an import: state `uploading`.
pub async fn begin(
    db: &Db,
    workspace: WorkspaceId,
    file_name: &str,
    by: &str,
    at: Time,
) -> Result<Upload, StoreError> {
    let mut tx = db.begin().await?;
    let config = ImportConfig::default();
    let upload = begin_in(&mut tx, (workspace, file_name), &config, by, at).await?;
    tx.commit().await?;
    Ok(upload)
}

pub(super) async fn begin_in(
    tx: &mut Tx,
    (workspace, file_name): (WorkspaceId, &str),
    config: &ImportConfig,
    by: &str,
    at: Time,
) -> Result<Upload, StoreError> {
    let upload = Upload { workspace, import: ImportId::new(), generation: 1 };
    tx.ex()
        .sql(
            "INSERT INTO import (workspace_id, id, file_name, state, config, header, delimiter, bytes, row_count, created,
                updated, unchanged, skipped, failed, undone, kept, generation, attempt, created_by, created_at, updated_at)
             VALUES ($1, $2, $3, 'uploading', $4, '[]', ',', 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, $5, $6, $6)",
        )
        .bind(workspace)
        .bind(upload.import)
        .bind(file_name)
        .bind(Json(config))
        .bind(by)
        .bind(at)
        .run()
        .await?;
    Ok(upload)
}

/// Begins the upload of an import again that was not started: its parts go, an upload that is still under way adds none any more.
pub async fn begin_again(db: &Db, key: Key, file_name: &str, at: Time) -> Answer<Upload> {
    let mut tx = db.begin().await?;
    let generation: Option<(i64,)> = tx
        .ex()
        .sql(
            "UPDATE import SET state = 'uploading', file_name = $3, file_hash = NULL, bytes = 0, row_count = 0,
                generation = generation + 1, updated_at = $4
             WHERE workspace_id = $1 AND id = $2 AND state IN ('uploading', 'ready')
             RETURNING generation",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(file_name)
        .bind(at)
        .optional()
        .await?;
    let Some((generation,)) = generation else {
        return Ok(Err(refused(&mut tx, key, OPEN).await?));
    };
    drop_parts(&mut tx, key).await?;
    tx.commit().await?;
    Ok(Ok(Upload { workspace: key.0, import: key.1, generation }))
}

/// Adds a part. The same part again replaces the first.
pub async fn add_part(db: &Db, upload: &Upload, part: &Part<'_>, at: Time) -> Answer<()> {
    let mut tx = db.begin().await?;
    if !touch(&mut tx, upload, at).await? {
        return Ok(Err(too_late(&mut tx, upload).await?));
    }
    tx.ex()
        .sql(
            "INSERT INTO import_part (workspace_id, import_id, number, first_row, row_count, text)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (workspace_id, import_id, number) DO UPDATE SET first_row = excluded.first_row,
                row_count = excluded.row_count, text = excluded.text",
        )
        .bind(upload.workspace)
        .bind(upload.import)
        .bind(part.number)
        .bind(part.first_row)
        .bind(part.row_count)
        .bind(part.text)
        .run()
        .await?;
    tx.commit().await?;
    Ok(Ok(()))
}

/// Forgets what is here of a file that has broken off, if nobody has begun another upload since.
pub async fn give_up(db: &Db, upload: &Upload, at: Time) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    if touch(&mut tx, upload, at).await? {
        drop_parts(&mut tx, upload.key()).await?;
    }
    tx.commit().await
}

/// The file is here: state `ready`. Refused when an earlier import has brought in the same file and `config.again` is not set; then the
/// upload stays open, for another file or to be abandoned.
pub async fn uploaded(db: &Db, upload: &Upload, file: &Uploaded, at: Time) -> Answer<()> {
    let mut tx = db.begin().await?;
    if !touch(&mut tx, upload, at).await? {
        return Ok(Err(too_late(&mut tx, upload).await?));
    }
    if !file.config.again
        && let Some(other) = same_file(&mut tx, upload.key(), &file.hash).await?
    {
        return Ok(Err(Refused::SameFile(other)));
    }
    let rows: i64 = tx
        .ex()
        .sql(
            "SELECT CAST(COALESCE(SUM(row_count), 0) AS BIGINT) FROM import_part
             WHERE workspace_id = $1 AND import_id = $2",
        )
        .bind(upload.workspace)
        .bind(upload.import)
        .scalar()
        .await?;
    if rows != file.rows {
        let what =
            format!("the parts of {} have {rows} rows, the file {}", upload.import, file.rows);
        return Err(StoreError::Inconsistent(what));
    }
    tx.ex()
        .sql(
            "UPDATE import SET state = 'ready', config = $3, header = $4, delimiter = $5, file_hash = $6, bytes = $7,
                row_count = $8
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(upload.workspace)
        .bind(upload.import)
        .bind(Json(&file.config))
        .bind(Json(&file.header))
        .bind(file.delimiter.to_string())
        .bind(file.hash.as_str())
        .bind(file.bytes)
        .bind(file.rows)
        .run()
        .await?;
    tx.commit().await?;
    Ok(Ok(()))
}

/// Changes what an import is to do that is `ready`.
pub async fn configure(db: &Db, key: Key, config: &ImportConfig, at: Time) -> Answer<()> {
    let mut tx = db.begin().await?;
    let set = tx
        .ex()
        .sql(
            "UPDATE import SET config = $3, updated_at = $4
             WHERE workspace_id = $1 AND id = $2 AND state = 'ready'",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(Json(config))
        .bind(at)
        .run()
        .await?;
    if set == 0 {
        let wanted = "it is set up once its file is here and before it is started";
        return Ok(Err(refused(&mut tx, key, wanted).await?));
    }
    tx.commit().await?;
    Ok(Ok(()))
}

/// Forgets an import that was not started, with its file. One that is not there is no error.
pub async fn abandon(db: &Db, key: Key) -> Answer<()> {
    let mut tx = db.begin().await?;
    // Locked first: an upload that is still under way adds no part meanwhile, and finds nothing afterwards.
    let open = tx
        .ex()
        .sql(
            "UPDATE import SET generation = generation + 1
             WHERE workspace_id = $1 AND id = $2 AND state IN ('uploading', 'ready')",
        )
        .bind(key.0)
        .bind(key.1)
        .run()
        .await?;
    if open == 0 {
        return match refused(&mut tx, key, "it can be undone, not abandoned").await? {
            Refused::Unknown => Ok(Ok(())),
            other => Ok(Err(other)),
        };
    }
    drop_parts(&mut tx, key).await?;
    tx.ex()
        .sql("DELETE FROM import WHERE workspace_id = $1 AND id = $2")
        .bind(key.0)
        .bind(key.1)
        .run()
        .await?;
    tx.commit().await?;
    Ok(Ok(()))
}

/// Locks the import for its newest upload; false if that is another one, or it is over.
async fn touch(tx: &mut Tx, upload: &Upload, at: Time) -> Result<bool, StoreError> {
    let touched = tx
        .ex()
        .sql(
            "UPDATE import SET updated_at = $4
             WHERE workspace_id = $1 AND id = $2 AND generation = $3 AND state = 'uploading'",
        )
        .bind(upload.workspace)
        .bind(upload.import)
        .bind(upload.generation)
        .bind(at)
        .run()
        .await?;
    Ok(touched == 1)
}

async fn too_late(tx: &mut Tx, upload: &Upload) -> Result<Refused, StoreError> {
    let why = refused(tx, upload.key(), OPEN).await?;
    Ok(match why {
        Refused::NotSo { state: State::Uploading, .. } => Refused::Replaced,
        other => other,
    })
}

/// Why an import is not in the state that somebody wants it in.
pub(super) async fn refused(
    tx: &mut Tx,
    key: Key,
    wanted: &'static str,
) -> Result<Refused, StoreError> {
    let state: Option<(State,)> = tx
        .ex()
        .sql("SELECT state FROM import WHERE workspace_id = $1 AND id = $2")
        .bind(key.0)
        .bind(key.1)
        .optional()
        .await?;
    Ok(state.map_or(Refused::Unknown, |(state,)| Refused::NotSo { state, wanted }))
}

pub(super) async fn drop_parts(tx: &mut Tx, key: Key) -> Result<(), StoreError> {
    tx.ex()
        .sql("DELETE FROM import_part WHERE workspace_id = $1 AND import_id = $2")
        .bind(key.0)
        .bind(key.1)
        .run()
        .await
        .map(drop)
}

/// Another import of the workspace that has brought in the same file, or is about to. They are locked in one order: of two that are
/// started at once, the second sees the first.
pub(super) async fn same_file(
    tx: &mut Tx,
    key: Key,
    hash: &str,
) -> Result<Option<ImportId>, StoreError> {
    let all: Vec<(ImportId, State, i64)> = tx
        .ex()
        .sql(
            "SELECT id, state, created + updated FROM import
             WHERE file_hash = $2 AND (workspace_id = $1) IS TRUE{pg:  FOR NO KEY UPDATE}",
        )
        .bind(key.0)
        .bind(hash)
        .all()
        .await?;
    let is_in = |state: State, written: i64| match state {
        State::Running | State::Done | State::Failed | State::Undoing => true,
        State::Cancelled => written > 0,
        State::Uploading | State::Ready | State::Undone => false,
    };
    let other =
        all.into_iter().find(|(id, state, written)| *id != key.1 && is_in(*state, *written));
    Ok(other.map(|(id, ..)| id))
}
