//! Lists read from end to end: in the order of ids, in short transactions, up to what was newest at the beginning.
use super::{Db, StoreError, Tx};
use crate::{
    audit::{Actor, Entry},
    clock::Time,
    ids::WorkspaceId,
};
use uuid::Uuid;

pub mod leads;
pub mod members;
pub mod submissions;

/// Rows that one statement looks at, at most, however few of them match.
const WINDOW: i64 = 5_000;

/// How far a list has been read.
#[derive(Debug, Clone, Copy)]
pub struct Walk {
    /// The last row that was looked at.
    after: Uuid,
    /// The last row that the next statements look at.
    window: Uuid,
    /// The newest row when it began: what comes later is not read.
    last: Uuid,
}

impl Walk {
    /// From the beginning to `last`; none: there is nothing.
    pub fn to(last: Option<Uuid>) -> Self {
        Self { after: Uuid::nil(), window: Uuid::nil(), last: last.unwrap_or(Uuid::nil()) }
    }

    /// Whether everything has been read.
    pub fn is_over(&self) -> bool {
        self.after >= self.last
    }

    /// Goes on to where `limit` rows that were found lead to.
    fn found(&mut self, newest: Option<Uuid>, is_full: bool) {
        self.after = newest.filter(|_| is_full).unwrap_or(self.window);
    }
}

/// Adds a line to the audit log, in a transaction of its own: what it tells of is not in the database.
pub async fn note(
    db: &Db,
    workspace: WorkspaceId,
    actor: &Actor,
    entry: Entry,
    at: Time,
) -> Result<(), StoreError> {
    let mut tx: Tx = db.begin().await?;
    super::audit::add(&mut tx, workspace, actor, &[entry], at).await?;
    tx.commit().await
}
