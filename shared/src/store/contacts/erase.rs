//! Erasing a person: what is open is stopped first, then everything that says who they were goes, in one transaction. What money needs
//! stays: submissions, their statuses and times, prices. `docs/erasure.md` says of every table what becomes of it.
use super::{
    history::ChangeKind,
    keys,
    write::{self, Why, Written},
};
use crate::{
    clock::Time,
    contact::{Contact, ContactStatus, Profile},
    ids::{ContactId, ImportId, InteractionId, LeadId, SubmissionId, WorkspaceId},
    store::{
        Db, StoreError, Tx,
        live::{self, Touched, What},
        secrets::{SecretError, Secrets},
        suppressions::{self, Person, Reach, Suppression},
    },
};
use serde_json::Map;
use std::time::Duration;

mod blank;
mod files;
mod stop;

/// How often the whole transaction is tried when the engine says "try again".
const TRIES: usize = 4;
/// How long a statement may take that looks for copies of what was said about the person.
const COPIES_TIMEOUT: Duration = Duration::from_secs(60);
/// The reason of suppressions that are made of an erased person's opt-outs.
pub const OPT_OUT: &str = "opt_out";

/// Whom to erase, and why.
#[derive(Debug, Clone)]
pub struct Ask {
    pub workspace: WorkspaceId,
    pub contact: ContactId,
    /// It stays with the contact; it must not say who the person was.
    pub reason: String,
    pub by: String,
    pub at: Time,
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// When it was done first.
    pub at: Time,
    pub leads: Vec<LeadId>,
    pub submissions: usize,
    /// The contacts that had been merged into this one.
    pub merged: Vec<ContactId>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    Erased(Erased),
    NoSuchContact,
    /// Nothing was written.
    Refused(Refused),
}

/// Why a person cannot be erased now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the contact was merged into {0}, which has everything: erase that one")]
    Merged(ContactId),
    #[error(
        "a delivery of {0} is under way, or its worker died and nobody has looked yet: the buyer's answer is awaited"
    )]
    Delivery(SubmissionId),
    #[error("the call {0} is under way: what is said would come back; wait for its end")]
    Call(InteractionId),
    #[error(
        "a row of the import {0} that was not read yet names the person and would bring them back: wait for its end, or give it up"
    )]
    Import(ImportId),
}

