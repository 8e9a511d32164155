//! Sending a known lead through the pipeline again: its stored data is used, after taking over what the request adds.
use super::{Declined, Entry, Rows, StoreError, Taken, Time, Tx, Who, time};
use crate::{
    ids::{ContactId, LeadId, WorkspaceId},
    lead::{Details, LeadStatus},
};
use serde::Serialize;
use sqlx::types::Json;
use std::collections::HashMap;
use uuid::Uuid;

#[derive(Serialize)]
struct Known {
    workspace_id: Uuid,
    id: Uuid,
    #[serde(serialize_with = "time")]
    at: Time,
}

#[derive(sqlx::FromRow)]
struct LeadRow {
    workspace_id: WorkspaceId,
    id: LeadId,
    contact_id: ContactId,
    status: LeadStatus,
    details: Json<Details>,
    is_duplicate: bool,
    duplicate_of: Option<LeadId>,
    last_number: i64,
}

#[derive(Serialize)]
struct Merged<'a> {
    workspace_id: Uuid,
    id: Uuid,
    details: &'a Details,
}

/// Fills the entries that name a known lead; declines those whose lead is not there or not processed.
pub(super) async fn find_known_leads(
    tx: &mut Tx,
    entries: &mut Vec<(usize, Entry<'_>)>,
    answers: &mut [Option<Taken>],
) -> Result<(), StoreError> {
    let wanted: Vec<Known> = entries
        .iter()
        .filter_map(|(_, entry)| match &entry.arrival.who {
            Who::Known { lead, .. } => Some(Known {
                workspace_id: entry.arrival.workspace.0,
                id: lead.0,
                at: entry.arrival.at,
            }),
            Who::New { .. } => None,
        })
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut leads = lock(tx, &wanted).await?;
    entries.retain_mut(|(at, entry)| {
        let Who::Known { lead, details } = &entry.arrival.who else { return true };
        let declined = match leads.get_mut(&(entry.arrival.workspace, *lead)) {
            None => Declined::UnknownLead,
            Some(row) if !row.status.is_processed() => {
                Declined::ClosedLead(row.status.word().to_owned())
            }
            Some(row) => {
                row.details.merge(details.clone());
                row.last_number += 1;
                entry.lead = row.id;
                entry.contact = Some(row.contact_id);
                entry.number = row.last_number;
                entry.duplicate_of = row.duplicate_of.filter(|_| row.is_duplicate);
                return true;
            }
        };
        answers[*at] = Some(Err(declined));
        false
    });
    let merged: Vec<Merged> = leads
        .values()
        .map(|row| Merged { workspace_id: row.workspace_id.0, id: row.id.0, details: &row.details })
        .collect();
    tx.ex()
        .sql(
            "UPDATE lead SET details = r.details
             FROM ROWS($1: workspace_id uuid, id uuid, details jsonb) r
             WHERE lead.workspace_id = r.workspace_id AND lead.id = r.id",
        )
        .bind(Rows::of(&merged))
        .run()
        .await?;
    Ok(())
}

/// Locks the leads (by touching them), so that two submissions of one lead get different numbers, and reads them.
async fn lock(
    tx: &mut Tx,
    wanted: &[Known],
) -> Result<HashMap<(WorkspaceId, LeadId), LeadRow>, StoreError> {
    tx.ex()
        .sql(
            "UPDATE lead SET updated_at = r.at
             FROM ROWS($1: workspace_id uuid, id uuid, at timestamptz) r
             WHERE lead.workspace_id = r.workspace_id AND lead.id = r.id",
        )
        .bind(Rows::of(wanted))
        .run()
        .await?;
    let rows: Vec<LeadRow> = tx
        .ex()
        .sql(
            "SELECT l.workspace_id, l.id, l.contact_id, l.status, l.details, l.is_duplicate, l.duplicate_of,
                (SELECT COALESCE(MAX(s.number), 0) FROM submission s
                 WHERE s.lead_id = l.id) AS last_number
             FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id",
        )
        .bind(Rows::of(wanted))
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| ((row.workspace_id, row.id), row)).collect())
}
