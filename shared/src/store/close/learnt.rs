//! What a first action brought to light is kept with the lead: another campaign, a repost and people see it as well.
use super::Close;
use crate::{
    ids::{LeadId, SubmissionId, WorkspaceId},
    lead::Details,
    store::{Rows, StoreError, Tx, rows::time},
};
use serde::Serialize;
use sqlx::types::Json;
use std::collections::BTreeMap;
use uuid::Uuid;

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    id: Uuid,
}

#[derive(sqlx::FromRow)]
struct Known {
    submission_id: SubmissionId,
    workspace_id: WorkspaceId,
    id: LeadId,
    details: Json<Details>,
}

#[derive(Serialize)]
struct Row<'a> {
    workspace_id: Uuid,
    id: Uuid,
    details: &'a Details,
    #[serde(serialize_with = "time")]
    at: crate::clock::Time,
}

/// Merges answers into the leads, all of a batch with two statements.
pub(super) async fn merge(tx: &mut Tx, closes: &[&Close]) -> Result<(), StoreError> {
    let learnt: Vec<&&Close> = closes.iter().filter(|close| !close.learnt.is_empty()).collect();
    if learnt.is_empty() {
        return Ok(());
    }
    let keys: Vec<Key> = learnt
        .iter()
        .map(|close| Key { workspace_id: close.workspace.0, id: close.submission.0 })
        .collect();
    // In the order of leads, so that two batches never wait for each other.
    let known: Vec<Known> = tx
        .ex()
        .sql(
            "SELECT s.id AS submission_id, l.workspace_id, l.id, l.details
             FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN submission s ON s.id = r.id AND (s.workspace_id = r.workspace_id) IS TRUE
             JOIN lead l ON l.workspace_id = s.workspace_id AND l.id = s.lead_id ORDER BY l.id{pg:  FOR UPDATE OF l}",
        )
        .bind(Rows::of(&keys))
        .all()
        .await?;
    // Two submissions of one lead may learn something in the same batch.
    let mut leads: BTreeMap<LeadId, (WorkspaceId, Details)> = BTreeMap::new();
    for one in known {
        let lead = leads.entry(one.id).or_insert((one.workspace_id, one.details.0));
        for close in learnt.iter().filter(|close| close.submission == one.submission_id) {
            lead.1.learn(&close.learnt);
        }
    }
    let at = learnt.iter().map(|close| close.at).max().unwrap_or_default();
    let rows: Vec<Row> = leads
        .iter()
        .map(|(id, (workspace, details))| Row { workspace_id: workspace.0, id: id.0, details, at })
        .collect();
    tx.ex()
        .sql(
            "UPDATE lead SET details = r.details, updated_at = r.at
             FROM ROWS($1: workspace_id uuid, id uuid, details jsonb, at timestamptz) r
             WHERE lead.workspace_id = r.workspace_id AND lead.id = r.id",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    Ok(())
}
