//! Value sets: lists that several campaigns share.
use super::{
    Db, Ex, Rows, StoreError, Tx, audit,
    automation::programs::{self, Naming},
    live::{self, Which},
};
use crate::{
    audit::Entry,
    clock::Time,
    ids::{ValueSetId, WorkspaceId},
    value_set::{Member, Sets, ValueSet},
};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::types::Json;
use std::sync::Arc;
use uuid::Uuid;

/// A value set without its values.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct SetRow {
    pub id: ValueSetId,
    pub name: String,
    pub description: String,
    pub revision: i64,
    pub size: i64,
    pub created_at: Time,
    pub updated_at: Time,
}

/// A set to store.
#[derive(Debug, Clone)]
pub struct SetDraft {
    pub workspace: WorkspaceId,
    pub id: ValueSetId,
    pub name: String,
    pub description: String,
    pub members: Vec<Member>,
    pub at: Time,
}

/// Stores a new set, or one in the place of a deleted set of that name; none when the name is taken.
pub async fn create(db: &Db, draft: &SetDraft) -> Result<Option<ValueSetId>, StoreError> {
    let mut tx = db.begin().await?;
    let stored: Option<(ValueSetId, i64)> = tx
        .ex()
        .sql(
            "INSERT INTO value_set (workspace_id, id, name, description, revision, members, size, created_at, updated_at)
             VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $7)
             ON CONFLICT (workspace_id, name) DO UPDATE
             SET description = excluded.description, members = excluded.members, size = excluded.size,
                 revision = value_set.revision + 1, created_at = excluded.created_at, updated_at = excluded.updated_at,
                 deleted_at = NULL
             WHERE value_set.deleted_at IS NOT NULL
             RETURNING id, revision",
        )
        .bind(draft.workspace)
        .bind(draft.id)
        .bind(draft.name.as_str())
        .bind(draft.description.as_str())
        .bind(Json(&draft.members))
        .bind(draft.members.len() as i64)
        .bind(draft.at)
        .optional()
        .await?;
    if let Some((id, revision)) = stored {
        tell_segments(&mut tx, draft.workspace, &draft.name, draft.at).await?;
        let made = json!({ "name": draft.name, "revision": revision, "size": draft.members.len() });
        let entry = Entry::new("value_set.created", "valueSet", id).to(made);
        audit::tell(&mut tx, draft.workspace, &[entry], draft.at).await?;
    }
    tx.commit().await?;
    Ok(stored.map(|(id, _)| id))
}

/// The members of segments that ask about the set may be others now: they are built again.
async fn tell_segments(
    tx: &mut Tx,
    workspace: WorkspaceId,
    name: &str,
    now: Time,
) -> Result<(), StoreError> {
    let segments = live::make_due(tx, workspace, Which::Naming(name), now).await?;
    let automations = programs::look_again(tx, workspace, Naming::Set(name), now).await?;
    if !segments.is_empty() || automations > 0 {
        live::changed(tx, workspace).await?;
    }
    Ok(())
}

/// Replaces the values of `draft.id` if the set is at revision `expected`, or whatever it is at when that is none. Answers whether it was.
pub async fn save(db: &Db, draft: &SetDraft, expected: Option<i64>) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let before = told(&mut tx, (draft.workspace, draft.id)).await?;
    let changed: Option<(String,)> = tx
        .ex()
        .sql(
            "UPDATE value_set SET description = $3, members = $4, size = $5, revision = revision + 1, updated_at = $6
             WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL AND revision = COALESCE($7, revision)
             RETURNING name",
        )
        .bind(draft.workspace)
        .bind(draft.id)
        .bind(draft.description.as_str())
        .bind(Json(&draft.members))
        .bind(draft.members.len() as i64)
        .bind(draft.at)
        .bind(expected)
        .optional()
        .await?;
    if let Some((name,)) = &changed {
        tell_segments(&mut tx, draft.workspace, name, draft.at).await?;
        let after = told(&mut tx, (draft.workspace, draft.id)).await?;
        let entry = Entry::new("value_set.saved", "valueSet", draft.id).from(before).to(after);
        audit::tell(&mut tx, draft.workspace, &[entry], draft.at).await?;
    }
    tx.commit().await?;
    Ok(changed.is_some())
}

/// What the audit log says of a set: its values may be people's.
async fn told(
    tx: &mut Tx,
    (workspace, id): (WorkspaceId, ValueSetId),
) -> Result<Value, StoreError> {
    let row: Option<(String, i64, i64)> = tx
        .ex()
        .sql(
            "SELECT name, revision, size FROM value_set WHERE workspace_id = $1 AND id = $2{pg:  FOR NO KEY UPDATE}",
        )
        .bind(workspace)
        .bind(id)
        .optional()
        .await?;
    Ok(row.map_or(
        Value::Null,
        |(name, revision, size)| json!({ "name": name, "revision": revision, "size": size }),
    ))
}

