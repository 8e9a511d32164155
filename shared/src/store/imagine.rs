//! A lead as a submission to a campaign would see it, whether or not there is one: for previews, which write nothing.
use super::{Db, StoreError, leads, load::Loaded};
use crate::{
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, SubmissionId, WorkspaceId},
    lead::{Details, LeadStatus},
    submission::{Carry, Kind, Stage},
};
use sqlx::types::Json;

#[derive(sqlx::FromRow)]
struct Facts {
    contact_id: ContactId,
    lead_status: LeadStatus,
    first_name: String,
    last_name: String,
    email: String,
    phone: String,
    details: Json<Details>,
    is_test: bool,
    is_duplicate: bool,
    source: String,
    lead_created_at: Time,
    contact_status: String,
    contact_created_at: Time,
}

/// A lead before stage 4.
#[derive(Debug)]
pub struct Imagined {
    pub loaded: Loaded,
    /// Whether the lead has a submission to this campaign; its answers of the first action are there then.
    pub is_submitted: bool,
}

/// The lead, as its latest submission to the campaign sees it, or as a new one would. None when the workspace has no such lead.
pub async fn submission(
    db: &Db,
    workspace: WorkspaceId,
    lead: LeadId,
    (campaign, revision): (CampaignId, i64),
    now: Time,
) -> Result<Option<Imagined>, StoreError> {
    let facts: Option<Facts> = db
        .read()
        .sql(
            "SELECT l.contact_id, l.status AS lead_status, l.first_name, l.last_name, l.email, l.phone, l.details, l.is_test,
                l.is_duplicate, l.source, l.created_at AS lead_created_at,
                c.status AS contact_status, c.created_at AS contact_created_at
             FROM lead l JOIN contact c ON c.workspace_id = l.workspace_id AND c.id = l.contact_id
             WHERE l.workspace_id = $1 AND l.id = $2",
        )
        .bind(workspace)
        .bind(lead)
        .optional()
        .await?;
    let Some(facts) = facts else { return Ok(None) };
    let submissions = leads::submissions(db, workspace, lead).await?;
    let next = submissions.last().map_or(1, |last| last.number + 1);
    let latest = submissions.into_iter().rfind(|one| one.campaign_id == campaign);
    let is_submitted = latest.is_some();
    let answers = latest.as_ref().map(|one| one.carry.0.answers.clone()).unwrap_or_default();
    let loaded = Loaded {
        workspace_id: workspace,
        id: latest.as_ref().map_or_else(SubmissionId::new, |one| one.id),
        lead_id: lead,
        number: latest.as_ref().map_or(next, |one| one.number),
        kind: latest.as_ref().map_or(Kind::Standard, |one| one.kind),
        campaign_id: campaign,
        revision,
        parent_id: latest.as_ref().and_then(|one| one.parent_id),
        run: "ready".into(),
        stage: Stage::DynamicKeys,
        generation: 1,
        attempt: 0,
        due_at: None,
        outcome: None,
        reason_code: None,
        reason: None,
        carry: Json(Carry { answers, ..Carry::default() }),
        created_at: latest.as_ref().map_or(now, |one| one.created_at),
        contact_id: facts.contact_id,
        lead_status: facts.lead_status,
        first_name: facts.first_name,
        last_name: facts.last_name,
        email: facts.email,
        phone: facts.phone,
        details: facts.details,
        is_test: facts.is_test,
        is_duplicate: facts.is_duplicate,
        source: facts.source,
        lead_created_at: facts.lead_created_at,
        contact_status: facts.contact_status,
        contact_created_at: facts.contact_created_at,
        newest_revision: None,
    };
    Ok(Some(Imagined { loaded, is_submitted }))
}
