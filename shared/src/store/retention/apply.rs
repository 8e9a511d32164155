//! What goes of things that are over, kind by kind; `docs/retention.md` is the same list in words.
use super::{
    Walk,
    step::{Place, rows},
};
use crate::{
    activity::sum::day,
    clock::Time,
    store::{Rows, StoreError, Tx, rows::time},
};
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Rows of one import that one statement deletes, at most.
const OF_IMPORT: i64 = 5_000;

const PAYLOADS: &[&str] = &[
    "UPDATE submission SET carry = '{}' FROM ROWS($1: workspace_id uuid, id uuid) r
     WHERE submission.workspace_id = r.workspace_id AND submission.id = r.id AND CAST(submission.carry AS TEXT) <> '{}'",
    "UPDATE delivery_attempt SET answer = NULL FROM ROWS($1: workspace_id uuid, id uuid) r
     WHERE delivery_attempt.workspace_id = r.workspace_id AND delivery_attempt.submission_id = r.id
       AND delivery_attempt.answer IS NOT NULL",
    "UPDATE journey_event SET details = NULL FROM ROWS($1: workspace_id uuid, id uuid) r
     WHERE journey_event.workspace_id = r.workspace_id AND journey_event.submission_id = r.id
       AND journey_event.details IS NOT NULL",
    "UPDATE parked_action SET asked_for = NULL, last_error = NULL FROM ROWS($1: workspace_id uuid, id uuid) r
     WHERE parked_action.submission_id = r.id AND (parked_action.workspace_id = r.workspace_id) IS TRUE
       AND (parked_action.asked_for IS NOT NULL OR parked_action.last_error IS NOT NULL)",
];

const JOURNEYS: &[&str] = &["DELETE FROM journey_event WHERE (workspace_id, submission_id) IN (
        SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)"];

/// What may have been taken, and what was paid for, is proof.
const ATTEMPTS: &[&str] = &[
    "DELETE FROM delivery_attempt WHERE (workspace_id, submission_id) IN (
        SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)
       AND outcome IN ('rejected', 'duplicate', 'failed') AND price_minor IS NULL AND buyer_lead_id IS NULL",
    "UPDATE delivery_attempt SET answer = NULL, reason = NULL FROM ROWS($1: workspace_id uuid, id uuid) r
     WHERE delivery_attempt.workspace_id = r.workspace_id AND delivery_attempt.submission_id = r.id
       AND (delivery_attempt.answer IS NOT NULL OR delivery_attempt.reason IS NOT NULL)",
];

const CALLS: &[&str] = &[
    "UPDATE interaction SET report = NULL, instructions = NULL, error = NULL FROM ROWS($1: workspace_id uuid, id uuid) r
     WHERE interaction.workspace_id = r.workspace_id AND interaction.id = r.id AND interaction.type = 'call'",
];

const TEXTS: &[&str] =
    &["UPDATE message SET body = '', error = NULL FROM ROWS($1: workspace_id uuid, id uuid) r
     WHERE message.workspace_id = r.workspace_id AND message.id = r.id"];

const WEBHOOKS: &[&str] = &[
    "DELETE FROM webhook_attempt WHERE (workspace_id, message_id) IN (
        SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
    "DELETE FROM webhook_message WHERE (workspace_id, id) IN (
        SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
];

const AUDIT: &[&str] = &["DELETE FROM audit_event WHERE (workspace_id, id) IN (
        SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)"];

/// `(import, most)`.
const IMPORTS: &[&str] = &[
    "DELETE FROM import_error WHERE (workspace_id, import_id, row_number) IN (
        SELECT e.workspace_id, e.import_id, e.row_number FROM ROWS($1: workspace_id uuid, id uuid) r
        JOIN import_error e ON e.workspace_id = r.workspace_id AND e.import_id = r.id LIMIT $2)",
    "DELETE FROM import_before WHERE (workspace_id, import_id, kind, object_id) IN (
        SELECT b.workspace_id, b.import_id, b.kind, b.object_id FROM ROWS($1: workspace_id uuid, id uuid) r
        JOIN import_before b ON b.workspace_id = r.workspace_id AND b.import_id = r.id LIMIT $2)",
    "DELETE FROM import_part WHERE (workspace_id, import_id, number) IN (
        SELECT p.workspace_id, p.import_id, p.number FROM ROWS($1: workspace_id uuid, id uuid) r
        JOIN import_part p ON p.workspace_id = r.workspace_id AND p.import_id = r.id LIMIT $2)",
];

