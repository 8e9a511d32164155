//! Questions to buyers about held deliveries: when each is asked, how often it was, and what was said.
use super::{
    Db, StoreError,
    notices::{self, Notice},
};
use crate::{
    clock::Time,
    ids::{CampaignId, SubmissionId, WorkspaceId},
};

/// A question that is open, or was given up.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct QueryRow {
    pub workspace_id: WorkspaceId,
    pub submission_id: SubmissionId,
    pub generation: i64,
    pub campaign_id: CampaignId,
    pub endpoint: String,
    pub asked: i64,
    pub due_at: Option<Time>,
    pub said: Option<String>,
}

/// A question to push.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Due {
    pub submission_id: SubmissionId,
    pub generation: i64,
}

/// Takes the questions that are due, of all workspaces, oldest first, and says when to look again.
pub async fn take_due(
    db: &Db,
    now: Time,
    again_at: Time,
    limit: i64,
) -> Result<Vec<Due>, StoreError> {
    db.write()
        .sql(
            "UPDATE status_query SET due_at = $2 WHERE (workspace_id, submission_id) IN (
                SELECT q.workspace_id, q.submission_id FROM status_query q WHERE q.due_at <= $1
                ORDER BY q.due_at LIMIT $3{pg:  FOR UPDATE SKIP LOCKED})
             AND due_at <= $1
             RETURNING submission_id, generation",
        )
        .bind(now)
        .bind(again_at)
        .bind(limit)
        .all()
        .await
}

/// The question about a submission, if there is one.
pub async fn get(
    db: &Db,
    workspace: WorkspaceId,
    submission: SubmissionId,
) -> Result<Option<QueryRow>, StoreError> {
    db.read()
        .sql(
            "SELECT workspace_id, submission_id, generation, campaign_id, endpoint, asked, due_at, said
             FROM status_query WHERE workspace_id = $1 AND submission_id = $2",
        )
        .bind(workspace)
        .bind(submission)
        .optional()
        .await
}

/// What came of asking once more without learning anything.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    pub said: &'a str,
    /// None: it is not asked again.
    pub next: Option<Time>,
    pub notice: Option<Notice>,
}

/// Notes that the buyer was asked; false when another worker has noted that question already, or the submission has moved.
pub async fn note(db: &Db, row: &QueryRow, asked: &Asked<'_>) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let noted = tx
        .ex()
        .sql(
            "UPDATE status_query SET asked = asked + 1, due_at = $5, said = $6
             WHERE workspace_id = $1 AND submission_id = $2 AND generation = $3 AND asked = $4",
        )
        .bind(row.workspace_id)
        .bind(row.submission_id)
        .bind(row.generation)
        .bind(row.asked)
        .bind(asked.next)
        .bind(asked.said)
        .run()
        .await?;
    if noted == 0 {
        return Ok(false);
    }
    if let Some(notice) = &asked.notice {
        notices::raise(&mut tx, std::slice::from_ref(notice)).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Forgets a question whose submission is no longer held as it was.
pub async fn forget(
    db: &Db,
    submission: SubmissionId,
    workspace: WorkspaceId,
    generation: i64,
) -> Result<(), StoreError> {
    db.write()
        .sql(
            "DELETE FROM status_query WHERE workspace_id = $1 AND submission_id = $2 AND generation = $3",
        )
        .bind(workspace)
        .bind(submission)
        .bind(generation)
        .run()
        .await?;
    Ok(())
}
