//! The members of segments: added, removed, added from a search, listed; and GET /contacts/{id}/segments.
use super::{
    answer::{FilledSegment, SegmentMember, SegmentSummary},
    form::{Contacts, FromSearch, SEGMENT_BYTES_MAX, source},
    refused,
};
use crate::{
    Api,
    answer::{Absent, Asked, Conflicting, Data, Guarded, Page, Planned, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::ApiError,
    params::{Id, Limit, Query},
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::{
    ids::{ContactId, SegmentId},
    segment::check::Refusal,
    store::segments::{self, By, FillFrom, MEMBERS_AT_ONCE, Member},
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// What became of the contacts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MembersAdded {
    /// How many were no members before.
    pub added: usize,
    /// Ids of which the workspace has no contact.
    pub unknown: Vec<ContactId>,
    /// Contacts that are deleted, and therefore not added.
    pub deleted: Vec<ContactId>,
}

/// What became of the contacts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MembersRemoved {
    /// How many were members before.
    pub removed: usize,
    /// Ids of which the workspace has no contact.
    pub unknown: Vec<ContactId>,
}

fn contacts(body: &Body) -> Result<Vec<ContactId>, ApiError> {
    let Contacts { contact_ids } = body.read()?;
    if (1..=MEMBERS_AT_ONCE).contains(&contact_ids.len()) {
        return Ok(contact_ids);
    }
    let rule = format!("must be 1 to {MEMBERS_AT_ONCE} ids");
    Err(ApiError::invalid_at("contactIds", rule))
}

/// Add contacts to a segment
///
/// To a static one. Repeating it changes nothing. Inactive contacts are kept, but do not become leads; deleted ones are not added.
#[utoipa::path(
    post, path = "/segments/{segmentId}/members", tag = "Segments", operation_id = "addSegmentMembers",
    params(("segmentId" = SegmentId, Path)),
    request_body = Contacts,
    responses(
        (status = 200, description = "What became of them.", body = Success<MembersAdded>),
        Guarded, Absent, Sent, Conflicting
    )
)]
pub async fn add(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SegmentId>,
    body: Body,
) -> Result<Data<MembersAdded>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    there(&api, &caller, id).await?;
    let contacts = contacts(&body)?;
    let by = By { who: &caller.by(), at: api.clock.now() };
    let moved = segments::add(&caller.acting(&api.db), (caller.workspace, id), &contacts, by).await;
    let moved = moved.map_err(refused)?;
    Ok(Data(MembersAdded {
        added: moved.moved.len(),
        unknown: moved.unknown,
        deleted: moved.deleted,
    }))
}

/// Remove contacts from a segment
///
/// From a static one. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/segments/{segmentId}/members/remove", tag = "Segments", operation_id = "removeMembers",
    params(("segmentId" = SegmentId, Path)),
    request_body = Contacts,
    responses(
        (status = 200, description = "What became of them.", body = Success<MembersRemoved>),
        Guarded, Absent, Sent, Conflicting
    )
)]
pub async fn remove(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SegmentId>,
    body: Body,
) -> Result<Data<MembersRemoved>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    there(&api, &caller, id).await?;
    let contacts = contacts(&body)?;
    let by = By { who: &caller.by(), at: api.clock.now() };
    let moved =
        segments::remove(&caller.acting(&api.db), (caller.workspace, id), &contacts, by).await;
    let moved = moved.map_err(refused)?;
    Ok(Data(MembersRemoved { removed: moved.moved.len(), unknown: moved.unknown }))
}

/// Add all contacts that a search finds
///
/// To a static segment: everybody who matches a rule or a search, or who is in another segment. One request looks at 20,000 contacts at
/// most; `nextCursor` says where to go on. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/segments/{segmentId}/members/from-search", tag = "Segments", operation_id = "addMembersFromSearch",
    params(("segmentId" = SegmentId, Path)),
    request_body = FromSearch,
    responses(
        (status = 200, description = "How many were added.", body = Success<FilledSegment>),
        Guarded, Planned, Absent, Sent, Conflicting
    )
)]
pub async fn from_search(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SegmentId>,
    body: Body<SEGMENT_BYTES_MAX>,
) -> Result<Data<FilledSegment>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    there(&api, &caller, id).await?;
    let FromSearch { rule, search, segment_id, cursor } = body.read()?;
    let (workspace, at) = (caller.workspace, api.clock.now());
    let by = By { who: &caller.by(), at };
    let wanted = match segment_id {
        Some(_) if rule.is_some() || search.is_some() => {
            let message = "cannot be given together with a rule or a search";
            return Err(ApiError::invalid_at("segmentId", message));
        }
        Some(other) => {
            if segments::get(api.db.read(), workspace, other).await?.is_none() {
                let message = "there is no such segment in this workspace";
                return Err(ApiError::invalid_at("segmentId", message));
            }
            None
        }
        None => {
            let source = source(rule, search, "")
                .map_err(|found| refused(Refusal::Invalid(found).into()))?;
            let wanted = segments::wanted(&api.db, workspace, &source, (None, "")).await;
            Some(wanted.map_err(refused)?)
        }
    };
    let from = match (&wanted, segment_id) {
        (Some(wanted), _) => FillFrom::Matching(wanted),
        (None, other) => FillFrom::Members((workspace, other.unwrap_or(id))),
    };
    let filled = segments::fill(&caller.acting(&api.db), (workspace, id), from, cursor, by).await;
    Ok(Data(filled.map_err(refused)?.into()))
}

/// Which members.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MemberQuery {
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<ContactId>,
}

/// List a segment's members
///
/// In the order in which the contacts came to the workspace.
#[utoipa::path(
    get, path = "/segments/{segmentId}/members", tag = "Segments", operation_id = "listMembers",
    params(("segmentId" = SegmentId, Path), MemberQuery),
    responses((status = 200, description = "A page of members.", body = Success<Page<SegmentMember>>), Guarded, Absent, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<SegmentId>,
    Query(query): Query<MemberQuery>,
) -> Result<Data<Page<SegmentMember>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    there(&api, &caller, id).await?;
    let (key, limit) = ((caller.workspace, id), query.limit.0);
    let rows = segments::members(api.db.read(), key, query.cursor, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, |row: &Member| row.contact_id.to_string())))
}

async fn there(api: &Api, caller: &Caller, id: SegmentId) -> Result<(), ApiError> {
    let found = segments::get(api.db.read(), caller.workspace, id).await?;
    found.map(drop).ok_or_else(|| ApiError::not_found("segment"))
}

/// The segments that a contact is in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SegmentsOfContact {
    /// Oldest first.
    pub items: Vec<SegmentSummary>,
}

/// Show a contact's segments
///
/// All of them, static and dynamic. The count of each is that of its last build.
#[utoipa::path(
    get, path = "/contacts/{contactId}/segments", tag = "Segments", operation_id = "getSegmentsOfContact",
    params(("contactId" = ContactId, Path)),
    responses((status = 200, description = "The segments.", body = Success<SegmentsOfContact>), Guarded, Absent)
)]
pub async fn of_contact(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(contact): Id<ContactId>,
) -> Result<Data<SegmentsOfContact>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let workspace = caller.workspace;
    if !segments::has_contact(api.db.read(), workspace, contact).await? {
        return Err(ApiError::not_found("contact"));
    }
    let rows = segments::of_contact(api.db.read(), workspace, contact).await?;
    Ok(Data(SegmentsOfContact { items: rows.into_iter().map(SegmentSummary::from).collect() }))
}
