//! Finding the person, or remembering a new one: by email first, then by phone.
use super::{Entry, Rows, StoreError, Time, Tx, Who, time};
use crate::{
    contact::{ContactStatus, Profile, fold},
    ids::ContactId,
    lead::{Details, Person},
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use uuid::Uuid;

#[derive(Serialize)]
struct ContactRow<'a> {
    workspace_id: Uuid,
    id: Uuid,
    first_name: &'a str,
    last_name: &'a str,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    street: Option<String>,
    city: Option<String>,
    state: Option<String>,
    zip: Option<String>,
    country: Option<String>,
    timezone: Option<String>,
    date_of_birth: Option<String>,
    source: &'a str,
    import_id: Option<Uuid>,
    folded: Map<String, Value>,
    words: String,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// What a lead says about a person whom nobody knows yet. One who is known stays as they are.
fn profile(person: &Person, details: &Details, source: &str) -> Profile {
    let place = |key: &str| {
        let text = details.address.get(key)?.as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    Profile {
        first_name: Some(person.first_name.clone()),
        last_name: Some(person.last_name.clone()),
        email: said(&person.email).map(str::to_owned),
        phone: said(&person.phone).map(str::to_owned),
        street: place("street"),
        city: place("city"),
        state: place("state"),
        zip: place("zip"),
        country: place("country").or_else(|| details.country.clone()),
        timezone: details.timezone.clone(),
        date_of_birth: details.date_of_birth.clone(),
        source: Some(source.to_owned()),
        ..Profile::default()
    }
}

/// Who has no email has none, rather than an empty one that all of them share.
fn said(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn row<'a>(entry: &Entry<'a>, id: ContactId) -> Option<ContactRow<'a>> {
    let Who::New { person, details } = &entry.arrival.who else { return None };
    let profile = profile(person, details, entry.arrival.source);
    Some(ContactRow {
        workspace_id: entry.arrival.workspace.0,
        id: id.0,
        first_name: &person.first_name,
        last_name: &person.last_name,
        email: said(&person.email),
        phone: said(&person.phone),
        folded: fold::folded(&profile),
        words: fold::words(&profile, []),
        street: profile.street,
        city: profile.city,
        state: profile.state,
        zip: profile.zip,
        country: profile.country,
        timezone: profile.timezone,
        date_of_birth: profile.date_of_birth,
        source: entry.arrival.source,
        import_id: entry.import.map(|id| id.0),
        at: entry.arrival.at,
    })
}

/// Gives every new lead its contact.
pub(super) async fn find_or_create(
    tx: &mut Tx,
    entries: &mut [(usize, Entry<'_>)],
) -> Result<(), StoreError> {
    let mut rows: Vec<ContactRow> = Vec::new();
    for (_, entry) in entries.iter_mut() {
        let id = ContactId::new();
        let Some(row) = row(entry, id) else { continue };
        entry.contact = Some(id);
        rows.push(row);
    }
    if rows.is_empty() {
        return Ok(());
    }
    // One order for all transactions, so that two of them rarely wait for each other in a ring.
    rows.sort_by_key(|row| (row.workspace_id, row.email));
    let created: Vec<(ContactId,)> = tx
        .ex()
        .sql(
            "INSERT INTO contact (workspace_id, id, first_name, last_name, email, phone, street, city, state, zip, country,
                timezone, date_of_birth, source, import_id, folded, words, status, created_at, updated_at)
             SELECT r.workspace_id, r.id, r.first_name, r.last_name, r.email, r.phone, r.street, r.city, r.state, r.zip, r.country,
                r.timezone, r.date_of_birth, r.source, r.import_id, r.folded, r.words, 'active', r.at, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, first_name text, last_name text, email text, phone text, street text,
                city text, state text, zip text, country text, timezone text, date_of_birth text, source text, import_id uuid,
                folded jsonb, words text, at timestamptz) r
             WHERE true
             ON CONFLICT DO NOTHING
             RETURNING id",
        )
        .bind(Rows::of(&rows))
        .all()
        .await?;
    let created: std::collections::HashSet<_> = created.into_iter().map(|(id,)| id.0).collect();
    for (_, entry) in entries.iter_mut() {
        entry.is_new_contact = entry.contact.is_some_and(|id| created.contains(&id.0));
    }
    if created.len() == rows.len() {
        return Ok(());
    }
    rows.retain(|row| !created.contains(&row.id));
    let known = known(tx, &rows).await?;
    for (_, entry) in entries {
        if let Some(made_up) = entry.contact
            && let Some((found, status)) = known.get(&made_up)
        {
            entry.contact = Some(*found);
            entry.contact_status = *status;
        }
    }
    Ok(())
}

/// The contacts that were there before, and whether they are worked with, by the ids that were made up for them.
async fn known(
    tx: &mut Tx,
    rows: &[ContactRow<'_>],
) -> Result<HashMap<ContactId, (ContactId, ContactStatus)>, StoreError> {
    let found: Vec<(ContactId, ContactId, ContactStatus, bool)> = tx
        .ex()
        .sql(
            "SELECT r.id, c.id, c.status, c.email = r.email
             FROM ROWS($1: workspace_id uuid, id uuid, email text) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.email = r.email
             UNION ALL
             SELECT r.id, c.id, c.status, COALESCE(c.email = r.email, FALSE)
             FROM ROWS($1: workspace_id uuid, id uuid, email text, phone text) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.phone = r.phone",
        )
        .bind(Rows::of(rows))
        .all()
        .await?;
    let mut known = HashMap::new();
    for (made_up, contact, status, same_email) in found {
        if same_email {
            known.insert(made_up, (contact, status));
        } else {
            known.entry(made_up).or_insert((contact, status));
        }
    }
    for row in rows {
        if !known.contains_key(&ContactId(row.id)) {
            let what = format!("contact {} conflicts with none that can be found", row.id);
            return Err(StoreError::Inconsistent(what));
        }
    }
    Ok(known)
}
