//! Caps as they stand, and the leads that wait for room.
use super::{Db, Rows, StoreError, Tx, close::places::Ledger, rows::time};
use crate::{
    campaign::room::Claim,
    clock::Time,
    ids::{CampaignId, SubmissionId, WorkspaceId},
};
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

/// Leads that one transaction lets go, at most.
pub const RELEASED_MAX: i64 = 500;

#[derive(Serialize)]
struct Wanted {
    cap: String,
    #[serde(serialize_with = "time")]
    window_start: Time,
}

fn wanted(claims: &[Claim]) -> Rows {
    let row = |claim: &Claim| Wanted { cap: claim.cap.clone(), window_start: claim.window_start };
    Rows::of(&claims.iter().map(row).collect::<Vec<_>>())
}

/// How much of each cap is taken now, by the cap's name.
pub async fn taken(
    db: &Db,
    (workspace, campaign): (WorkspaceId, CampaignId),
    claims: &[Claim],
) -> Result<HashMap<String, i64>, StoreError> {
    let rows: Vec<(String, i64)> = db
        .read()
        .sql(
            "SELECT w.cap, w.taken FROM ROWS($3: cap text, window_start timestamptz) r
             JOIN cap_window w ON w.workspace_id = $1 AND w.campaign_id = $2 AND w.cap = r.cap
                AND w.window_start = r.window_start",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(wanted(claims))
        .all()
        .await?;
    Ok(rows.into_iter().collect())
}

/// A cap's present window as people look at it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Usage {
    pub cap: String,
    pub taken: i64,
    /// The part of it that buyers have confirmed; the rest is under way, or nobody knows yet.
    pub confirmed: i64,
    pub full_at: Option<Time>,
}

/// What is taken of each cap's present window.
pub async fn usage(
    db: &Db,
    (workspace, campaign): (WorkspaceId, CampaignId),
    claims: &[Claim],
) -> Result<Vec<Usage>, StoreError> {
    db.read()
        .sql(
            "SELECT w.cap, w.taken, w.full_at,
                (SELECT CAST(COALESCE(SUM(p.amount), 0) AS BIGINT) FROM cap_place p
                 WHERE p.campaign_id = w.campaign_id AND p.cap = w.cap AND p.window_start = w.window_start
                   AND (p.workspace_id = w.workspace_id) IS TRUE AND p.confirmed_at IS NOT NULL) AS confirmed
             FROM ROWS($3: cap text, window_start timestamptz) r
             JOIN cap_window w ON w.workspace_id = $1 AND w.campaign_id = $2 AND w.cap = r.cap
                AND w.window_start = r.window_start",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(wanted(claims))
        .all()
        .await
}

/// How many of a campaign's leads wait for room.
pub async fn waiting(
    db: &Db,
    workspace: WorkspaceId,
    campaign: CampaignId,
) -> Result<i64, StoreError> {
    db.read()
        .sql(
            "SELECT COUNT(*) FROM submission WHERE campaign_id = $2 AND run = 'parked' AND stage = 'delivery'
             AND (workspace_id = $1) IS TRUE",
        )
        .bind(workspace)
        .bind(campaign)
        .scalar()
        .await
}

/// Campaigns some of whose waiting leads are to be looked at. Sees all workspaces.
pub async fn due(
    db: &Db,
    now: Time,
    limit: i64,
) -> Result<Vec<(WorkspaceId, CampaignId)>, StoreError> {
    db.read()
        .sql(
            "SELECT DISTINCT workspace_id, campaign_id FROM submission
             WHERE run = 'parked' AND stage = 'delivery' AND due_at <= $1 LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .all()
        .await
}

/// Leads of a campaign to let go.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    pub workspace: WorkspaceId,
    pub campaign: CampaignId,
    /// The places that each of them gets.
    pub claims: &'a [Claim],
    pub now: Time,
    /// When the job of one that is let go is pushed again.
    pub redeliver_at: Time,
    /// When those for whom there is no room are looked at again.
    pub look_again: Time,
}

/// Lets go those who have waited longest, as many as there is room for and [`RELEASED_MAX`] at most, each with its places. What is due of
/// the others is looked at later, unless more can be let go at once.
pub async fn release(
    db: &Db,
    release: Release<'_>,
) -> Result<Vec<(SubmissionId, i64)>, StoreError> {
    let Release { workspace, campaign, claims, now, .. } = release;
    let mut tx = db.begin().await?;
    let window = |claim: &Claim| (workspace, campaign, claim.cap.clone(), claim.window_start);
    let mut ledger = Ledger::lock(&mut tx, claims.iter().map(window)).await?;
    let room = ledger.room((workspace, campaign), claims);
    let released = let_go(&mut tx, release, room.min(RELEASED_MAX)).await?;
    for (submission, _) in &released {
        let placed = ledger.take((workspace, campaign, *submission), claims, now);
        placed.expect("room was counted under the same lock");
    }
    ledger.write(&mut tx).await?;
    if (released.len() as i64) < RELEASED_MAX {
        postpone(&mut tx, release).await?;
    }
    tx.commit().await?;
    Ok(released)
}

async fn let_go(
    tx: &mut Tx,
    release: Release<'_>,
    most: i64,
) -> Result<Vec<(SubmissionId, i64)>, StoreError> {
    if most <= 0 {
        return Ok(Vec::new());
    }
    // Materialised: PostgreSQL would otherwise look for the oldest anew while it changes them, and go past the limit.
    let mut released: Vec<(SubmissionId, i64)> = tx
        .ex()
        .sql(
            "WITH oldest AS MATERIALIZED (SELECT q.id FROM submission q
                WHERE q.campaign_id = $2 AND q.run = 'parked' AND q.stage = 'delivery' AND (q.workspace_id = $1) IS TRUE
                ORDER BY q.id LIMIT $5{pg:  FOR UPDATE SKIP LOCKED})
             UPDATE submission SET run = 'ready', generation = generation + 1, attempt = 0, due_at = $4, status = 'qualified',
                reason_code = NULL, reason = NULL, updated_at = $3
             WHERE id IN (SELECT o.id FROM oldest o) AND run = 'parked' AND stage = 'delivery'
             RETURNING id, generation",
        )
        .bind(release.workspace)
        .bind(release.campaign)
        .bind(release.now)
        .bind(release.redeliver_at)
        .bind(most)
        .all()
        .await?;
    released.sort_by_key(|(id, _)| id.0);
    tell(tx, release, &released).await?;
    Ok(released)
}

