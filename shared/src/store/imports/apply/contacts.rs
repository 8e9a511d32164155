//! Rows that are contacts: those who are known are found and updated, the others are made.
use super::{
    Applied, Row, Stop, StoreError, Tx, Work,
    before::{self, Before, Kind},
    whole,
};
use crate::{
    contact::{Contact, ContactStatus, Profile},
    ids::{ContactId, WorkspaceId},
    import::{
        Draft, Identifier,
        decide::{self, Act, Fields},
    },
    store::{
        Rows,
        contacts::write::{self, Why, Written},
        live::{Touched, What},
    },
};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// How contacts of files came, unless the file says otherwise.
const SOURCE: &str = "import";

/// Takes the rows, wave by wave.
pub(super) async fn take(
    tx: &mut Tx,
    work: &Work<'_>,
    waves: Vec<Vec<Row>>,
    applied: &mut Applied,
) -> Result<(), Stop> {
    for rows in waves {
        let known = Known::read(tx, work.workspace, &rows).await?;
        let own = made_by_this(tx, work, &known).await?;
        let mut wave = Wave::default();
        for row in rows {
            wave.decide(work, row, (&known, &own), applied);
        }
        wave.write(tx, work, applied).await?;
    }
    Ok(())
}

/// Everybody whom the rows of a wave mean or meet, locked.
struct Known {
    contacts: HashMap<ContactId, Contact>,
    emails: HashMap<String, ContactId>,
    phones: HashMap<String, ContactId>,
}

#[derive(Serialize)]
struct Wanted<'a> {
    workspace_id: Uuid,
    email: Option<&'a str>,
    phone: Option<&'a str>,
}

impl Known {
    async fn read(tx: &mut Tx, workspace: WorkspaceId, rows: &[Row]) -> Result<Self, StoreError> {
        let wanted: Vec<Wanted> = rows
            .iter()
            .map(|row| Wanted {
                workspace_id: workspace.0,
                email: row.draft.email.as_deref(),
                phone: row.draft.phone.as_deref(),
            })
            .collect();
        let found: Vec<(ContactId,)> = tx
            .ex()
            .sql(
                "SELECT c.id FROM ROWS($1: workspace_id uuid, email text) r
                 JOIN contact c ON c.workspace_id = r.workspace_id AND c.email = r.email
                 UNION ALL
                 SELECT c.id FROM ROWS($1: workspace_id uuid, phone text) r
                 JOIN contact c ON c.workspace_id = r.workspace_id AND c.phone = r.phone",
            )
            .bind(Rows::of(&wanted))
            .all()
            .await?;
        let mut ids: BTreeSet<ContactId> = found.into_iter().map(|(id,)| id).collect();
        ids.extend(rows.iter().filter_map(|row| row.draft.contact_id));
        let ids: Vec<ContactId> = ids.into_iter().collect();
        let locked = write::lock(tx, workspace, &ids).await?;
        let (mut emails, mut phones) = (HashMap::new(), HashMap::new());
        for contact in &locked {
            emails.extend(contact.profile.email.clone().map(|email| (email, contact.id)));
            phones.extend(contact.profile.phone.clone().map(|phone| (phone, contact.id)));
        }
        let contacts = locked.into_iter().map(|contact| (contact.id, contact)).collect();
        Ok(Self { contacts, emails, phones })
    }

    /// Whom a row means; or why nobody may be written to who is.
    fn meant(&self, by: Identifier, draft: &Draft) -> Result<Option<&Contact>, String> {
        let by_email = || draft.email.as_ref().and_then(|email| self.emails.get(email)).copied();
        let by_phone = || draft.phone.as_ref().and_then(|phone| self.phones.get(phone)).copied();
        let id = match by {
            Identifier::Email => by_email(),
            Identifier::Phone => by_phone(),
            Identifier::ContactId | Identifier::LeadId => draft.contact_id,
        };
        let Some(contact) = id.and_then(|id| self.contacts.get(&id)) else { return Ok(None) };
        match (contact.merged_into, contact.erased_at) {
            (Some(into), _) => Err(format!("the contact was merged into {into}")),
            (None, Some(_)) => Err("the contact was erased".into()),
            (None, None) => Ok(Some(contact)),
        }
    }

