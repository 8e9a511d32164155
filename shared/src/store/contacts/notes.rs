//! What people wrote about a contact. The words of notes are words of the contact.
use super::write::{self, Why, Written};
use crate::{
    audit::Entry,
    clock::Time,
    ids::{ContactId, ContactNoteId, WorkspaceId},
    store::{Db, StoreError, Tx, audit, live},
};
use serde_json::json;
use uuid::Uuid;

/// Characters of a note, at most.
pub const NOTE_MAX: usize = 5_000;
/// Notes of a contact, at most.
pub const NOTES_MAX: usize = 1_000;
/// How often the transaction is tried when the engine says "try again".
const TRIES: usize = 4;

/// A note as it is in the database.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Note {
    pub id: ContactNoteId,
    pub text: String,
    pub written_by: String,
    pub at: Time,
}

/// What came of adding one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    Yes,
    /// It says what the newest note says, by the same author: a request that was repeated. That note.
    Same(Note),
    Unknown,
    /// The contact has [`NOTES_MAX`].
    Full,
}

/// Adds a note about a contact.
pub async fn add(
    db: &Db,
    (workspace, contact): (WorkspaceId, ContactId),
    note: &Note,
) -> Result<Added, StoreError> {
    let mut tries = 1;
    loop {
        match once(db, (workspace, contact), note).await {
            Err(error) if error.is_conflict() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn once(
    db: &Db,
    (workspace, contact): (WorkspaceId, ContactId),
    note: &Note,
) -> Result<Added, StoreError> {
    let mut tx = db.begin().await?;
    let locked = write::lock(&mut tx, workspace, &[contact]).await?;
    // About one that was erased nothing is kept any more.
    let known = locked.into_iter().find(|contact| contact.erased_at.is_none());
    let Some(known) = known else { return Ok(Added::Unknown) };
    let newest = newest(&mut tx, (workspace, contact)).await?;
    let says = |one: &Note| one.text == note.text && one.written_by == note.written_by;
    if let Some(same) = newest.filter(says) {
        return Ok(Added::Same(same));
    }
    let there: i64 = tx
        .ex()
        .sql("SELECT COUNT(*) FROM contact_note WHERE workspace_id = $1 AND contact_id = $2")
        .bind(workspace)
        .bind(contact)
        .scalar()
        .await?;
    if there >= NOTES_MAX as i64 {
        return Ok(Added::Full);
    }
    insert(&mut tx, (workspace, contact), note).await?;
    let why = Why { by: note.written_by.clone(), ..Why::default() };
    let written = Written { before: known.clone(), after: known, why };
    let touched = write::write(&mut tx, &[written], note.at).await?;
    live::reassess(&mut tx, &touched, note.at).await?;
    let entry =
        Entry::new("contact.note_added", "contact", contact).to(json!({ "noteId": note.id }));
    audit::tell(&mut tx, workspace, &[entry], note.at).await?;
    tx.commit().await?;
    Ok(Added::Yes)
}

async fn newest(
    tx: &mut Tx,
    (workspace, contact): (WorkspaceId, ContactId),
) -> Result<Option<Note>, StoreError> {
    tx.ex()
        .sql(
            "SELECT id, text, written_by, at FROM contact_note WHERE workspace_id = $1 AND contact_id = $2
             ORDER BY id DESC LIMIT 1",
        )
        .bind(workspace)
        .bind(contact)
        .optional()
        .await
}

async fn insert(
    tx: &mut Tx,
    (workspace, contact): (WorkspaceId, ContactId),
    note: &Note,
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO contact_note (workspace_id, contact_id, id, text, written_by, at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(workspace)
        .bind(contact)
        .bind(note.id)
        .bind(note.text.as_str())
        .bind(note.written_by.as_str())
        .bind(note.at)
        .run()
        .await
        .map(drop)
}

/// Notes about a contact before `cursor`, newest first.
pub async fn list(
    db: &Db,
    (workspace, contact): (WorkspaceId, ContactId),
    cursor: Option<ContactNoteId>,
    limit: i64,
) -> Result<Vec<Note>, StoreError> {
    db.read()
        .sql(
            "SELECT id, text, written_by, at FROM contact_note
             WHERE workspace_id = $1 AND contact_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
        )
        .bind(workspace)
        .bind(contact)
        .bind(cursor.unwrap_or(ContactNoteId(Uuid::max())))
        .bind(limit)
        .all()
        .await
}
