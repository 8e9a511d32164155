//! Campaigns that refuse duplicates: decided before anything of the lead is stored, and without renewing the window of what was seen.
use super::{
    Declined, Entry, Rows, StoreError, Taken, Time, Tx,
    dedup::{Key, KeyRow, keys},
};
use crate::{
    campaign::config::DuplicateAction,
    ids::{CampaignId, LeadId},
};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Who had a key last, and when; none while nobody has it.
type Sight = Option<(LeadId, Time)>;

fn refuses(entry: &Entry<'_>) -> bool {
    entry.dedup.is_some_and(|window| window.action == DuplicateAction::Refuse)
}

/// Declines entries whose email or phone their campaign saw within its window, in the database or earlier in this batch.
pub(super) async fn refuse_duplicates(
    tx: &mut Tx,
    entries: &mut Vec<(usize, Entry<'_>)>,
    answers: &mut [Option<Taken>],
) -> Result<(), StoreError> {
    // A BTreeMap: all transactions take their keys in one order, so that of two that meet one simply waits for the other.
    let mut first: BTreeMap<Key, KeyRow> = BTreeMap::new();
    for (_, entry) in entries.iter().filter(|(_, entry)| refuses(entry)) {
        for key in keys(entry) {
            first.entry(key).or_insert_with(|| KeyRow::of(key, entry));
        }
    }
    if first.is_empty() {
        return Ok(());
    }
    let rows: Vec<KeyRow> = first.values().cloned().collect();
    let found = take(tx, &rows).await?;
    let mut now: HashMap<Key, Sight> =
        first.keys().map(|key| (*key, found.get(key).copied())).collect();
    entries.retain(|(at, entry)| {
        if !refuses(entry) {
            return true;
        }
        let window = entry.dedup.map(|dedup| dedup.window).unwrap_or_default();
        let seen = keys(entry).into_iter().find_map(|key| {
            let (lead, seen_at) = now.get(&key).copied().flatten()?;
            (seen_at + window >= entry.arrival.at).then_some((key.2, lead))
        });
        if let Some((what, lead)) = seen {
            answers[*at] = Some(Err(Declined::Duplicate { what, lead }));
            return false;
        }
        for key in keys(entry) {
            now.insert(key, Some((entry.lead, entry.arrival.at)));
        }
        true
    });
    settle(tx, &first, &found, &now).await
}

#[derive(sqlx::FromRow)]
struct Held {
    campaign_id: CampaignId,
    kind: String,
    value: String,
    lead_id: LeadId,
    seen_at: Time,
}

/// Locks the keys, new ones under the lead that came first, and says who had the others.
async fn take<'a>(
    tx: &mut Tx,
    rows: &[KeyRow<'a>],
) -> Result<HashMap<Key<'a>, (LeadId, Time)>, StoreError> {
    let held: Vec<Held> = tx
        .ex()
        .sql(
            "INSERT INTO dedup_key (workspace_id, campaign_id, kind, value, lead_id, seen_at)
             SELECT r.workspace_id, r.campaign_id, r.kind, r.value, r.lead_id, r.seen_at
             FROM ROWS($1: workspace_id uuid, campaign_id uuid, kind text, value text, lead_id uuid, seen_at timestamptz) r
             WHERE true
             ON CONFLICT (workspace_id, campaign_id, kind, value) DO UPDATE SET lead_id = dedup_key.lead_id
             RETURNING campaign_id, kind, value, lead_id, seen_at",
        )
        .bind(Rows::of(rows))
        .all()
        .await?;
    let held: HashMap<(Uuid, &str, &str), &Held> = held
        .iter()
        .map(|held| ((held.campaign_id.0, held.kind.as_str(), held.value.as_str()), held))
        .collect();
    let mut found = HashMap::new();
    for row in rows {
        let held = held.get(&(row.campaign_id, row.kind, row.value));
        if let Some(held) = held.filter(|held| held.lead_id.0 != row.lead_id) {
            found.insert(row.key(), (held.lead_id, held.seen_at));
        }
    }
    Ok(found)
}

#[derive(Serialize)]
struct Freed<'a> {
    workspace_id: Uuid,
    campaign_id: Uuid,
    kind: &'a str,
    value: &'a str,
}

/// Makes the keys say who has them now: what nobody got after all is gone, what was only looked at is as it was.
async fn settle<'a>(
    tx: &mut Tx,
    first: &BTreeMap<Key<'a>, KeyRow<'a>>,
    found: &HashMap<Key<'a>, (LeadId, Time)>,
    now: &HashMap<Key<'a>, Sight>,
) -> Result<(), StoreError> {
    let (mut taken, mut freed) = (Vec::new(), Vec::new());
    for (key, row) in first {
        match now.get(key).copied().flatten() {
            Some((lead, _)) if found.get(key).map_or(row.lead_id, |was| was.0.0) == lead.0 => {}
            Some((lead, seen_at)) => {
                taken.push(KeyRow { lead_id: lead.0, seen_at, ..row.clone() });
            }
            None => freed.push(Freed {
                workspace_id: key.0,
                campaign_id: key.1,
                kind: key.2,
                value: key.3,
            }),
        }
    }
    if !taken.is_empty() {
        tx.ex()
            .sql(
                "UPDATE dedup_key SET lead_id = r.lead_id, seen_at = r.seen_at, previous_lead_id = NULL, previous_seen_at = NULL
                 FROM ROWS($1: workspace_id uuid, campaign_id uuid, kind text, value text, lead_id uuid, seen_at timestamptz) r
                 WHERE dedup_key.workspace_id = r.workspace_id AND dedup_key.campaign_id = r.campaign_id
                   AND dedup_key.kind = r.kind AND dedup_key.value = r.value",
            )
            .bind(Rows::of(&taken))
            .run()
            .await?;
    }
    if !freed.is_empty() {
        tx.ex()
            .sql(
                "DELETE FROM dedup_key WHERE (workspace_id, campaign_id, kind, value) IN (
                    SELECT r.workspace_id, r.campaign_id, r.kind, r.value
                    FROM ROWS($1: workspace_id uuid, campaign_id uuid, kind text, value text) r)",
            )
            .bind(Rows::of(&freed))
            .run()
            .await?;
    }
    Ok(())
}
