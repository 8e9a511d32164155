//! GET /leads/{id}: a lead with everything its source said.
use super::approve::Approval;
use crate::{
    Api,
    answer::{Absent, Data, Guarded, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::Id,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    automation::doc::stars,
    ids::{CampaignId, ContactId, LeadId, SubmissionId},
    lead::{Answer, LeadStatus},
    outreach::agent::Channel,
    store::{
        leads::{self, LeadRow},
        refusals,
        suppressions::Reach,
    },
    submission::Status,
};
use std::{collections::BTreeSet, sync::Arc};
use utoipa::ToSchema;

/// A lead.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lead {
    pub lead_id: LeadId,
    pub contact_id: ContactId,
    /// The campaign it was submitted to; its submissions may go elsewhere.
    pub campaign_id: CampaignId,
    /// Whether the lead is worked on.
    pub lead_status: LeadStatus,
    /// How its latest submission stands; `new` when there is none.
    pub status: Status,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    /// E.164.
    pub phone: String,
    #[schema(value_type = Object)]
    pub address: Map<String, Value>,
    pub date_of_birth: Option<String>,
    pub country: Option<String>,
    pub timezone: Option<String>,
    pub questionnaire: Vec<Answer>,
    #[schema(value_type = Object)]
    pub custom_fields: Map<String, Value>,
    #[schema(value_type = Object)]
    pub attribution: Map<String, Value>,
    #[schema(value_type = Object)]
    pub compliance: Map<String, Value>,
    #[schema(value_type = Vec<Object>)]
    pub files: Vec<Value>,
    #[schema(value_type = Vec<Object>)]
    pub notes: Vec<Value>,
    pub is_test: bool,
    pub is_duplicate: bool,
    /// The lead that this one is a duplicate of.
    pub duplicate_of: Option<LeadId>,
    /// `api` when it was submitted, `create` when it was only stored.
    pub source: String,
    pub latest_submission_id: Option<SubmissionId>,
    pub submission_count: i64,
    /// What its campaign's automation and people gave it, all together.
    pub points: i64,
    /// `points` by the campaign's `pointsPerStar`: 0 to 5, one digit after the point.
    pub stars: f64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<LeadRow> for Lead {
    fn from(row: LeadRow) -> Self {
        let details = row.details.0;
        Self {
            lead_id: row.id,
            contact_id: row.contact_id,
            campaign_id: row.campaign_id,
            lead_status: row.lead_status,
            status: row.latest_status.unwrap_or(Status::New),
            first_name: row.first_name,
            last_name: row.last_name,
            email: row.email,
            phone: row.phone,
            address: details.address,
            date_of_birth: details.date_of_birth,
            country: details.country,
            timezone: details.timezone,
            questionnaire: details.questionnaire,
            custom_fields: details.custom_fields,
            attribution: details.attribution,
            compliance: details.compliance,
            files: details.files,
            notes: details.notes,
            is_test: row.is_test,
            is_duplicate: row.is_duplicate,
            duplicate_of: row.duplicate_of,
            source: row.source,
            latest_submission_id: row.latest_submission,
            submission_count: row.submissions,
            points: row.points,
            stars: stars(row.points, row.points_per_star),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// What is to be minded about a lead, as it stands at this moment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Flags {
    /// Whether nobody may call, or nobody may text the person; null when it cannot be told, because the keys of the installation are missing.
    pub dnc: Option<bool>,
    /// By what the person may not be reached: their number's suppressions, their address's, and the contact's own word.
    pub suppressed: Vec<Reach>,
    /// The contact is to be left alone until then.
    pub do_not_contact_until: Option<DateTime<Utc>>,
    pub is_test: bool,
    pub is_duplicate: bool,
}

impl Flags {
    async fn read(api: &Api, caller: &Caller, lead: &Lead) -> Result<Self, ApiError> {
        let now = api.clock.now();
        let known_as = [lead.phone.clone(), lead.email.clone()];
        let of = (caller.workspace, lead.contact_id);
        let (word, said) = refusals::said_of(&api.db, &api.secrets, of, &known_as, now).await?;
        let suppressed: BTreeSet<Reach> = said.iter().flatten().copied().collect();
        let covers = |channel| suppressed.iter().any(|reach| reach.covers(channel));
        let dnc = covers(Channel::Voice) || covers(Channel::Sms);
        Ok(Self {
            dnc: said.as_ref().map(|_| dnc),
            suppressed: suppressed.into_iter().collect(),
            do_not_contact_until: word.not_before(now),
            is_test: lead.is_test,
            is_duplicate: lead.is_duplicate,
        })
    }
}

/// A lead with what people did about it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownLead {
    #[serde(flatten)]
    pub lead: Lead,
    /// Its latest human review; null when there was none.
    pub approval: Option<Approval>,
    /// The campaigns it was reposted to, in order.
    pub reposted_to: Vec<CampaignId>,
    pub flags: Flags,
}

/// Reads a lead of the caller's workspace.
pub(super) async fn shown(api: &Api, caller: &Caller, id: LeadId) -> Result<ShownLead, ApiError> {
    let row = leads::get(&api.db, caller.workspace, id).await?;
    let lead: Lead = row.ok_or_else(|| ApiError::not_found("lead"))?.into();
    let approval = Approval::read(&api.db, caller.workspace, id).await?;
    let reposted_to = leads::reposted_to(&api.db, caller.workspace, id).await?;
    let flags = Flags::read(api, caller, &lead).await?;
    Ok(ShownLead { lead, approval, reposted_to, flags })
}

/// Show a lead
#[utoipa::path(
    get, path = "/leads/{leadId}", tag = "Leads", operation_id = "getLead",
    params(("leadId" = LeadId, Path)),
    responses((status = 200, description = "The lead.", body = Success<ShownLead>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<LeadId>,
) -> Result<Data<ShownLead>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    shown(&api, &caller, id).await.map(Data)
}