/// Does it; false: there is more of the same things, come again.
pub(super) async fn to(tx: &mut Tx, place: &Place, ids: &[Uuid]) -> Result<bool, StoreError> {
    if ids.is_empty() {
        return Ok(true);
    }
    let rows = rows(place, ids);
    let texts = match place.walk {
        Walk::Payloads => PAYLOADS,
        Walk::Journeys => JOURNEYS,
        Walk::Attempts => ATTEMPTS,
        Walk::Calls => CALLS,
        Walk::Texts => TEXTS,
        Walk::Webhooks => WEBHOOKS,
        Walk::Audit => AUDIT,
        Walk::Activities => return activities(tx, &rows).await,
        Walk::Duplicates => return duplicates(tx, place, &rows).await,
        Walk::Imports => return imports(tx, &rows).await,
        // They are found by their time.
        Walk::Firings => return Ok(true),
    };
    for text in texts {
        tx.ex().sql(text).bind(rows.clone()).run().await?;
    }
    Ok(true)
}

async fn imports(tx: &mut Tx, rows: &Rows) -> Result<bool, StoreError> {
    for text in IMPORTS {
        let gone = tx.ex().sql(text).bind(rows.clone()).bind(OF_IMPORT).run().await?;
        if gone == OF_IMPORT as u64 {
            return Ok(false);
        }
    }
    Ok(true)
}

#[derive(sqlx::FromRow)]
struct Activity {
    workspace_id: Uuid,
    contact_id: Uuid,
    r#type: String,
    name: String,
    at: Time,
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct DayKey {
    workspace_id: Uuid,
    contact_id: Uuid,
    r#type: String,
    name: String,
    day: String,
}

#[derive(Serialize)]
struct DayRow {
    #[serde(flatten)]
    key: DayKey,
    times: i64,
}

/// What is deleted is taken from the days that counted it, so that what came late to an old day is still counted there.
async fn activities(tx: &mut Tx, rows: &Rows) -> Result<bool, StoreError> {
    let gone: Vec<Activity> = tx
        .ex()
        .sql(
            "DELETE FROM activity WHERE (workspace_id, id) IN (
                SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)
             RETURNING workspace_id, contact_id, type, name, at",
        )
        .bind(rows.clone())
        .all()
        .await?;
    let mut days: BTreeMap<DayKey, i64> = BTreeMap::new();
    for Activity { workspace_id, contact_id, r#type, name, at } in gone {
        *days
            .entry(DayKey { workspace_id, contact_id, r#type, name, day: day(at) })
            .or_default() += 1;
    }
    let days: Vec<DayRow> = days.into_iter().map(|(key, times)| DayRow { key, times }).collect();
    let days = Rows::of(&days);
    for text in [
        "UPDATE activity_day SET times = activity_day.times - r.times
         FROM ROWS($1: workspace_id uuid, contact_id uuid, type text, name text, day text, times bigint) r
         WHERE activity_day.workspace_id = r.workspace_id AND activity_day.contact_id = r.contact_id
           AND activity_day.type = r.type AND activity_day.name = r.name AND activity_day.day = r.day",
        "DELETE FROM activity_day WHERE (workspace_id, contact_id, type, name, day) IN (
            SELECT r.workspace_id, r.contact_id, r.type, r.name, r.day
            FROM ROWS($1: workspace_id uuid, contact_id uuid, type text, name text, day text) r)
           AND times <= 0",
    ] {
        tx.ex().sql(text).bind(days.clone()).run().await?;
    }
    Ok(true)
}

#[derive(sqlx::FromRow)]
struct Lead {
    campaign_id: Uuid,
    email: String,
    phone: String,
}

#[derive(Serialize)]
struct SightRow {
    workspace_id: Uuid,
    campaign_id: Uuid,
    kind: &'static str,
    value: String,
    #[serde(serialize_with = "time")]
    before: Time,
}

/// The leads stay; it goes when their campaigns last saw their emails and phones.
async fn duplicates(tx: &mut Tx, place: &Place, rows: &Rows) -> Result<bool, StoreError> {
    let leads: Vec<Lead> = tx
        .ex()
        .sql(
            "SELECT l.campaign_id, l.email, l.phone FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id",
        )
        .bind(rows.clone())
        .all()
        .await?;
    let mut sights = Vec::new();
    for Lead { campaign_id, email, phone } in leads {
        let both = [("email", email), ("phone", phone)].into_iter().filter(|one| !one.1.is_empty());
        sights.extend(both.map(|(kind, value)| SightRow {
            workspace_id: place.workspace.0,
            campaign_id,
            kind,
            value,
            before: place.before,
        }));
    }
    tx.ex()
        .sql(
            "DELETE FROM dedup_key WHERE (workspace_id, campaign_id, kind, value) IN (
                SELECT d.workspace_id, d.campaign_id, d.kind, d.value
                FROM ROWS($1: workspace_id uuid, campaign_id uuid, kind text, value text, before timestamptz) r
                JOIN dedup_key d ON d.workspace_id = r.workspace_id AND d.campaign_id = r.campaign_id AND d.kind = r.kind
                    AND d.value = r.value AND d.seen_at < r.before)",
        )
        .bind(Rows::of(&sights))
        .run()
        .await?;
    Ok(true)
}
