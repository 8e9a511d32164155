//! The one way by which contacts are written: all columns of many at once, what rules read of them, and the lines of their history.
use super::{
    history::{self, ChangeKind, Line},
    read::contact_columns,
    row::{ContactRow, written_columns},
};
use crate::{
    clock::Time,
    contact::{
        Contact,
        diff::{self, Changed, Sort},
        fold,
    },
    ids::{ContactId, ImportId, WorkspaceId},
    store::{
        Rows, StoreError, Tx,
        live::{Touched, What},
    },
    webhook::{About, Event, Facts, Told},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// A contact that is written.
#[derive(Debug, Clone)]
pub struct Written {
    /// As it is in the database, locked in this transaction; see [`lock`].
    pub before: Contact,
    /// As it is to be: status, profile, `merged_into` and `erased_at`. Words, revision and times are made here.
    pub after: Contact,
    pub why: Why,
}

/// Who changes a contact, and why.
#[derive(Debug, Clone, Default)]
pub struct Why {
    /// The kind of the one line that tells of all of it; none: a line for each sort of what changed (status, consent, tags, fields).
    /// The line of [`ChangeKind::Erased`] names the fields without their values.
    pub kind: Option<ChangeKind>,
    pub reason: String,
    pub by: String,
    /// The file that it was in, if it was: noted of a new contact.
    pub import: Option<ImportId>,
    /// Put into the line beside the fields, such as `source` or `into`.
    pub more: Map<String, Value>,
}

/// Locks contacts and reads them, in the order of their ids; unknown ones are left out.
pub async fn lock(
    tx: &mut Tx,
    workspace: WorkspaceId,
    ids: &[ContactId],
) -> Result<Vec<Contact>, StoreError> {
    lock_all(tx, &ids.iter().map(|id| (workspace, *id)).collect()).await
}

/// The same in several workspaces: for batches that they share.
pub(super) async fn lock_all(
    tx: &mut Tx,
    ids: &BTreeSet<(WorkspaceId, ContactId)>,
) -> Result<Vec<Contact>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let key =
        |(workspace, id): &(WorkspaceId, ContactId)| Key { workspace_id: workspace.0, id: id.0 };
    let keys: Vec<Key> = ids.iter().map(key).collect();
    tx.ex()
        .sql(concat!(
            "SELECT ",
            contact_columns!(),
            " FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.id = r.id{pg:  FOR NO KEY UPDATE OF c}"
        ))
        .bind(Rows::of(&keys))
        .all()
        .await
}

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    id: Uuid,
}

/// Writes contacts that were locked before. One that stays as it is costs nothing and is left out of the answer: what to tell
/// [`crate::store::live::reassess`], which the caller calls last.
pub async fn write(
    tx: &mut Tx,
    changes: &[Written],
    now: Time,
) -> Result<Vec<Touched>, StoreError> {
    let notes = notes(tx, changes).await?;
    let (mut rows, mut lines, mut touched) = (Vec::new(), Vec::new(), Vec::new());
    for change in changes {
        let fields = diff::changed(&change.before, &change.after);
        let texts = notes.get(&change.after.id).map(Vec::as_slice).unwrap_or_default();
        let words = fold::words(&change.after.profile, texts.iter().map(String::as_str));
        let other_words = words != change.before.words;
        let marked = change.before.merged_into != change.after.merged_into
            || change.before.erased_at != change.after.erased_at;
        if fields.is_empty() && !other_words && !marked {
            continue;
        }
        touched.push(told(&change.after, &fields, other_words));
        lines.extend(told_of(change, &fields, now));
        rows.push(ContactRow::of(&change.after, words, now));
    }
    update(tx, &rows).await?;
    history::add(tx, &lines).await?;
    tx.tell(changes.iter().filter_map(|change| status_told(change, now)));
    Ok(touched)
}

/// What others may want to be told of a change: another status.
fn status_told(change: &Written, at: Time) -> Option<Told> {
    let (before, after) = (&change.before, &change.after);
    (before.status != after.status).then(|| Told {
        workspace: after.workspace_id,
        event: Event::ContactStatusChanged,
        about: About::Contact(after.id),
        facts: Facts {
            status: after.status.word().into(),
            previous_status: Some(before.status.word().into()),
            ..Facts::default()
        },
        at,
    })
}

async fn update(tx: &mut Tx, rows: &[ContactRow<'_>]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(concat!(
            "UPDATE contact SET status = r.status, first_name = r.first_name, last_name = r.last_name, email = r.email,
                phone = r.phone, salutation = r.salutation, title = r.title, company = r.company, website = r.website,
                industry = r.industry, number_of_employees = r.number_of_employees, annual_revenue = r.annual_revenue,
                gender = r.gender, date_of_birth = r.date_of_birth, street = r.street, city = r.city, state = r.state,
                zip = r.zip, country = r.country, timezone = r.timezone, source = r.source, properties = r.properties,
                tags = r.tags, opt_out_email = r.opt_out_email, opt_out_sms = r.opt_out_sms, opt_out_phone = r.opt_out_phone,
                opt_out_push = r.opt_out_push, do_not_contact_until = r.do_not_contact_until, folded = r.folded,
                words = r.words, merged_into = r.merged_into, erased_at = r.erased_at, revision = contact.revision + 1,
                updated_at = r.at
             FROM ROWS($1: ",
            written_columns!(),
            ") r
             WHERE contact.workspace_id = r.workspace_id AND contact.id = r.id"
        ))
        .bind(Rows::of(rows))
        .run()
        .await
        .map(drop)
}

