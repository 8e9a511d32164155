//! Leads that an import made go with all that hangs on them, unless something has happened to them since.
use super::{STEP, StoreError, Taken, Tx};
use crate::{
    ids::{CampaignId, ContactId, LeadId},
    store::{
        Rows,
        imports::Key,
        live::{Touched, What},
    },
};
use serde::Serialize;
use std::collections::HashSet;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct Made {
    id: LeadId,
    contact_id: ContactId,
    campaign_id: CampaignId,
    email: String,
    phone: String,
}

#[derive(Serialize)]
struct LeadKey {
    workspace_id: Uuid,
    id: Uuid,
}

/// Those after `after`; none if there are no more.
pub(super) async fn take(tx: &mut Tx, key: Key, after: Uuid) -> Result<Option<Taken>, StoreError> {
    // Locked against anything that is to hang on them, such as a submission.
    let made: Vec<Made> = tx
        .ex()
        .sql(
            "SELECT l.id, l.contact_id, l.campaign_id, l.email, l.phone FROM lead l
             WHERE l.import_id = $2 AND l.id > $3 AND (l.workspace_id = $1) IS TRUE
             ORDER BY l.id LIMIT $4{pg:  FOR UPDATE}",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(after)
        .bind(STEP)
        .all()
        .await?;
    let Some(last) = made.last().map(|lead| lead.id) else { return Ok(None) };
    let untouched = untouched(tx, key, &made).await?;
    let all = made.len() as i64;
    let gone: Vec<Made> = made.into_iter().filter(|lead| untouched.contains(&lead.id)).collect();
    let touched = |lead: &Made| Touched::new(key.0, lead.contact_id, What::leads());
    let taken = Taken {
        undone: gone.len() as i64,
        kept: all - gone.len() as i64,
        touched: gone.iter().map(touched).collect(),
        lead: Some(last),
        contact: None,
    };
    if !gone.is_empty() {
        forget_sights(tx, key, &gone).await?;
        let ids = keys(key, &gone);
        for text in HANGING {
            tx.ex().sql(text).bind(ids.clone()).run().await?;
        }
    }
    Ok(Some(taken))
}

fn keys(key: Key, leads: &[Made]) -> Rows {
    let row = |lead: &Made| LeadKey { workspace_id: key.0.0, id: lead.id.0 };
    Rows::of(&leads.iter().map(row).collect::<Vec<_>>())
}

/// Those to whom nothing has happened since they were made.
async fn untouched(tx: &mut Tx, key: Key, made: &[Made]) -> Result<HashSet<LeadId>, StoreError> {
    let found: Vec<(LeadId,)> = tx
        .ex()
        .sql(
            "SELECT l.id FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id
             WHERE l.updated_at = l.created_at
                AND NOT EXISTS (SELECT 1 FROM submission s WHERE s.lead_id = l.id)
                AND NOT EXISTS (SELECT 1 FROM interaction i WHERE i.lead_id = l.id)
                AND NOT EXISTS (SELECT 1 FROM lead_status_change c
                    WHERE c.workspace_id = l.workspace_id AND c.lead_id = l.id AND c.at > l.created_at)
                AND NOT EXISTS (SELECT 1 FROM firing f
                    WHERE f.workspace_id = l.workspace_id AND f.lead_id = l.id AND f.at > l.created_at)
                AND NOT EXISTS (SELECT 1 FROM activity a WHERE a.contact_id = l.contact_id AND (a.lead_id = l.id) IS TRUE)
                AND NOT EXISTS (SELECT 1 FROM lead d WHERE d.contact_id = l.contact_id AND (d.duplicate_of = l.id) IS TRUE
                    AND (d.import_id = l.import_id) IS NOT TRUE)",
        )
        .bind(keys(key, made))
        .all()
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// What hangs on leads, and at last the leads.
const HANGING: [&str; 7] = [
    "DELETE FROM workflow_position WHERE (workspace_id, lead_id) IN
        (SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
    "DELETE FROM lead_automation WHERE (workspace_id, lead_id) IN
        (SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
    "DELETE FROM firing WHERE (workspace_id, lead_id) IN
        (SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
    "DELETE FROM automation_job WHERE (workspace_id, lead_id) IN
        (SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
    "DELETE FROM lead_status_change WHERE (workspace_id, lead_id) IN
        (SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
    // It proves the consent that came with a lead which is not there any more.
    "DELETE FROM consent_evidence WHERE lead_id IN (SELECT r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
    "DELETE FROM lead WHERE (workspace_id, id) IN
        (SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
];

#[derive(Serialize)]
struct Sight<'a> {
    workspace_id: Uuid,
    campaign_id: Uuid,
    kind: &'static str,
    value: &'a str,
    lead_id: Uuid,
}

/// What duplicate detection saw of leads that go; whoever was seen before is seen again.
const SIGHTS: [&str; 3] = [
    "UPDATE dedup_key SET previous_lead_id = NULL, previous_seen_at = NULL
     FROM ROWS($1: workspace_id uuid, campaign_id uuid, kind text, value text, lead_id uuid) r
     WHERE dedup_key.workspace_id = r.workspace_id AND dedup_key.campaign_id = r.campaign_id AND dedup_key.kind = r.kind
        AND dedup_key.value = r.value AND (dedup_key.previous_lead_id = r.lead_id) IS TRUE",
    "UPDATE dedup_key SET lead_id = previous_lead_id, seen_at = previous_seen_at, previous_lead_id = NULL,
        previous_seen_at = NULL
     FROM ROWS($1: workspace_id uuid, campaign_id uuid, kind text, value text, lead_id uuid) r
     WHERE dedup_key.workspace_id = r.workspace_id AND dedup_key.campaign_id = r.campaign_id AND dedup_key.kind = r.kind
        AND dedup_key.value = r.value AND (dedup_key.lead_id = r.lead_id) IS TRUE AND dedup_key.previous_lead_id IS NOT NULL",
    "DELETE FROM dedup_key WHERE (workspace_id, campaign_id, kind, value, lead_id) IN
        (SELECT r.workspace_id, r.campaign_id, r.kind, r.value, r.lead_id
         FROM ROWS($1: workspace_id uuid, campaign_id uuid, kind text, value text, lead_id uuid) r)",
];

async fn forget_sights(tx: &mut Tx, key: Key, gone: &[Made]) -> Result<(), StoreError> {
    let sights: Vec<Sight> = gone
        .iter()
        .flat_map(|lead| {
            [("email", &lead.email), ("phone", &lead.phone)].map(|(kind, value)| Sight {
                workspace_id: key.0.0,
                campaign_id: lead.campaign_id.0,
                kind,
                value,
                lead_id: lead.id.0,
            })
        })
        .collect();
    let sights = Rows::of(&sights);
    for text in SIGHTS {
        tx.ex().sql(text).bind(sights.clone()).run().await?;
    }
    Ok(())
}
