//! What leads and contacts were before an import changed them: kept for undoing.
use super::{StoreError, Tx};
use crate::{
    ids::{ContactId, ImportId, WorkspaceId},
    import::decide::Fields,
    store::Rows,
};
use serde::Serialize;
use sqlx::types::Json;
use std::collections::HashMap;
use uuid::Uuid;

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(in crate::store::imports) enum Kind {
    Lead,
    Contact,
}

/// A lead or contact that an import has changed.
#[derive(Debug, Clone)]
pub(in crate::store::imports) struct Before {
    pub kind: Kind,
    pub object: Uuid,
    pub contact: ContactId,
    pub fields: Fields,
}

#[derive(Serialize)]
struct Row<'a> {
    workspace_id: Uuid,
    import_id: Uuid,
    kind: Kind,
    object_id: Uuid,
    contact_id: Uuid,
    fields: &'a Fields,
}

/// Keeps what was changed. Of what this import has changed before, the first `from` stays.
pub(super) async fn keep(
    tx: &mut Tx,
    (workspace, import): (WorkspaceId, ImportId),
    changed: Vec<Before>,
) -> Result<(), StoreError> {
    if changed.is_empty() {
        return Ok(());
    }
    let rows = |all: &[Before]| {
        let row = |one: &Before| -> serde_json::Value {
            serde_json::to_value(Row {
                workspace_id: workspace.0,
                import_id: import.0,
                kind: one.kind,
                object_id: one.object,
                contact_id: one.contact.0,
                fields: &one.fields,
            })
            .unwrap_or_default()
        };
        Rows::of(&all.iter().map(row).collect::<Vec<_>>())
    };
    let found: Vec<(Kind, Uuid, Json<Fields>)> = tx
        .ex()
        .sql(
            "SELECT b.kind, b.object_id, b.fields
             FROM ROWS($1: workspace_id uuid, import_id uuid, kind text, object_id uuid) r
             JOIN import_before b ON b.workspace_id = r.workspace_id AND b.import_id = r.import_id AND b.kind = r.kind
                AND b.object_id = r.object_id",
        )
        .bind(rows(&changed))
        .all()
        .await?;
    let mut found: HashMap<(Kind, Uuid), Fields> =
        found.into_iter().map(|(kind, object, fields)| ((kind, object), fields.0)).collect();
    let merged: Vec<Before> = changed
        .into_iter()
        .map(|one| match found.remove(&(one.kind, one.object)) {
            Some(mut fields) => {
                fields.absorb(one.fields);
                Before { fields, ..one }
            }
            None => one,
        })
        .collect();
    tx.ex()
        .sql(
            "INSERT INTO import_before (workspace_id, import_id, kind, object_id, contact_id, fields)
             SELECT r.workspace_id, r.import_id, r.kind, r.object_id, r.contact_id, r.fields
             FROM ROWS($1: workspace_id uuid, import_id uuid, kind text, object_id uuid, contact_id uuid, fields jsonb) r
             WHERE TRUE
             ON CONFLICT (workspace_id, import_id, kind, object_id) DO UPDATE SET fields = excluded.fields",
        )
        .bind(rows(&merged))
        .run()
        .await
        .map(drop)
}
