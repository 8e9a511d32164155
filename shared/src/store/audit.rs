//! Lines of the audit log: added in the transaction that does what they tell of, never changed.
use super::{Rows, StoreError, Tx, rows::time};
use crate::{
    audit::{Actor, Entry, area},
    clock::Time,
    ids::{AuditId, WorkspaceId},
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

mod list;

pub use list::{AuditRow, Filter, explained, list};

#[derive(Serialize)]
struct Row<'a> {
    workspace_id: Uuid,
    id: Uuid,
    actor: &'a str,
    key_id: Option<Uuid>,
    request_id: Option<&'a str>,
    action: &'a str,
    area: &'a str,
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
    let rows = entries.iter().map(|entry| row(workspace, actor, entry, at)).collect();
    write(tx, rows).await
}

/// Adds lines in the name of whoever has the transaction in hands ([`super::Db::acting`]); none when that is the program itself.
pub async fn tell(
    tx: &mut Tx,
    workspace: WorkspaceId,
    entries: &[Entry],
    at: Time,
) -> Result<(), StoreError> {
    match tx.actor() {
        Some(actor) => add(tx, workspace, &actor, entries, at).await,
        None => Ok(()),
    }
}

/// [`tell`] of many things at once, each of its own workspace.
pub async fn tell_all(
    tx: &mut Tx,
    told: impl IntoIterator<Item = (WorkspaceId, Entry, Time)>,
) -> Result<(), StoreError> {
    let Some(actor) = tx.actor() else { return Ok(()) };
    let told: Vec<(WorkspaceId, Entry, Time)> = told.into_iter().collect();
    let rows = told.iter().map(|(workspace, entry, at)| row(*workspace, &actor, entry, *at));
    write(tx, rows.collect()).await
}

/// A line of its own workspace and its own actor, for transactions in which several people's changes become true together.
#[derive(Debug, Clone)]
pub struct Told {
    pub workspace: WorkspaceId,
    pub actor: Actor,
    pub entry: Entry,
    pub at: Time,
}

/// Adds lines of several actors.
pub(super) async fn add_all(
    tx: &mut Tx,
    told: impl Iterator<Item = &Told>,
) -> Result<(), StoreError> {
    let rows = told.map(|one| row(one.workspace, &one.actor, &one.entry, one.at)).collect();
    write(tx, rows).await
}

async fn write(tx: &mut Tx, rows: Vec<Row<'_>>) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "INSERT INTO audit_event (workspace_id, id, actor, key_id, request_id, action, area, object_kind, object_id, before,
                after, at)
             SELECT r.workspace_id, r.id, r.actor, r.key_id, r.request_id, r.action, r.area, r.object_kind, r.object_id, r.before,
                r.after, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, actor text, key_id uuid, request_id text, action text, area text,
                object_kind text, object_id text, before jsonb, after jsonb, at timestamptz) r",
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
        area: area(entry.action),
        object_kind: entry.object.0,
        object_id: &entry.object.1,
        before: entry.before.as_ref(),
        after: entry.after.as_ref(),
        at,
    }
}
