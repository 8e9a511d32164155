//! Locking people whole: nothing new may hang on them until the transaction ends.
use crate::{
    ids::{ContactId, WorkspaceId},
    store::{Rows, StoreError, Tx},
};
use serde::Serialize;
use std::collections::BTreeSet;
use uuid::Uuid;

/// A row's key.
#[derive(Serialize)]
struct KeyRow {
    workspace_id: Uuid,
    id: Uuid,
}

/// Keys as `ROWS($n: workspace_id uuid, id uuid)` reads them, each once, in order. A join by them compares both columns with the row's:
/// with the workspace as a plain parameter SQLite reads all that the workspace has, and looks through the keys each time.
pub(super) fn rows(workspace: WorkspaceId, ids: impl IntoIterator<Item = Uuid>) -> Rows {
    let ids: BTreeSet<Uuid> = ids.into_iter().collect();
    let key = |id| KeyRow { workspace_id: workspace.0, id };
    Rows::of(&ids.into_iter().map(key).collect::<Vec<_>>())
}

/// Locks contacts in the order of their ids, against new leads, notes and activities too: who adds one waits until we are done.
pub(super) async fn lock(
    tx: &mut Tx,
    workspace: WorkspaceId,
    ids: &[ContactId],
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "SELECT c.id FROM ROWS($2: workspace_id uuid, id uuid) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.id = r.id AND (r.workspace_id = $1) IS TRUE{pg:  FOR UPDATE OF c}",
        )
        .bind(workspace)
        .bind(rows(workspace, ids.iter().map(|id| id.0)))
        .run()
        .await
        .map(drop)
}

/// The contacts that were merged into this one.
pub(super) async fn merged_into(
    tx: &mut Tx,
    workspace: WorkspaceId,
    contact: ContactId,
) -> Result<Vec<ContactId>, StoreError> {
    let found: Vec<(ContactId,)> = tx
        .ex()
        .sql(
            "SELECT c.id FROM contact c WHERE c.merged_into = $2 AND (c.workspace_id = $1) IS TRUE",
        )
        .bind(workspace)
        .bind(contact)
        .all()
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}
