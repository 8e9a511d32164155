//! Whether what was done is what was to be done.
use super::{Site, activities::Rates};
use crate::trouble::{Doing, Trouble};

/// Every lead's points are the sum of its firings, and all points together are what the activities of processed leads are worth.
pub async fn all(site: &mut Site<'_>, scored: &Rates) -> Result<(), Trouble> {
    let wrong: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM lead_automation a
         LEFT JOIN (SELECT workspace_id, lead_id, sum(points) AS points, max(number) AS number, count(*) AS lines
            FROM firing GROUP BY workspace_id, lead_id) f ON f.workspace_id = a.workspace_id AND f.lead_id = a.lead_id
         WHERE a.points <> coalesce(f.points, 0) OR a.number <> coalesce(f.number, 0) OR a.number <> coalesce(f.lines, 0)",
    )
    .fetch_one(&mut site.database)
    .await?;
    if wrong > 0 {
        return Err(format!("{wrong} leads' points are not the sum of their firings"))
            .doing("checking points");
    }
    // Leads that were rejected before are not scored.
    let (points, firings): (i64, i64) = sqlx::query_as(
        "SELECT coalesce(sum(points), 0)::bigint, count(*) FROM firing WHERE kind = 'scoring'",
    )
    .fetch_one(&mut site.database)
    .await?;
    let (due, all) = (6 * site.wanted.due, site.leads);
    let least = scored.sent - scored.sent * due * 2 / all;
    if points > scored.points || firings > scored.sent as i64 || firings < least as i64 {
        let why = format!(
            "{firings} firings with {points} points of {} activities with {}",
            scored.sent, scored.points
        );
        return Err(why).doing("checking points");
    }
    Ok(())
}
