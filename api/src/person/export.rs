//! GET /contacts/{id}/export: everything that is held about a person.
use super::out_of_order;
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::Id,
};
use axum::extract::State;
use serde_json::{Map, Value};
use shared::{
    ids::ContactId,
    store::contacts::export::{self, Ask},
};
use std::sync::Arc;

/// Export a contact
///
/// Everything that is held about the person as one document: the contact (and those merged into it), changes, notes, activities, segments,
/// leads, submissions with their journeys, delivery attempts and waits, calls with transcripts, texts, and whether they may be reached.
/// Of each at most 10,000 rows, the newest; `truncated` names those of which there are more. The contact's history says that it was
/// handed out.
#[utoipa::path(
    get, path = "/contacts/{contactId}/export", tag = "Contacts", operation_id = "exportContact",
    params(("contactId" = ContactId, Path)),
    responses((status = 200, description = "The document.", body = Success<Value>), Guarded, Absent, Conflicting)
)]
pub async fn export(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(contact): Id<ContactId>,
) -> Result<Data<Map<String, Value>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let (workspace, by, at) = (caller.workspace, caller.by(), api.clock.now());
    let ask = Ask { workspace, contact, by, at };
    let document =
        export::export(&caller.acting(&api.db), &api.secrets, &ask).await.map_err(out_of_order)?;
    document.map(Data).ok_or_else(|| ApiError::not_found("contact"))
}