#[derive(Serialize)]
struct EventRow {
    workspace_id: Uuid,
    submission_id: Uuid,
    generation: i64,
    #[serde(serialize_with = "time")]
    at: Time,
}

async fn tell(
    tx: &mut Tx,
    release: Release<'_>,
    released: &[(SubmissionId, i64)],
) -> Result<(), StoreError> {
    if released.is_empty() {
        return Ok(());
    }
    let row = |(id, generation): &(SubmissionId, i64)| EventRow {
        workspace_id: release.workspace.0,
        submission_id: id.0,
        generation: *generation,
        at: release.now,
    };
    let rows: Vec<EventRow> = released.iter().map(row).collect();
    tx.ex()
        .sql(
            "INSERT INTO journey_event (workspace_id, submission_id, generation, stage, verdict, reason_code, reason,
                attempt, duration_us, at)
             SELECT r.workspace_id, r.submission_id, r.generation, 'delivery', 'released', 'room', 'there is room', 0, 0, r.at
             FROM ROWS($1: workspace_id uuid, submission_id uuid, generation bigint, at timestamptz) r",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    Ok(())
}

async fn postpone(tx: &mut Tx, release: Release<'_>) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE submission SET due_at = $4
             WHERE campaign_id = $2 AND run = 'parked' AND stage = 'delivery' AND due_at <= $3 AND (workspace_id = $1) IS TRUE",
        )
        .bind(release.workspace)
        .bind(release.campaign)
        .bind(release.now)
        .bind(release.look_again)
        .run()
        .await?;
    Ok(())
}

/// Leads that wait although the campaign lets none go now are looked at again at `look_again`.
pub async fn keep_waiting(db: &Db, release: Release<'_>) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    postpone(&mut tx, release).await?;
    tx.commit().await
}

/// The campaign has changed: whoever waits for it is looked at now.
pub(super) async fn wake_all(
    tx: &mut Tx,
    workspace: WorkspaceId,
    campaign: CampaignId,
    now: Time,
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE submission SET due_at = $3
             WHERE campaign_id = $2 AND run = 'parked' AND stage = 'delivery' AND due_at > $3 AND (workspace_id = $1) IS TRUE",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(now)
        .run()
        .await?;
    Ok(())
}
