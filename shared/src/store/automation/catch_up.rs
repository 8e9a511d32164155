//! What fell due before something new happens is decided first, so that a scheduler that is late changes nothing.
use crate::{
    automation::{Happened, Occurrence},
    clock::Time,
    ids::{ContactId, LeadId, WorkspaceId},
    store::{
        Db, Rows, StoreError, Tx,
        live::{self, Touched, What},
    },
};
use serde::Serialize;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Whether the clock has anything to say that nobody has heard. Costs no statement where this process knows of no automation, one where
/// nothing is due.
pub async fn may_be_due(
    db: &Db,
    mut workspaces: impl Iterator<Item = WorkspaceId>,
    now: Time,
) -> Result<bool, StoreError> {
    if !workspaces.any(live::reacts) {
        return Ok(false);
    }
    let first: Option<(Time,)> = db
        .read()
        .sql("SELECT due_at FROM lead_automation WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1")
        .optional()
        .await?;
    Ok(first.is_some_and(|(due,)| due <= now))
}

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    id: Uuid,
}

/// Looks at those leads of the contacts that are due, and at those of the contacts that they were merged into.
pub async fn contacts(
    tx: &mut Tx,
    contacts: BTreeSet<(WorkspaceId, ContactId)>,
    now: Time,
) -> Result<(), StoreError> {
    let keys =
        contacts.into_iter().map(|(workspace, id)| Key { workspace_id: workspace.0, id: id.0 });
    let keys: Vec<Key> = keys.collect();
    if keys.is_empty() {
        return Ok(());
    }
    let due: Vec<(WorkspaceId, ContactId, LeadId)> = tx
        .ex()
        .sql(
            "SELECT l.workspace_id, l.contact_id, l.id FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.id = r.id
             JOIN lead l ON l.contact_id = COALESCE(c.merged_into, c.id) AND (l.workspace_id = r.workspace_id) IS TRUE
             JOIN lead_automation a ON a.workspace_id = l.workspace_id AND a.lead_id = l.id
             WHERE (a.due_at <= $2) IS TRUE",
        )
        .bind(Rows::of(&keys))
        .bind(now)
        .all()
        .await?;
    let due: BTreeSet<_> = due.into_iter().collect();
    let touched = due.into_iter().map(|(workspace, contact, lead)| {
        let clock = Happened::to_lead(lead, Occurrence::Clock);
        Touched::new(workspace, contact, What::nothing()).and(clock)
    });
    let touched: Vec<Touched> = touched.collect();
    live::reassess(tx, &touched, now).await
}
