//! Parked actions: what a resume token wakes.
use super::{Db, Rows, StoreError, Tx};
use crate::{
    clock::Time,
    ids::{CampaignId, LeadId, ParkId, SubmissionId, WorkspaceId},
};
use serde::Serialize;
use uuid::Uuid;

/// The columns of a [`Park`].
macro_rules! park_columns {
    () => {
        "p.workspace_id, p.id, p.submission_id, p.kind, p.deadline, \
         COALESCE(p.at_deadline, p.on_deadline) AS on_deadline, p.opened_at, p.started_at, p.resolution, p.resolved_by, \
         p.resolved_at, p.decided_by, p.decision_reason, p.priority, p.asked_for, p.claimed_by, p.claimed_until, \
         p.tries, p.last_error "
    };
}

/// A wait, open or over.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Park {
    pub workspace_id: WorkspaceId,
    pub id: ParkId,
    pub submission_id: SubmissionId,
    pub kind: String,
    pub deadline: Time,
    pub on_deadline: String,
    pub opened_at: Time,
    pub started_at: Option<Time>,
    pub resolution: Option<String>,
    pub resolved_by: Option<String>,
    pub resolved_at: Option<Time>,
    /// Who decided, and why.
    pub decided_by: Option<String>,
    pub decision_reason: Option<String>,
    /// A human review: 0 high, 1 normal, 2 low; why it was asked for; who has taken it, and until when.
    pub priority: Option<i64>,
    pub asked_for: Option<String>,
    pub claimed_by: Option<String>,
    pub claimed_until: Option<Time>,
    /// A webhook: how often it was posted, and what went wrong last.
    pub tries: i64,
    pub last_error: Option<String>,
}

/// The park that a token belongs to. The token is the caller's whole authority: this lookup knows no workspace, it finds it.
pub async fn by_token(db: &Db, token_hash: &str) -> Result<Option<Park>, StoreError> {
    db.read()
        .sql(concat!(
            "SELECT ",
            park_columns!(),
            "FROM resume_token t JOIN parked_action p ON p.workspace_id = t.workspace_id AND p.id = t.park_id
             WHERE t.token_hash = $1",
        ))
        .bind(token_hash)
        .optional()
        .await
}

/// The wait that is open, if the submission is parked.
pub async fn open(
    db: &Db,
    workspace: WorkspaceId,
    submission: SubmissionId,
) -> Result<Option<Park>, StoreError> {
    db.read()
        .sql(concat!(
            "SELECT ",
            park_columns!(),
            "FROM parked_action p
             WHERE p.workspace_id = $1 AND p.submission_id = $2 AND p.resolved_at IS NULL",
        ))
        .bind(workspace)
        .bind(submission)
        .optional()
        .await
}

#[derive(Serialize)]
struct IdRow {
    id: Uuid,
}

/// The waits of some submissions, oldest first, within a transaction.
pub(super) async fn of_submissions(
    tx: &mut Tx,
    workspace: WorkspaceId,
    ids: &[SubmissionId],
) -> Result<Vec<Park>, StoreError> {
    let wanted: Vec<IdRow> = ids.iter().map(|id| IdRow { id: id.0 }).collect();
    let mut parks: Vec<Park> = tx
        .ex()
        .sql(concat!(
            "SELECT ",
            park_columns!(),
            "FROM ROWS($2: id uuid) r
             JOIN parked_action p ON p.submission_id = r.id AND (p.workspace_id = $1) IS TRUE",
        ))
        .bind(workspace)
        .bind(Rows::of(&wanted))
        .all()
        .await?;
    parks.sort_by_key(|park| (park.opened_at, park.id));
    Ok(parks)
}

#[derive(sqlx::FromRow)]
struct Review {
    campaign_id: CampaignId,
    #[sqlx(flatten)]
    park: Park,
}

/// The lead's latest human review, and the campaign that asked for it.
pub async fn latest_review(
    db: &Db,
    workspace: WorkspaceId,
    lead: LeadId,
) -> Result<Option<(CampaignId, Park)>, StoreError> {
    let reviews: Vec<Review> = db
        .read()
        .sql(concat!(
            "SELECT s.campaign_id, ",
            park_columns!(),
            "FROM submission s
             JOIN parked_action p ON p.submission_id = s.id AND (p.workspace_id = s.workspace_id) IS TRUE
             WHERE s.lead_id = $2 AND (s.workspace_id = $1) IS TRUE AND p.kind = 'human_review'",
        ))
        .bind(workspace)
        .bind(lead)
        .all()
        .await?;
    let latest = reviews.into_iter().max_by_key(|review| (review.park.opened_at, review.park.id));
    Ok(latest.map(|review| (review.campaign_id, review.park)))
}

/// Makes another token valid for a park. Written before the outside is told, so that no answer can come too early.
pub async fn add_token(db: &Db, park: &Park, token_hash: &str) -> Result<(), StoreError> {
    db.write()
        .sql("INSERT INTO resume_token (token_hash, workspace_id, park_id) VALUES ($1, $2, $3)")
        .bind(token_hash)
        .bind(park.workspace_id)
        .bind(park.id)
        .run()
        .await?;
    Ok(())
}

/// Notes that the outside knows that we wait; from now on the park is due at its deadline.
pub async fn started(db: &Db, park: &Park, generation: i64, at: Time) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    tx.ex()
        .sql(
            "UPDATE parked_action SET started_at = $3
             WHERE workspace_id = $1 AND id = $2 AND started_at IS NULL AND resolved_at IS NULL",
        )
        .bind(park.workspace_id)
        .bind(park.id)
        .bind(at)
        .run()
        .await?;
    tx.ex()
        .sql(
            "UPDATE submission SET due_at = $4
             WHERE workspace_id = $1 AND id = $2 AND generation = $3 AND run = 'parked'",
        )
        .bind(park.workspace_id)
        .bind(park.submission_id)
        .bind(generation)
        .bind(park.deadline)
        .run()
        .await?;
    tx.commit().await
}
