//! What was told and waits to be taken in, and what is forgotten in the end.
use crate::{
    clock::Time,
    outreach::Heard,
    store::{Db, Rows, StoreError, interactions::Interaction},
};
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

/// Something that was heard and has not been taken in.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Unread {
    pub id: Uuid,
    pub heard: Json<Heard>,
    pub received_at: Time,
}

#[derive(Serialize)]
struct Reference<'a> {
    reference: &'a str,
}

/// What waits for a call or a thread, by our own id or by one of the provider's, in the order it came.
pub async fn unread(
    db: &Db,
    interaction: &Interaction,
    references: &[&str],
) -> Result<Vec<Unread>, StoreError> {
    let references: Vec<Reference> =
        references.iter().map(|reference| Reference { reference }).collect();
    let mut found: Vec<Unread> = db
        .read()
        .sql(
            "SELECT e.id, e.heard, e.received_at FROM inbound_event e
             WHERE e.interaction_id = $2 AND e.read_at IS NULL AND e.heard IS NOT NULL AND (e.workspace_id = $1) IS TRUE
             UNION
             SELECT e.id, e.heard, e.received_at FROM ROWS($4: reference text) r
             JOIN inbound_event e ON e.agent_id = $3 AND e.reference = r.reference
             WHERE e.read_at IS NULL AND e.heard IS NOT NULL AND (e.workspace_id = $1) IS TRUE",
        )
        .bind(interaction.workspace_id)
        .bind(interaction.id)
        .bind(interaction.agent_id)
        .bind(Rows::of(&references))
        .all()
        .await?;
    found.sort_by_key(|event| (event.received_at, event.id));
    Ok(found)
}

/// Forgets events that are older: those that were taken in, and those that nobody ever asked for.
pub async fn forget(db: &Db, before: Time, limit: i64) -> Result<u64, StoreError> {
    db.write()
        .sql(
            "DELETE FROM inbound_event WHERE id IN (
                SELECT e.id FROM inbound_event e WHERE e.received_at < $1 ORDER BY e.received_at LIMIT $2)",
        )
        .bind(before)
        .bind(limit)
        .run()
        .await
}
