//! What says who a person was goes, table by table; `docs/erasure.md` is the same list in words, and a test looks into every column.
use super::{Ask, stop::Held};
use crate::{
    ids::{ContactId, InteractionId},
    store::{
        Rows, StoreError, Tx,
        contacts::{keys, merge::LEAVE},
    },
};
use serde::Serialize;
use uuid::Uuid;

/// By the submissions. Statuses, codes, prices, times and the buyer's own id of the lead stay: invoices name them.
const OF_SUBMISSIONS: [&str; 5] = [
    "UPDATE submission SET carry = '{}', reason = NULL FROM ROWS($2: id uuid) r
     WHERE submission.id = r.id AND (submission.workspace_id = $1) IS TRUE",
    "UPDATE journey_event SET reason = '', details = NULL FROM ROWS($2: workspace_id uuid, id uuid) r
     WHERE journey_event.workspace_id = r.workspace_id AND journey_event.submission_id = r.id AND (r.workspace_id = $1) IS TRUE",
    "UPDATE delivery_attempt SET answer = NULL, reason = NULL FROM ROWS($2: workspace_id uuid, id uuid) r
     WHERE delivery_attempt.workspace_id = r.workspace_id AND delivery_attempt.submission_id = r.id AND (r.workspace_id = $1) IS TRUE",
    "UPDATE parked_action SET asked_for = NULL, decision_reason = NULL, last_error = NULL FROM ROWS($2: id uuid) r
     WHERE parked_action.submission_id = r.id AND (parked_action.workspace_id = $1) IS TRUE",
    "DELETE FROM status_query WHERE workspace_id = $1 AND submission_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
];

/// By the leads, in this order: what providers have told and nobody has read is found by the calls and texts.
const OF_LEADS: [&str; 12] = [
    "UPDATE inbound_event SET read_at = received_at, heard = NULL, reference = NULL
     WHERE read_at IS NULL AND interaction_id IN (SELECT i.id FROM ROWS($2: id uuid) r
        JOIN interaction i ON i.lead_id = r.id AND (i.workspace_id = $1) IS TRUE)",
    "UPDATE inbound_event SET read_at = received_at, heard = NULL, reference = NULL
     WHERE read_at IS NULL AND (agent_id, reference) IN (SELECT i.agent_id, i.reference FROM ROWS($2: id uuid) r
        JOIN interaction i ON i.lead_id = r.id AND (i.workspace_id = $1) IS TRUE WHERE i.reference IS NOT NULL)",
    "UPDATE inbound_event SET read_at = received_at, heard = NULL, reference = NULL
     WHERE read_at IS NULL AND (agent_id, reference) IN (SELECT i.agent_id, m.reference FROM ROWS($2: id uuid) r
        JOIN interaction i ON i.lead_id = r.id AND (i.workspace_id = $1) IS TRUE
        JOIN message m ON m.interaction_id = i.id AND (m.workspace_id = $1) IS TRUE WHERE m.reference IS NOT NULL)",
    "DELETE FROM message WHERE interaction_id IN (SELECT i.id FROM ROWS($2: id uuid) r
        JOIN interaction i ON i.lead_id = r.id AND (i.workspace_id = $1) IS TRUE)",
    "DELETE FROM interaction WHERE (workspace_id = $1) IS TRUE AND lead_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
    "UPDATE lead_status_change SET reason = '' FROM ROWS($2: workspace_id uuid, id uuid) r
     WHERE lead_status_change.workspace_id = r.workspace_id AND lead_status_change.lead_id = r.id AND (r.workspace_id = $1) IS TRUE",
    "DELETE FROM firing WHERE workspace_id = $1 AND lead_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
    "DELETE FROM automation_job WHERE workspace_id = $1 AND lead_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
    "DELETE FROM workflow_position WHERE workspace_id = $1 AND lead_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
    "DELETE FROM lead_automation WHERE workspace_id = $1 AND lead_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
    "UPDATE consent_evidence SET reference = NULL, malformed = NULL, detail = '{}', digest = NULL FROM ROWS($2: id uuid) r
     WHERE consent_evidence.lead_id = r.id AND (consent_evidence.workspace_id = $1) IS TRUE",
    "UPDATE lead SET first_name = '', last_name = '', email = '', phone = '', details = '{}' FROM ROWS($2: workspace_id uuid, id uuid) r
     WHERE lead.workspace_id = r.workspace_id AND lead.id = r.id AND (r.workspace_id = $1) IS TRUE",
];

