//! Answers of language models that are a month old, and budgets of days long past, of models and of calls and texts: forget them.
use super::SweepError;
use crate::Scheduler;
use chrono::Duration;
use shared::store::{
    models::{forget_answers, forget_days},
    outreach_budget,
};

/// How long a model's answer is remembered.
pub const ANSWERS_KEPT: Duration = Duration::days(30);
/// How long it is known what a campaign's models have cost, and how many calls and texts it has used.
pub const BUDGETS_KEPT: Duration = Duration::days(400);
/// Rows forgotten by one statement, at most.
const MOST: i64 = 5_000;

pub async fn sweep(scheduler: &Scheduler) -> Result<u64, SweepError> {
    let now = scheduler.clock.now();
    let mut found = 0;
    loop {
        let answers = forget_answers(&scheduler.db, now - ANSWERS_KEPT, MOST).await?;
        let before = (now - BUDGETS_KEPT).date_naive();
        let days = forget_days(&scheduler.db, before, MOST).await?;
        let reached = outreach_budget::forget_days(&scheduler.db, before, MOST).await?;
        found += answers + days + reached;
        if answers.max(days).max(reached) < MOST as u64 {
            return Ok(found);
        }
    }
}
