//! Tags put on many contacts, or taken off, at once.
use super::write::{self, Why, Written};
use crate::{
    clock::Time,
    contact::{fold::fold, form::TAGS_MAX},
    ids::{ContactId, WorkspaceId},
    store::{Db, StoreError, live},
};
use std::collections::BTreeSet;

/// Contacts of one request, at most.
pub const TAGGED_AT_ONCE_MAX: usize = 1_000;
/// How often the transaction is tried when the engine says "try again".
const TRIES: usize = 4;

/// Tags to put on contacts and to take off. One that is in both is put on.
#[derive(Debug, Clone)]
pub struct Tagging {
    pub workspace: WorkspaceId,
    pub contacts: Vec<ContactId>,
    /// Trimmed.
    pub add: Vec<String>,
    /// Without regard to case.
    pub remove: Vec<String>,
    pub by: String,
}

/// What came of it, by contact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tagged {
    pub changed: Vec<ContactId>,
    pub unchanged: Vec<ContactId>,
    /// They would have more than [`TAGS_MAX`] tags, and stay as they are.
    pub full: Vec<ContactId>,
    pub unknown: Vec<ContactId>,
}

/// Tags contacts in one transaction.
pub async fn tag(db: &Db, tagging: &Tagging, now: Time) -> Result<Tagged, StoreError> {
    let mut tries = 1;
    loop {
        match once(db, tagging, now).await {
            Err(error) if error.is_conflict() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn once(db: &Db, tagging: &Tagging, now: Time) -> Result<Tagged, StoreError> {
    let mut tx = db.begin().await?;
    let locked = write::lock(&mut tx, tagging.workspace, &tagging.contacts).await?;
    let mut tagged = Tagged::default();
    let asked: BTreeSet<ContactId> = tagging.contacts.iter().copied().collect();
    let known: BTreeSet<ContactId> = locked.iter().map(|contact| contact.id).collect();
    tagged.unknown = asked.difference(&known).copied().collect();
    let mut changes = Vec::new();
    for before in locked {
        let tags = tags_after(&before.profile.tags, &tagging.add, &tagging.remove);
        if tags == before.profile.tags.0 {
            tagged.unchanged.push(before.id);
        } else if tags.len() > TAGS_MAX {
            tagged.full.push(before.id);
        } else {
            tagged.changed.push(before.id);
            let mut after = before.clone();
            after.profile.tags.0 = tags;
            let why = Why { by: tagging.by.clone(), ..Why::default() };
            changes.push(Written { before, after, why });
        }
    }
    let touched = write::write(&mut tx, &changes, now).await?;
    live::reassess(&mut tx, &touched, now).await?;
    tx.commit().await?;
    Ok(tagged)
}

/// Sorted. A tag that is there already keeps its spelling; one that is added and removed is added.
pub(in crate::store) fn tags_after(
    tags: &[String],
    add: &[String],
    remove: &[String],
) -> Vec<String> {
    let adds = |folded: &str| add.iter().any(|tag| fold(tag) == folded);
    let removes = |folded: &str| remove.iter().any(|tag| fold(tag) == folded);
    let kept = |tag: &&String| {
        let folded = fold(tag);
        adds(&folded) || !removes(&folded)
    };
    let mut after: Vec<String> = tags.iter().filter(kept).cloned().collect();
    for tag in add {
        if !after.iter().any(|other| fold(other) == fold(tag)) {
            after.push(tag.clone());
        }
    }
    after.sort_unstable();
    after
}
