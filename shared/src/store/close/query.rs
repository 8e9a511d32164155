//! Questions about held deliveries: they begin and end with the hold.
use super::{Close, Query, time};
use crate::{
    clock::Time,
    store::{Rows, StoreError, Tx},
};
use serde::Serialize;
use uuid::Uuid;

#[derive(Serialize)]
struct NewRow<'a> {
    workspace_id: Uuid,
    submission_id: Uuid,
    generation: i64,
    campaign_id: Uuid,
    endpoint: &'a str,
    #[serde(serialize_with = "time")]
    due_at: Time,
}

pub(super) async fn begin(tx: &mut Tx, closes: &[&Close]) -> Result<(), StoreError> {
    let rows: Vec<NewRow> = closes
        .iter()
        .filter_map(|close| match &close.query {
            Query::Begin { endpoint, due_at } => Some(NewRow {
                workspace_id: close.workspace.0,
                submission_id: close.submission.0,
                generation: close.place.generation,
                campaign_id: close.place.campaign.0,
                endpoint,
                due_at: *due_at,
            }),
            Query::None | Query::End => None,
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "INSERT INTO status_query (workspace_id, submission_id, generation, campaign_id, endpoint, asked, due_at)
             SELECT r.workspace_id, r.submission_id, r.generation, r.campaign_id, r.endpoint, 0, r.due_at
             FROM ROWS($1: workspace_id uuid, submission_id uuid, generation bigint, campaign_id uuid, endpoint text,
                due_at timestamptz) r
             WHERE true
             ON CONFLICT (workspace_id, submission_id) DO UPDATE SET generation = excluded.generation,
                campaign_id = excluded.campaign_id, endpoint = excluded.endpoint, asked = 0, due_at = excluded.due_at,
                said = NULL",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    Ok(())
}

#[derive(Serialize)]
struct GoneRow {
    workspace_id: Uuid,
    submission_id: Uuid,
}

pub(super) async fn end(tx: &mut Tx, closes: &[&Close]) -> Result<(), StoreError> {
    let ended = closes.iter().filter(|close| close.query == Query::End);
    let rows: Vec<GoneRow> = ended
        .map(|close| GoneRow { workspace_id: close.workspace.0, submission_id: close.submission.0 })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "DELETE FROM status_query WHERE (workspace_id, submission_id) IN (
                SELECT r.workspace_id, r.submission_id FROM ROWS($1: workspace_id uuid, submission_id uuid) r)",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    Ok(())
}
