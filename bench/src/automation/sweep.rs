//! Leads of which nothing was heard for thirty days: many fall due at one moment, and the scheduler rejects them.
use super::Site;
use crate::{
    moment::wait,
    report::{Report, median},
    trouble::{Doing, Trouble},
};
use std::time::{Duration, Instant};

/// Rounds; the median counts.
const ROUNDS: u64 = 3;
const LOOK: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(300);
/// A lead in so many falls due in a round, each round another.
const SPREAD: u64 = 7;

/// The leads of a round: silent for thirty days at the full second after next. Says that moment, in seconds of the epoch.
async fn silence(site: &mut Site<'_>, round: u64) -> Result<f64, Trouble> {
    let spread = (site.leads / site.wanted.due / SPREAD).max(1);
    let mut tx = sqlx::Connection::begin(&mut site.database).await?;
    sqlx::query(
        "CREATE TEMPORARY TABLE round_leads ON COMMIT DROP AS
         SELECT l.workspace_id, l.id, l.contact_id FROM lead l
         WHERE l.campaign_id = $1 AND l.status = 'active' AND ('x' || right(l.id::text, 7))::bit(28)::int % $2 = 0
         ORDER BY md5(l.id::text || $3) LIMIT $4",
    )
    .bind(site.campaign)
    .bind(spread as i32)
    .bind(round.to_string())
    .bind(site.wanted.due as i64)
    .execute(&mut *tx)
    .await?;
    let at: f64 = sqlx::query_scalar(
        "SELECT extract(epoch FROM date_trunc('second', clock_timestamp()))::float8 + 4",
    )
    .fetch_one(&mut *tx)
    .await?;
    for text in [
        "UPDATE activity_sum s SET last_activity_at = to_timestamp($1) - interval '30 days' FROM round_leads r
         WHERE s.workspace_id = r.workspace_id AND s.contact_id = r.contact_id",
        "UPDATE lead_automation a SET due_at = to_timestamp($1) FROM round_leads r
         WHERE a.workspace_id = r.workspace_id AND a.lead_id = r.id",
    ] {
        let changed = sqlx::query(text).bind(at).execute(&mut *tx).await?.rows_affected();
        if changed != site.wanted.due {
            return Err(format!("{changed} of {} rows", site.wanted.due)).doing("making leads due");
        }
    }
    tx.commit().await?;
    Ok(at)
}

async fn rejected(site: &mut Site<'_>) -> Result<i64, Trouble> {
    let text = "SELECT count(*) FROM lead_status_change WHERE to_status = 'rejected'";
    Ok(sqlx::query_scalar(text).fetch_one(&mut site.database).await?)
}

/// The median time from the moment at which they fall due until all are rejected, in milliseconds.
pub async fn measure(site: &mut Site<'_>, name: &str, report: &mut Report) -> Result<f64, Trouble> {
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let before = rejected(site).await?;
        let at = silence(site, round).await?;
        let began = Instant::now();
        loop {
            let (left, late): (i64, f64) = sqlx::query_as(
                "SELECT (SELECT count(*) FROM lead_automation WHERE due_at <= to_timestamp($1)),
                    extract(epoch FROM clock_timestamp())::float8 - $1",
            )
            .bind(at)
            .fetch_one(&mut site.database)
            .await?;
            if left == 0 {
                times.push(late * 1_000.0);
                break;
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("{left} are due still")).doing("sweeping");
            }
            wait(LOOK).await;
        }
        let done = rejected(site).await? - before;
        if done != site.wanted.due as i64 {
            return Err(format!("{done} of {} were rejected", site.wanted.due)).doing("sweeping");
        }
    }
    let took = median(times);
    report.say(format!("{name}_ms"), took, "ms");
    report.say(format!("{name}_per_s"), site.wanted.due as f64 * 1_000.0 / took, "leads/s");
    Ok(took)
}
