//! Reading segments.
use super::{Segment, segment_columns};
use crate::{
    ids::{SegmentId, WorkspaceId},
    segment::{SegmentKind, SegmentState},
    store::{Ex, StoreError, Tx},
};
use uuid::Uuid;

/// A segment that is not deleted.
pub async fn get(
    ex: Ex<'_>,
    workspace: WorkspaceId,
    id: SegmentId,
) -> Result<Option<Segment>, StoreError> {
    ex.sql(concat!(
        "SELECT ",
        segment_columns!(),
        " FROM segment s WHERE s.workspace_id = $1 AND s.id = $2 AND s.deleted_at IS NULL"
    ))
    .bind(workspace)
    .bind(id)
    .optional()
    .await
}

/// Keeps others from changing a segment until the end of the transaction; answers its kind, if it is there.
pub(super) async fn lock(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: SegmentId,
) -> Result<Option<SegmentKind>, StoreError> {
    let found: Option<(SegmentKind,)> = tx
        .ex()
        .sql(
            "SELECT kind FROM segment
             WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL{pg:  FOR NO KEY UPDATE}",
        )
        .bind(workspace)
        .bind(id)
        .optional()
        .await?;
    Ok(found.map(|(kind,)| kind))
}

/// Lets others add and remove members as well, and keeps them from changing the segment.
pub(super) async fn share(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: SegmentId,
) -> Result<Option<(SegmentKind, String)>, StoreError> {
    tx.ex()
        .sql(
            "SELECT kind, name FROM segment
             WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL{pg:  FOR SHARE}",
        )
        .bind(workspace)
        .bind(id)
        .optional()
        .await
}

/// All segments of a workspace that are not deleted, oldest first. There are at most [`super::SEGMENTS_MAX`].
pub async fn all(ex: Ex<'_>, workspace: WorkspaceId) -> Result<Vec<Segment>, StoreError> {
    ex.sql(concat!(
        "SELECT ",
        segment_columns!(),
        " FROM segment s WHERE s.workspace_id = $1 AND s.deleted_at IS NULL ORDER BY s.id"
    ))
    .bind(workspace)
    .all()
    .await
}

/// Which segments a list shows; none: of every kind, in every state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub kind: Option<SegmentKind>,
    pub state: Option<SegmentState>,
}

/// Segments after `cursor` that are not deleted, oldest first.
pub async fn list(
    ex: Ex<'_>,
    workspace: WorkspaceId,
    filter: Filter,
    cursor: Option<SegmentId>,
    limit: i64,
) -> Result<Vec<Segment>, StoreError> {
    ex.sql(concat!(
        "SELECT ",
        segment_columns!(),
        " FROM segment s WHERE s.workspace_id = $1 AND s.id > $2 AND s.deleted_at IS NULL
            AND s.kind = COALESCE($3, s.kind) AND s.state = COALESCE($4, s.state)
          ORDER BY s.id LIMIT $5"
    ))
    .bind(workspace)
    .bind(cursor.map_or(Uuid::nil(), |id| id.0))
    .bind(filter.kind)
    .bind(filter.state)
    .bind(limit)
    .all()
    .await
}
