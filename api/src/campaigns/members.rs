//! POST /campaigns/{id}/members: contacts that people put into a campaign.
use crate::{
    Api,
    answer::{Absent, Closed, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    leads::bulk::some,
    params::Id,
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::{
    ids::{CampaignId, ContactId, LeadId},
    store::campaign_members::{self, Added, By, NotAdded},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Whom to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"contactIds": ["contact_01jd5p0m9we1n8x8m3t1h6y7aq"]}))]
pub struct NewMembers {
    /// 1 to 1,000; each counts once.
    pub contact_ids: Vec<ContactId>,
}

/// What became of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberResult {
    /// They have a new lead.
    Added,
    /// Their lead had been deleted and is active again.
    Revived,
    /// They have a lead in the campaign already.
    Existing,
    /// They may not become a lead; `why` says why.
    Refused,
    /// There is no such contact in the workspace.
    Unknown,
}

/// One of the contacts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewMember {
    pub contact_id: ContactId,
    pub result: MemberResult,
    /// Their lead in the campaign, new or old.
    pub lead_id: Option<LeadId>,
    pub why: Option<String>,
}

/// What became of all of them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewMembersAdded {
    pub added: usize,
    pub revived: usize,
    pub existing: usize,
    pub refused: usize,
    pub unknown: usize,
    /// In the order in which they were named.
    pub items: Vec<NewMember>,
}

fn member((contact_id, added): (ContactId, Added)) -> NewMember {
    let (result, lead_id, why) = match added {
        Added::Made(lead) => (MemberResult::Added, Some(lead), None),
        Added::Revived(lead) => (MemberResult::Revived, Some(lead), None),
        Added::There(lead) => (MemberResult::Existing, Some(lead), None),
        Added::Refused(why) => (MemberResult::Refused, None, Some(why)),
        Added::Unknown => (MemberResult::Unknown, None, None),
    };
    NewMember { contact_id, result, lead_id, why }
}

/// Add contacts to a campaign
///
/// Each becomes a lead of the campaign, stored and not submitted; one who is a lead already keeps it, and one whose lead was deleted gets
/// it back. All in one transaction, and it may be repeated. Submit a lead with `POST /leads/{leadId}/submit`.
#[utoipa::path(
    post, path = "/campaigns/{campaignId}/members", tag = "Campaigns", operation_id = "addCampaignMembers",
    params(("campaignId" = CampaignId, Path)),
    request_body = NewMembers,
    responses((status = 200, description = "What became of each.", body = Success<NewMembersAdded>), Guarded, Absent, Sent, Closed)
)]
pub async fn add(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(campaign): Id<CampaignId>,
    body: Body,
) -> Result<Data<NewMembersAdded>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let given: NewMembers = body.read()?;
    some("contactIds", &given.contact_ids)?;
    let who = caller.by();
    let by = By { who: &who, at: api.clock.now() };
    let place = (caller.workspace, campaign);
    let added =
        campaign_members::add(&caller.acting(&api.db), place, &given.contact_ids, by).await?;
    let added = added.map_err(|why| match why {
        NotAdded::NoSuchCampaign => ApiError::not_found("campaign"),
        NotAdded::Closed(state) => {
            let message = format!("the campaign is {state} and takes no leads");
            ApiError::new(Code::CampaignClosed, message)
        }
    })?;
    let items: Vec<NewMember> = added.into_iter().map(member).collect();
    let count = |result| items.iter().filter(|one| one.result == result).count();
    Ok(Data(NewMembersAdded {
        added: count(MemberResult::Added),
        revived: count(MemberResult::Revived),
        existing: count(MemberResult::Existing),
        refused: count(MemberResult::Refused),
        unknown: count(MemberResult::Unknown),
        items,
    }))
}
