//! Language models: remembered answers, and the budget of calls. A call is counted before it is made.
use super::{Db, Rows, StoreError};
use crate::{
    clock::Time,
    ids::{CampaignId, WorkspaceId},
    llm::Choice,
};
use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

/// Whose budget, and which day of the campaign.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    pub workspace: WorkspaceId,
    pub campaign: CampaignId,
    pub day: NaiveDate,
}

/// How much a day holds.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    pub calls: i64,
    pub tokens: i64,
}

/// Takes one call out of the budget; false when it is used up. Workers that race for the last call cannot both have it.
pub async fn reserve(db: &Db, budget: Budget, most: Allowance) -> Result<bool, StoreError> {
    let taken = db
        .write()
        .sql(
            "INSERT INTO model_budget (workspace_id, campaign_id, day, calls, tokens) VALUES ($1, $2, $3, 1, 0)
             ON CONFLICT (workspace_id, campaign_id, day) DO UPDATE SET calls = model_budget.calls + 1
             WHERE model_budget.calls < $4 AND model_budget.tokens < $5",
        )
        .bind(budget.workspace)
        .bind(budget.campaign)
        .bind(budget.day.to_string())
        .bind(most.calls)
        .bind(most.tokens)
        .run()
        .await?;
    Ok(taken == 1)
}

/// Gives a call back that was surely not made.
pub async fn give_back(db: &Db, budget: Budget) -> Result<(), StoreError> {
    db.write()
        .sql(
            "UPDATE model_budget SET calls = calls - 1
             WHERE workspace_id = $1 AND campaign_id = $2 AND day = $3 AND calls > 0",
        )
        .bind(budget.workspace)
        .bind(budget.campaign)
        .bind(budget.day.to_string())
        .run()
        .await?;
    Ok(())
}

/// Counts the tokens that a call took.
pub async fn spend(db: &Db, budget: Budget, tokens: i64) -> Result<(), StoreError> {
    if tokens == 0 {
        return Ok(());
    }
    db.write()
        .sql(
            "UPDATE model_budget SET tokens = tokens + $4
             WHERE workspace_id = $1 AND campaign_id = $2 AND day = $3",
        )
        .bind(budget.workspace)
        .bind(budget.campaign)
        .bind(budget.day.to_string())
        .bind(tokens)
        .run()
        .await?;
    Ok(())
}

/// What a campaign has used of a day: calls and tokens.
pub async fn used(db: &Db, budget: Budget) -> Result<(i64, i64), StoreError> {
    let row = db
        .read()
        .sql(
            "SELECT calls, tokens FROM model_budget
             WHERE workspace_id = $1 AND campaign_id = $2 AND day = $3",
        )
        .bind(budget.workspace)
        .bind(budget.campaign)
        .bind(budget.day.to_string())
        .optional()
        .await?;
    Ok(row.unwrap_or((0, 0)))
}

#[derive(Serialize)]
struct Asked<'a> {
    digest: &'a str,
}

#[derive(sqlx::FromRow)]
struct Known {
    digest: String,
    value: Option<String>,
    confidence: i64,
}

/// The answers that are remembered, by digest.
pub async fn recall(
    db: &Db,
    workspace: WorkspaceId,
    digests: &[String],
) -> Result<Vec<(String, Choice)>, StoreError> {
    let asked: Vec<Asked> = digests.iter().map(|digest| Asked { digest }).collect();
    let rows: Vec<Known> = db
        .read()
        .sql(
            "SELECT a.digest, a.value, a.confidence FROM ROWS($2: digest text) r
             JOIN model_answer a ON a.workspace_id = $1 AND a.digest = r.digest",
        )
        .bind(workspace)
        .bind(Rows::of(&asked))
        .all()
        .await?;
    let choice = |row: Known| {
        let confidence = row.confidence as f64 / 1000.0;
        (row.digest, Choice { value: row.value, confidence, cached: true })
    };
    Ok(rows.into_iter().map(choice).collect())
}

#[derive(Serialize)]
struct Answered<'a> {
    workspace_id: Uuid,
    digest: &'a str,
    value: Option<&'a str>,
    confidence: i64,
}

/// Remembers answers. The first answer to a question stays.
pub async fn remember(
    db: &Db,
    workspace: WorkspaceId,
    answers: &[(String, Choice)],
    at: Time,
) -> Result<(), StoreError> {
    let rows: Vec<Answered> = answers
        .iter()
        .map(|(digest, choice)| Answered {
            workspace_id: workspace.0,
            digest,
            value: choice.value.as_deref(),
            // A reading has whole thousandths.
            confidence: (choice.confidence * 1000.0).round().clamp(0.0, 1000.0) as i64,
        })
        .collect();
    db.write()
        .sql(
            "INSERT INTO model_answer (workspace_id, digest, value, confidence, answered_at)
             SELECT r.workspace_id, r.digest, r.value, r.confidence, $2
             FROM ROWS($1: workspace_id uuid, digest text, value text, confidence bigint) r
             WHERE r.digest IS NOT NULL
             ON CONFLICT (workspace_id, digest) DO NOTHING",
        )
        .bind(Rows::of(&rows))
        .bind(at)
        .run()
        .await?;
    Ok(())
}

/// Forgets answers that are older than `before`; at most `limit` of them. Sees all workspaces.
pub async fn forget_answers(db: &Db, before: Time, limit: i64) -> Result<u64, StoreError> {
    db.write()
        .sql(
            "DELETE FROM model_answer WHERE (workspace_id, digest) IN (
                SELECT workspace_id, digest FROM model_answer WHERE answered_at < $1 ORDER BY answered_at LIMIT $2)",
        )
        .bind(before)
        .bind(limit)
        .run()
        .await
}

/// Forgets what was used on days before this one; at most `limit` rows. Sees all workspaces.
pub async fn forget_days(db: &Db, before: NaiveDate, limit: i64) -> Result<u64, StoreError> {
    db.write()
        .sql(
            "DELETE FROM model_budget WHERE (workspace_id, campaign_id, day) IN (
                SELECT workspace_id, campaign_id, day FROM model_budget WHERE day < $1 ORDER BY day LIMIT $2)",
        )
        .bind(before.to_string())
        .bind(limit)
        .run()
        .await
}
