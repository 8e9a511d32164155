//! Parked actions: what a resume token wakes.
use super::{
    Db, Rows, StoreError, Tx,
    close::{self, Close},
    load::Loaded,
};
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
         p.tries, p.last_error, p.next_try_at "
    };
}
pub(super) use park_columns;

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
    /// Not posted again before then.
    pub next_try_at: Option<Time>,
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
    heard(db, park, generation, (at, None)).await
}

/// The same, with what was wrong with what the outside said.
pub async fn heard(
    db: &Db,
    park: &Park,
    generation: i64,
    (at, note): (Time, Option<&str>),
) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    tx.ex()
        .sql(
            "UPDATE parked_action SET started_at = $3, next_try_at = NULL, last_error = $4
             WHERE workspace_id = $1 AND id = $2 AND started_at IS NULL AND resolution IS NULL",
        )
        .bind(park.workspace_id)
        .bind(park.id)
        .bind(at)
        .bind(note)
        .run()
        .await?;
    due(&mut tx, park, generation, park.deadline).await?;
    tx.commit().await
}

/// When the parked submission is looked at again, if it has not moved.
async fn due(tx: &mut Tx, park: &Park, generation: i64, at: Time) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE submission SET due_at = $4
             WHERE workspace_id = $1 AND id = $2 AND generation = $3 AND run = 'parked'",
        )
        .bind(park.workspace_id)
        .bind(park.submission_id)
        .bind(generation)
        .bind(at)
        .run()
        .await?;
    Ok(())
}

/// A try to post a wait's webhook.
#[derive(Debug, Clone, Copy)]
pub struct Try {
    /// Of the submission, as it was read.
    pub generation: i64,
    pub now: Time,
    /// When it is taken for lost and made again.
    pub lost_at: Time,
}

/// Writes the intent to post a webhook, with a token of its own; false when another worker is at it, or the outside knows already, or the
/// wait is over.
pub async fn begin_try(
    db: &Db,
    park: &Park,
    one: Try,
    token_hash: &str,
) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let ours = tx
        .ex()
        .sql(
            "UPDATE parked_action SET tries = tries + 1, next_try_at = $5
             WHERE workspace_id = $1 AND id = $2 AND tries = $3 AND started_at IS NULL AND resolution IS NULL
               AND (next_try_at IS NULL OR next_try_at <= $4)",
        )
        .bind(park.workspace_id)
        .bind(park.id)
        .bind(park.tries)
        .bind(one.now)
        .bind(one.lost_at)
        .run()
        .await?;
    if ours == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    due(&mut tx, park, one.generation, one.lost_at).await?;
    tx.ex()
        .sql("INSERT INTO resume_token (token_hash, workspace_id, park_id) VALUES ($1, $2, $3)")
        .bind(token_hash)
        .bind(park.workspace_id)
        .bind(park.id)
        .run()
        .await?;
    tx.commit().await?;
    Ok(true)
}

/// The try failed, and the next one is made then. `park` is as it was read before the try.
pub async fn try_failed(
    db: &Db,
    park: &Park,
    generation: i64,
    next: Time,
    why: &str,
) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    try_ended(&mut tx, park, next, why).await?;
    due(&mut tx, park, generation, next).await?;
    tx.commit().await
}

/// No further try is made: the close says so in the journey.
pub async fn given_up(db: &Db, park: &Park, close: Close, why: &str) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    let moved = close::record_in(&mut tx, &[close]).await?;
    if moved.contains(&park.submission_id) {
        try_ended(&mut tx, park, park.deadline, why).await?;
    }
    tx.commit().await
}

async fn try_ended(tx: &mut Tx, park: &Park, next: Time, why: &str) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE parked_action SET next_try_at = $4, last_error = $5
             WHERE workspace_id = $1 AND id = $2 AND tries = $3 AND started_at IS NULL AND resolution IS NULL",
        )
        .bind(park.workspace_id)
        .bind(park.id)
        .bind(park.tries + 1)
        .bind(next)
        .bind(why)
        .run()
        .await?;
    Ok(())
}

/// Looks at a parked submission again then, unless its bell has been rung since it was loaded: what rings sets another time.
pub async fn rest(db: &Db, loaded: &Loaded, until: Time) -> Result<(), StoreError> {
    db.write()
        .sql(
            "UPDATE submission SET due_at = $5
             WHERE workspace_id = $1 AND id = $2 AND generation = $3 AND run = 'parked' AND due_at = $4",
        )
        .bind(loaded.workspace_id)
        .bind(loaded.id)
        .bind(loaded.generation)
        .bind(loaded.due_at)
        .bind(until)
        .run()
        .await?;
    Ok(())
}
