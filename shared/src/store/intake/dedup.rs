//! Duplicate detection: of two leads with the same email or phone in a campaign's window, the later one is a duplicate.
use super::{DuplicateAction, Entry, Rows, StoreError, Time, Tx, Who, Window, time};
use crate::ids::{CampaignId, LeadId};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

#[derive(Serialize, Clone)]
pub(super) struct KeyRow<'a> {
    pub(super) workspace_id: Uuid,
    pub(super) campaign_id: Uuid,
    pub(super) kind: &'static str,
    pub(super) value: &'a str,
    pub(super) lead_id: Uuid,
    #[serde(serialize_with = "time")]
    pub(super) seen_at: Time,
}

impl<'a> KeyRow<'a> {
    pub(super) fn of(key: Key<'a>, entry: &Entry<'a>) -> Self {
        Self {
            workspace_id: key.0,
            campaign_id: key.1,
            kind: key.2,
            value: key.3,
            lead_id: entry.lead.0,
            seen_at: entry.arrival.at,
        }
    }

    pub(super) fn key(&self) -> Key<'a> {
        (self.workspace_id, self.campaign_id, self.kind, self.value)
    }
}

#[derive(sqlx::FromRow)]
struct Sight {
    campaign_id: CampaignId,
    kind: String,
    value: String,
    previous_lead_id: Option<LeadId>,
    previous_seen_at: Option<Time>,
}

/// Workspace, campaign, kind and value.
pub(super) type Key<'a> = (Uuid, Uuid, &'static str, &'a str);

/// What a new lead is recognised by; nothing when its campaign does not look, or it is a test.
pub(super) fn keys<'a>(entry: &Entry<'a>) -> Vec<Key<'a>> {
    let Who::New { person, .. } = &entry.arrival.who else { return Vec::new() };
    if entry.dedup.is_none() || entry.arrival.is_test {
        return Vec::new();
    }
    let scope = (entry.arrival.workspace.0, entry.campaign.0);
    [("email", person.email.as_str()), ("phone", person.phone.as_str())]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(kind, value)| (scope.0, scope.1, kind, value))
        .collect()
}

/// Whether its campaign takes duplicates in; those that it does not are gone already (`refuse.rs`).
fn marks(entry: &Entry<'_>) -> bool {
    entry.dedup.is_some_and(|dedup| dedup.action != DuplicateAction::Refuse)
}

/// Marks entries whose email or phone their campaign saw within its window, in the database or earlier in this batch.
pub(super) async fn mark_duplicates(
    tx: &mut Tx,
    entries: &mut [(usize, Entry<'_>)],
) -> Result<(), StoreError> {
    // A BTreeMap: all transactions take their keys in one order, so that of two that meet one simply waits for the other.
    let mut first: BTreeMap<Key, KeyRow> = BTreeMap::new();
    for (_, entry) in entries.iter_mut().filter(|(_, entry)| marks(entry)) {
        for key in keys(entry) {
            let row = KeyRow::of(key, entry);
            let seen = first.entry(key).or_insert(row);
            if seen.lead_id != entry.lead.0 {
                entry.duplicate_of.get_or_insert(LeadId(seen.lead_id));
            }
        }
    }
    if first.is_empty() {
        return Ok(());
    }
    let rows: Vec<KeyRow> = first.into_values().collect();
    let sights = remember(tx, &rows).await?;
    for (_, entry) in entries.iter_mut().filter(|(_, entry)| marks(entry)) {
        let Some(Window { window, .. }) = entry.dedup else { continue };
        for (_, campaign, kind, value) in keys(entry) {
            let Some((lead, seen_at)) = sights.get(&(campaign, kind, value)) else { continue };
            if *seen_at + window >= entry.arrival.at {
                entry.duplicate_of = Some(*lead);
            }
        }
    }
    Ok(())
}

/// Takes the keys and says who had them before.
async fn remember<'a>(
    tx: &mut Tx,
    rows: &[KeyRow<'a>],
) -> Result<HashMap<(Uuid, &'static str, &'a str), (LeadId, Time)>, StoreError> {
    let sights: Vec<Sight> = tx
        .ex()
        .sql(
            "INSERT INTO dedup_key (workspace_id, campaign_id, kind, value, lead_id, seen_at)
             SELECT r.workspace_id, r.campaign_id, r.kind, r.value, r.lead_id, r.seen_at
             FROM ROWS($1: workspace_id uuid, campaign_id uuid, kind text, value text, lead_id uuid, seen_at timestamptz) r
             WHERE true
             ON CONFLICT (workspace_id, campaign_id, kind, value) DO UPDATE SET
                previous_lead_id = dedup_key.lead_id, previous_seen_at = dedup_key.seen_at,
                lead_id = excluded.lead_id, seen_at = excluded.seen_at
             RETURNING campaign_id, kind, value, previous_lead_id, previous_seen_at",
        )
        .bind(Rows::of(rows))
        .all()
        .await?;
    let sights: HashMap<(Uuid, &str, &str), &Sight> = sights
        .iter()
        .map(|sight| ((sight.campaign_id.0, sight.kind.as_str(), sight.value.as_str()), sight))
        .collect();
    let mut before = HashMap::new();
    for row in rows {
        if let Some(sight) = sights.get(&(row.campaign_id, row.kind, row.value))
            && let (Some(lead), Some(at)) = (sight.previous_lead_id, sight.previous_seen_at)
        {
            before.insert((row.campaign_id, row.kind, row.value), (lead, at));
        }
    }
    Ok(before)
}
