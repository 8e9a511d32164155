//! Parked actions: what a resume token wakes.
use super::{Db, StoreError};
use crate::{
    clock::Time,
    ids::{ParkId, SubmissionId, WorkspaceId},
};

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
}

/// The park that a token belongs to. The token is the caller's whole authority: this lookup knows no workspace, it finds it.
pub async fn by_token(db: &Db, token_hash: &str) -> Result<Option<Park>, StoreError> {
    db.read()
        .sql(
            "SELECT p.workspace_id, p.id, p.submission_id, p.kind, p.deadline, p.on_deadline, p.opened_at, p.started_at,
                p.resolution, p.resolved_by, p.resolved_at
             FROM resume_token t JOIN parked_action p ON p.workspace_id = t.workspace_id AND p.id = t.park_id
             WHERE t.token_hash = $1",
        )
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
        .sql(
            "SELECT workspace_id, id, submission_id, kind, deadline, on_deadline, opened_at, started_at, resolution, resolved_by, resolved_at
             FROM parked_action WHERE workspace_id = $1 AND submission_id = $2 AND resolved_at IS NULL",
        )
        .bind(workspace)
        .bind(submission)
        .optional()
        .await
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
