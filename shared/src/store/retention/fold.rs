//! Old lines of leads' logs become one sum a lead, so that the log still adds up to the points.
use super::{
    STEP, Stepped,
    step::{Phase, Place, come_to},
};
use crate::{
    clock::Time,
    store::{Rows, StoreError, Tx, rows::time},
};
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

#[derive(Serialize, sqlx::FromRow)]
struct Line {
    workspace_id: Uuid,
    lead_id: Uuid,
    number: i64,
}

#[derive(sqlx::FromRow)]
struct Gone {
    lead_id: Uuid,
    points: i64,
    at: Time,
}

#[derive(Serialize)]
struct Sum {
    workspace_id: Uuid,
    lead_id: Uuid,
    lines: i64,
    points: i64,
    #[serde(serialize_with = "time")]
    until: Time,
}

/// The oldest lines of logs first: `(workspace, before, limit)`. SQLite takes the partial index only if its condition is said.
pub const FIND: &str = "SELECT workspace_id, lead_id, number FROM firing
     WHERE workspace_id = $1 AND at IS NOT NULL AND at < $2 ORDER BY at LIMIT $3";

pub(super) async fn step(tx: &mut Tx, place: &Place) -> Result<Stepped, StoreError> {
    let lines: Vec<Line> =
        tx.ex().sql(FIND).bind(place.workspace).bind(place.before).bind(STEP).all().await?;
    let gone: Vec<Gone> = tx
        .ex()
        .sql(
            "DELETE FROM firing WHERE (workspace_id, lead_id, number) IN (
                SELECT r.workspace_id, r.lead_id, r.number
                FROM ROWS($1: workspace_id uuid, lead_id uuid, number bigint) r)
             RETURNING lead_id, points, at",
        )
        .bind(Rows::of(&lines))
        .all()
        .await?;
    let mut sums: BTreeMap<Uuid, Sum> = BTreeMap::new();
    for Gone { lead_id, points, at } in &gone {
        let workspace_id = place.workspace.0;
        let sum = sums.entry(*lead_id).or_insert(Sum {
            workspace_id,
            lead_id: *lead_id,
            lines: 0,
            points: 0,
            until: *at,
        });
        sum.lines += 1;
        sum.points += points;
        sum.until = sum.until.max(*at);
    }
    tx.ex()
        .sql(
            "UPDATE lead_automation SET folded = lead_automation.folded + r.lines,
                folded_points = lead_automation.folded_points + r.points, folded_until = r.until
             FROM ROWS($1: workspace_id uuid, lead_id uuid, lines bigint, points bigint, until timestamptz) r
             WHERE lead_automation.workspace_id = r.workspace_id AND lead_automation.lead_id = r.lead_id",
        )
        .bind(Rows::of(&sums.into_values().collect::<Vec<_>>()))
        .run()
        .await?;
    let more = lines.len() as i64 == STEP;
    if !more {
        come_to(tx, place, (Uuid::nil(), Some(place.before))).await?;
    }
    Ok(Stepped { gone: gone.len() as u64, then: more.then_some(Phase::Next) })
}
