//! Starting an import, stopping it, taking it back: the row says so, the caller rings the bell.
use super::{
    Answer, Db, Key, Refused, Time, Tx,
    upload::{drop_parts, refused, same_file},
};
use crate::{import::ImportConfig, queue::Job};
use sqlx::types::Json;

/// Starts an import that is ready, or goes on with one that has failed; answers the job to ring for on the lane of imports.
pub async fn start(db: &Db, key: Key, at: Time) -> Answer<Job> {
    let mut tx = db.begin().await?;
    let started = start_in(&mut tx, key, at).await?;
    finish(tx, started).await
}

pub(super) async fn start_in(tx: &mut Tx, key: Key, at: Time) -> Answer<Job> {
    let file: Option<(Option<String>, Json<ImportConfig>)> = tx
        .ex()
        .sql("SELECT file_hash, config FROM import WHERE workspace_id = $1 AND id = $2")
        .bind(key.0)
        .bind(key.1)
        .optional()
        .await?;
    let Some((hash, config)) = file else { return Ok(Err(Refused::Unknown)) };
    if let Some(hash) = hash.filter(|_| !config.again)
        && let Some(other) = same_file(tx, key, &hash).await?
    {
        return Ok(Err(Refused::SameFile(other)));
    }
    let started: Option<(i64,)> = tx
        .ex()
        .sql(
            "UPDATE import SET state = 'running', due_at = $3, generation = generation + 1, attempt = 0, problem = NULL,
                started_at = COALESCE(started_at, $3), finished_at = NULL, updated_at = $3
             WHERE workspace_id = $1 AND id = $2 AND state IN ('ready', 'failed')
             RETURNING generation",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(at)
        .optional()
        .await?;
    begun(tx, key, started, "only one that is ready or has failed can be started").await
}

/// Stops an import that runs, after the part that is under way: what is in stays, the rest of the file is forgotten.
pub async fn cancel(db: &Db, key: Key, at: Time) -> Answer<()> {
    let mut tx = db.begin().await?;
    let cancelled = cancel_in(&mut tx, key, at).await?;
    finish(tx, cancelled).await
}

pub(super) async fn cancel_in(tx: &mut Tx, key: Key, at: Time) -> Answer<()> {
    let cancelled = tx
        .ex()
        .sql(
            "UPDATE import SET state = 'cancelled', due_at = NULL, generation = generation + 1, finished_at = $3,
                updated_at = $3
             WHERE workspace_id = $1 AND id = $2 AND state IN ('running', 'failed')",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(at)
        .run()
        .await?;
    if cancelled == 0 {
        return Ok(Err(refused(tx, key, "only one that runs can be cancelled").await?));
    }
    drop_parts(tx, key).await?;
    Ok(Ok(()))
}

/// Begins to take back what an import did; answers the job to ring for. What has changed since stays as it is.
pub async fn undo(db: &Db, key: Key, at: Time) -> Answer<Job> {
    let mut tx = db.begin().await?;
    let undone = undo_in(&mut tx, key, at).await?;
    finish(tx, undone).await
}

pub(super) async fn undo_in(tx: &mut Tx, key: Key, at: Time) -> Answer<Job> {
    let undone: Option<(i64,)> = tx
        .ex()
        .sql(
            "UPDATE import SET state = 'undoing', due_at = $3, generation = generation + 1, attempt = 0, problem = NULL,
                finished_at = NULL, updated_at = $3
             WHERE workspace_id = $1 AND id = $2 AND state IN ('done', 'failed', 'cancelled')
             RETURNING generation",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(at)
        .optional()
        .await?;
    if undone.is_some() {
        drop_parts(tx, key).await?;
    }
    begun(tx, key, undone, "only one that has ended can be undone").await
}

/// The job of what has begun, or why it has not.
async fn begun(tx: &mut Tx, key: Key, begun: Option<(i64,)>, wanted: &'static str) -> Answer<Job> {
    let Some((generation,)) = begun else { return Ok(Err(refused(tx, key, wanted).await?)) };
    Ok(Ok(Job { id: key.1.0, generation }))
}

/// What is refused leaves nothing.
pub(super) async fn finish<T>(tx: Tx, done: Result<T, Refused>) -> Answer<T> {
    match done {
        Ok(_) => tx.commit().await?,
        Err(_) => tx.rollback().await?,
    }
    Ok(done)
}
