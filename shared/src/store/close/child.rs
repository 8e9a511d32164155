//! Submissions that fallback opens, with the move that hands the lead on.
use super::{Close, time};
use crate::{
    clock::Time,
    store::{Rows, StoreError, Tx},
    submission::Carry,
};
use serde::Serialize;

#[derive(Serialize)]
struct ChildRow<'a> {
    workspace_id: uuid::Uuid,
    id: uuid::Uuid,
    lead_id: uuid::Uuid,
    parent_id: uuid::Uuid,
    campaign_id: uuid::Uuid,
    revision: i64,
    carry: &'a Carry,
    reason: &'a str,
    #[serde(serialize_with = "time")]
    due_at: Time,
    #[serde(serialize_with = "time")]
    at: Time,
}

pub(super) async fn open(tx: &mut Tx, closes: &[&Close]) -> Result<(), StoreError> {
    let children = closes.iter().filter_map(|close| Some((close, close.child.as_ref()?)));
    let rows: Vec<ChildRow> = children
        .map(|(close, child)| ChildRow {
            workspace_id: close.workspace.0,
            id: child.id.0,
            lead_id: child.lead.0,
            parent_id: child.root.0,
            campaign_id: child.campaign.0,
            revision: child.revision,
            carry: &child.carry,
            reason: &child.reason,
            due_at: child.due_at,
            at: close.at,
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let rows = Rows::of(&rows);
    tx.ex()
        .sql(
            "INSERT INTO submission (workspace_id, id, lead_id, number, kind, campaign_id, revision, parent_id, run, stage,
                generation, attempt, due_at, status, carry, created_at, updated_at)
             SELECT r.workspace_id, r.id, r.lead_id,
                (SELECT MAX(s.number) + 1 FROM submission s WHERE s.lead_id = r.lead_id),
                'fallback', r.campaign_id, r.revision, r.parent_id, 'ready', 'routing', 1, 0, r.due_at, 'pending', r.carry,
                r.at, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, lead_id uuid, parent_id uuid, campaign_id uuid, revision bigint,
                carry jsonb, due_at timestamptz, at timestamptz) r",
        )
        .bind(rows.clone())
        .run()
        .await?;
    tx.ex()
        .sql(
            "INSERT INTO journey_event (workspace_id, submission_id, generation, stage, verdict, reason_code, reason,
                attempt, duration_us, at)
             SELECT r.workspace_id, r.id, 1, 'accepted', 'accepted', 'fallback', r.reason, 0, 0, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, reason text, at timestamptz) r",
        )
        .bind(rows)
        .run()
        .await?;
    Ok(())
}
