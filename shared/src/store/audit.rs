//! Lines of the audit log: added in the transaction that does what they tell of, never changed.
use super::{Rows, StoreError, Tx, rows::time};
use crate::{
    audit::{Actor, Entry},
    clock::Time,
    ids::{AuditId, WorkspaceId},
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

#[derive(Serialize)]
struct Row<'a> {
    workspace_id: Uuid,
    id: Uuid,
    actor: &'a str,
    key_id: Option<Uuid>,
    request_id: Option<&'a str>,
    action: &'a str,
    object_kind: &'a str,
    object_id: &'a str,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// Adds lines, in their order.
pub async fn add(
    tx: &mut Tx,
    workspace: WorkspaceId,
    actor: &Actor,
    entries: &[Entry],
    at: Time,
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row> = entries.iter().map(|entry| row(workspace, actor, entry, at)).collect();
    tx.ex()
        .sql(
            "INSERT INTO audit_event (workspace_id, id, actor, key_id, request_id, action, object_kind, object_id, before, after, at)
             SELECT r.workspace_id, r.id, r.actor, r.key_id, r.request_id, r.action, r.object_kind, r.object_id, r.before, r.after, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, actor text, key_id uuid, request_id text, action text, object_kind text,
                object_id text, before jsonb, after jsonb, at timestamptz) r",
        )
        .bind(Rows::of(&rows))
        .run()
        .await
        .map(drop)
}

fn row<'a>(workspace: WorkspaceId, actor: &'a Actor, entry: &'a Entry, at: Time) -> Row<'a> {
    Row {
        workspace_id: workspace.0,
        id: AuditId::new().0,
        actor: &actor.name,
        key_id: actor.key.map(|key| key.0),
        request_id: actor.request.as_deref(),
        action: entry.action,
        object_kind: entry.object.0,
        object_id: &entry.object.1,
        before: entry.before.as_ref(),
        after: entry.after.as_ref(),
        at,
    }
}
