//! Human reviews: the queue by priority and age, claims, and decisions that respect them.
//!
//! What is found by its key asks `resolution IS NULL`, which says the same as `resolved_at IS NULL` and leaves the key as the one way to it.
use super::{
    Db, Rows, StoreError, Tx, audit,
    close::{self, Close},
    parking::{Park, park_columns},
};
use crate::{
    audit::Entry,
    clock::Time,
    ids::{CampaignId, LeadId, ParkId, SubmissionId, WorkspaceId},
    lead::LeadStatus,
};
use serde::Serialize;
use serde_json::json;
use std::collections::HashSet;
use uuid::Uuid;

/// How often a transaction is tried when the engine says "try again", or a claim was faster than a decision.
const TRIES: usize = 4;

/// A review with whose it is.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Review {
    #[sqlx(flatten)]
    pub park: Park,
    pub lead_id: LeadId,
    pub lead_status: LeadStatus,
    pub first_name: String,
    pub last_name: String,
    pub is_test: bool,
    pub campaign_id: CampaignId,
    /// The revision that asked for it.
    pub revision: i64,
    pub campaign_code: String,
    pub campaign_name: String,
}

/// What a [`Review`] is read from; `p` is the wait.
macro_rules! a_review {
    ($from:literal) => {
        concat!(
            "SELECT s.lead_id, l.status AS lead_status, l.first_name, l.last_name, l.is_test, s.campaign_id, s.revision, \
             c.code AS campaign_code, c.name AS campaign_name, ",
            park_columns!(),
            "FROM ",
            $from,
            " JOIN submission s ON s.id = p.submission_id AND (s.workspace_id = p.workspace_id) IS TRUE \
             JOIN lead l ON l.workspace_id = s.workspace_id AND l.id = s.lead_id \
             JOIN campaign c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id "
        )
    };
}

/// Which undecided reviews. What is none does not narrow.
#[derive(Debug, Clone, Default)]
pub struct ReviewFilter {
    /// Whether somebody has claimed it now.
    pub claimed: Option<bool>,
    /// Who has.
    pub by: Option<String>,
    pub campaign: Option<CampaignId>,
    pub priority: Option<i64>,
    /// Only those after this one: priority, when it was asked for, which.
    pub after: Option<(i64, Time, ParkId)>,
}

/// Undecided reviews, the most urgent first and among those the oldest.
pub async fn list(
    db: &Db,
    workspace: WorkspaceId,
    filter: &ReviewFilter,
    now: Time,
    limit: i64,
) -> Result<Vec<Review>, StoreError> {
    let (priority, at, id) = match filter.after {
        Some((priority, at, id)) => (Some(priority), Some(at), Some(id)),
        None => (None, None, None),
    };
    db.read()
        .sql(concat!(
            a_review!("parked_action p"),
            "WHERE p.workspace_id = $1 AND p.kind = 'human_review' AND p.resolved_at IS NULL
               AND COALESCE($2, s.campaign_id) = s.campaign_id AND COALESCE($3, p.priority) = p.priority
               AND ($4 IS NULL OR COALESCE(p.claimed_until > $5, FALSE) = $4)
               AND COALESCE($6, p.claimed_by, '') = COALESCE(p.claimed_by, '')
               AND ($7 IS NULL OR p.priority > $7
                 OR (p.priority = $7 AND (p.opened_at > $8 OR (p.opened_at = $8 AND p.id > $9))))
             ORDER BY p.priority, p.opened_at, p.id LIMIT $10",
        ))
        .bind(workspace)
        .bind(filter.campaign)
        .bind(filter.priority)
        .bind(filter.claimed)
        .bind(now)
        .bind(filter.by.as_deref())
        .bind(priority)
        .bind(at)
        .bind(id)
        .bind(limit)
        .all()
        .await
}

#[derive(Serialize)]
struct IdRow {
    workspace_id: Uuid,
    id: Uuid,
}

/// Reviews by id, decided ones too, in no order.
pub async fn some(
    db: &Db,
    workspace: WorkspaceId,
    ids: &[ParkId],
) -> Result<Vec<Review>, StoreError> {
    let wanted: Vec<IdRow> =
        ids.iter().map(|id| IdRow { workspace_id: workspace.0, id: id.0 }).collect();
    db.read()
        .sql(concat!(
            a_review!(
                "ROWS($1: workspace_id uuid, id uuid) r JOIN parked_action p ON p.workspace_id = r.workspace_id AND p.id = r.id"
            ),
            "WHERE p.kind = 'human_review'",
        ))
        .bind(Rows::of(&wanted))
        .all()
        .await
}

/// One review, decided or not.
pub async fn get(
    db: &Db,
    workspace: WorkspaceId,
    id: ParkId,
) -> Result<Option<Review>, StoreError> {
    Ok(some(db, workspace, &[id]).await?.into_iter().next())
}

/// Claims an undecided review until then, or extends one's own claim; false when it is decided or another's.
pub async fn claim(
    db: &Db,
    (workspace, id): (WorkspaceId, ParkId),
    who: &str,
    now: Time,
    until: Time,
) -> Result<bool, StoreError> {
    let claimed = db
        .write()
        .sql(
            "UPDATE parked_action SET claimed_by = $3, claimed_until = $5
             WHERE workspace_id = $1 AND id = $2 AND kind = 'human_review' AND resolution IS NULL
               AND (claimed_until IS NULL OR claimed_until <= $4 OR claimed_by = $3)",
        )
        .bind(workspace)
        .bind(id)
        .bind(who)
        .bind(now)
        .bind(until)
        .run()
        .await?;
    Ok(claimed == 1)
}