/// Adds contacts that nobody knows, and says which were added: one whose email or phone another contact has is not. `created_at` is
/// the moment of all of them.
pub async fn insert(
    tx: &mut Tx,
    new: &[(Contact, Why)],
) -> Result<BTreeSet<ContactId>, StoreError> {
    if new.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows: Vec<ContactRow> = new.iter().map(new_row).collect();
    let added: Vec<(ContactId,)> = tx
        .ex()
        .sql(concat!(
            "INSERT INTO contact (workspace_id, id, status, first_name, last_name, email, phone, salutation, title, company,
                website, industry, number_of_employees, annual_revenue, gender, date_of_birth, street, city, state, zip, country,
                timezone, source, properties, tags, opt_out_email, opt_out_sms, opt_out_phone, opt_out_push,
                do_not_contact_until, folded, words, import_id, created_at, updated_at)
             SELECT r.workspace_id, r.id, r.status, r.first_name, r.last_name, r.email, r.phone, r.salutation, r.title, r.company,
                r.website, r.industry, r.number_of_employees, r.annual_revenue, r.gender, r.date_of_birth, r.street, r.city,
                r.state, r.zip, r.country, r.timezone, r.source, r.properties, r.tags, r.opt_out_email, r.opt_out_sms,
                r.opt_out_phone, r.opt_out_push, r.do_not_contact_until, r.folded, r.words, r.import_id, r.at, r.at
             FROM ROWS($1: ",
            written_columns!(),
            ") r WHERE true
             ON CONFLICT DO NOTHING
             RETURNING id"
        ))
        .bind(Rows::of(&rows))
        .all()
        .await?;
    let added: BTreeSet<ContactId> = added.into_iter().map(|(id,)| id).collect();
    let created = new.iter().filter(|(contact, _)| added.contains(&contact.id));
    let lines: Vec<Line> = created.map(created_line).collect();
    history::add(tx, &lines).await?;
    Ok(added)
}

fn created_line((contact, why): &(Contact, Why)) -> Line<'_> {
    Line {
        workspace: contact.workspace_id,
        contact: contact.id,
        kind: ChangeKind::Created,
        detail: why.more.clone(),
        reason: &why.reason,
        by: &why.by,
        at: contact.created_at,
    }
}

/// No note can be about a contact that is not there yet.
fn new_row((contact, why): &(Contact, Why)) -> ContactRow<'_> {
    let words = fold::words(&contact.profile, []);
    let mut row = ContactRow::of(contact, words, contact.created_at);
    row.import_id = why.import.map(|id| id.0);
    row
}

/// The texts of the contacts' notes, oldest first.
async fn notes(
    tx: &mut Tx,
    changes: &[Written],
) -> Result<HashMap<ContactId, Vec<String>>, StoreError> {
    let mut notes: HashMap<ContactId, Vec<String>> = HashMap::new();
    if changes.is_empty() {
        return Ok(notes);
    }
    let key =
        |change: &Written| Key { workspace_id: change.after.workspace_id.0, id: change.after.id.0 };
    let mut found: Vec<(ContactId, Uuid, String)> = tx
        .ex()
        .sql(
            "SELECT n.contact_id, n.id, n.text FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN contact_note n ON n.workspace_id = r.workspace_id AND n.contact_id = r.id",
        )
        .bind(Rows::of(&changes.iter().map(key).collect::<Vec<_>>()))
        .all()
        .await?;
    found.sort_unstable_by_key(|(contact, id, _)| (*contact, *id));
    for (contact, _, text) in found {
        notes.entry(contact).or_default().push(text);
    }
    Ok(notes)
}

fn told(contact: &Contact, fields: &[Changed], other_words: bool) -> Touched {
    let mut paths: BTreeSet<String> = fields.iter().map(|field| field.path.clone()).collect();
    if paths.contains("contact.dateOfBirth") {
        paths.insert("contact.age".into());
    }
    if other_words {
        paths.insert("contact.words".into());
    }
    paths.insert("contact.updatedAt".into());
    Touched::new(contact.workspace_id, contact.id, What::Fields(paths))
}

fn told_of<'a>(change: &'a Written, fields: &[Changed], at: Time) -> Vec<Line<'a>> {
    let why = &change.why;
    let line = |kind, detail| Line {
        workspace: change.after.workspace_id,
        contact: change.after.id,
        kind,
        detail,
        reason: &why.reason,
        by: &why.by,
        at,
    };
    if let Some(kind) = why.kind {
        return vec![line(kind, detail(kind, fields, &why.more))];
    }
    let mut by_sort: BTreeMap<Sort, Vec<Changed>> = BTreeMap::new();
    for field in fields {
        by_sort.entry(field.sort).or_default().push(field.clone());
    }
    let lines = by_sort.into_iter().map(|(sort, fields)| {
        let kind = match sort {
            Sort::Status => ChangeKind::Status,
            Sort::Consent => ChangeKind::Consent,
            Sort::Tags => ChangeKind::Tags,
            Sort::Fields => ChangeKind::Fields,
        };
        line(kind, detail(kind, &fields, &why.more))
    });
    lines.collect()
}

/// By field from and to; fields of the profile by their names, properties as `property.<key>`.
fn detail(kind: ChangeKind, fields: &[Changed], more: &Map<String, Value>) -> Map<String, Value> {
    let mut detail = more.clone();
    for field in fields {
        let name = field.path.strip_prefix("contact.").unwrap_or(&field.path);
        let said = match kind {
            ChangeKind::Erased => json!({}),
            _ => json!({"from": field.from, "to": field.to}),
        };
        detail.insert(name.to_owned(), said);
    }
    detail
}
