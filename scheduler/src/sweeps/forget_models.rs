//! Answers of language models that are a month old, and budgets of days long past: forget them.
use super::SweepError;
use crate::Scheduler;
use chrono::Duration;
use shared::store::models::{forget_answers, forget_days};

/// How long a model's answer is remembered.
pub const ANSWERS_KEPT: Duration = Duration::days(30);
/// How long it is known what a campaign's models have cost.
pub const BUDGETS_KEPT: Duration = Duration::days(400);
/// Rows forgotten by one statement, at most.
const MOST: i64 = 5_000;

pub async fn sweep(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let now = scheduler.clock.now();
    let mut found = 0;
    loop {
        let answers = forget_answers(&scheduler.db, now - ANSWERS_KEPT, MOST).await?;
        let days = forget_days(&scheduler.db, (now - BUDGETS_KEPT).date_naive(), MOST).await?;
        found += answers + days;
        if answers.max(days) < MOST as u64 {
            return Ok(found);
        }
    }
}
