//! The segments that feed a campaign.
use crate::{
    audit::Entry,
    clock::Time,
    ids::{CampaignId, SegmentId, WorkspaceId},
    store::{Db, Rows, StoreError, Tx, audit, live, rows::time},
};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Segments that feed a campaign, at most.
pub const SEGMENTS_MAX: usize = 50;

/// What changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assigned {
    pub added: Vec<SegmentId>,
    pub removed: Vec<SegmentId>,
}

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAssigned {
    NoSuchCampaign,
    /// There are no such segments in the workspace.
    NoSuchSegments(Vec<SegmentId>),
}

#[derive(Serialize)]
struct IdRow {
    id: Uuid,
}

fn rows(ids: impl IntoIterator<Item = SegmentId>) -> Rows {
    Rows::of(&ids.into_iter().map(|id| IdRow { id: id.0 }).collect::<Vec<_>>())
}

/// Has exactly these segments feed the campaign. Its leads follow in steps, soon.
pub async fn assign(
    db: &Db,
    (workspace, campaign): (WorkspaceId, CampaignId),
    wanted: &BTreeSet<SegmentId>,
    now: Time,
) -> Result<Result<Assigned, NotAssigned>, StoreError> {
    let mut tx = db.begin().await?;
    let Some(feed) = lock(&mut tx, (workspace, campaign)).await? else {
        return Ok(Err(NotAssigned::NoSuchCampaign));
    };
    let known = known(&mut tx, workspace, wanted).await?;
    let unknown: Vec<SegmentId> = wanted.difference(&known).copied().collect();
    if !unknown.is_empty() {
        return Ok(Err(NotAssigned::NoSuchSegments(unknown)));
    }
    let done = Assigned {
        added: wanted.difference(&feed).copied().collect(),
        removed: feed.difference(wanted).copied().collect(),
    };
    if done != Assigned::default() {
        write(&mut tx, (workspace, campaign), &done, now).await?;
        let entry = Entry::new("campaign.segments_set", "campaign", campaign)
            .from(json!({ "segmentIds": feed }))
            .to(json!({ "segmentIds": wanted }));
        audit::tell(&mut tx, workspace, &[entry], now).await?;
    }
    tx.commit().await?;
    Ok(Ok(done))
}

/// Locks the campaign and reads which segments feed it; none when it is not there.
async fn lock(
    tx: &mut Tx,
    (workspace, campaign): (WorkspaceId, CampaignId),
) -> Result<Option<BTreeSet<SegmentId>>, StoreError> {
    let found: Option<(CampaignId,)> = tx
        .ex()
        .sql("SELECT id FROM campaign WHERE workspace_id = $1 AND id = $2{pg:  FOR NO KEY UPDATE}")
        .bind(workspace)
        .bind(campaign)
        .optional()
        .await?;
    if found.is_none() {
        return Ok(None);
    }
    let feed: Vec<(SegmentId,)> = tx
        .ex()
        .sql("SELECT segment_id FROM campaign_segment WHERE workspace_id = $1 AND campaign_id = $2")
        .bind(workspace)
        .bind(campaign)
        .all()
        .await?;
    Ok(Some(feed.into_iter().map(|(id,)| id).collect()))
}

/// Those of the segments that are there; they stay until we are done.
async fn known(
    tx: &mut Tx,
    workspace: WorkspaceId,
    wanted: &BTreeSet<SegmentId>,
) -> Result<BTreeSet<SegmentId>, StoreError> {
    let found: Vec<(SegmentId,)> = tx
        .ex()
        .sql(
            "SELECT s.id FROM ROWS($2: id uuid) r
             JOIN segment s ON s.workspace_id = $1 AND s.id = r.id
             WHERE s.deleted_at IS NULL{pg:  FOR SHARE OF s}",
        )
        .bind(workspace)
        .bind(rows(wanted.iter().copied()))
        .all()
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

async fn write(
    tx: &mut Tx,
    (workspace, campaign): (WorkspaceId, CampaignId),
    done: &Assigned,
    now: Time,
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "DELETE FROM campaign_segment WHERE workspace_id = $1 AND campaign_id = $2 AND segment_id IN (
                SELECT r.id FROM ROWS($3: id uuid) r)",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(rows(done.removed.iter().copied()))
        .run()
        .await?;
    tx.ex()
        .sql(
            "INSERT INTO campaign_segment (workspace_id, campaign_id, segment_id, added_at)
             SELECT $1, $2, r.id, $4 FROM ROWS($3: id uuid) r",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(rows(done.added.iter().copied()))
        .bind(now)
        .run()
        .await?;
    follow(tx, workspace, &[campaign], now).await
}

#[derive(Serialize)]
struct DueRow {
    id: Uuid,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// The leads of these campaigns are brought into line from the beginning, and processes learn that the feeding has changed.
async fn follow(
    tx: &mut Tx,
    workspace: WorkspaceId,
    campaigns: &[CampaignId],
    now: Time,
) -> Result<(), StoreError> {
    let due: Vec<DueRow> = campaigns.iter().map(|id| DueRow { id: id.0, at: now }).collect();
    tx.ex()
        .sql(
            "UPDATE campaign SET members_due_at = r.at, members_from = NULL FROM ROWS($2: id uuid, at timestamptz) r
             WHERE campaign.workspace_id = $1 AND campaign.id = r.id",
        )
        .bind(workspace)
        .bind(Rows::of(&due))
        .run()
        .await?;
    live::changed(tx, workspace).await
}

/// A segment that is deleted feeds nobody any more. Call it in the transaction that deletes it.
pub async fn forget_segment(
    tx: &mut Tx,
    workspace: WorkspaceId,
    segment: SegmentId,
    now: Time,
) -> Result<(), StoreError> {
    let fed: Vec<(CampaignId,)> = tx
        .ex()
        .sql(
            "DELETE FROM campaign_segment WHERE segment_id = $2 AND (workspace_id = $1) IS TRUE RETURNING campaign_id",
        )
        .bind(workspace)
        .bind(segment)
        .all()
        .await?;
    let mut fed: Vec<CampaignId> = fed.into_iter().map(|(id,)| id).collect();
    if fed.is_empty() {
        return Ok(());
    }
    fed.sort();
    follow(tx, workspace, &fed, now).await
}

/// A segment that feeds a campaign.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Fed {
    pub id: SegmentId,
    pub name: String,
    pub kind: String,
    pub state: String,
    pub member_count: i64,
    pub added_at: Time,
}

/// The segments that feed a campaign.
pub async fn segments(
    db: &Db,
    workspace: WorkspaceId,
    campaign: CampaignId,
) -> Result<Vec<Fed>, StoreError> {
    let mut found: Vec<Fed> = db
        .read()
        .sql(
            "SELECT s.id, s.name, s.kind, s.state, s.member_count, k.added_at FROM campaign_segment k
             JOIN segment s ON s.workspace_id = k.workspace_id AND s.id = k.segment_id
             WHERE k.workspace_id = $1 AND k.campaign_id = $2",
        )
        .bind(workspace)
        .bind(campaign)
        .all()
        .await?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
