//! Locking people whole: nothing new may hang on them until the transaction ends.
use crate::{
    ids::{ContactId, WorkspaceId},
    store::{Rows, StoreError, Tx},
};
use serde::Serialize;
use std::collections::BTreeSet;
use uuid::Uuid;

/// A row's id.
#[derive(Serialize)]
pub(super) struct IdRow {
    pub id: Uuid,
}

/// Ids as `ROWS($n: id uuid)` reads them, each once, in order.
pub(super) fn rows(ids: impl IntoIterator<Item = Uuid>) -> Rows {
    let ids: BTreeSet<Uuid> = ids.into_iter().collect();
    Rows::of(&ids.into_iter().map(|id| IdRow { id }).collect::<Vec<_>>())
}

/// Locks contacts in the order of their ids, against new leads, notes and activities too: who adds one waits until we are done.
pub(super) async fn lock(
    tx: &mut Tx,
    workspace: WorkspaceId,
    ids: &[ContactId],
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "SELECT c.id FROM ROWS($2: id uuid) r
             JOIN contact c ON c.workspace_id = $1 AND c.id = r.id{pg:  FOR UPDATE OF c}",
        )
        .bind(workspace)
        .bind(rows(ids.iter().map(|id| id.0)))
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
