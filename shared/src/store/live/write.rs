//! Writing members and what follows from them.
use super::{Rows, StoreError, Tx, assess::Moved};
use crate::{
    clock::Time,
    ids::{ContactId, SegmentId, WorkspaceId},
    store::rows::time,
};
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

#[derive(Serialize)]
struct Pair {
    workspace_id: Uuid,
    segment_id: Uuid,
    contact_id: Uuid,
}

fn pairs(workspace: WorkspaceId, pairs: &[(SegmentId, ContactId)]) -> Rows {
    let pair = |(segment, contact): &(SegmentId, ContactId)| Pair {
        workspace_id: workspace.0,
        segment_id: segment.0,
        contact_id: contact.0,
    };
    let mut pairs: Vec<Pair> = pairs.iter().map(pair).collect();
    pairs.sort_by_key(|pair| (pair.segment_id, pair.contact_id));
    Rows::of(&pairs)
}

/// Adds who has come and removes who has gone.
pub async fn members(
    tx: &mut Tx,
    workspace: WorkspaceId,
    moved: &Moved,
    now: Time,
) -> Result<(), StoreError> {
    if !moved.come.is_empty() {
        tx.ex()
            .sql(
                "INSERT INTO segment_member (workspace_id, segment_id, contact_id, added_at)
                 SELECT r.workspace_id, r.segment_id, r.contact_id, $1
                 FROM ROWS($2: workspace_id uuid, segment_id uuid, contact_id uuid) r
                 WHERE true
                 ON CONFLICT DO NOTHING",
            )
            .bind(now)
            .bind(pairs(workspace, &moved.come))
            .run()
            .await?;
    }
    if !moved.gone.is_empty() {
        tx.ex()
            .sql(
                // No column is compared with a plain value, so that each row is reached by its whole key.
                "DELETE FROM segment_member WHERE (workspace_id, segment_id, contact_id) IN
                    (SELECT r.workspace_id, r.segment_id, r.contact_id
                     FROM ROWS($1: workspace_id uuid, segment_id uuid, contact_id uuid) r)",
            )
            .bind(pairs(workspace, &moved.gone))
            .run()
            .await?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Flip {
    id: Uuid,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// Lets the clock be looked at sooner.
pub async fn flips(
    tx: &mut Tx,
    workspace: WorkspaceId,
    flips: &BTreeMap<SegmentId, Time>,
) -> Result<(), StoreError> {
    if flips.is_empty() {
        return Ok(());
    }
    let rows: Vec<Flip> = flips.iter().map(|(id, at)| Flip { id: id.0, at: *at }).collect();
    tx.ex()
        .sql(
            "UPDATE segment SET flips_at = r.at FROM ROWS($2: id uuid, at timestamptz) r
             WHERE segment.workspace_id = $1 AND segment.id = r.id AND (flips_at IS NULL OR flips_at > r.at)",
        )
        .bind(workspace)
        .bind(Rows::of(&rows))
        .run()
        .await
        .map(drop)
}

/// The campaigns that a segment feeds are brought into line by their own pass.
pub async fn campaigns_due(
    tx: &mut Tx,
    workspace: WorkspaceId,
    segments: &[SegmentId],
    now: Time,
) -> Result<(), StoreError> {
    for segment in segments {
        tx.ex()
            .sql(
                "UPDATE campaign SET members_due_at = $3
                 WHERE workspace_id = $1 AND members_due_at IS NULL AND id IN
                    (SELECT f.campaign_id FROM campaign_segment f WHERE f.segment_id = $2 AND (f.workspace_id = $1) IS TRUE)",
            )
            .bind(workspace)
            .bind(*segment)
            .bind(now)
            .run()
            .await?;
    }
    Ok(())
}
