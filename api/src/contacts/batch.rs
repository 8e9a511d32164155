//! POST /contacts/batch: many contacts at once, each answered by itself.
use super::form::{ContactForm, details, refusal, said};
use crate::{
    Api,
    answer::{Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    contact::form::{self, Form, Known},
    ids::ContactId,
    store::{
        contacts::upsert::{self, CONTACTS_AT_ONCE_MAX, Outcome, Upsert, Upserted},
        properties,
    },
};
use std::sync::Arc;
use utoipa::ToSchema;

/// Bytes of a batch, at most.
pub const CONTACTS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Contacts to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"contacts": [{"email": "ada@example.com", "firstName": "Ada"}, {"phone": "+14155550100"}]}))]
pub struct ContactBatch {
    /// 1 to 1,000 contacts, each as for `POST /contacts`.
    #[schema(value_type = Vec<ContactForm>)]
    pub contacts: Vec<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchOutcome {
    Created,
    Updated,
    /// It was so already.
    Unchanged,
    /// Nothing of it was written.
    Refused,
}

/// What came of one of them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchLine {
    pub outcome: BatchOutcome,
    /// Null when it was refused.
    pub contact_id: Option<ContactId>,
    /// Why it was refused.
    pub code: Option<Code>,
    /// Every problem, with its place in the contact.
    pub problems: Vec<Detail>,
}

/// What came of each, in their order.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    pub created: usize,
    pub updated: usize,
    pub unchanged: usize,
    pub refused: usize,
    pub items: Vec<BatchLine>,
}

impl BatchLine {
    fn kept(kept: &Upserted) -> Self {
        let outcome = match kept.outcome {
            Outcome::Created => BatchOutcome::Created,
            Outcome::Updated => BatchOutcome::Updated,
            Outcome::Unchanged => BatchOutcome::Unchanged,
        };
        Self { outcome, contact_id: Some(kept.contact.id), code: None, problems: Vec::new() }
    }

    fn refused(error: ApiError) -> Self {
        let mut problems = error.details;
        if problems.is_empty() {
            problems.push(Detail::new("", error.message));
        }
        Self { outcome: BatchOutcome::Refused, contact_id: None, code: Some(error.code), problems }
    }
}

/// Keep many contacts
///
/// Each as for `POST /contacts`, in their order, in one transaction. One that is refused does not keep the others from being written.
/// Repeating the request changes nothing.
#[utoipa::path(
    post, path = "/contacts/batch", tag = "Contacts", operation_id = "keepContacts",
    request_body = ContactBatch,
    responses((status = 200, description = "What came of each.", body = Success<BatchAnswer>), Guarded, Sent)
)]
pub async fn keep(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body<CONTACTS_BYTES_MAX>,
) -> Result<Data<BatchAnswer>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let ContactBatch { contacts } = body.read()?;
    if !(1..=CONTACTS_AT_ONCE_MAX).contains(&contacts.len()) {
        let rule =
            format!("has {} contacts; 1 to {CONTACTS_AT_ONCE_MAX} are allowed", contacts.len());
        return Err(ApiError::invalid_at("contacts", rule));
    }
    let kinds = properties::all(api.db.read(), caller.workspace).await?;
    let known = Known { properties: &kinds, country: None, now: api.clock.now() };
    let read: Vec<Result<Form, ApiError>> =
        contacts.iter().map(|contact| read(contact, known)).collect();
    let calls: Vec<Upsert> =
        read.iter().flatten().map(|form| said(&api, &caller, form.clone())).collect();
    let mut kept = upsert::many(&api.db, &calls).await?.into_iter();
    let mut answer = BatchAnswer::default();
    for form in read {
        let line = match form {
            Err(error) => BatchLine::refused(error),
            Ok(_) => match kept.next() {
                Some(Ok(kept)) => BatchLine::kept(&kept),
                Some(Err(refused)) => BatchLine::refused(refusal(refused)),
                None => continue,
            },
        };
        answer.add(line);
    }
    Ok(Data(answer))
}

impl BatchAnswer {
    fn add(&mut self, line: BatchLine) {
        *match line.outcome {
            BatchOutcome::Created => &mut self.created,
            BatchOutcome::Updated => &mut self.updated,
            BatchOutcome::Unchanged => &mut self.unchanged,
            BatchOutcome::Refused => &mut self.refused,
        } += 1;
        self.items.push(line);
    }
}

fn read(contact: &Value, known: Known<'_>) -> Result<Form, ApiError> {
    let Some(given) = contact.as_object() else {
        return Err(ApiError::invalid_at("", "must be an object"));
    };
    form::read(given, known).map_err(|problems| ApiError::invalid(details(problems)))
}
