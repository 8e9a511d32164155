//! Whom calls mean: contacts found by id, email and phone, and locked.
use super::{
    upsert::{Refused, Upsert},
    write,
};
use crate::{
    contact::{Contact, Profile, form::Patch},
    ids::{ContactId, WorkspaceId},
    store::{Rows, StoreError, Tx},
};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// How many merges are followed, at most.
const MERGES_MAX: usize = 8;

/// Who is meant.
pub(super) enum Target {
    New,
    Known(ContactId),
}

/// Email or phone.
type Reach = (WorkspaceId, &'static str, String);

/// Every contact that a call may mean or meet, locked; and who has which email and phone.
pub(super) struct Book {
    contacts: HashMap<ContactId, Contact>,
    owners: HashMap<Reach, ContactId>,
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted<'a> {
    workspace_id: Uuid,
    email: Option<&'a str>,
    phone: Option<&'a str>,
}

impl Book {
    /// None when a contact got another email or phone while it was being locked.
    pub async fn open(tx: &mut Tx, calls: &[Upsert]) -> Result<Option<Self>, StoreError> {
        let mut ids = reached(tx, calls).await?;
        ids.extend(calls.iter().filter_map(|call| Some((call.workspace, call.form.id?))));
        let mut book = Self { contacts: HashMap::new(), owners: HashMap::new() };
        for _ in 0..MERGES_MAX {
            let new = |(_, id): &(WorkspaceId, ContactId)| !book.contacts.contains_key(id);
            let wanted: BTreeSet<(WorkspaceId, ContactId)> =
                ids.iter().copied().filter(new).collect();
            let locked = write::lock_all(tx, &wanted).await?;
            if locked.is_empty() {
                break;
            }
            let into = |contact: &Contact| Some((contact.workspace_id, contact.merged_into?));
            ids = locked.iter().filter_map(into).collect();
            for contact in locked {
                book.note(&contact);
                book.contacts.insert(contact.id, contact);
            }
        }
        let again = reached(tx, calls).await?;
        let all_known = again.iter().all(|(_, id)| book.contacts.contains_key(id));
        Ok(all_known.then_some(book))
    }

    pub fn contact(&self, id: ContactId) -> Option<&Contact> {
        self.contacts.get(&id)
    }

    /// The contact has its email and phone from now on. What it had before is not given to another in the same transaction.
    pub fn note(&mut self, contact: &Contact) {
        for reach in reaches(contact.workspace_id, &contact.profile) {
            self.owners.entry(reach).or_insert(contact.id);
        }
    }

    /// By id when it is given; else by email, else by phone.
    pub fn find(&self, call: &Upsert) -> Result<Target, Refused> {
        if let Some(id) = call.form.id {
            let known = self.contacts.get(&id);
            let known = known.filter(|contact| contact.workspace_id == call.workspace);
            let contact = known.ok_or(Refused::Unknown)?;
            return match (contact.merged_into, contact.erased_at) {
                (Some(into), _) => Err(Refused::Merged(into)),
                (None, Some(_)) => Err(Refused::Erased),
                (None, None) => Ok(Target::Known(id)),
            };
        }
        let owner = |what| {
            let text = call.form.patch.text(what)?;
            let owner = self.owners.get(&(call.workspace, what, text.to_owned()))?;
            Some(self.survivor(*owner))
        };
        match (owner("email"), owner("phone")) {
            (Some(email), Some(phone)) if email != phone => {
                Err(Refused::TwoContacts { email, phone })
            }
            (Some(id), _) | (None, Some(id)) => Ok(Target::Known(id)),
            (None, None) => Ok(Target::New),
        }
    }

    /// Into whom the contact was merged, at the end.
    fn survivor(&self, mut id: ContactId) -> ContactId {
        for _ in 0..MERGES_MAX {
            match self.contacts.get(&id).and_then(|contact| contact.merged_into) {
                Some(into) if self.contacts.contains_key(&into) => id = into,
                _ => return id,
            }
        }
        id
    }

    /// An email or a phone that a merged contact has kept leads to its survivor, and stays where it is.
    pub fn leave_out_merged(&self, patch: &mut Patch, known: &Contact) {
        for what in ["email", "phone"] {
            let Some(text) = patch.text(what) else { continue };
            let owner = self.owners.get(&(known.workspace_id, what, text.to_owned()));
            if owner.is_some_and(|owner| *owner != known.id && self.survivor(*owner) == known.id) {
                patch.fields.remove(what);
            }
        }
    }

    /// The email and the phone that the contact is to have belong to nobody else.
    pub fn must_be_free(&self, contact: &Contact, profile: &Profile) -> Result<(), Refused> {
        for reach in reaches(contact.workspace_id, profile) {
            let what = reach.1;
            if let Some(owner) = self.owners.get(&reach)
                && *owner != contact.id
            {
                return Err(Refused::Taken { what, owner: *owner });
            }
        }
        Ok(())
    }
}

fn reaches(workspace: WorkspaceId, profile: &Profile) -> impl Iterator<Item = Reach> {
    let email = profile.email.clone().map(|email| (workspace, "email", email));
    email.into_iter().chain(profile.phone.clone().map(|phone| (workspace, "phone", phone)))
}

/// The contacts that have an email or a phone that is named, without a lock.
async fn reached(
    tx: &mut Tx,
    calls: &[Upsert],
) -> Result<BTreeSet<(WorkspaceId, ContactId)>, StoreError> {
    let wanted: BTreeSet<Wanted> = calls
        .iter()
        .map(|call| Wanted {
            workspace_id: call.workspace.0,
            email: call.form.patch.fields.get("email").and_then(Value::as_str),
            phone: call.form.patch.fields.get("phone").and_then(Value::as_str),
        })
        .filter(|wanted| wanted.email.is_some() || wanted.phone.is_some())
        .collect();
    if wanted.is_empty() {
        return Ok(BTreeSet::new());
    }
    let found: Vec<(WorkspaceId, ContactId)> = tx
        .ex()
        .sql(
            "SELECT c.workspace_id, c.id FROM ROWS($1: workspace_id uuid, email text) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.email = r.email
             UNION ALL
             SELECT c.workspace_id, c.id FROM ROWS($1: workspace_id uuid, phone text) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.phone = r.phone",
        )
        .bind(Rows::of(&wanted.iter().collect::<Vec<_>>()))
        .all()
        .await?;
    Ok(found.into_iter().collect())
}
