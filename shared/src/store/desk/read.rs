//! What lies on the desk: the lead under its lock, its submissions, their attempts and waits, and the campaigns that matter.
use super::{Ask, Desk, Lead, Outcome, Sheet, Standing};
use crate::{
    ids::{CampaignId, SubmissionId},
    store::{Rows, StoreError, Tx, intake::CampaignRef, load, parking},
};
use serde::Serialize;
use std::collections::HashSet;
use uuid::Uuid;

/// Locks the lead, and before it its contact as all do who react to what happens, so that its submissions are opened one after the other. Rows that only point to it may still come in.
pub(super) async fn lock_lead(tx: &mut Tx, ask: &Ask) -> Result<Option<Lead>, StoreError> {
    tx.ex()
        .sql(
            "SELECT l.workspace_id, l.id, l.contact_id, l.campaign_id, l.status, c.status AS contact_status, l.first_name,
                l.last_name, l.email, l.phone, l.details
             FROM lead l JOIN contact c ON c.workspace_id = l.workspace_id AND c.id = l.contact_id
             WHERE l.workspace_id = $1 AND l.id = $2{pg:  FOR NO KEY UPDATE OF c, l}",
        )
        .bind(ask.workspace)
        .bind(ask.lead)
        .optional()
        .await
}

#[derive(Serialize)]
struct IdRow {
    id: Uuid,
}

pub(super) async fn desk(tx: &mut Tx, ask: &Ask, lead: Lead) -> Result<Desk, StoreError> {
    let ids = lock_submissions(tx, ask).await?;
    let mut submissions = sheets(tx, &ids).await?;
    fill(tx, ask, &ids, &mut submissions).await?;
    let wanted: HashSet<CampaignId> = submissions
        .iter()
        .map(|sheet| sheet.loaded.campaign_id)
        .chain([lead.campaign_id])
        .collect();
    let campaigns = standings(tx, ask, &wanted).await?;
    let is_named = |standing: &&Standing| match &ask.campaign {
        Some(CampaignRef::Id(id)) => standing.id == *id,
        Some(CampaignRef::Code(code)) => standing.code == *code,
        None => false,
    };
    let named = campaigns.iter().find(is_named).cloned();
    Ok(Desk { lead, submissions, named, campaigns })
}

/// Locks the submissions: no worker begins a delivery or records a move until we are done.
async fn lock_submissions(tx: &mut Tx, ask: &Ask) -> Result<Vec<SubmissionId>, StoreError> {
    let ids: Vec<(SubmissionId,)> = tx
        .ex()
        .sql(
            "SELECT s.id FROM submission s WHERE s.lead_id = $2 AND (s.workspace_id = $1) IS TRUE
             ORDER BY s.number{pg:  FOR NO KEY UPDATE}",
        )
        .bind(ask.workspace)
        .bind(ask.lead)
        .all()
        .await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

async fn sheets(tx: &mut Tx, ids: &[SubmissionId]) -> Result<Vec<Sheet>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = load::read(tx.ex(), ids).await?;
    rows.sort_by_key(|row| row.number);
    rows.into_iter()
        .map(|loaded| {
            let state = loaded.state()?;
            Ok(Sheet { loaded, state, attempts: Vec::new(), parks: Vec::new() })
        })
        .collect()
}

/// Adds attempts and waits.
async fn fill(
    tx: &mut Tx,
    ask: &Ask,
    ids: &[SubmissionId],
    sheets: &mut [Sheet],
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let wanted: Vec<IdRow> = ids.iter().map(|id| IdRow { id: id.0 }).collect();
    let attempts: Vec<(SubmissionId, Option<Outcome>)> = tx
        .ex()
        .sql(
            "SELECT a.submission_id, a.outcome FROM ROWS($2: id uuid) r
             JOIN delivery_attempt a ON a.workspace_id = $1 AND a.submission_id = r.id
             ORDER BY a.submission_id, a.number",
        )
        .bind(ask.workspace)
        .bind(Rows::of(&wanted))
        .all()
        .await?;
    let parks = parking::of_submissions(tx, ask.workspace, ids).await?;
    for sheet in sheets {
        let id = sheet.loaded.id;
        sheet.attempts = attempts.iter().filter(|a| a.0 == id).map(|a| a.1).collect();
        sheet.parks = parks.iter().filter(|park| park.submission_id == id).cloned().collect();
    }
    Ok(())
}

#[derive(Serialize)]
struct CampaignKey<'a> {
    id: Option<Uuid>,
    code: Option<&'a str>,
}

async fn standings(
    tx: &mut Tx,
    ask: &Ask,
    wanted: &HashSet<CampaignId>,
) -> Result<Vec<Standing>, StoreError> {
    let mut keys: Vec<CampaignKey> =
        wanted.iter().map(|id| CampaignKey { id: Some(id.0), code: None }).collect();
    match &ask.campaign {
        Some(CampaignRef::Id(id)) if !wanted.contains(id) => {
            keys.push(CampaignKey { id: Some(id.0), code: None });
        }
        Some(CampaignRef::Code(code)) => keys.push(CampaignKey { id: None, code: Some(code) }),
        _ => {}
    }
    tx.ex()
        .sql(
            "SELECT c.id, c.code, c.name, c.state, c.revision FROM ROWS($2: id uuid, code text) r
             JOIN campaign c ON c.workspace_id = $1 AND (c.id = r.id OR c.code = r.code)",
        )
        .bind(ask.workspace)
        .bind(Rows::of(&keys))
        .all()
        .await
}