    /// The email and the phone that a contact is to have belong to nobody else.
    fn must_be_free(&self, own: Option<ContactId>, profile: &Profile) -> Result<(), String> {
        if profile.email.is_none() && profile.phone.is_none() {
            return Err("a contact needs an email or a phone".into());
        }
        let email = profile.email.as_ref().and_then(|email| self.emails.get(email));
        let phone = profile.phone.as_ref().and_then(|phone| self.phones.get(phone));
        for (what, owner) in [("email", email), ("phone", phone)] {
            if let Some(owner) = owner.filter(|owner| Some(**owner) != own) {
                return Err(format!("the {what} belongs to {owner}"));
            }
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    id: Uuid,
}

/// Those of the contacts that this very import has made.
async fn made_by_this(
    tx: &mut Tx,
    work: &Work<'_>,
    known: &Known,
) -> Result<HashSet<ContactId>, StoreError> {
    if known.contacts.is_empty() {
        return Ok(HashSet::new());
    }
    let keys: Vec<Key> =
        known.contacts.keys().map(|id| Key { workspace_id: work.workspace.0, id: id.0 }).collect();
    let own: Vec<(ContactId,)> = tx
        .ex()
        .sql(
            "SELECT c.id FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.id = r.id
             WHERE (c.import_id = $2) IS TRUE",
        )
        .bind(Rows::of(&keys))
        .bind(work.import)
        .all()
        .await?;
    Ok(own.into_iter().map(|(id,)| id).collect())
}

/// What becomes of the rows of a wave.
#[derive(Default)]
struct Wave {
    new: Vec<(Contact, Why)>,
    changed: Vec<Written>,
    before: Vec<Before>,
}

impl Wave {
    fn decide(
        &mut self,
        work: &Work<'_>,
        row: Row,
        (known, own): (&Known, &HashSet<ContactId>),
        applied: &mut Applied,
    ) {
        let contact = match known.meant(work.plan.config.identifier, &row.draft) {
            Ok(contact) => contact,
            Err(why) => return applied.refuse(&row, whole(why)),
        };
        let act = decide::contact(work.plan, &row.draft, contact.map(|one| &one.profile));
        match (act, contact) {
            (Act::Refuse(problems), _) => applied.refuse(&row, problems),
            (Act::Skip(_), _) => applied.counts.skipped += 1,
            (Act::Unchanged, contact) => {
                applied.counts.unchanged += 1;
                applied.contacts.extend(contact.map(|contact| contact.id));
            }
            (Act::Update { to, fields }, Some(contact)) => {
                match known.must_be_free(Some(contact.id), &to) {
                    Err(why) => applied.refuse(&row, whole(why)),
                    Ok(()) => {
                        applied.counts.updated += 1;
                        let fields = (!own.contains(&contact.id)).then_some(fields);
                        self.change(work, contact, (to, fields), applied);
                    }
                }
            }
            (Act::Create(profile) | Act::Update { to: profile, .. }, _) => {
                match known.must_be_free(None, &profile) {
                    Err(why) => applied.refuse(&row, whole(why)),
                    Ok(()) => {
                        applied.counts.created += 1;
                        self.create(work, profile, applied);
                    }
                }
            }
        }
    }

    /// `fields` is kept for undoing, unless the import has made the contact itself.
    fn change(
        &mut self,
        work: &Work<'_>,
        contact: &Contact,
        (profile, fields): (Profile, Option<Fields>),
        applied: &mut Applied,
    ) {
        applied.contacts.insert(contact.id);
        if let Some(fields) = fields {
            let (kind, object) = (Kind::Contact, contact.id.0);
            self.before.push(Before { kind, object, contact: contact.id, fields });
        }
        let after = Contact { profile, ..contact.clone() };
        self.changed.push(Written { before: contact.clone(), after, why: why(work) });
    }

    fn create(&mut self, work: &Work<'_>, mut profile: Profile, applied: &mut Applied) {
        profile.source.get_or_insert_with(|| SOURCE.to_owned());
        let contact = Contact {
            workspace_id: work.workspace,
            id: ContactId::new(),
            status: ContactStatus::Active,
            profile,
            words: String::new(),
            revision: 1,
            merged_into: None,
            erased_at: None,
            created_at: work.now,
            updated_at: work.now,
        };
        applied.contacts.insert(contact.id);
        self.new.push((contact, why(work)));
    }

    async fn write(
        mut self,
        tx: &mut Tx,
        work: &Work<'_>,
        applied: &mut Applied,
    ) -> Result<(), StoreError> {
        let key = (work.workspace, work.import);
        applied.touched.extend(write::write(tx, &self.changed, work.now).await?);
        before::keep(tx, key, self.before).await?;
        // One order for all transactions, so that two of them rarely wait for each other in a ring.
        self.new.sort_by(|(a, _), (b, _)| a.profile.email.cmp(&b.profile.email));
        let added = write::insert(tx, &self.new).await?;
        if added.len() < self.new.len() {
            // Somebody has made one of them since we looked: the part is looked at again.
            return Err(StoreError::Raced);
        }
        let made = |(contact, _): &(Contact, Why)| {
            Touched::new(contact.workspace_id, contact.id, What::Everything)
        };
        applied.touched.extend(self.new.iter().map(made));
        Ok(())
    }
}

fn why(work: &Work<'_>) -> Why {
    Why { reason: work.reason(), by: work.by(), import: Some(work.import), ..Why::default() }
}