/// Erases the person. Doing it again changes nothing but what has come in since.
pub async fn erase(db: &Db, secrets: &Secrets, ask: &Ask) -> Result<Done, SecretError> {
    let mut tries = 1;
    loop {
        let Some(hash) = hash(db, secrets, ask).await? else { return Ok(Done::NoSuchContact) };
        match once(db, ask, &hash).await {
            Ok(Some(done)) => return Ok(done),
            // The phone was changed, or somebody was merged in, while we came.
            Ok(None) if tries < TRIES => tries += 1,
            Ok(None) => {
                return Err(StoreError::Inconsistent("the contact never rests".into()).into());
            }
            Err(error) if error.is_conflict() && tries < TRIES => tries += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The contact's phone and email, and by what they are known among those whom nobody may reach.
struct Known {
    phone: Option<String>,
    email: Option<String>,
    phone_hash: Option<String>,
    email_hash: Option<String>,
}

async fn hash(db: &Db, secrets: &Secrets, ask: &Ask) -> Result<Option<Known>, SecretError> {
    let found = super::read::get_many(db.read(), ask.workspace, &[ask.contact]).await?;
    let Some(contact) = found.into_iter().next() else { return Ok(None) };
    let (phone, email) = (contact.profile.phone, contact.profile.email);
    let mut hashes = Vec::new();
    for known in [&phone, &email] {
        hashes.push(match known {
            Some(known) => Some(secrets.person_hash(ask.workspace, known, ask.at).await?),
            None => None,
        });
    }
    let (email_hash, phone_hash) = (hashes.pop().flatten(), hashes.pop().flatten());
    Ok(Some(Known { phone, email, phone_hash, email_hash }))
}

async fn once(db: &Db, ask: &Ask, known: &Known) -> Result<Option<Done>, StoreError> {
    let mut tx = db.begin().await?;
    let done = within(&mut tx, ask, known).await?;
    if matches!(done, Some(Done::Erased(_))) {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(done)
}

async fn within(tx: &mut Tx, ask: &Ask, known: &Known) -> Result<Option<Done>, StoreError> {
    let merged = keys::merged_into(tx, ask.workspace, ask.contact).await?;
    let all: Vec<ContactId> = merged.iter().copied().chain([ask.contact]).collect();
    keys::lock(tx, ask.workspace, &all).await?;
    let contacts = write::lock(tx, ask.workspace, &all).await?;
    let Some(own) = contacts.iter().find(|one| one.id == ask.contact) else {
        return Ok(Some(Done::NoSuchContact));
    };
    if let Some(into) = own.merged_into {
        return Ok(Some(Done::Refused(Refused::Merged(into))));
    }
    let merged_now = keys::merged_into(tx, ask.workspace, ask.contact).await?;
    if merged_now.len() != merged.len()
        || (&own.profile.phone, &own.profile.email) != (&known.phone, &known.email)
    {
        return Ok(None);
    }
    let held = match stop::everything(tx, ask, &all).await? {
        Ok(held) => held,
        Err(refused) => return Ok(Some(Done::Refused(refused))),
    };
    let traces = files::traces(tx, ask, (&contacts, &held.leads)).await?;
    if let Some(import) = files::waiting(tx, ask, &traces).await? {
        return Ok(Some(Done::Refused(Refused::Import(import))));
    }
    let erased = Erased {
        at: own.erased_at.unwrap_or(ask.at),
        leads: held.leads.clone(),
        submissions: held.submissions.len(),
        merged,
    };
    keep_opt_outs(tx, ask, own, known).await?;
    blank::everything(tx, ask, &held, &all).await?;
    write::write(tx, &contacts.iter().map(|one| emptied(ask, one)).collect::<Vec<_>>(), ask.at)
        .await?;
    tx.widen(COPIES_TIMEOUT).await?;
    blank::copies(tx, ask, &held, &all).await?;
    files::forget(tx, ask, (&traces, &all)).await?;
    let gone = |contact| Touched::new(ask.workspace, contact, What::Everything);
    live::reassess(tx, &all.iter().copied().map(gone).collect::<Vec<_>>(), ask.at).await?;
    Ok(Some(Done::Erased(erased)))
}

/// Who did not want to be called, texted or written to is left alone when they come back in another list.
async fn keep_opt_outs(
    tx: &mut Tx,
    ask: &Ask,
    contact: &Contact,
    known: &Known,
) -> Result<(), StoreError> {
    let profile = &contact.profile;
    for (is_out, channel, hash) in [
        (profile.opt_out_sms, Reach::Sms, &known.phone_hash),
        (profile.opt_out_phone, Reach::Voice, &known.phone_hash),
        (profile.opt_out_email, Reach::Email, &known.email_hash),
    ] {
        let (true, Some(hash)) = (is_out, hash) else { continue };
        let suppression = Suppression {
            channel,
            reason: OPT_OUT.into(),
            source: "erasure".into(),
            created_at: ask.at,
            expires_at: None,
        };
        suppressions::add(tx.ex(), Person { workspace: ask.workspace, hash }, &suppression).await?;
    }
    Ok(())
}

/// The contact without the person.
fn emptied(ask: &Ask, contact: &Contact) -> Written {
    let after = Contact {
        status: ContactStatus::Deleted,
        profile: Profile::default(),
        erased_at: contact.erased_at.or(Some(ask.at)),
        ..contact.clone()
    };
    let kind = contact.erased_at.is_none().then_some(ChangeKind::Erased);
    let why = Why {
        kind,
        reason: ask.reason.clone(),
        by: ask.by.clone(),
        more: Map::new(),
        import: None,
    };
    Written { before: contact.clone(), after, why }
}
