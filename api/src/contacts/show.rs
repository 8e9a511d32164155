//! GET /contacts/{id} and its leads.
use super::answer::Contact;
use crate::{
    Api,
    answer::{Absent, Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    error::ApiError,
    leads::show::Lead,
    params::{Id, Limit, Query},
};
use axum::extract::State;
use serde::Deserialize;
use shared::{
    contact,
    ids::{ContactId, LeadId},
    store::{contacts::read, leads},
};
use std::sync::Arc;
use utoipa::IntoParams;

/// Reads a contact of the caller's workspace.
pub(crate) async fn read(
    api: &Api,
    caller: &Caller,
    id: ContactId,
) -> Result<contact::Contact, ApiError> {
    let found = read::get_many(api.db.read(), caller.workspace, &[id]).await?;
    found.into_iter().next().ok_or_else(|| ApiError::not_found("contact"))
}

/// Show a contact
///
/// Whatever its status; one that was merged names the contact that it became part of.
#[utoipa::path(
    get, path = "/contacts/{contactId}", tag = "Contacts", operation_id = "getContact",
    params(("contactId" = ContactId, Path)),
    responses((status = 200, description = "The contact.", body = Success<Contact>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ContactId>,
) -> Result<Data<Contact>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    Ok(Data(read(&api, &caller, id).await?.into()))
}

/// Which of a contact's leads.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OfContact {
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<LeadId>,
}

/// List a contact's leads
///
/// Newest first, whatever their campaign and status.
#[utoipa::path(
    get, path = "/contacts/{contactId}/leads", tag = "Contacts", operation_id = "listLeadsOfContact",
    params(("contactId" = ContactId, Path), OfContact),
    responses((status = 200, description = "A page of leads.", body = Success<Page<Lead>>), Guarded, Absent, Asked)
)]
pub async fn leads(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ContactId>,
    Query(query): Query<OfContact>,
) -> Result<Data<Page<Lead>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    read(&api, &caller, id).await?;
    let limit = query.limit.0;
    let who = (caller.workspace, id);
    let rows = leads::of_contact(&api.db, who, query.cursor, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, |row| row.id.to_string())))
}
