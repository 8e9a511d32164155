//! POST and GET /contacts/{id}/notes: what people wrote about a contact.
use super::show;
use crate::{
    Api,
    answer::{Absent, Asked, Conflicting, Data, Guarded, Page, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::{Id, Limit, Query},
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    ids::{ContactId, ContactNoteId},
    store::contacts::notes::{self, Added, NOTE_MAX, NOTES_MAX},
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// A note to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"text": "Asked to be called after the holidays."}))]
pub struct NewNote {
    /// 1 to 5,000 characters.
    pub text: String,
}

/// What somebody wrote about a contact.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    pub note_id: ContactNoteId,
    pub text: String,
    pub written_by: String,
    pub at: DateTime<Utc>,
}

impl From<notes::Note> for Note {
    fn from(note: notes::Note) -> Self {
        Self { note_id: note.id, text: note.text, written_by: note.written_by, at: note.at }
    }
}

/// Add a note
///
/// Its words are found by searches for the contact. What the newest note says already is not added again by the same key, so that the
/// request may be repeated.
#[utoipa::path(
    post, path = "/contacts/{contactId}/notes", tag = "Contacts", operation_id = "addNote",
    params(("contactId" = ContactId, Path)),
    request_body = NewNote,
    responses(
        (status = 201, description = "The note.", body = Success<Note>),
        (status = 200, description = "The newest note says so already.", body = Success<Note>),
        Guarded, Absent, Sent, Conflicting
    )
)]
pub async fn add(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(contact): Id<ContactId>,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let NewNote { text } = body.read()?;
    let text = text.trim().to_owned();
    let length = text.chars().count();
    if !(1..=NOTE_MAX).contains(&length) {
        let rule = format!("has {length} characters; 1 to {NOTE_MAX} are allowed");
        return Err(ApiError::invalid_at("text", rule));
    }
    let (id, written_by, at) = (ContactNoteId::new(), caller.by(), api.clock.now());
    let note = notes::Note { id, text, written_by, at };
    match notes::add(&caller.acting(&api.db), (caller.workspace, contact), &note).await? {
        Added::Yes => Ok((StatusCode::CREATED, Data(Note::from(note))).into_response()),
        Added::Same(note) => Ok(Data(Note::from(note)).into_response()),
        Added::Unknown => Err(ApiError::not_found("contact")),
        Added::Full => {
            let message = format!("the contact has {NOTES_MAX} notes already");
            Err(ApiError::new(Code::Conflict, message))
        }
    }
}

/// Which notes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NoteQuery {
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<ContactNoteId>,
}

/// List a contact's notes
///
/// Newest first.
#[utoipa::path(
    get, path = "/contacts/{contactId}/notes", tag = "Contacts", operation_id = "listNotes",
    params(("contactId" = ContactId, Path), NoteQuery),
    responses((status = 200, description = "A page of notes.", body = Success<Page<Note>>), Guarded, Absent, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(contact): Id<ContactId>,
    Query(query): Query<NoteQuery>,
) -> Result<Data<Page<Note>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    show::read(&api, &caller, contact).await?;
    let limit = query.limit.0;
    let who = (caller.workspace, contact);
    let rows = notes::list(&api.db, who, query.cursor, limit + 1).await?;
    Ok(Data(Page::of(rows, limit as usize, |row: &notes::Note| row.id.to_string())))
}
