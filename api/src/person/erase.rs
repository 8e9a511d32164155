//! POST /contacts/{id}/erase: every trace of who a person was goes.
use super::{out_of_order, reason};
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::Id,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    ids::ContactId,
    store::contacts::erase::{self, Ask, Done},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Why the person is erased.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"reason": "asked for it on 21 November"}))]
pub struct Erasing {
    /// 1 to 500 characters. It is kept: it must not say who the person was.
    pub reason: String,
}

/// What was erased.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErasedContact {
    pub contact_id: ContactId,
    /// When it was done first.
    pub erased_at: DateTime<Utc>,
    /// Leads that were emptied.
    pub leads: usize,
    /// Submissions that were emptied, and ended if they were open.
    pub submissions: usize,
    /// The contacts that had been merged into this one, and were erased with it.
    pub merged: Vec<ContactId>,
}

/// Erase a contact
///
/// Removes every trace of who the person was, but for a hash that keeps them from being called or texted again, and what money needs:
/// submissions with statuses, times and prices. Open submissions end first. Refused with 409 while a delivery or a call is under way.
/// Doing it again changes nothing but what has come in since. It cannot be undone. Scope: admin.
#[utoipa::path(
    post, path = "/contacts/{contactId}/erase", tag = "Contacts", operation_id = "eraseContact",
    params(("contactId" = ContactId, Path)),
    request_body = Erasing,
    responses((status = 200, description = "What was erased.", body = Success<ErasedContact>), Guarded, Absent, Sent, Conflicting)
)]
pub async fn erase(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(contact): Id<ContactId>,
    body: Body,
) -> Result<Data<ErasedContact>, ApiError> {
    caller.require(Scope::Admin)?;
    let Erasing { reason: why } = body.read()?;
    let reason = reason(&why)?;
    let (workspace, by, at) = (caller.workspace, caller.by(), api.clock.now());
    let ask = Ask { workspace, contact, reason, by, at };
    match erase::erase(&caller.acting(&api.db), &api.secrets, &ask).await.map_err(out_of_order)? {
        Done::Erased(erased) => Ok(Data(ErasedContact {
            contact_id: contact,
            erased_at: erased.at,
            leads: erased.leads.len(),
            submissions: erased.submissions,
            merged: erased.merged,
        })),
        Done::NoSuchContact => Err(ApiError::not_found("contact")),
        Done::Refused(refused) => Err(ApiError::new(Code::Conflict, refused.to_string())),
    }
}
