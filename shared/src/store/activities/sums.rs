//! The sums of contacts: read, added to, written. The contacts' rows are held, so nobody else counts at the same time.
use super::write::Entry;
use crate::{
    activity::sum::{Sum, Times, day},
    automation::Happened,
    clock::Time,
    ids::{ContactId, WorkspaceId},
    store::{
        Rows, StoreError, Tx,
        live::{Touched, What},
        rows::time,
    },
};
use serde::Serialize;
use sqlx::types::Json;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

type Contact = (WorkspaceId, ContactId);

/// Adds new activities to the sums of their contacts; answers what of whom has changed, with the activities in the order of their times.
pub(super) async fn add(tx: &mut Tx, entries: &[&Entry<'_>]) -> Result<Vec<Touched>, StoreError> {
    let mut added: BTreeMap<Contact, Sum> = BTreeMap::new();
    for entry in entries {
        let one = Sum::of(&entry.new.kind, entry.new.at);
        let contact = (entry.new.workspace, entry.contact);
        let sum = added.remove(&contact).map_or_else(|| one.clone(), |sum| sum.and(&one));
        added.insert(contact, sum);
    }
    if added.is_empty() {
        return Ok(Vec::new());
    }
    let before = read(tx, added.keys()).await?;
    let mut happened = happened(entries);
    let mut rows = Vec::with_capacity(added.len());
    let mut touched = Vec::with_capacity(added.len());
    for (contact, added) in added {
        let before = before.get(&contact);
        let sum = before.map_or_else(|| added.clone(), |before| before.clone().and(&added));
        let what = What::Fields(sum.fields_changed(before, &added));
        let happened = happened.remove(&contact).unwrap_or_default();
        touched.push(Touched { happened, ..Touched::new(contact.0, contact.1, what) });
        rows.push(Row::of(contact, sum));
    }
    write(tx, &rows).await?;
    write_days(tx, entries).await?;
    Ok(touched)
}

fn happened(entries: &[&Entry<'_>]) -> HashMap<Contact, Vec<Happened>> {
    let mut in_time: Vec<&&Entry> = entries.iter().collect();
    in_time.sort_by_key(|entry| entry.new.at);
    let mut happened: HashMap<Contact, Vec<Happened>> = HashMap::new();
    for entry in in_time {
        let contact = (entry.new.workspace, entry.contact);
        happened.entry(contact).or_default().push(entry.happened());
    }
    happened
}

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    contact_id: Uuid,
}

#[derive(sqlx::FromRow)]
struct Stored {
    workspace_id: WorkspaceId,
    contact_id: ContactId,
    first_seen_at: Time,
    last_activity_at: Time,
    events: Json<BTreeMap<String, Times>>,
}

async fn read(
    tx: &mut Tx,
    contacts: impl Iterator<Item = &Contact>,
) -> Result<HashMap<Contact, Sum>, StoreError> {
    let keys = contacts.map(|(workspace, id)| Key { workspace_id: workspace.0, contact_id: id.0 });
    let found: Vec<Stored> = tx
        .ex()
        .sql(
            "SELECT s.workspace_id, s.contact_id, s.first_seen_at, s.last_activity_at, s.events
             FROM ROWS($1: workspace_id uuid, contact_id uuid) r
             JOIN activity_sum s ON s.workspace_id = r.workspace_id AND s.contact_id = r.contact_id",
        )
        .bind(Rows::of(&keys.collect::<Vec<_>>()))
        .all()
        .await?;
    let sums = found.into_iter().map(|row| {
        let Stored { workspace_id, contact_id, first_seen_at, last_activity_at, events } = row;
        ((workspace_id, contact_id), Sum { first_seen_at, last_activity_at, events: events.0 })
    });
    Ok(sums.collect())
}

#[derive(Serialize)]
struct Row {
    workspace_id: Uuid,
    contact_id: Uuid,
    #[serde(serialize_with = "time")]
    first_seen_at: Time,
    #[serde(serialize_with = "time")]
    last_activity_at: Time,
    events: BTreeMap<String, Times>,
}

impl Row {
    fn of((workspace, contact): Contact, sum: Sum) -> Self {
        Self {
            workspace_id: workspace.0,
            contact_id: contact.0,
            first_seen_at: sum.first_seen_at,
            last_activity_at: sum.last_activity_at,
            events: sum.events,
        }
    }
}

async fn write(tx: &mut Tx, rows: &[Row]) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO activity_sum (workspace_id, contact_id, first_seen_at, last_activity_at, events)
             SELECT r.workspace_id, r.contact_id, r.first_seen_at, r.last_activity_at, r.events
             FROM ROWS($1: workspace_id uuid, contact_id uuid, first_seen_at timestamptz, last_activity_at timestamptz,
                events jsonb) r
             WHERE true
             ON CONFLICT (workspace_id, contact_id) DO UPDATE SET first_seen_at = excluded.first_seen_at,
                last_activity_at = excluded.last_activity_at, events = excluded.events",
        )
        .bind(Rows::of(rows))
        .run()
        .await
        .map(drop)
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct DayKey<'a> {
    workspace_id: Uuid,
    contact_id: Uuid,
    r#type: &'a str,
    name: &'a str,
    day: String,
}

#[derive(Serialize)]
struct DayRow<'a> {
    #[serde(flatten)]
    key: DayKey<'a>,
    times: i64,
}

/// Adds to the days, in the order of their keys.
async fn write_days(tx: &mut Tx, entries: &[&Entry<'_>]) -> Result<(), StoreError> {
    let mut days: BTreeMap<DayKey, i64> = BTreeMap::new();
    for entry in entries {
        let key = DayKey {
            workspace_id: entry.new.workspace.0,
            contact_id: entry.contact.0,
            r#type: &entry.new.kind,
            name: &entry.new.name,
            day: day(entry.new.at),
        };
        *days.entry(key).or_default() += 1;
    }
    let rows: Vec<DayRow> = days.into_iter().map(|(key, times)| DayRow { key, times }).collect();
    tx.ex()
        .sql(
            "INSERT INTO activity_day (workspace_id, contact_id, type, name, day, times)
             SELECT r.workspace_id, r.contact_id, r.type, r.name, r.day, r.times
             FROM ROWS($1: workspace_id uuid, contact_id uuid, type text, name text, day text, times bigint) r
             WHERE true
             ON CONFLICT (workspace_id, contact_id, type, name, day) DO UPDATE SET times = activity_day.times + excluded.times",
        )
        .bind(Rows::of(&rows))
        .run()
        .await
        .map(drop)
}