/// Claims the most urgent review that nobody has claimed. Of several who ask at once, each gets another one.
pub async fn claim_next(
    db: &Db,
    workspace: WorkspaceId,
    (campaign, priority): (Option<CampaignId>, Option<i64>),
    who: &str,
    (now, until): (Time, Time),
) -> Result<Option<ParkId>, StoreError> {
    let mut tx = db.begin().await?;
    let next: Option<(ParkId,)> = tx
        .ex()
        .sql(
            "SELECT p.id FROM parked_action p
             JOIN submission s ON s.id = p.submission_id AND (s.workspace_id = p.workspace_id) IS TRUE
             WHERE p.workspace_id = $1 AND p.kind = 'human_review' AND p.resolved_at IS NULL
               AND (p.claimed_until IS NULL OR p.claimed_until <= $4)
               AND COALESCE($2, s.campaign_id) = s.campaign_id AND COALESCE($3, p.priority) = p.priority
             ORDER BY p.priority, p.opened_at, p.id LIMIT 1{pg:  FOR NO KEY UPDATE OF p SKIP LOCKED}",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(priority)
        .bind(now)
        .optional()
        .await?;
    let Some((id,)) = next else { return Ok(None) };
    tx.ex()
        .sql(
            "UPDATE parked_action SET claimed_by = $3, claimed_until = $4
             WHERE workspace_id = $1 AND id = $2 AND resolution IS NULL",
        )
        .bind(workspace)
        .bind(id)
        .bind(who)
        .bind(until)
        .run()
        .await?;
    tx.commit().await?;
    Ok(Some(id))
}

/// Gives up one's own claim; false when there is none.
pub async fn release(
    db: &Db,
    workspace: WorkspaceId,
    id: ParkId,
    who: &str,
) -> Result<bool, StoreError> {
    let released = db
        .write()
        .sql(
            "UPDATE parked_action SET claimed_by = NULL, claimed_until = NULL
             WHERE workspace_id = $1 AND id = $2 AND kind = 'human_review' AND resolution IS NULL AND claimed_by = $3",
        )
        .bind(workspace)
        .bind(id)
        .bind(who)
        .run()
        .await?;
    Ok(released == 1)
}

/// Records decisions of `who`, all in one transaction; says whose submissions moved. Those that another has claimed meanwhile, and those
/// that have moved, are as they were.
pub async fn decide(
    db: &Db,
    closes: &[Close],
    who: &str,
    now: Time,
) -> Result<HashSet<SubmissionId>, StoreError> {
    let mut left = closes.to_vec();
    let mut tries = 1;
    while !left.is_empty() {
        match once(db, &left, who, now).await {
            Ok(Written::Moved(moved)) => return Ok(moved),
            // A claim was faster than us: the others' decisions still count.
            Ok(Written::Claimed(others)) => left.retain(|c| !others.contains(&c.submission)),
            Err(error) if error.is_conflict() && tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(HashSet::new())
}

enum Written {
    Moved(HashSet<SubmissionId>),
    /// Nothing was written: these are claimed by others.
    Claimed(HashSet<SubmissionId>),
}

async fn once(db: &Db, closes: &[Close], who: &str, now: Time) -> Result<Written, StoreError> {
    let mut tx = db.begin().await?;
    // First the move, which holds the rows, then the look at the claims: nobody can claim in between.
    let moved = close::record_in(&mut tx, closes).await?;
    let others = claimed(&mut tx, closes, who, now).await?;
    if others.is_empty() {
        told(&mut tx, closes, &moved).await?;
        tx.commit().await?;
        return Ok(Written::Moved(moved));
    }
    tx.rollback().await?;
    Ok(Written::Claimed(others))
}

/// A line of the audit log for each that moved.
async fn told(
    tx: &mut Tx,
    closes: &[Close],
    moved: &HashSet<SubmissionId>,
) -> Result<(), StoreError> {
    let told = closes.iter().filter(|close| moved.contains(&close.submission)).map(|close| {
        let decision = close.unpark.as_ref().map(|end| end.resolution);
        let entry = Entry::new("review.decided", "submission", close.submission);
        (close.workspace, entry.to(json!({ "decision": decision })), close.at)
    });
    audit::tell_all(tx, told).await
}

#[derive(Serialize)]
struct ClaimRow {
    workspace_id: Uuid,
    submission_id: Uuid,
}

/// The submissions whose review this very moment ends, and whose claim is another's.
async fn claimed(
    tx: &mut Tx,
    closes: &[Close],
    who: &str,
    now: Time,
) -> Result<HashSet<SubmissionId>, StoreError> {
    let rows: Vec<ClaimRow> = closes
        .iter()
        .map(|close| ClaimRow {
            workspace_id: close.workspace.0,
            submission_id: close.submission.0,
        })
        .collect();
    let others: Vec<(SubmissionId,)> = tx
        .ex()
        .sql(
            "SELECT p.submission_id FROM ROWS($1: workspace_id uuid, submission_id uuid) r
             JOIN parked_action p ON p.submission_id = r.submission_id AND (p.workspace_id = r.workspace_id) IS TRUE
             WHERE p.resolved_at = $3 AND p.decided_by = $2 AND p.claimed_until > $3 AND p.claimed_by <> $2",
        )
        .bind(Rows::of(&rows))
        .bind(who)
        .bind(now)
        .all()
        .await?;
    Ok(others.into_iter().map(|(id,)| id).collect())
}