/// By the contacts.
const OF_CONTACTS: [&str; 11] = [
    "DELETE FROM contact_note WHERE workspace_id = $1 AND contact_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
    "DELETE FROM activity WHERE (workspace_id = $1) IS TRUE AND contact_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
    "DELETE FROM activity_sum WHERE workspace_id = $1 AND contact_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
    "DELETE FROM activity_day WHERE workspace_id = $1 AND contact_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
    "DELETE FROM anonymous_visit WHERE (workspace_id = $1) IS TRUE AND visitor IN (
        SELECT v.visitor FROM ROWS($2: id uuid) r
        JOIN visitor v ON v.contact_id = r.id AND (v.workspace_id = $1) IS TRUE)",
    "DELETE FROM visitor WHERE (workspace_id = $1) IS TRUE AND contact_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
    "DELETE FROM automation_pending WHERE (workspace_id = $1) IS TRUE AND contact_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
    "DELETE FROM webhook_attempt WHERE (workspace_id, message_id) IN (
        SELECT m.workspace_id, m.id FROM ROWS($2: id uuid) r
        JOIN webhook_message m ON m.contact_id = r.id AND (m.workspace_id = $1) IS TRUE)",
    "DELETE FROM webhook_message WHERE (workspace_id = $1) IS TRUE AND contact_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
    "UPDATE contact_change SET detail = '{}', reason = '' FROM ROWS($2: workspace_id uuid, id uuid) r
     WHERE contact_change.workspace_id = r.workspace_id AND contact_change.contact_id = r.id AND (r.workspace_id = $1) IS TRUE AND contact_change.kind <> 'erased'",
    LEAVE,
];

pub(super) async fn everything(
    tx: &mut Tx,
    ask: &Ask,
    held: &Held,
    contacts: &[ContactId],
) -> Result<(), StoreError> {
    let submissions = keys::rows(ask.workspace, held.submissions.iter().map(|id| id.0));
    let leads = keys::rows(ask.workspace, held.leads.iter().map(|id| id.0));
    let contacts = keys::rows(ask.workspace, contacts.iter().map(|id| id.0));
    run(tx, ask, &OF_SUBMISSIONS, &submissions).await?;
    // Their ids go with them, and notices name them.
    notices_of_talks(tx, ask, held).await?;
    run(tx, ask, &OF_LEADS, &leads).await?;
    run(tx, ask, &OF_CONTACTS, &contacts).await
}

