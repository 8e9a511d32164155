//! POST /contacts/{id}/status and DELETE /contacts/{id}: whether a person is worked with, and their leads with them.
use super::answer::Contact;
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::Id,
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::{
    contact::ContactStatus,
    ids::ContactId,
    store::contacts::status::{self, Set, StatusChange},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Characters of a reason, at most.
pub const REASON_MAX: usize = 500;

/// What a contact is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"status": "bounced", "reason": "mail came back: no such mailbox"}))]
pub struct NewStatus {
    pub status: ContactStatus,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

/// A contact, and what its status made of its leads.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusSet {
    pub contact: Contact,
    /// How many of its leads changed.
    pub leads_changed: usize,
}

/// Set a contact's status
///
/// `inactive`, `bounced` and `spam` reject all its active and duplicate leads; `deleted` deletes all its leads. In the same transaction,
/// with their history; submissions under way end. `active` changes no lead: those that were rejected or deleted stay so. Repeating it
/// changes nothing.
#[utoipa::path(
    post, path = "/contacts/{contactId}/status", tag = "Contacts", operation_id = "setContactStatus",
    params(("contactId" = ContactId, Path)),
    request_body = NewStatus,
    responses((status = 200, description = "The contact as it is now.", body = Success<StatusSet>), Guarded, Absent, Sent, Conflicting)
)]
pub async fn set(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ContactId>,
    body: Body,
) -> Result<Data<StatusSet>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let NewStatus { status, reason } = body.read()?;
    let length = reason.trim().chars().count();
    if !(1..=REASON_MAX).contains(&length) {
        let rule = format!("has {length} characters; 1 to {REASON_MAX} are allowed");
        return Err(ApiError::invalid_at("reason", rule));
    }
    change(&api, &caller, (id, status), reason.trim()).await
}

/// Delete a contact
///
/// Sets its status to `deleted`: the contact is kept, out of sight, and its leads are deleted. To make the person forgotten, erase them.
#[utoipa::path(
    delete, path = "/contacts/{contactId}", tag = "Contacts", operation_id = "deleteContact",
    params(("contactId" = ContactId, Path)),
    responses((status = 200, description = "The contact as it is now.", body = Success<StatusSet>), Guarded, Absent, Conflicting)
)]
pub async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ContactId>,
) -> Result<Data<StatusSet>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    change(&api, &caller, (id, ContactStatus::Deleted), "").await
}

async fn change(
    api: &Api,
    caller: &Caller,
    (contact, to): (ContactId, ContactStatus),
    reason: &str,
) -> Result<Data<StatusSet>, ApiError> {
    let (workspace, by) = (caller.workspace, caller.by());
    let change = StatusChange { workspace, contact, to, reason: reason.to_owned(), by };
    match status::change(&caller.acting(&api.db), &change, api.clock.now()).await? {
        Set::Yes { contact, leads } => {
            Ok(Data(StatusSet { contact: (*contact).into(), leads_changed: leads }))
        }
        Set::Unknown => Err(ApiError::not_found("contact")),
        Set::Merged(into) => Err(merged(into)),
        Set::Erased => Err(erased()),
    }
}

pub(super) fn merged(into: ContactId) -> ApiError {
    ApiError::new(Code::Conflict, format!("the contact was merged into {into}"))
}

pub(super) fn erased() -> ApiError {
    ApiError::new(Code::Conflict, "the contact was erased")
}
