//! Finding the person, or remembering a new one: by email first, then by phone.
use super::{Entry, Rows, StoreError, Time, Tx, Who, time};
use crate::ids::ContactId;
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

#[derive(Serialize)]
struct ContactRow<'a> {
    workspace_id: Uuid,
    id: Uuid,
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    phone: &'a str,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// Gives every new lead its contact.
pub(super) async fn find_or_create(
    tx: &mut Tx,
    entries: &mut [(usize, Entry<'_>)],
) -> Result<(), StoreError> {
    let mut rows: Vec<ContactRow> = Vec::new();
    for (_, entry) in entries.iter_mut() {
        let Who::New { person, .. } = &entry.arrival.who else { continue };
        let id = ContactId::new();
        entry.contact = Some(id);
        rows.push(ContactRow {
            workspace_id: entry.arrival.workspace.0,
            id: id.0,
            first_name: &person.first_name,
            last_name: &person.last_name,
            email: &person.email,
            phone: &person.phone,
            at: entry.arrival.at,
        });
    }
    if rows.is_empty() {
        return Ok(());
    }
    // One order for all transactions, so that two of them rarely wait for each other in a ring.
    rows.sort_by_key(|row| (row.workspace_id, row.email));
    let created: Vec<(ContactId,)> = tx
        .ex()
        .sql(
            "INSERT INTO contact (workspace_id, id, first_name, last_name, email, phone, status, created_at, updated_at)
             SELECT r.workspace_id, r.id, r.first_name, r.last_name, r.email, r.phone, 'active', r.at, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, first_name text, last_name text, email text, phone text, at timestamptz) r
             WHERE true
             ON CONFLICT DO NOTHING
             RETURNING id",
        )
        .bind(Rows::of(&rows))
        .all()
        .await?;
    if created.len() == rows.len() {
        return Ok(());
    }
    let created: std::collections::HashSet<_> = created.into_iter().map(|(id,)| id.0).collect();
    rows.retain(|row| !created.contains(&row.id));
    let known = known(tx, &rows).await?;
    for (_, entry) in entries {
        if let Some(made_up) = entry.contact
            && let Some(found) = known.get(&made_up)
        {
            entry.contact = Some(*found);
        }
    }
    Ok(())
}

/// The contacts that were there before, by the ids that were made up for them.
async fn known(
    tx: &mut Tx,
    rows: &[ContactRow<'_>],
) -> Result<HashMap<ContactId, ContactId>, StoreError> {
    let found: Vec<(ContactId, ContactId, bool)> = tx
        .ex()
        .sql(
            "SELECT r.id, c.id, c.email = r.email
             FROM ROWS($1: workspace_id uuid, id uuid, email text) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.email = r.email
             UNION ALL
             SELECT r.id, c.id, COALESCE(c.email, '') = r.email
             FROM ROWS($1: workspace_id uuid, id uuid, email text, phone text) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.phone = r.phone",
        )
        .bind(Rows::of(rows))
        .all()
        .await?;
    let mut known = HashMap::new();
    for (made_up, contact, same_email) in found {
        if same_email {
            known.insert(made_up, contact);
        } else {
            known.entry(made_up).or_insert(contact);
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
