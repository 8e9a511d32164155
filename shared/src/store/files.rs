//! Documents of leads: they are part of what a lead says, where rules, payloads, exports and erasure read them.
use super::{
    Db, StoreError, Tx,
    live::{self, Touched, What},
};
use crate::{
    automation::{Happened, Occurrence},
    clock::Time,
    ids::{ContactId, LeadId, WorkspaceId},
    lead::{Details, LeadStatus},
};
use serde_json::{Value, json};
use sqlx::types::Json;

/// How often the transaction is tried when the engine says "try again".
const TRIES: usize = 4;

/// A document to keep, whole or what is said of it anew.
#[derive(Debug, Clone)]
pub struct NewFile {
    pub workspace: WorkspaceId,
    pub lead: LeadId,
    pub key: String,
    /// An object with `fileKey`; members that are absent stay as they are.
    pub file: Value,
    pub at: Time,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Kept {
    /// The document as it is now; whether it is new.
    Yes {
        file: Value,
        is_new: bool,
    },
    NoSuchLead,
    /// Nothing is added to a lead that is deleted.
    Deleted,
    /// The lead has as many as it may.
    Full,
}

/// Keeps a document; at most so many a lead. Rules that read it are asked again, if anything changed.
pub async fn keep(db: &Db, new: &NewFile, most: usize) -> Result<Kept, StoreError> {
    let mut tries = 1;
    loop {
        match once(db, new, most).await {
            Err(error) if error.is_conflict() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn once(db: &Db, new: &NewFile, most: usize) -> Result<Kept, StoreError> {
    let mut tx = db.begin().await?;
    let (kept, touched) = within(&mut tx, new, most).await?;
    match touched {
        Some(touched) => {
            live::reassess(&mut tx, &[touched], new.at).await?;
            tx.commit().await?;
        }
        None => tx.rollback().await?,
    }
    Ok(kept)
}

async fn within(
    tx: &mut Tx,
    new: &NewFile,
    most: usize,
) -> Result<(Kept, Option<Touched>), StoreError> {
    let Some((contact, status, mut details)) = lock(tx, new).await? else {
        return Ok((Kept::NoSuchLead, None));
    };
    let before = details.file(&new.key).cloned();
    match before {
        _ if status == LeadStatus::Deleted => return Ok((Kept::Deleted, None)),
        None if details.files.len() >= most => return Ok((Kept::Full, None)),
        _ => {}
    }
    let file = dated(before.as_ref(), new);
    let is_new = before.is_none();
    if before.as_ref() == Some(&file) {
        return Ok((Kept::Yes { file, is_new }, None));
    }
    details.put_file(file.clone());
    write(tx, new, &details).await?;
    let fields = [format!("file.{}", new.key)].into();
    let told = Happened::to_lead(new.lead, Occurrence::Fields { fields });
    let touched = Touched::new(new.workspace, contact, What::nothing()).and(told);
    Ok((Kept::Yes { file, is_new }, Some(touched)))
}

/// The document as it will be: the same as it was when nothing was said anew.
fn dated(before: Option<&Value>, new: &NewFile) -> Value {
    let mut file = before.cloned().unwrap_or_else(|| json!({ "status": "pending" }));
    let (Some(known), Some(said)) = (file.as_object_mut(), new.file.as_object()) else {
        return new.file.clone();
    };
    let is_same =
        before.is_some() && said.iter().all(|(name, value)| known.get(name) == Some(value));
    if is_same {
        return file;
    }
    known.extend(said.clone());
    if before.is_none() {
        known.insert("createdAt".to_owned(), json!(new.at));
    }
    known.insert("updatedAt".to_owned(), json!(new.at));
    file
}

/// The lead under its lock: of two documents that come at once, both are kept.
async fn lock(
    tx: &mut Tx,
    new: &NewFile,
) -> Result<Option<(ContactId, LeadStatus, Details)>, StoreError> {
    let found: Option<(ContactId, LeadStatus, Json<Details>)> = tx
        .ex()
        .sql(
            "SELECT l.contact_id, l.status, l.details FROM lead l
             WHERE l.workspace_id = $1 AND l.id = $2{pg:  FOR NO KEY UPDATE}",
        )
        .bind(new.workspace)
        .bind(new.lead)
        .optional()
        .await?;
    Ok(found.map(|(contact, status, details)| (contact, status, details.0)))
}

async fn write(tx: &mut Tx, new: &NewFile, details: &Details) -> Result<(), StoreError> {
    tx.ex()
        .sql("UPDATE lead SET details = $3, updated_at = $4 WHERE workspace_id = $1 AND id = $2")
        .bind(new.workspace)
        .bind(new.lead)
        .bind(Json(details))
        .bind(new.at)
        .run()
        .await
        .map(drop)
}
