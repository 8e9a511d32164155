//! PUT /contacts/{id}/consent: by which channels a person wants to be reached.
use super::{
    answer::{Choice, Contact},
    show,
    status::{erased, merged},
};
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
    params::{Id, is_near},
    suppressions,
};
use axum::extract::State;
use chrono::{DateTime, Datelike, Utc};
use serde::Deserialize;
use shared::{
    ids::ContactId,
    store::contacts::consent::{self, Consent, Kept, Number, Outs},
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Characters of a source, at most.
pub const SOURCE_MAX: usize = 200;
/// How often the contact is read again when its number changes meanwhile.
const TRIES: usize = 4;

/// What a person said of being reached. A channel that is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"email": "out", "source": "the link in the newsletter of November"}))]
pub struct NewConsent {
    pub email: Option<Choice>,
    pub sms: Option<Choice>,
    /// Calls.
    pub phone: Option<Choice>,
    pub push: Option<Choice>,
    /// True: every channel again, and the contact is active again, whatever it was.
    #[serde(default)]
    pub reset: bool,
    /// Where the person said so, 1 to 200 characters.
    pub source: String,
    /// When they said so; now unless given.
    pub at: Option<DateTime<Utc>>,
}

/// Keep a person's consent
///
/// From now on no campaign of the workspace calls a contact that is `out` of `phone`, or texts one that is `out` of `sms`; the contact's
/// number is suppressed as well, and `in` takes that back. A contact that is out of all four channels becomes inactive, with what that
/// makes of its leads. Repeating it changes nothing.
#[utoipa::path(
    put, path = "/contacts/{contactId}/consent", tag = "Contacts", operation_id = "keepConsent",
    params(("contactId" = ContactId, Path)),
    request_body = NewConsent,
    responses((status = 200, description = "The contact as it is now.", body = Success<Contact>), Guarded, Absent, Sent, Conflicting)
)]
pub async fn put(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ContactId>,
    body: Body,
) -> Result<Data<Contact>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let given: NewConsent = body.read()?;
    let consent = checked(&api, &caller, id, given)?;
    for _ in 0..TRIES {
        let phone = show::read(&api, &caller, id).await?.profile.phone;
        let hash = match &phone {
            Some(phone) => suppressions::hash(&api, &caller, phone).await?,
            None => String::new(),
        };
        let number = phone.as_deref().map(|phone| Number { phone, hash: &hash });
        match consent::keep(&caller.acting(&api.db), &consent, number, api.clock.now()).await? {
            Kept::Yes(contact) => return Ok(Data((*contact).into())),
            Kept::Unknown => return Err(ApiError::not_found("contact")),
            Kept::Merged(into) => return Err(merged(into)),
            Kept::Erased => return Err(erased()),
            Kept::OtherNumber => {}
        }
    }
    Err(ApiError::new(Code::Conflict, "the contact's number changes all the time; try again"))
}

fn checked(
    api: &Api,
    caller: &Caller,
    contact: ContactId,
    given: NewConsent,
) -> Result<Consent, ApiError> {
    let now = api.clock.now();
    let said_at = given.at.unwrap_or(now);
    let out = |choice: Option<Choice>| choice.map(|choice| choice == Choice::Out);
    let outs = Outs {
        email: out(given.email),
        sms: out(given.sms),
        phone: out(given.phone),
        push: out(given.push),
    };
    let mut problems = Vec::new();
    let length = given.source.trim().chars().count();
    if !(1..=SOURCE_MAX).contains(&length) {
        let rule = format!("has {length} characters; 1 to {SOURCE_MAX} are allowed");
        problems.push(Detail::new("source", rule));
    }
    if said_at > now || !is_near(said_at.year()) {
        problems.push(Detail::new("at", "must not be in the future, nor before 1900"));
    }
    if given.reset == (outs != Outs::default()) {
        let rule = "needs either `reset` or at least one of `email`, `sms`, `phone` and `push`";
        problems.push(Detail::new("", rule));
    }
    if !problems.is_empty() {
        return Err(ApiError::invalid(problems));
    }
    Ok(Consent {
        workspace: caller.workspace,
        contact,
        outs,
        reset: given.reset,
        source: given.source.trim().to_owned(),
        said_at,
        by: caller.by(),
    })
}
