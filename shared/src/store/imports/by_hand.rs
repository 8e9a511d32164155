//! What people do with imports, with a line in the audit log each.
use super::{
    Answer, Key, Upload,
    start::{cancel_in, finish, start_in, undo_in},
    upload::begin_in,
};
use crate::{
    audit::{Actor, Entry},
    clock::Time,
    ids::WorkspaceId,
    import::ImportConfig,
    queue::Job,
    store::{Db, StoreError, Tx, audit},
};
use serde_json::json;

/// [`super::begin`] of an import that is to do what `config` says.
pub async fn create(
    db: &Db,
    (workspace, file_name): (WorkspaceId, &str),
    config: &ImportConfig,
    actor: &Actor,
    at: Time,
) -> Result<Upload, StoreError> {
    let mut tx = db.begin().await?;
    let upload = begin_in(&mut tx, (workspace, file_name), config, &actor.name, at).await?;
    let what = json!({ "kind": config.kind, "purpose": config.purpose });
    let entry = Entry::new("import.created", "import", upload.import).to(what);
    audit::add(&mut tx, workspace, actor, &[entry], at).await?;
    tx.commit().await?;
    Ok(upload)
}

/// [`super::start`].
pub async fn start(db: &Db, key: Key, actor: &Actor, at: Time) -> Answer<Job> {
    let mut tx = db.begin().await?;
    let started = start_in(&mut tx, key, at).await?;
    if started.is_ok() {
        tell(&mut tx, key, "import.started", actor, at).await?;
    }
    finish(tx, started).await
}

/// [`super::cancel`].
pub async fn cancel(db: &Db, key: Key, actor: &Actor, at: Time) -> Answer<()> {
    let mut tx = db.begin().await?;
    let cancelled = cancel_in(&mut tx, key, at).await?;
    if cancelled.is_ok() {
        tell(&mut tx, key, "import.cancelled", actor, at).await?;
    }
    finish(tx, cancelled).await
}

/// [`super::undo`].
pub async fn undo(db: &Db, key: Key, actor: &Actor, at: Time) -> Answer<Job> {
    let mut tx = db.begin().await?;
    let undone = undo_in(&mut tx, key, at).await?;
    if undone.is_ok() {
        tell(&mut tx, key, "import.undone", actor, at).await?;
    }
    finish(tx, undone).await
}

async fn tell(
    tx: &mut Tx,
    (workspace, import): Key,
    action: &'static str,
    actor: &Actor,
    at: Time,
) -> Result<(), StoreError> {
    let entry = Entry::new(action, "import", import);
    audit::add(tx, workspace, actor, &[entry], at).await
}