/// A set with its values.
pub async fn get(
    db: &Db,
    workspace: WorkspaceId,
    id: ValueSetId,
) -> Result<Option<(SetRow, Vec<Member>)>, StoreError> {
    let rows: Vec<SetRow> = list_from(db, workspace, id, 1).await?;
    let Some(row) = rows.into_iter().find(|row| row.id == id) else { return Ok(None) };
    let members: Json<Vec<Member>> = db
        .read()
        .sql("SELECT members FROM value_set WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .scalar()
        .await?;
    Ok(Some((row, members.0)))
}

/// Sets after `cursor`, oldest first.
pub async fn list(
    db: &Db,
    workspace: WorkspaceId,
    cursor: Option<ValueSetId>,
    limit: i64,
) -> Result<Vec<SetRow>, StoreError> {
    let after = cursor.map_or(Uuid::nil(), |id| Uuid::from_u128(id.0.as_u128().saturating_add(1)));
    list_from(db, workspace, ValueSetId(after), limit).await
}

async fn list_from(
    db: &Db,
    workspace: WorkspaceId,
    first: ValueSetId,
    limit: i64,
) -> Result<Vec<SetRow>, StoreError> {
    db.read()
        .sql(
            "SELECT id, name, description, revision, size, created_at, updated_at FROM value_set
             WHERE workspace_id = $1 AND id >= $2 AND deleted_at IS NULL ORDER BY id LIMIT $3",
        )
        .bind(workspace)
        .bind(first)
        .bind(limit)
        .all()
        .await
}

/// Deletes a set, which may no longer be named; false when it is not there. Submissions of older campaign revisions still find its values.
pub async fn delete(
    db: &Db,
    workspace: WorkspaceId,
    id: ValueSetId,
    at: Time,
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let changed: Option<(String,)> = tx
        .ex()
        .sql(
            "UPDATE value_set SET deleted_at = $3, updated_at = $3
             WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL RETURNING name",
        )
        .bind(workspace)
        .bind(id)
        .bind(at)
        .optional()
        .await?;
    if let Some((name,)) = &changed {
        tell_segments(&mut tx, workspace, name, at).await?;
        let before = told(&mut tx, (workspace, id)).await?;
        let entry = Entry::new("value_set.deleted", "valueSet", id).from(before);
        audit::tell(&mut tx, workspace, &[entry], at).await?;
    }
    tx.commit().await?;
    Ok(changed.is_some())
}

#[derive(Serialize)]
struct Wanted<'a> {
    name: &'a str,
}

fn wanted<'a>(names: impl IntoIterator<Item = &'a String>) -> Rows {
    Rows::of(&names.into_iter().map(|name| Wanted { name }).collect::<Vec<_>>())
}

/// How a set stands.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SetStanding {
    pub name: String,
    pub revision: i64,
    pub is_deleted: bool,
}

/// The standings of the sets of these names; deleted ones too, unknown ones are left out.
pub async fn standings<'a>(
    db: &Db,
    workspace: WorkspaceId,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<Vec<SetStanding>, StoreError> {
    db.read()
        .sql(
            "SELECT v.name, v.revision, (v.deleted_at IS NOT NULL) AS is_deleted FROM ROWS($2: name text) r
             JOIN value_set v ON v.workspace_id = $1 AND v.name = r.name",
        )
        .bind(workspace)
        .bind(wanted(names))
        .all()
        .await
}

/// The sets of these names with their revisions, ready to be asked; deleted ones too, unknown ones are left out.
pub async fn load<'a>(
    db: &Db,
    workspace: WorkspaceId,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<Vec<(String, i64, Arc<ValueSet>)>, StoreError> {
    load_in(db.read(), workspace, names).await
}

async fn load_in<'a>(
    ex: Ex<'_>,
    workspace: WorkspaceId,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<Vec<(String, i64, Arc<ValueSet>)>, StoreError> {
    let rows: Vec<(String, i64, Json<Vec<Member>>)> = ex
        .sql(
            "SELECT v.name, v.revision, v.members FROM ROWS($2: name text) r
             JOIN value_set v ON v.workspace_id = $1 AND v.name = r.name",
        )
        .bind(workspace)
        .bind(wanted(names))
        .all()
        .await?;
    let ready = |(name, revision, members): (String, i64, Json<Vec<Member>>)| {
        (name, revision, Arc::new(ValueSet::of(members.0)))
    };
    Ok(rows.into_iter().map(ready).collect())
}

/// The sets of these names as they are now.
pub async fn sets<'a>(
    db: &Db,
    workspace: WorkspaceId,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<Sets, StoreError> {
    sets_in(db.read(), workspace, names).await
}

/// The same, as a transaction sees them.
pub async fn sets_in<'a>(
    ex: Ex<'_>,
    workspace: WorkspaceId,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<Sets, StoreError> {
    let mut names = names.into_iter().peekable();
    if names.peek().is_none() {
        return Ok(Sets::new());
    }
    let loaded = load_in(ex, workspace, names).await?;
    Ok(loaded.into_iter().map(|(name, _, set)| (name, set)).collect())
}
