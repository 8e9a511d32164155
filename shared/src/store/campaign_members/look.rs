//! What settling looks at: who feeds the campaigns, whom they hold, who these people are and which leads they have.
use super::{Campaign, LEFT};
use crate::{
    clock::Time,
    contact::ContactStatus,
    ids::{CampaignId, ContactId, LeadId, WorkspaceId},
    lead::LeadStatus,
    store::{Rows, StoreError, Tx},
};
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use uuid::Uuid;

#[derive(Serialize)]
struct IdRow {
    id: Uuid,
}

fn contact_rows(contacts: &[ContactId]) -> Rows {
    let each: BTreeSet<Uuid> = contacts.iter().map(|contact| contact.0).collect();
    Rows::of(&each.into_iter().map(|id| IdRow { id }).collect::<Vec<_>>())
}

fn campaign_rows(campaigns: &[Campaign]) -> Rows {
    Rows::of(&campaigns.iter().map(|one| IdRow { id: one.id.0 }).collect::<Vec<_>>())
}

/// The active campaigns that segments feed.
pub(super) async fn fed_campaigns(
    tx: &mut Tx,
    workspace: WorkspaceId,
) -> Result<Vec<Campaign>, StoreError> {
    tx.ex()
        .sql(
            "SELECT c.id, c.auto_qualify, c.dedup_days FROM campaign c
             WHERE c.workspace_id = $1 AND c.state = 'active' AND c.id IN (
                SELECT s.campaign_id FROM campaign_segment s WHERE s.workspace_id = $1)",
        )
        .bind(workspace)
        .all()
        .await
}

/// What decides whether a contact may become a lead.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Person {
    pub id: ContactId,
    pub status: ContactStatus,
    pub opt_out_email: bool,
    pub opt_out_sms: bool,
    pub opt_out_phone: bool,
    pub opt_out_push: bool,
    pub do_not_contact_until: Option<Time>,
}

/// Locks the contacts, in one order; leads and notes that point to them may come in meanwhile.
pub(super) async fn lock_people(
    tx: &mut Tx,
    workspace: WorkspaceId,
    contacts: &[ContactId],
) -> Result<Vec<Person>, StoreError> {
    tx.ex()
        .sql(
            "SELECT c.id, c.status, c.opt_out_email, c.opt_out_sms, c.opt_out_phone, c.opt_out_push, c.do_not_contact_until
             FROM ROWS($2: id uuid) r
             JOIN contact c ON c.workspace_id = $1 AND c.id = r.id{pg:  FOR NO KEY UPDATE OF c}",
        )
        .bind(workspace)
        .bind(contact_rows(contacts))
        .all()
        .await
}

/// Who of the contacts is in a segment that feeds which of the campaigns.
pub(super) async fn members(
    tx: &mut Tx,
    (workspace, campaigns): (WorkspaceId, &[Campaign]),
    contacts: &[ContactId],
) -> Result<HashSet<(CampaignId, ContactId)>, StoreError> {
    let rows: Vec<(CampaignId, ContactId)> = tx
        .ex()
        .sql(
            // The pairs first, so that each is reached by its whole key, not by a walk over a segment.
            "WITH pairs AS MATERIALIZED (
                SELECT k.workspace_id, k.campaign_id, k.segment_id, r.id AS contact_id FROM ROWS($3: id uuid) f
                JOIN campaign_segment k ON k.workspace_id = $1 AND k.campaign_id = f.id
                JOIN segment s ON s.workspace_id = $1 AND s.id = k.segment_id AND s.deleted_at IS NULL
                JOIN ROWS($2: id uuid) r ON true)
             SELECT p.campaign_id, m.contact_id FROM pairs p
             JOIN segment_member m ON m.workspace_id = p.workspace_id AND m.segment_id = p.segment_id AND m.contact_id = p.contact_id",
        )
        .bind(workspace)
        .bind(contact_rows(contacts))
        .bind(campaign_rows(campaigns))
        .all()
        .await?;
    Ok(rows.into_iter().collect())
}

/// A lead of one of the contacts in one of the campaigns.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Lead {
    pub id: LeadId,
    pub contact_id: ContactId,
    pub campaign_id: CampaignId,
    pub status: LeadStatus,
    pub source: String,
    /// It is deleted because its contact left the last segment.
    pub has_left: bool,
}

/// The leads that the contacts have in the campaigns, test leads aside.
pub(super) async fn leads(
    tx: &mut Tx,
    (workspace, campaigns): (WorkspaceId, &[Campaign]),
    contacts: &[ContactId],
) -> Result<Vec<Lead>, StoreError> {
    tx.ex()
        .sql(
            "SELECT l.id, l.contact_id, l.campaign_id, l.status, l.source,
                COALESCE(CASE WHEN l.status = 'deleted' THEN (SELECT h.reason_code = $4 FROM lead_status_change h
                    WHERE h.workspace_id = l.workspace_id AND h.lead_id = l.id ORDER BY h.number DESC LIMIT 1) END, false) AS has_left
             FROM ROWS($2: id uuid) r
             JOIN lead l ON l.contact_id = r.id AND (l.workspace_id = $1) IS TRUE
             WHERE NOT l.is_test AND EXISTS (SELECT 1 FROM ROWS($3: id uuid) f WHERE (f.id = l.campaign_id) IS TRUE)",
        )
        .bind(workspace)
        .bind(contact_rows(contacts))
        .bind(campaign_rows(campaigns))
        .bind(LEFT)
        .all()
        .await
}
