//! What a first action brought to light is kept with the lead: another campaign, a repost and people see it as well.
use super::{Close, lead::leads_of};
use crate::{
    ids::{LeadId, WorkspaceId},
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

/// Merges answers into the leads, all of a batch with three statements.
pub(super) async fn merge(tx: &mut Tx, closes: &[&Close]) -> Result<(), StoreError> {
    let learnt: Vec<&Close> =
        closes.iter().filter(|close| !close.learnt.is_empty()).copied().collect();
    if learnt.is_empty() {
        return Ok(());
    }
    let leads = leads_of(tx, &learnt).await?;
    // Two submissions of one lead may learn something in the same batch. In the order of leads, so that two batches never wait for
    // each other.
    let mut heard: BTreeMap<LeadId, Vec<&Close>> = BTreeMap::new();
    for close in learnt {
        if let Some(lead) = leads.get(&close.submission) {
            heard.entry(*lead).or_default().push(close);
        }
    }
    let mut known = lock(tx, &heard).await?;
    let rows: Vec<Row> = known
        .iter_mut()
        .filter_map(|lead| {
            let closes = heard.get(&lead.id)?;
            closes.iter().for_each(|close| lead.details.learn(&close.learnt));
            let at = closes.iter().map(|close| close.at).max()?;
            let (workspace_id, id) = (lead.workspace_id.0, lead.id.0);
            Some(Row { workspace_id, id, details: &lead.details.0, at })
        })
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

async fn lock(
    tx: &mut Tx,
    heard: &BTreeMap<LeadId, Vec<&Close>>,
) -> Result<Vec<Known>, StoreError> {
    let keys: Vec<Key> = heard
        .iter()
        .filter_map(|(id, closes)| {
            Some(Key { workspace_id: closes.first()?.workspace.0, id: id.0 })
        })
        .collect();
    tx.ex()
        .sql(
            "SELECT l.workspace_id, l.id, l.details FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id{pg:  FOR UPDATE OF l}",
        )
        .bind(Rows::of(&keys))
        .all()
        .await
}
