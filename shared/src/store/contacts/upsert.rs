//! Contacts made or changed by what somebody knows of them: id, else email, else phone. Many calls share a transaction, each is answered
//! by itself.
use super::{
    resolve::{Book, Target},
    write::{self, Why, Written},
};
use crate::{
    clock::Time,
    contact::{Contact, ContactStatus, Profile, form::Form},
    ids::{ContactId, WorkspaceId},
    store::{
        Db, StoreError, Tx,
        batch::{Batcher, Shape},
        live::{self, Touched, What},
    },
};
use std::{collections::BTreeMap, sync::Arc};

/// Contacts of one request, at most.
pub const CONTACTS_AT_ONCE_MAX: usize = 1_000;
/// Single calls that share a transaction, at most.
const MOST: usize = 128;
/// How often a transaction is tried when others make or change the same contacts.
const TRIES: usize = 8;

/// What somebody says of a contact.
#[derive(Debug, Clone)]
pub struct Upsert {
    pub workspace: WorkspaceId,
    pub form: Form,
    /// How a new contact came, unless the form says so itself.
    pub source: &'static str,
    /// Who says it.
    pub by: String,
    pub at: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Updated,
    /// It was so already: nothing was written.
    Unchanged,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Upserted {
    pub outcome: Outcome,
    /// As it is now.
    pub contact: Contact,
}

/// Why nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there is no such contact")]
    Unknown,
    #[error("the contact was merged into {0}")]
    Merged(ContactId),
    #[error("the contact was erased")]
    Erased,
    #[error("a contact needs an email or a phone")]
    Unreachable,
    #[error("the email belongs to {email} and the phone to {phone}")]
    TwoContacts { email: ContactId, phone: ContactId },
    /// `what` is email or phone.
    #[error("the {what} belongs to {owner}")]
    Taken { what: &'static str, owner: ContactId },
    #[error("the contact is at revision {0}")]
    Moved(i64),
}

pub type Answer = Result<Upserted, Refused>;

/// Makes and changes contacts, many calls at once.
#[derive(Debug, Clone)]
pub struct Upserter(Batcher<Upsert, Answer>);

impl Upserter {
    pub fn start(db: Db) -> Self {
        let shape = Shape { name: "contacts", most: MOST, at_once: 1 };
        Self(Batcher::start(shape, move |calls: Arc<[Upsert]>| {
            let db = db.clone();
            async move { many(&db, &calls).await }
        }))
    }

    /// Answers after the contact is committed.
    pub async fn one(&self, call: Upsert) -> Result<Answer, StoreError> {
        self.0.call(call).await
    }
}

/// Makes and changes contacts in one transaction, in the order of the calls; answers each.
pub async fn many(db: &Db, calls: &[Upsert]) -> Result<Vec<Answer>, StoreError> {
    let mut tries = 1;
    loop {
        match once(db, calls).await {
            Ok(Some(answers)) => return Ok(answers),
            // Somebody has made or taken one of them since we looked: look again.
            Ok(None) if tries < TRIES => tries += 1,
            Err(error) if (error.is_conflict() || error.is_taken()) && tries < TRIES => tries += 1,
            Ok(None) => {
                let what = "contacts are made and taken all the time".into();
                return Err(StoreError::Inconsistent(what));
            }
            Err(error) => return Err(error),
        }
    }
}

/// None when others were in between, and nothing was written.
async fn once(db: &Db, calls: &[Upsert]) -> Result<Option<Vec<Answer>>, StoreError> {
    let Some(now) = calls.first().map(|call| call.at) else { return Ok(Some(Vec::new())) };
    let mut tx = db.begin().await?;
    let Some(book) = Book::open(&mut tx, calls).await? else {
        tx.rollback().await?;
        return Ok(None);
    };
    let mut work = Work { book, pages: BTreeMap::new(), order: Vec::new() };
    let answers: Vec<Result<(ContactId, Outcome), Refused>> =
        calls.iter().map(|call| work.take(call)).collect();
    let Some(touched) = work.write(&mut tx, now).await? else {
        tx.rollback().await?;
        return Ok(None);
    };
    live::reassess(&mut tx, &touched, now).await?;
    tx.commit().await?;
    let shown = |(id, outcome)| Upserted { outcome, contact: work.shown(id, now) };
    Ok(Some(answers.into_iter().map(|answer| answer.map(shown)).collect()))
}

/// A contact that some call is about.
struct Page {
    /// None: it is new.
    before: Option<Contact>,
    after: Contact,
    by: String,
}

impl Page {
    fn is_changed(&self) -> bool {
        self.before.as_ref().is_some_and(|before| before.profile != self.after.profile)
    }
}

/// Contacts as the calls leave them, not written yet.
struct Work {
    book: Book,
    pages: BTreeMap<ContactId, Page>,
    /// New contacts, in the order of the calls.
    order: Vec<ContactId>,
}

impl Work {
    fn take(&mut self, call: &Upsert) -> Result<(ContactId, Outcome), Refused> {
        match self.book.find(call)? {
            Target::New => self.create(call).map(|id| (id, Outcome::Created)),
            Target::Known(id) => self.change(call, id),
        }
    }

