//! Contacts from before texts were kept folded: made so when the database is migrated.
use super::{Db, Rows, StoreError};
use crate::{
    contact::{Profile, fold},
    ids::{ContactId, WorkspaceId},
};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Contacts read and written by one statement.
const MOST: i64 = 500;

/// All that was known of a contact in those days.
#[derive(sqlx::FromRow)]
struct Plain {
    workspace_id: WorkspaceId,
    id: ContactId,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

#[derive(Serialize)]
struct Folded {
    workspace_id: Uuid,
    id: Uuid,
    folded: Map<String, Value>,
    words: String,
}

/// Folds what is not folded yet; costs nothing when all is.
pub async fn fold_all(db: &Db) -> Result<(), StoreError> {
    loop {
        let rows: Vec<Plain> = db
            .read()
            .sql(
                "SELECT workspace_id, id, first_name, last_name, email, phone FROM contact
                 WHERE folded IS NULL ORDER BY id LIMIT $1",
            )
            .bind(MOST)
            .all()
            .await?;
        if rows.is_empty() {
            return Ok(());
        }
        let folded: Vec<Folded> = rows.into_iter().map(fold_one).collect();
        // Where somebody was faster, theirs is newer.
        db.write()
            .sql(
                "UPDATE contact SET folded = r.folded, words = r.words
                 FROM ROWS($1: workspace_id uuid, id uuid, folded jsonb, words text) r
                 WHERE contact.workspace_id = r.workspace_id AND contact.id = r.id AND contact.folded IS NULL",
            )
            .bind(Rows::of(&folded))
            .run()
            .await?;
    }
}

fn fold_one(row: Plain) -> Folded {
    let Plain { workspace_id, id, first_name, last_name, email, phone } = row;
    let profile = Profile { first_name, last_name, email, phone, ..Profile::default() };
    Folded {
        workspace_id: workspace_id.0,
        id: id.0,
        folded: fold::folded(&profile),
        words: fold::words(&profile, []),
    }
}
