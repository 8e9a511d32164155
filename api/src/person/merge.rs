//! POST /contacts/{id}/merge: several contacts become one.
use super::reason;
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    contacts::answer::Contact,
    error::{ApiError, Code, Detail},
    params::Id,
};
use axum::extract::State;
use serde::Deserialize;
use shared::{
    contact::merge::MERGE_MAX,
    ids::ContactId,
    store::contacts::merge::{self, Ask, Done},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Which contacts become this one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Merging {
    /// 1 to 10 other contacts, each once.
    pub from: Vec<ContactId>,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

/// Every problem of the list.
fn check(survivor: ContactId, from: &[ContactId]) -> Result<(), ApiError> {
    let mut problems = Vec::new();
    if from.is_empty() || from.len() > MERGE_MAX {
        let rule = format!("names {} contacts; 1 to {MERGE_MAX} are merged at once", from.len());
        problems.push(Detail::new("from", rule));
    }
    for (at, id) in from.iter().enumerate() {
        let rule = if *id == survivor {
            "is the contact that stays"
        } else if from[..at].contains(id) {
            "is named twice"
        } else {
            continue;
        };
        problems.push(Detail::new(format!("from[{at}]"), rule));
    }
    if problems.is_empty() { Ok(()) } else { Err(ApiError::invalid(problems)) }
}

/// Merge contacts
///
/// The contact in the URL stays, and everything of the others moves to it: leads, notes, activities, places in static segments. Its own
/// values stay; what it does not know comes from the other that was changed last. Tags are united, and an opt-out on either side
/// counts. Active leads of the others in a campaign in which an older lead is there already become its duplicates. The others are
/// deleted, and answer with `mergedInto`. Merging again what is merged changes nothing.
#[utoipa::path(
    post, path = "/contacts/{contactId}/merge", tag = "Contacts", operation_id = "mergeContacts",
    params(("contactId" = ContactId, Path)),
    request_body = Merging,
    responses((status = 200, description = "The contact as it is now.", body = Success<Contact>), Guarded, Absent, Sent, Conflicting)
)]
pub async fn merge(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ContactId>,
    body: Body,
) -> Result<Data<Contact>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let Merging { from, reason: why } = body.read()?;
    let reason = reason(&why)?;
    check(id, &from)?;
    let (workspace, by, at) = (caller.workspace, caller.by(), api.clock.now());
    let ask = Ask { workspace, survivor: id, from, reason, by, at };
    match merge::merge(&caller.acting(&api.db), &ask).await? {
        Done::Merged(contact) => Ok(Data(Contact::from(*contact))),
        Done::NoSuchContact(unknown) => {
            let refused = ApiError::not_found("contact");
            Err(match ask.from.iter().position(|from| *from == unknown) {
                Some(at) => refused.at(&format!("from[{at}]")),
                None => refused,
            })
        }
        Done::Refused(refused) => Err(ApiError::new(Code::Conflict, refused.to_string())),
    }
}
