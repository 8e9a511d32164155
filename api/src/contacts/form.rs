//! POST /contacts and PATCH /contacts/{id}: what somebody knows of a person is kept, once per person.
use super::answer::Contact;
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Saving, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
    params::Id,
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    contact::form::{self, Form, Known},
    ids::ContactId,
    rules::Problem,
    store::{
        contacts::{
            read,
            upsert::{Outcome, Refused, Upsert, Upserted},
        },
        properties,
    },
};
use std::sync::Arc;
use utoipa::ToSchema;

/// What is known of a person. A field that is absent stays as it is; null or a blank text clears it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"email": "ada@example.com", "firstName": "Ada", "company": "Engines Ltd", "properties": {"tier": "gold"}}))]
pub struct ContactForm {
    /// The contact that is meant, if its id is known; not for PATCH.
    pub contact_id: Option<ContactId>,
    /// The revision that was read. When the contact has moved on since, nothing is written.
    pub revision: Option<i64>,
    /// At most 100 characters.
    pub first_name: Option<String>,
    /// At most 100 characters.
    pub last_name: Option<String>,
    pub email: Option<String>,
    /// E.164, or a number of the contact's country, or of the United States.
    pub phone: Option<String>,
    pub salutation: Option<String>,
    pub title: Option<String>,
    pub company: Option<String>,
    pub website: Option<String>,
    pub industry: Option<String>,
    pub number_of_employees: Option<i64>,
    pub annual_revenue: Option<i64>,
    pub gender: Option<String>,
    /// `YYYY-MM-DD`.
    pub date_of_birth: Option<String>,
    pub street: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub zip: Option<String>,
    /// Two letters.
    pub country: Option<String>,
    /// An IANA name.
    pub timezone: Option<String>,
    /// How they came; `api` for a new contact unless given.
    pub source: Option<String>,
    /// By key; those that are absent stay. Each must be one that `POST /properties` made.
    #[schema(value_type = Object)]
    pub properties: Option<Map<String, Value>>,
    /// All tags that the contact is to have: at most 100, each of at most 64 characters.
    pub tags: Option<Vec<String>>,
    /// Must be in the future.
    pub do_not_contact_until: Option<DateTime<Utc>>,
}

/// Keep a contact
///
/// Finds the contact by `contactId` when it is given, else by `email`, else by `phone`; changes what is given, or makes a new one, which
/// needs an email or a phone. Repeating it changes nothing. An email of one contact with the phone of another is refused. A contact that
/// is not active stays what it is.
#[utoipa::path(
    post, path = "/contacts", tag = "Contacts", operation_id = "keepContact",
    request_body = ContactForm,
    responses(
        (status = 201, description = "The contact is new.", body = Success<Contact>),
        (status = 200, description = "The contact was known; it is as the answer says now.", body = Success<Contact>),
        Guarded, Absent, Sent, Conflicting, Saving
    )
)]
pub async fn keep(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let form = read_form(&api, &caller, &body.read()?, None).await?;
    let Upserted { outcome, contact } = upsert(&api, &caller, form).await?;
    let status = match outcome {
        Outcome::Created => StatusCode::CREATED,
        Outcome::Updated | Outcome::Unchanged => StatusCode::OK,
    };
    Ok((status, Data(Contact::from(contact))).into_response())
}

/// Change a contact
///
/// With `revision`, only if nobody has changed it since it was read.
#[utoipa::path(
    patch, path = "/contacts/{contactId}", tag = "Contacts", operation_id = "changeContact",
    params(("contactId" = ContactId, Path)),
    request_body = ContactForm,
    responses((status = 200, description = "The contact as it is now.", body = Success<Contact>),
        Guarded, Absent, Sent, Conflicting, Saving)
)]
pub async fn change(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ContactId>,
    body: Body,
) -> Result<Data<Contact>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let given = body.read()?;
    let known = read::get_many(api.db.read(), caller.workspace, &[id]).await?;
    let known = known.into_iter().next().ok_or_else(|| ApiError::not_found("contact"))?;
    let mut form = read_form(&api, &caller, &given, known.profile.country.as_deref()).await?;
    if form.id.is_some_and(|other| other != id) {
        return Err(ApiError::invalid_at("contactId", "is another contact than the URL names"));
    }
    form.id = Some(id);
    Ok(Data(upsert(&api, &caller, form).await?.contact.into()))
}

async fn read_form(
    api: &Api,
    caller: &Caller,
    given: &Map<String, Value>,
    country: Option<&str>,
) -> Result<Form, ApiError> {
    let kinds = properties::all(api.db.read(), caller.workspace).await?;
    let known = Known { properties: &kinds, country, now: api.clock.now() };
    form::read(given, known).map_err(|problems| ApiError::invalid(details(problems)))
}

pub(super) fn details(problems: Vec<Problem>) -> Vec<Detail> {
    problems.into_iter().map(Detail::from).collect()
}

/// What a caller says of a contact.
pub(super) fn said(api: &Api, caller: &Caller, form: Form) -> Upsert {
    let (workspace, by, at) = (caller.workspace, caller.by(), api.clock.now());
    Upsert { workspace, form, source: "api", by, at }
}

async fn upsert(api: &Api, caller: &Caller, form: Form) -> Result<Upserted, ApiError> {
    api.contacts.one(said(api, caller, form)).await?.map_err(refusal)
}

/// A refusal in the API's words.
pub(super) fn refusal(refused: Refused) -> ApiError {
    let message = refused.to_string();
    match refused {
        Refused::Unknown => ApiError::not_found("contact"),
        Refused::Unreachable => ApiError::invalid_at("", message),
        Refused::Merged(_) | Refused::Erased => ApiError::new(Code::Conflict, message),
        Refused::TwoContacts { .. } => {
            ApiError::new(Code::Conflict, message).at("email").at("phone")
        }
        Refused::Taken { what, .. } => ApiError::new(Code::Conflict, message).at(what),
        Refused::Moved(_) => ApiError::new(Code::RevisionConflict, message).at("revision"),
    }
}