async fn run(
    tx: &mut Tx,
    ask: &Ask,
    texts: &[&'static str],
    rows: &Rows,
) -> Result<(), StoreError> {
    for text in texts {
        tx.ex().sql(text).bind(ask.workspace).bind(rows.clone()).run().await?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Word {
    word: String,
}

fn words<T: ToString>(ids: impl IntoIterator<Item = T>) -> Rows {
    let words: Vec<Word> = ids.into_iter().map(|id| Word { word: id.to_string() }).collect();
    Rows::of(&words)
}

#[derive(Serialize)]
struct CampaignRow {
    campaign_id: Uuid,
}

/// The campaigns that the leads and their submissions are of.
async fn campaigns(tx: &mut Tx, ask: &Ask, held: &Held) -> Result<Rows, StoreError> {
    let found: Vec<(Uuid,)> = tx
        .ex()
        .sql(
            "SELECT l.campaign_id FROM ROWS($2: workspace_id uuid, id uuid) r JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id AND (r.workspace_id = $1) IS TRUE
             UNION
             SELECT s.campaign_id FROM ROWS($2: workspace_id uuid, id uuid) r
             JOIN submission s ON s.lead_id = r.id AND (s.workspace_id = $1) IS TRUE",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, held.leads.iter().map(|id| id.0)))
        .all()
        .await?;
    let rows: Vec<CampaignRow> =
        found.into_iter().map(|(campaign_id,)| CampaignRow { campaign_id }).collect();
    Ok(Rows::of(&rows))
}

/// What a notice says may quote a provider's or a buyer's answer. That it was raised, and how often, stays.
const QUIET: [&str; 3] = [
    "UPDATE notice SET message = 'what it told was erased with a person', details = NULL
     WHERE workspace_id = $1 AND campaign_id IN (SELECT c.campaign_id FROM ROWS($2: campaign_id uuid) c)
       AND CAST(details->>'firstSubmissionId' AS TEXT) IN (SELECT w.word FROM ROWS($3: word text) w)",
    "UPDATE notice SET message = 'what it told was erased with a person', details = NULL
     WHERE workspace_id = $1 AND campaign_id IN (SELECT c.campaign_id FROM ROWS($2: campaign_id uuid) c)
       AND CAST(details->>'firstInteractionId' AS TEXT) IN (SELECT w.word FROM ROWS($3: word text) w)",
    "UPDATE notice SET message = 'what it told was erased with a person', details = NULL
     WHERE workspace_id = $1 AND campaign_id IN (SELECT c.campaign_id FROM ROWS($2: campaign_id uuid) c)
       AND CAST(details->>'leadId' AS TEXT) IN (SELECT w.word FROM ROWS($3: word text) w)",
];

async fn notices_of_talks(tx: &mut Tx, ask: &Ask, held: &Held) -> Result<(), StoreError> {
    let talks: Vec<(InteractionId,)> = tx
        .ex()
        .sql(
            "SELECT i.id FROM ROWS($2: id uuid) r
             JOIN interaction i ON i.lead_id = r.id AND (i.workspace_id = $1) IS TRUE",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, held.leads.iter().map(|id| id.0)))
        .all()
        .await?;
    let campaigns = campaigns(tx, ask, held).await?;
    let talks = words(talks.into_iter().map(|(id,)| id));
    tx.ex().sql(QUIET[1]).bind(ask.workspace).bind(campaigns).bind(talks).run().await.map(drop)
}

/// Copies that no key leads to: when a campaign last saw an email or phone, kept answers, notices. These statements read what the
/// workspace has of each.
pub(super) async fn copies(
    tx: &mut Tx,
    ask: &Ask,
    held: &Held,
    contacts: &[ContactId],
) -> Result<(), StoreError> {
    let campaigns = campaigns(tx, ask, held).await?;
    let submissions = words(&held.submissions);
    for (quiet, words) in [(QUIET[0], submissions), (QUIET[2], words(&held.leads))] {
        let quiet = tx.ex().sql(quiet).bind(ask.workspace).bind(campaigns.clone());
        quiet.bind(words).run().await?;
    }
    let leads = keys::rows(ask.workspace, held.leads.iter().map(|id| id.0));
    for text in SIGHTS {
        let sights = tx.ex().sql(text).bind(ask.workspace).bind(campaigns.clone());
        sights.bind(leads.clone()).run().await?;
    }
    tx.ex()
        .sql(
            "DELETE FROM idempotency WHERE workspace_id = $1
               AND CAST(answer->>'leadId' AS TEXT) IN (SELECT w.word FROM ROWS($2: word text) w)",
        )
        .bind(ask.workspace)
        .bind(words(&held.leads))
        .run()
        .await?;
    for contact in contacts {
        tx.ex()
            .sql("DELETE FROM idempotency WHERE workspace_id = $1 AND CAST(answer AS TEXT) LIKE '%' || $2 || '%'")
            .bind(ask.workspace)
            .bind(contact.to_string())
            .run()
            .await?;
    }
    Ok(())
}

/// When campaigns last saw the person's email or phone. Where somebody else had it later, their sight stays.
const SIGHTS: [&str; 2] = [
    "DELETE FROM dedup_key WHERE workspace_id = $1
       AND campaign_id IN (SELECT c.campaign_id FROM ROWS($2: campaign_id uuid) c)
       AND lead_id IN (SELECT r.id FROM ROWS($3: id uuid) r)",
    "UPDATE dedup_key SET previous_lead_id = NULL, previous_seen_at = NULL WHERE workspace_id = $1
       AND campaign_id IN (SELECT c.campaign_id FROM ROWS($2: campaign_id uuid) c)
       AND previous_lead_id IN (SELECT r.id FROM ROWS($3: id uuid) r)",
];
