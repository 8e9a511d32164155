//! POST /contacts/tags: tags put on many contacts, or taken off.
use crate::{
    Api,
    answer::{Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Detail},
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::{
    contact::form,
    ids::ContactId,
    store::contacts::tags::{self, TAGGED_AT_ONCE_MAX, Tagged, Tagging},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Tags to put on contacts and to take off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"contactIds": ["contact_01h455vb4pex5vsknk084sn02q"], "add": ["vip"], "remove": ["new"]}))]
pub struct NewTagging {
    /// 1 to 1,000 contacts.
    pub contact_ids: Vec<ContactId>,
    #[serde(default)]
    pub add: Vec<String>,
    /// Without regard to case.
    #[serde(default)]
    pub remove: Vec<String>,
}

/// What came of it, by contact.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaggingAnswer {
    pub changed: Vec<ContactId>,
    /// They had the tags, and had not those to take off.
    pub unchanged: Vec<ContactId>,
    /// They would have more than 100 tags, and stay as they are.
    pub full: Vec<ContactId>,
    /// There are no such contacts.
    pub unknown: Vec<ContactId>,
}

impl From<Tagged> for TaggingAnswer {
    fn from(tagged: Tagged) -> Self {
        let Tagged { changed, unchanged, full, unknown } = tagged;
        Self { changed, unchanged, full, unknown }
    }
}

/// Tag contacts
///
/// In one transaction. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/contacts/tags", tag = "Contacts", operation_id = "tagContacts",
    request_body = NewTagging,
    responses((status = 200, description = "What came of it.", body = Success<TaggingAnswer>), Guarded, Sent)
)]
pub async fn tag(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Data<TaggingAnswer>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let NewTagging { contact_ids, add, remove } = body.read()?;
    let mut problems = Vec::new();
    if !(1..=TAGGED_AT_ONCE_MAX).contains(&contact_ids.len()) {
        let rule =
            format!("has {} contacts; 1 to {TAGGED_AT_ONCE_MAX} are allowed", contact_ids.len());
        problems.push(Detail::new("contactIds", rule));
    }
    let mut read = |field: &str, tags: Vec<String>| match form::tags(&tags.into()) {
        Ok(tags) => tags,
        Err(why) => {
            problems.push(Detail::new(field, why));
            Vec::new()
        }
    };
    let (add, remove) = (read("add", add), read("remove", remove));
    if problems.is_empty() && add.is_empty() && remove.is_empty() {
        problems.push(Detail::new("", "needs a tag in `add` or in `remove`"));
    }
    if !problems.is_empty() {
        return Err(ApiError::invalid(problems));
    }
    let (workspace, by) = (caller.workspace, caller.by());
    let tagging = Tagging { workspace, contacts: contact_ids, add, remove, by };
    Ok(Data(tags::tag(&caller.acting(&api.db), &tagging, api.clock.now()).await?.into()))
}
