//! POST /leads/status and POST /campaigns/{id}/leads/remove: the same word on many leads.
use super::by_hand::reason;
use crate::{
    Api,
    answer::{Absent, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    campaigns::show::read,
    error::ApiError,
    params::Id,
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::{
    ids::{CampaignId, ContactId, LeadId},
    lead::LeadStatus,
    store::{
        campaign_members,
        lead_bulk::{self, Became, Wish},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use utoipa::ToSchema;

/// Leads or contacts of one request, at most.
pub const BULK_MAX: usize = 1_000;

/// What is to become of leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeadAction {
    /// Successful: `qualified`.
    Qualify,
    /// Unsuccessful: `rejected`.
    Reject,
    /// Out of the campaign: `deleted`.
    Remove,
    /// Worked with again: `active`.
    Reactivate,
}

impl LeadAction {
    fn status(self) -> LeadStatus {
        match self {
            Self::Qualify => LeadStatus::Qualified,
            Self::Reject => LeadStatus::Rejected,
            Self::Remove => LeadStatus::Deleted,
            Self::Reactivate => LeadStatus::Active,
        }
    }
}

/// The same word on many leads.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "leadIds": ["lead_01jd5p0m9we1n8x8m3t1h6y7aq"], "action": "qualify", "reason": "signed the contract"
}))]
pub struct BulkStatus {
    /// 1 to 1,000; each counts once.
    pub lead_ids: Vec<LeadId>,
    pub action: LeadAction,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

/// Who is taken out of a campaign: contacts with all their leads in it, or single leads.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"contactIds": ["contact_01jd5p0m9we1n8x8m3t1h6y7aq"], "reason": "asked to be left out"}))]
pub struct Removal {
    /// 1 to 1,000. Either these or `leadIds`.
    pub contact_ids: Option<Vec<ContactId>>,
    /// 1 to 1,000 of the campaign's leads.
    pub lead_ids: Option<Vec<LeadId>>,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

/// What became of a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeadResult {
    Changed,
    /// It has that status already.
    Unchanged,
    /// It is as it was; `why` says why.
    Refused,
    /// There is no such lead in the workspace, or in the campaign.
    Unknown,
}

/// One of the leads.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedLead {
    pub lead_id: LeadId,
    pub result: LeadResult,
    /// The status that it had, when it was changed.
    pub from: Option<LeadStatus>,
    pub why: Option<String>,
}

/// What became of all of them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkChanged {
    /// The status that was asked for.
    pub lead_status: LeadStatus,
    pub changed: usize,
    pub unchanged: usize,
    pub refused: usize,
    pub unknown: usize,
    /// In the order of their ids.
    pub items: Vec<ChangedLead>,
}

impl BulkChanged {
    fn of(lead_status: LeadStatus, became: BTreeMap<LeadId, Became>) -> Self {
        let items: Vec<ChangedLead> = became
            .into_iter()
            .map(|(lead_id, became)| {
                let (result, from, why) = match became {
                    Became::Changed { from } => (LeadResult::Changed, Some(from), None),
                    Became::Unchanged => (LeadResult::Unchanged, None, None),
                    Became::Refused(why) => (LeadResult::Refused, None, Some(why)),
                    Became::Unknown => (LeadResult::Unknown, None, None),
                };
                ChangedLead { lead_id, result, from, why }
            })
            .collect();
        let count = |result| items.iter().filter(|one| one.result == result).count();
        Self {
            lead_status,
            changed: count(LeadResult::Changed),
            unchanged: count(LeadResult::Unchanged),
            refused: count(LeadResult::Refused),
            unknown: count(LeadResult::Unknown),
            items,
        }
    }
}

/// As many as one request may name.
pub(crate) fn some<T>(path: &str, given: &[T]) -> Result<(), ApiError> {
    match given.len() {
        1..=BULK_MAX => Ok(()),
        n => {
            let rule = format!("has {n} entries; 1 to {BULK_MAX} are needed");
            Err(ApiError::invalid_at(path, rule))
        }
    }
}

/// Change many leads' statuses
///
/// Qualify, reject, remove (`deleted`, never `rejected`) or reactivate up to 1,000 leads, all in one transaction. Each lead has its own
/// answer; one that has the status already is `unchanged`, so the request may be repeated. What waits for a lead that is no longer
/// processed ends at once. A lead whose contact is not active is not reactivated.
#[utoipa::path(
    post, path = "/leads/status", tag = "Leads", operation_id = "setLeadStatuses",
    request_body = BulkStatus,
    responses((status = 200, description = "What became of each.", body = Success<BulkChanged>), Guarded, Sent)
)]
pub async fn status(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Data<BulkChanged>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let given: BulkStatus = body.read()?;
    some("leadIds", &given.lead_ids)?;
    let why = reason("reason", &given.reason)?;
    set(&api, &caller, given.lead_ids, (given.action.status(), None, &why)).await
}

async fn set(
    api: &Api,
    caller: &Caller,
    leads: impl IntoIterator<Item = LeadId>,
    (to, campaign, reason): (LeadStatus, Option<CampaignId>, &str),
) -> Result<Data<BulkChanged>, ApiError> {
    let leads: BTreeSet<LeadId> = leads.into_iter().collect();
    let by = caller.by();
    let wish = Wish { to, campaign, reason, by: &by, at: api.clock.now() };
    let became = lead_bulk::set(&caller.acting(&api.db), caller.workspace, &leads, wish).await?;
    Ok(Data(BulkChanged::of(to, became)))
}

/// Remove leads from a campaign
///
/// As `remove` of `POST /leads/status`, for leads of this campaign, named by themselves or by their contacts. A contact without a lead
/// in it has no entry in the answer. Segments do not bring back whom a person has removed.
#[utoipa::path(
    post, path = "/campaigns/{campaignId}/leads/remove", tag = "Leads", operation_id = "removeLeads",
    params(("campaignId" = CampaignId, Path)),
    request_body = Removal,
    responses((status = 200, description = "What became of each.", body = Success<BulkChanged>), Guarded, Absent, Sent)
)]
pub async fn remove(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(campaign): Id<CampaignId>,
    body: Body,
) -> Result<Data<BulkChanged>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    read(&api.db, caller.workspace, campaign).await?;
    let given: Removal = body.read()?;
    let why = reason("reason", &given.reason)?;
    let leads = match (given.lead_ids, given.contact_ids) {
        (Some(leads), None) => {
            some("leadIds", &leads)?;
            leads
        }
        (None, Some(contacts)) => {
            some("contactIds", &contacts)?;
            let place = (caller.workspace, campaign);
            let found = campaign_members::of_contacts(&api.db, place, &contacts).await?;
            found.into_iter().map(|(_, lead)| lead).collect()
        }
        _ => return Err(ApiError::invalid_at("", "needs either `contactIds` or `leadIds`")),
    };
    set(&api, &caller, leads, (LeadStatus::Deleted, Some(campaign), &why)).await
}