    fn create(&mut self, call: &Upsert) -> Result<ContactId, Refused> {
        let id = ContactId::new();
        let mut profile = call.form.patch.apply(&Profile::default());
        if profile.email.is_none() && profile.phone.is_none() {
            return Err(Refused::Unreachable);
        }
        profile.source.get_or_insert_with(|| call.source.to_owned());
        let contact = Contact {
            workspace_id: call.workspace,
            id,
            status: ContactStatus::Active,
            profile,
            words: String::new(),
            revision: 1,
            merged_into: None,
            erased_at: None,
            created_at: call.at,
            updated_at: call.at,
        };
        self.book.note(&contact);
        self.order.push(id);
        self.pages.insert(id, Page { before: None, after: contact, by: call.by.clone() });
        Ok(id)
    }

    fn change(&mut self, call: &Upsert, id: ContactId) -> Result<(ContactId, Outcome), Refused> {
        let known = match self.pages.get(&id) {
            Some(page) => page.after.clone(),
            None => self.book.contact(id).cloned().ok_or(Refused::Unknown)?,
        };
        if let Some(read) = call.form.revision
            && read != known.revision
        {
            return Err(Refused::Moved(known.revision));
        }
        let mut patch = call.form.patch.clone();
        self.book.leave_out_merged(&mut patch, &known);
        let profile = patch.apply(&known.profile);
        if profile.email.is_none() && profile.phone.is_none() {
            return Err(Refused::Unreachable);
        }
        self.book.must_be_free(&known, &profile)?;
        let same = profile == known.profile;
        if !same {
            let after = Contact { profile, ..known };
            self.book.note(&after);
            let before = self.book.contact(id);
            let page = self.pages.entry(id).or_insert_with(|| Page {
                before: before.cloned(),
                after: after.clone(),
                by: call.by.clone(),
            });
            page.after = after;
        }
        Ok((id, if same { Outcome::Unchanged } else { Outcome::Updated }))
    }

    /// None when a new contact is not new any more.
    async fn write(&self, tx: &mut Tx, now: Time) -> Result<Option<Vec<Touched>>, StoreError> {
        let why = |page: &Page| Why { by: page.by.clone(), ..Why::default() };
        let pages = self.pages.values();
        let changes: Vec<Written> = pages
            .filter(|page| page.is_changed())
            .filter_map(|page| {
                let before = page.before.clone()?;
                Some(Written { before, after: page.after.clone(), why: why(page) })
            })
            .collect();
        let mut touched = write::write(tx, &changes, now).await?;
        let mut new: Vec<(Contact, Why)> = Vec::with_capacity(self.order.len());
        for page in self.order.iter().filter_map(|id| self.pages.get(id)) {
            new.push((page.after.clone(), why(page)));
        }
        // One order for all transactions, so that two of them rarely wait for each other in a ring.
        new.sort_by(|(a, _), (b, _)| key(a).cmp(&key(b)));
        if write::insert(tx, &new).await?.len() < new.len() {
            return Ok(None);
        }
        let made = |(contact, _): &(Contact, Why)| {
            Touched::new(contact.workspace_id, contact.id, What::Everything)
        };
        touched.extend(new.iter().map(made));
        Ok(Some(touched))
    }

    /// The contact as it is after all calls.
    fn shown(&self, id: ContactId, now: Time) -> Contact {
        let Some(page) = self.pages.get(&id) else {
            return self.book.contact(id).cloned().expect("an answered contact is in the book");
        };
        let mut contact = page.after.clone();
        if page.is_changed() {
            contact.revision += 1;
            contact.updated_at = now;
        }
        contact
    }
}

fn key(contact: &Contact) -> (WorkspaceId, Option<&String>, Option<&String>) {
    (contact.workspace_id, contact.profile.email.as_ref(), contact.profile.phone.as_ref())
}
