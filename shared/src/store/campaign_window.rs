//! Dated campaigns: the clock activates a paused one at its start and pauses an active one at its end, each once.
use super::{Db, StoreError, Tx, campaigns::set_state_in};
use crate::{
    clock::Time,
    ids::{CampaignId, WorkspaceId},
};

/// When a campaign begins and ends; none: no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Window {
    pub starts_at: Option<Time>,
    pub ends_at: Option<Time>,
}

impl Window {
    pub fn starts_after(self, now: Time) -> bool {
        self.starts_at.is_some_and(|start| start > now)
    }

    /// The first of start and end that lies after `now`.
    fn next(self, now: Time) -> Option<Time> {
        [self.starts_at, self.ends_at].into_iter().flatten().filter(|at| *at > now).min()
    }

    /// When the clock is to look, after the window became this one: something that came due and was not done yet is still to be done.
    fn due(self, undone: Option<Time>, now: Time) -> Option<Time> {
        let undone = undone.filter(|due| *due <= now);
        let undone = undone.filter(|due| [self.starts_at, self.ends_at].contains(&Some(*due)));
        undone.or_else(|| self.next(now))
    }
}

/// Gives the campaign this start and end.
pub(super) async fn set(
    tx: &mut Tx,
    (workspace, id): (WorkspaceId, CampaignId),
    window: Window,
    now: Time,
) -> Result<(), StoreError> {
    let undone: Option<(Option<Time>,)> = tx
        .ex()
        .sql(
            "SELECT window_due_at FROM campaign WHERE workspace_id = $1 AND id = $2{pg:  FOR NO KEY UPDATE}",
        )
        .bind(workspace)
        .bind(id)
        .optional()
        .await?;
    tx.ex()
        .sql(
            "UPDATE campaign SET starts_at = $3, ends_at = $4, window_due_at = $5 WHERE workspace_id = $1 AND id = $2",
        )
        .bind(workspace)
        .bind(id)
        .bind(window.starts_at)
        .bind(window.ends_at)
        .bind(window.due(undone.and_then(|(due,)| due), now))
        .run()
        .await?;
    Ok(())
}

/// Campaigns whose start or end has come, in all workspaces.
pub async fn due(
    db: &Db,
    now: Time,
    limit: i64,
) -> Result<Vec<(WorkspaceId, CampaignId)>, StoreError> {
    db.read()
        .sql(
            "SELECT workspace_id, id FROM campaign WHERE window_due_at <= $1 AND window_due_at IS NOT NULL
             ORDER BY window_due_at LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .all()
        .await
}

/// What a state becomes when the clock does all that came due, first to last.
fn turned(state: &str, window: Window, due: Time, now: Time) -> &'static str {
    let mut is = match state {
        "active" => "active",
        "paused" => "paused",
        // Nobody wakes an archived campaign but a person.
        _ => return "archived",
    };
    let mut next = Some(due);
    while let Some(at) = next.filter(|at| *at <= now) {
        if window.ends_at == Some(at) {
            is = "paused";
        } else if window.starts_at == Some(at) {
            is = "active";
        }
        next = window.next(at);
    }
    is
}

#[derive(sqlx::FromRow)]
struct Dated {
    state: String,
    #[sqlx(flatten)]
    window: Window,
    window_due_at: Time,
}

/// Activates or pauses the campaign if its start or end has come; says to which state it went. Of several schedulers one does it.
pub async fn turn(
    db: &Db,
    (workspace, id): (WorkspaceId, CampaignId),
    now: Time,
) -> Result<Option<&'static str>, StoreError> {
    let mut tx = db.begin().await?;
    let found: Option<Dated> = tx
        .ex()
        .sql(
            "SELECT state, starts_at, ends_at, window_due_at FROM campaign
             WHERE workspace_id = $1 AND id = $2 AND window_due_at <= $3 LIMIT 1{pg:  FOR NO KEY UPDATE SKIP LOCKED}",
        )
        .bind(workspace)
        .bind(id)
        .bind(now)
        .optional()
        .await?;
    let Some(dated) = found else { return Ok(None) };
    tx.ex()
        .sql("UPDATE campaign SET window_due_at = $3 WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .bind(dated.window.next(now))
        .run()
        .await?;
    let to = turned(&dated.state, dated.window, dated.window_due_at, now);
    let moves = to != dated.state;
    if moves {
        set_state_in(&mut tx, (workspace, id), to, now).await?;
    }
    tx.commit().await?;
    Ok(moves.then_some(to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noon;
    use chrono::Duration;

    fn window(start: i64, end: i64) -> Window {
        let at = |hours| Some(noon() + Duration::hours(hours));
        Window { starts_at: at(start), ends_at: at(end) }
    }

    #[test]
    fn each_date_is_done_once_and_one_that_was_missed_is_made_up() {
        let w = window(1, 3);
        let at = |hours| noon() + Duration::hours(hours);
        assert_eq!(w.next(noon()), Some(at(1)));
        assert_eq!(w.next(at(1)), Some(at(3)));
        assert_eq!(w.next(at(3)), None);
        assert_eq!(turned("paused", w, at(1), at(1)), "active");
        assert_eq!(turned("active", w, at(3), at(3)), "paused");
        assert_eq!(turned("paused", w, at(1), at(5)), "paused", "it slept over both");
        assert_eq!(turned("archived", w, at(1), at(1)), "archived");
        // Another end, saved just before the start is done: the start is still to be done.
        assert_eq!(window(1, 9).due(Some(at(1)), at(2)), Some(at(1)));
        assert_eq!(window(7, 9).due(Some(at(1)), at(2)), Some(at(7)), "that start is off");
    }
}
