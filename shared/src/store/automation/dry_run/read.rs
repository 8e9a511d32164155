//! Reading for dry runs: a campaign's leads page by page, and what a few contacts did.
use super::{ACTIVITIES_MAX, Wish, replay::Did};
use crate::{
    automation::LeadState,
    clock::Time,
    ids::{ContactId, LeadId, WorkspaceId},
    store::{
        Rows, StoreError, Tx,
        automation::gather::{self, Found},
        rows::time,
    },
};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Leads that are read together.
const PAGE: i64 = 200;

/// The lead; none: it is no longer processed.
pub fn open(workspace: WorkspaceId, row: Found) -> Option<LeadState> {
    row.status.is_processed().then(|| gather::state(workspace, row))
}

/// The campaign's leads before one of them, whatever their status, newest first.
pub async fn page(tx: &mut Tx, wish: &Wish, before: LeadId) -> Result<Vec<Found>, StoreError> {
    tx.ex()
        .sql(
            "SELECT l.id, l.contact_id, l.campaign_id, l.status, l.created_at, p.points, p.number, p.memory, p.due_at
             FROM lead l LEFT JOIN lead_automation p ON p.workspace_id = l.workspace_id AND p.lead_id = l.id
             WHERE l.campaign_id = $2 AND (l.workspace_id = $1) IS TRUE AND l.id < $3 ORDER BY l.id DESC LIMIT $4",
        )
        .bind(wish.workspace)
        .bind(wish.campaign)
        .bind(before)
        .bind(PAGE)
        .all()
        .await
}

/// What a contact did, to be lived through again.
#[derive(Debug, Default)]
pub struct Lived {
    /// First to last.
    pub dids: Vec<Did>,
    /// The last thing that it did before.
    pub heard_before: Option<Time>,
    /// It did more.
    pub is_cut: bool,
}

#[derive(Serialize)]
struct Since {
    workspace_id: Uuid,
    id: Uuid,
    /// Later than this.
    #[serde(serialize_with = "time")]
    after: Time,
}

#[derive(sqlx::FromRow)]
struct DidOf {
    contact_id: ContactId,
    #[sqlx(flatten)]
    did: Did,
}

/// What these contacts did since `from`: the newest of it, [`ACTIVITIES_MAX`] of each.
pub async fn lived(
    tx: &mut Tx,
    workspace: WorkspaceId,
    contacts: &BTreeSet<ContactId>,
    (from, now): (Time, Time),
) -> Result<HashMap<ContactId, Lived>, StoreError> {
    let since = |id: &ContactId| Since { workspace_id: workspace.0, id: id.0, after: from };
    let mut rows: Vec<Since> = contacts.iter().map(since).collect();
    let cuts: HashMap<ContactId, Time> = cuts(tx, &rows).await?;
    for row in &mut rows {
        row.after = cuts.get(&ContactId(row.id)).copied().unwrap_or(from);
    }
    let heard: Vec<(ContactId, Option<Time>)> = tx
        .ex()
        .sql(
            "SELECT r.id, (SELECT a.at FROM activity a
                WHERE a.contact_id = r.id AND (a.workspace_id = r.workspace_id) IS TRUE AND a.at <= r.after
                ORDER BY a.at DESC LIMIT 1) AS heard_before
             FROM ROWS($1: workspace_id uuid, id uuid, after timestamptz) r",
        )
        .bind(Rows::of(&rows))
        .all()
        .await?;
    let lived = heard.into_iter().map(|(contact, heard_before)| {
        let is_cut = cuts.contains_key(&contact);
        (contact, Lived { dids: Vec::new(), heard_before, is_cut })
    });
    let mut lived: HashMap<ContactId, Lived> = lived.collect();
    for one in dids(tx, &rows, now).await? {
        lived.entry(one.contact_id).or_default().dids.push(one.did);
    }
    for one in lived.values_mut() {
        one.dids.sort_by_key(|did| (did.at, did.id));
    }
    Ok(lived)
}

/// Of those who did more than is lived through again, when the last thing was that is left out.
async fn cuts(tx: &mut Tx, rows: &[Since]) -> Result<HashMap<ContactId, Time>, StoreError> {
    let cuts: Vec<(ContactId, Option<Time>)> = tx
        .ex()
        .sql(
            "SELECT r.id, (SELECT a.at FROM activity a
                WHERE a.contact_id = r.id AND (a.workspace_id = r.workspace_id) IS TRUE AND a.at > r.after
                ORDER BY a.at DESC LIMIT 1 OFFSET $2) AS cut
             FROM ROWS($1: workspace_id uuid, id uuid, after timestamptz) r",
        )
        .bind(Rows::of(rows))
        .bind(ACTIVITIES_MAX)
        .all()
        .await?;
    Ok(cuts.into_iter().filter_map(|(contact, cut)| Some((contact, cut?))).collect())
}

async fn dids(tx: &mut Tx, rows: &[Since], now: Time) -> Result<Vec<DidOf>, StoreError> {
    tx.ex()
        .sql(
            "SELECT a.contact_id, a.id, a.type, a.name, a.data, a.at
             FROM ROWS($1: workspace_id uuid, id uuid, after timestamptz) r
             JOIN activity a ON a.contact_id = r.id AND (a.workspace_id = r.workspace_id) IS TRUE AND a.at > r.after
             WHERE a.at <= $2",
        )
        .bind(Rows::of(rows))
        .bind(now)
        .all()
        .await
}
