//! Leads as the stages would look at them now, without a submission under way: for rehearsals that write nothing.
use super::{Db, StoreError, load::Loaded};
use crate::{
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, SubmissionId, WorkspaceId},
    lead::{Details, LeadStatus, Person},
    submission::{Carry, Kind, Stage},
};
use sqlx::types::Json;

/// A lead with its latest submission that is no fallback, as [`Loaded`] reads them; a lead that was never submitted is at its beginning.
macro_rules! lead_at_its_beginning {
    () => {
        "SELECT l.workspace_id, COALESCE(s.id, l.id) AS id, l.id AS lead_id, COALESCE(s.number, 1) AS number, \
         COALESCE(s.kind, 'standard') AS kind, COALESCE(s.campaign_id, l.campaign_id) AS campaign_id, \
         COALESCE(s.revision, 0) AS revision, s.parent_id, COALESCE(s.run, 'ready') AS run, \
         COALESCE(s.stage, 'routing') AS stage, COALESCE(s.generation, 1) AS generation, COALESCE(s.attempt, 0) AS attempt, \
         s.due_at, s.outcome, s.reason_code, s.reason, COALESCE(s.carry, $1) AS carry, \
         COALESCE(s.created_at, l.created_at) AS created_at, \
         l.contact_id, l.status AS lead_status, l.first_name, l.last_name, l.email, l.phone, l.details, l.is_test, \
         l.is_duplicate, l.source, l.created_at AS lead_created_at, \
         c.status AS contact_status, c.created_at AS contact_created_at \
         FROM lead l JOIN contact c ON c.workspace_id = l.workspace_id AND c.id = l.contact_id \
         LEFT JOIN submission s ON s.lead_id = l.id AND (s.workspace_id = l.workspace_id) IS TRUE \
         AND s.number = (SELECT MAX(n.number) FROM submission n WHERE n.lead_id = l.id AND n.kind <> 'fallback') "
    };
}

/// A campaign's leads before `before`, newest first.
pub async fn of_campaign(
    db: &Db,
    workspace: WorkspaceId,
    campaign: CampaignId,
    before: LeadId,
    limit: i64,
) -> Result<Vec<Loaded>, StoreError> {
    db.read()
        .sql(concat!(
            lead_at_its_beginning!(),
            "WHERE l.campaign_id = $3 AND l.id < $4 AND (l.workspace_id = $2) IS TRUE ORDER BY l.id DESC LIMIT $5",
        ))
        .bind(Json(Carry::default()))
        .bind(workspace)
        .bind(campaign)
        .bind(before)
        .bind(limit)
        .all()
        .await
}

/// One lead.
pub async fn lead(
    db: &Db,
    workspace: WorkspaceId,
    lead: LeadId,
) -> Result<Option<Loaded>, StoreError> {
    db.read()
        .sql(concat!(lead_at_its_beginning!(), "WHERE l.workspace_id = $2 AND l.id = $3",))
        .bind(Json(Carry::default()))
        .bind(workspace)
        .bind(lead)
        .optional()
        .await
}

/// A person who is not in the database, as a lead that has just come in.
#[derive(Debug, Clone)]
pub struct Sample {
    pub workspace: WorkspaceId,
    pub campaign: CampaignId,
    pub person: Person,
    pub details: Details,
    pub is_test: bool,
    pub at: Time,
}

impl Sample {
    /// What the stages would look at.
    pub fn loaded(self) -> Loaded {
        Loaded {
            workspace_id: self.workspace,
            id: SubmissionId::new(),
            lead_id: LeadId::new(),
            number: 1,
            kind: Kind::Standard,
            campaign_id: self.campaign,
            revision: 0,
            parent_id: None,
            run: "ready".into(),
            stage: Stage::Routing,
            generation: 1,
            attempt: 0,
            due_at: None,
            outcome: None,
            reason_code: None,
            reason: None,
            carry: Json(Carry::default()),
            created_at: self.at,
            contact_id: ContactId::new(),
            lead_status: LeadStatus::Active,
            first_name: self.person.first_name,
            last_name: self.person.last_name,
            email: self.person.email,
            phone: self.person.phone,
            details: Json(self.details),
            is_test: self.is_test,
            is_duplicate: false,
            source: "api".into(),
            lead_created_at: self.at,
            contact_status: "active".into(),
            contact_created_at: self.at,
            newest_revision: None,
        }
    }
}
