//! Adding activities: each once, whatever its sender repeats; then the sums of those that are new.
use super::{Answer, Recorded, people, sums, types};
use crate::{
    activity::{New, TYPES_MAX},
    automation::{Happened, Occurrence},
    campaign::Problem,
    clock::Time,
    ids::{ActivityId, ContactId, WorkspaceId},
    store::{Rows, StoreError, Tx, live::Touched, rows::time},
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

#[derive(Serialize)]
struct Row<'a> {
    workspace_id: Uuid,
    id: Uuid,
    contact_id: Uuid,
    lead_id: Option<Uuid>,
    r#type: &'a str,
    name: &'a str,
    data: &'a Map<String, Value>,
    key: Option<&'a str>,
    #[serde(serialize_with = "time")]
    at: Time,
    #[serde(serialize_with = "time")]
    received_at: Time,
}

/// An activity on its way through the transaction.
pub(super) struct Entry<'a> {
    pub new: &'a New,
    pub contact: ContactId,
    id: ActivityId,
}

impl<'a> Entry<'a> {
    fn row(&self) -> Row<'a> {
        let new = self.new;
        Row {
            workspace_id: new.workspace.0,
            id: self.id.0,
            contact_id: self.contact.0,
            lead_id: new.lead.map(|lead| lead.0),
            r#type: &new.kind,
            name: &new.name,
            data: &new.data,
            key: new.key.as_deref(),
            at: new.at,
            received_at: new.received_at,
        }
    }

    /// What campaigns react to of it: the lead that it names, or all leads of the contact.
    pub(super) fn happened(&self) -> Happened {
        let New { kind, name, data, at, lead, .. } = self.new;
        let what = Occurrence::Activity {
            id: self.id,
            kind: kind.clone(),
            name: name.clone(),
            data: data.clone(),
            at: *at,
        };
        Happened { lead: *lead, what }
    }

    fn key(&self) -> Option<(WorkspaceId, &'a str)> {
        Some((self.new.workspace, self.new.key.as_deref()?))
    }
}

/// Adds the activities, answers each in order, and says whose sums have changed.
pub(super) async fn record(
    tx: &mut Tx,
    news: &[&New],
) -> Result<(Vec<Answer>, Vec<Touched>), StoreError> {
    if news.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let contacts = people::find(tx, news).await?;
    let fit = news.iter().zip(&contacts).filter(|(_, contact)| contact.is_ok());
    let refused = types::remember(tx, fit.map(|(new, _)| *new)).await?;
    let entries: Vec<Result<Entry, Problem>> = news
        .iter()
        .zip(contacts)
        .map(|(new, contact)| {
            let contact = contact?;
            if refused.contains(&(new.workspace, new.kind.as_str())) {
                let why = format!("the workspace has {TYPES_MAX} types of activities already");
                return Err(Problem::new("type", why));
            }
            Ok(Entry { new, contact, id: ActivityId::new() })
        })
        .collect();
    let fit: Vec<&Entry> = entries.iter().filter_map(|entry| entry.as_ref().ok()).collect();
    let added = add(tx, &fit).await?;
    let (new, repeated): (Vec<&Entry>, Vec<&Entry>) =
        fit.into_iter().partition(|entry| added.contains(&entry.id));
    let known = known(tx, &repeated).await?;
    let touched = sums::add(tx, &new).await?;
    let answers = entries.into_iter().map(|entry| Ok(answer(&entry?, &added, &known)));
    let answers: Result<Vec<Answer>, StoreError> = answers.map(flip).collect();
    Ok((answers?, touched))
}

/// A refusal is an answer; only the store's own error ends the batch.
fn flip(answer: Result<Result<Recorded, StoreError>, Problem>) -> Result<Answer, StoreError> {
    match answer {
        Ok(Ok(recorded)) => Ok(Ok(recorded)),
        Ok(Err(error)) => Err(error),
        Err(problem) => Ok(Err(problem)),
    }
}

fn answer(
    entry: &Entry<'_>,
    added: &HashSet<ActivityId>,
    known: &Known,
) -> Result<Recorded, StoreError> {
    if added.contains(&entry.id) {
        return Ok(Recorded { id: entry.id, contact: entry.contact, repeated: false });
    }
    let before = entry.key().and_then(|(workspace, key)| known.get(&(workspace, key.to_owned())));
    let what = || format!("activity {} conflicts with none that can be found", entry.id);
    let (id, contact) = before.ok_or_else(|| StoreError::Inconsistent(what()))?;
    Ok(Recorded { id: *id, contact: *contact, repeated: true })
}

/// Adds those whose key is new; answers which.
async fn add(tx: &mut Tx, entries: &[&Entry<'_>]) -> Result<HashSet<ActivityId>, StoreError> {
    if entries.is_empty() {
        return Ok(HashSet::new());
    }
    let mut rows: Vec<Row> = entries.iter().map(|entry| entry.row()).collect();
    // One order for all transactions: one that waits for another's key is not waited for.
    rows.sort_by_key(|row| (row.workspace_id, row.key, row.id));
    let added: Vec<(ActivityId,)> = tx
        .ex()
        .sql(
            "INSERT INTO activity (workspace_id, id, contact_id, lead_id, type, name, data, key, at, received_at)
             SELECT r.workspace_id, r.id, r.contact_id, r.lead_id, r.type, r.name, r.data, r.key, r.at, r.received_at
             FROM ROWS($1: workspace_id uuid, id uuid, contact_id uuid, lead_id uuid, type text, name text, data jsonb, key text,
                at timestamptz, received_at timestamptz) r
             WHERE true
             ON CONFLICT (workspace_id, key) WHERE key IS NOT NULL DO NOTHING
             RETURNING id",
        )
        .bind(Rows::of(&rows))
        .all()
        .await?;
    Ok(added.into_iter().map(|(id,)| id).collect())
}

type Known = HashMap<(WorkspaceId, String), (ActivityId, ContactId)>;

#[derive(Serialize)]
struct Key<'a> {
    workspace_id: Uuid,
    key: &'a str,
}

/// The activities that were there before, by key.
async fn known(tx: &mut Tx, entries: &[&Entry<'_>]) -> Result<Known, StoreError> {
    let keys: HashSet<(WorkspaceId, &str)> =
        entries.iter().filter_map(|entry| entry.key()).collect();
    if keys.is_empty() {
        return Ok(Known::new());
    }
    let keys = keys.into_iter().map(|(workspace, key)| Key { workspace_id: workspace.0, key });
    let found: Vec<(WorkspaceId, String, ActivityId, ContactId)> = tx
        .ex()
        .sql(
            "SELECT a.workspace_id, a.key, a.id, a.contact_id FROM ROWS($1: workspace_id uuid, key text) r
             JOIN activity a ON a.workspace_id = r.workspace_id AND a.key = r.key",
        )
        .bind(Rows::of(&keys.collect::<Vec<_>>()))
        .all()
        .await?;
    let known =
        found.into_iter().map(|(workspace, key, id, contact)| ((workspace, key), (id, contact)));
    Ok(known.collect())
}
