//! Merging contacts: one stays, everything of the others moves to it, in one transaction.
use super::{
    history::ChangeKind,
    keys,
    write::{self, Why, Written},
};
use crate::{
    clock::Time,
    contact::{Contact, ContactStatus, merge},
    ids::{ContactId, WorkspaceId},
    store::{
        Db, StoreError, Tx, lead_status,
        live::{self, Touched, What},
    },
};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

mod moves;

pub(in crate::store) use moves::LEAVE;

/// How often the whole transaction is tried when the engine says "try again".
const TRIES: usize = 4;

/// Which contacts become one.
#[derive(Debug, Clone)]
pub struct Ask {
    pub workspace: WorkspaceId,
    /// The one that stays.
    pub survivor: ContactId,
    /// The others, at most [`merge::MERGE_MAX`], the survivor not among them.
    pub from: Vec<ContactId>,
    pub reason: String,
    pub by: String,
    pub at: Time,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// The survivor as it is now; the same when they had been merged before.
    Merged(Box<Contact>),
    NoSuchContact(ContactId),
    /// Nothing was written.
    Refused(Refused),
}

/// Why contacts are not merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{0} cannot be merged with itself")]
    Itself(ContactId),
    #[error("{0} is deleted: nobody can be merged into it")]
    Deleted(ContactId),
    #[error("{0} was merged into {1}: merge into that one")]
    Merged(ContactId, ContactId),
    #[error("{0} was merged into {1} before")]
    Elsewhere(ContactId, ContactId),
    #[error("{0} was erased: there is nothing to merge")]
    Erased(ContactId),
}

/// Merges the contacts. Of merges that meet, one goes first and the other sees what it made.
pub async fn merge(db: &Db, ask: &Ask) -> Result<Done, StoreError> {
    let mut tries = 1;
    loop {
        match once(db, ask).await {
            Err(error) if error.is_conflict() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn once(db: &Db, ask: &Ask) -> Result<Done, StoreError> {
    let mut tx = db.begin().await?;
    let done = within(&mut tx, ask).await?;
    if matches!(done, Done::Merged(_)) {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(done)
}

async fn within(tx: &mut Tx, ask: &Ask) -> Result<Done, StoreError> {
    let all: Vec<ContactId> = ask.from.iter().copied().chain([ask.survivor]).collect();
    keys::lock(tx, ask.workspace, &all).await?;
    let known = write::lock(tx, ask.workspace, &all).await?;
    let known: HashMap<ContactId, Contact> = known.into_iter().map(|one| (one.id, one)).collect();
    if let Some(unknown) = all.iter().find(|id| !known.contains_key(id)) {
        return Ok(Done::NoSuchContact(*unknown));
    }
    if let Some(refused) = refused(ask, &known) {
        return Ok(Done::Refused(refused));
    }
    // Also from those that were merged before: whoever was adding to them then has added by now.
    let (moved, twins) = moves::everything(tx, ask).await?;
    let survivor = known[&ask.survivor].clone();
    let others: Vec<Contact> = ask
        .from
        .iter()
        .map(|id| &known[id])
        .filter(|one| one.merged_into.is_none())
        .cloned()
        .collect();
    let mut touched = write_all(tx, ask, &survivor, &others).await?;
    if moved {
        let everything = |contact| Touched::new(ask.workspace, contact, What::Everything);
        touched = all.iter().copied().map(everything).collect();
    }
    touched.extend(lead_status::touched(&twins));
    live::reassess(tx, &touched, ask.at).await?;
    let now = write::lock(tx, ask.workspace, &[ask.survivor]).await?;
    Ok(Done::Merged(Box::new(now.into_iter().next().unwrap_or(survivor))))
}

fn refused(ask: &Ask, known: &HashMap<ContactId, Contact>) -> Option<Refused> {
    let survivor = &known[&ask.survivor];
    if ask.from.contains(&survivor.id) {
        return Some(Refused::Itself(survivor.id));
    }
    if let Some(into) = survivor.merged_into {
        return Some(Refused::Merged(survivor.id, into));
    }
    if survivor.status == ContactStatus::Deleted {
        return Some(Refused::Deleted(survivor.id));
    }
    ask.from.iter().map(|id| &known[id]).find_map(|other| match other.merged_into {
        Some(into) if into != survivor.id => Some(Refused::Elsewhere(other.id, into)),
        None if other.erased_at.is_some() => Some(Refused::Erased(other.id)),
        _ => None,
    })
}

/// First the others, so that their email and phone are free when the survivor takes them over.
async fn write_all(
    tx: &mut Tx,
    ask: &Ask,
    survivor: &Contact,
    others: &[Contact],
) -> Result<Vec<Touched>, StoreError> {
    let gone: Vec<Written> = others.iter().map(|other| gone(ask, other)).collect();
    let mut touched = write::write(tx, &gone, ask.at).await?;
    moves::earlier_merges(tx, ask).await?;
    let merged = merge::merged(survivor, others);
    let mut more = Map::new();
    more.insert("from".into(), json!(others.iter().map(|one| one.id).collect::<Vec<_>>()));
    more.insert("taken".into(), json!(merged.taken));
    let after = Contact { profile: merged.profile, ..survivor.clone() };
    // Stragglers of an earlier merge change words at most: no line tells of it again.
    let kind = (!others.is_empty()).then_some(ChangeKind::Merged);
    let why = why(ask, kind, more);
    let kept = Written { before: survivor.clone(), after, why };
    let changed = write::write(tx, std::slice::from_ref(&kept), ask.at).await?;
    if changed.is_empty() && !others.is_empty() {
        moves::bump(tx, ask, &kept.why).await?;
    }
    touched.extend(changed);
    Ok(touched)
}

fn why(ask: &Ask, kind: Option<ChangeKind>, more: Map<String, Value>) -> Why {
    Why { kind, reason: ask.reason.clone(), by: ask.by.clone(), more, import: None }
}

/// What is left of a contact that was merged: hidden, not found by email or phone, and a way to the one that stayed.
fn gone(ask: &Ask, other: &Contact) -> Written {
    let mut after = other.clone();
    after.status = ContactStatus::Deleted;
    after.merged_into = Some(ask.survivor);
    (after.profile.email, after.profile.phone) = (None, None);
    let mut more = Map::new();
    more.insert("into".into(), json!(ask.survivor));
    Written { before: other.clone(), after, why: why(ask, Some(ChangeKind::Merged), more) }
}
