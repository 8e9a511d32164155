//! Who is in a segment, in which segments a contact is, how many there are and how many there were.
use super::{Segment, save::Key, segment_columns};
use crate::{
    clock::Time,
    contact::ContactStatus,
    ids::{ContactId, SegmentId, WorkspaceId},
    store::{Ex, Rows, StoreError},
};
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

/// A member of a segment.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Member {
    pub contact_id: ContactId,
    pub added_at: Time,
    pub status: ContactStatus,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
}

/// Members after `cursor`, in the order of their ids.
pub async fn members(
    ex: Ex<'_>,
    (workspace, segment): Key,
    cursor: Option<ContactId>,
    limit: i64,
) -> Result<Vec<Member>, StoreError> {
    ex.sql(
        "SELECT m.contact_id, m.added_at, c.status, c.first_name, c.last_name, c.email, c.phone FROM segment_member m
         JOIN contact c ON c.workspace_id = m.workspace_id AND c.id = m.contact_id
         WHERE m.workspace_id = $1 AND m.segment_id = $2 AND m.contact_id > $3
         ORDER BY m.contact_id LIMIT $4",
    )
    .bind(workspace)
    .bind(segment)
    .bind(cursor.map_or(Uuid::nil(), |id| id.0))
    .bind(limit)
    .all()
    .await
}

/// The ids of members after `cursor`, in their order.
pub async fn member_ids(
    ex: Ex<'_>,
    (workspace, segment): Key,
    cursor: Option<ContactId>,
    limit: i64,
) -> Result<Vec<ContactId>, StoreError> {
    let rows: Vec<(ContactId,)> = ex
        .sql(
            "SELECT contact_id FROM segment_member WHERE workspace_id = $1 AND segment_id = $2 AND contact_id > $3
             ORDER BY contact_id LIMIT $4",
        )
        .bind(workspace)
        .bind(segment)
        .bind(cursor.map_or(Uuid::nil(), |id| id.0))
        .bind(limit)
        .all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

#[derive(Serialize)]
struct Wanted {
    id: Uuid,
}

/// How many members these segments have now, counted.
pub async fn counts(
    ex: Ex<'_>,
    workspace: WorkspaceId,
    segments: &[SegmentId],
) -> Result<HashMap<SegmentId, i64>, StoreError> {
    if segments.is_empty() {
        return Ok(HashMap::new());
    }
    let wanted: Vec<Wanted> = segments.iter().map(|id| Wanted { id: id.0 }).collect();
    let rows: Vec<(SegmentId, i64)> = ex
        .sql(
            "SELECT r.id, (SELECT COUNT(*) FROM segment_member m WHERE m.workspace_id = $1 AND m.segment_id = r.id)
             FROM ROWS($2: id uuid) r",
        )
        .bind(workspace)
        .bind(Rows::of(&wanted))
        .all()
        .await?;
    Ok(rows.into_iter().collect())
}

/// The segments that a contact is in, oldest first. Each segment's members are asked by key: a workspace has at most
/// [`super::SEGMENTS_MAX`].
pub async fn of_contact(
    ex: Ex<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
) -> Result<Vec<Segment>, StoreError> {
    ex.sql(concat!(
        "SELECT ",
        segment_columns!(),
        " FROM segment s
          JOIN segment_member m ON m.workspace_id = s.workspace_id AND m.segment_id = s.id AND m.contact_id = $2
          WHERE s.workspace_id = $1 AND s.deleted_at IS NULL ORDER BY s.id"
    ))
    .bind(workspace)
    .bind(contact)
    .all()
    .await
}

/// Whether the workspace has the contact.
pub async fn has_contact(
    ex: Ex<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
) -> Result<bool, StoreError> {
    let found: Option<(ContactId,)> = ex
        .sql("SELECT id FROM contact WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(contact)
        .optional()
        .await?;
    Ok(found.is_some())
}

/// How many members a segment had after a build or a fill.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Count {
    pub at: Time,
    pub members: i64,
    pub added: i64,
    pub removed: i64,
    pub build_ms: i64,
}

/// Counts before that time, newest first.
pub async fn history(
    ex: Ex<'_>,
    (workspace, segment): Key,
    before: Time,
    limit: i64,
) -> Result<Vec<Count>, StoreError> {
    ex.sql(
        "SELECT at, members, added, removed, build_ms FROM segment_count
         WHERE workspace_id = $1 AND segment_id = $2 AND at < $3 ORDER BY at DESC LIMIT $4",
    )
    .bind(workspace)
    .bind(segment)
    .bind(before)
    .bind(limit)
    .all()
    .await
}
