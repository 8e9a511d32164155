//! Contacts that an import made go, unless they have leads or something has happened to them since.
use super::{STEP, StoreError, Taken, Tx};
use crate::{
    ids::ContactId,
    store::{
        Rows,
        contacts::merge::LEAVE,
        imports::{Key, apply},
    },
};
use serde::Serialize;
use uuid::Uuid;

#[derive(Serialize)]
struct ContactKey {
    workspace_id: Uuid,
    id: Uuid,
}

fn keys(key: Key, contacts: &[(ContactId,)]) -> Rows {
    let row = |(id,): &(ContactId,)| ContactKey { workspace_id: key.0.0, id: id.0 };
    Rows::of(&contacts.iter().map(row).collect::<Vec<_>>())
}

/// Those after `after`; none if there are no more.
pub(super) async fn take(tx: &mut Tx, key: Key, after: Uuid) -> Result<Option<Taken>, StoreError> {
    let made: Vec<(ContactId,)> = tx
        .ex()
        .sql(
            "SELECT c.id FROM contact c WHERE c.import_id = $2 AND c.id > $3 AND (c.workspace_id = $1) IS TRUE
             ORDER BY c.id LIMIT $4{pg:  FOR UPDATE}",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(after)
        .bind(STEP)
        .all()
        .await?;
    let Some((last,)) = made.last().copied() else { return Ok(None) };
    let gone = untouched(tx, key, &made).await?;
    if !gone.is_empty() {
        let ids = keys(key, &gone);
        tx.ex().sql(LEAVE).bind(key.0).bind(ids.clone()).run().await?;
        for text in HANGING {
            tx.ex().sql(text).bind(ids.clone()).run().await?;
        }
    }
    Ok(Some(Taken {
        undone: gone.len() as i64,
        kept: (made.len() - gone.len()) as i64,
        contact: Some(last),
        ..Taken::default()
    }))
}

/// Those whom nobody else has written to, and on whom nothing hangs.
async fn untouched(
    tx: &mut Tx,
    key: Key,
    made: &[(ContactId,)],
) -> Result<Vec<(ContactId,)>, StoreError> {
    tx.ex()
        .sql(
            "SELECT c.id FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.id = r.id
             WHERE c.merged_into IS NULL AND c.erased_at IS NULL
                AND NOT EXISTS (SELECT 1 FROM lead l WHERE l.contact_id = c.id)
                AND NOT EXISTS (SELECT 1 FROM contact_note n
                    WHERE n.workspace_id = c.workspace_id AND n.contact_id = c.id)
                AND NOT EXISTS (SELECT 1 FROM activity a WHERE a.contact_id = c.id)
                AND NOT EXISTS (SELECT 1 FROM activity_sum s
                    WHERE s.workspace_id = c.workspace_id AND s.contact_id = c.id)
                AND NOT EXISTS (SELECT 1 FROM visitor v WHERE v.contact_id = c.id)
                AND NOT EXISTS (SELECT 1 FROM contact_change h
                    WHERE h.workspace_id = c.workspace_id AND h.contact_id = c.id AND h.changed_by <> $2
                        AND h.at > c.created_at)",
        )
        .bind(keys(key, made))
        .bind(apply::by(key.1))
        .all()
        .await
}

/// What hangs on contacts that nothing has happened to, and at last the contacts.
const HANGING: [&str; 3] = [
    "DELETE FROM contact_change WHERE (workspace_id, contact_id) IN
        (SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
    "DELETE FROM automation_pending WHERE contact_id IN (SELECT r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
    "DELETE FROM contact WHERE (workspace_id, id) IN
        (SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
];
