//! The budget of calls and texts that a campaign has on each of its days. Each is counted before the provider is asked.
pub use super::models::Budget;
use super::{Db, Ex, StoreError};
use crate::outreach::agent::Channel;
use chrono::NaiveDate;

/// Takes one call or one text out of the budget of `most`; false when it is used up. Workers that race for the last one cannot both
/// have it.
pub async fn reserve(
    ex: Ex<'_>,
    budget: Budget,
    channel: Channel,
    most: i64,
) -> Result<bool, StoreError> {
    let text = match channel {
        Channel::Voice => {
            "INSERT INTO outreach_budget (workspace_id, campaign_id, day, calls, texts)
             SELECT $1, $2, $3, 1, 0 WHERE $4 > 0
             ON CONFLICT (workspace_id, campaign_id, day) DO UPDATE SET calls = outreach_budget.calls + 1
             WHERE outreach_budget.calls < $4"
        }
        Channel::Sms => {
            "INSERT INTO outreach_budget (workspace_id, campaign_id, day, calls, texts)
             SELECT $1, $2, $3, 0, 1 WHERE $4 > 0
             ON CONFLICT (workspace_id, campaign_id, day) DO UPDATE SET texts = outreach_budget.texts + 1
             WHERE outreach_budget.texts < $4"
        }
    };
    let taken = ex
        .sql(text)
        .bind(budget.workspace)
        .bind(budget.campaign)
        .bind(budget.day.to_string())
        .bind(most)
        .run()
        .await?;
    Ok(taken == 1)
}

/// Gives a call or a text back that was surely not placed.
pub async fn give_back(ex: Ex<'_>, budget: Budget, channel: Channel) -> Result<(), StoreError> {
    let text = match channel {
        Channel::Voice => {
            "UPDATE outreach_budget SET calls = calls - 1
             WHERE workspace_id = $1 AND campaign_id = $2 AND day = $3 AND calls > 0"
        }
        Channel::Sms => {
            "UPDATE outreach_budget SET texts = texts - 1
             WHERE workspace_id = $1 AND campaign_id = $2 AND day = $3 AND texts > 0"
        }
    };
    ex.sql(text)
        .bind(budget.workspace)
        .bind(budget.campaign)
        .bind(budget.day.to_string())
        .run()
        .await
        .map(drop)
}

/// What a campaign has used of a day: calls and texts.
pub async fn used(db: &Db, budget: Budget) -> Result<(i64, i64), StoreError> {
    let row = db
        .read()
        .sql(
            "SELECT calls, texts FROM outreach_budget
             WHERE workspace_id = $1 AND campaign_id = $2 AND day = $3",
        )
        .bind(budget.workspace)
        .bind(budget.campaign)
        .bind(budget.day.to_string())
        .optional()
        .await?;
    Ok(row.unwrap_or((0, 0)))
}

/// Forgets what was used on days before this one; at most `limit` rows. Sees all workspaces.
pub async fn forget_days(db: &Db, before: NaiveDate, limit: i64) -> Result<u64, StoreError> {
    db.write()
        .sql(
            "DELETE FROM outreach_budget WHERE (workspace_id, campaign_id, day) IN (
                SELECT workspace_id, campaign_id, day FROM outreach_budget WHERE day < $1 ORDER BY day LIMIT $2)",
        )
        .bind(before.to_string())
        .bind(limit)
        .run()
        .await
}
