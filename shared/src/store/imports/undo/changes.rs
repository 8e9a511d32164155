//! Leads and contacts that an import changed get their fields back, where the value is still the import's.
use super::{STEP, StoreError, Taken, Time, Tx};
use crate::{
    automation::{Happened, Occurrence},
    contact::{Contact, Profile},
    ids::{ContactId, LeadId},
    import::decide::{self, Fields, LeadBody},
    store::{
        Rows,
        contacts::write::{self, Why, Written},
        imports::{
            Key,
            apply::{self, BeforeKind as Kind, LeadNow, write_leads},
        },
        live::{Touched, What},
    },
};
use serde::Serialize;
use sqlx::types::Json;
use std::collections::HashMap;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct Changed {
    kind: Kind,
    object_id: Uuid,
    fields: Json<Fields>,
}

#[derive(Serialize)]
struct Row {
    workspace_id: Uuid,
    import_id: Uuid,
    kind: Kind,
    id: Uuid,
}

/// The next ones; none if there are no more.
pub(super) async fn take(tx: &mut Tx, key: Key, now: Time) -> Result<Option<Taken>, StoreError> {
    let changed: Vec<Changed> = tx
        .ex()
        .sql(
            "SELECT kind, object_id, fields FROM import_before
             WHERE workspace_id = $1 AND import_id = $2 ORDER BY kind, object_id LIMIT $3",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(STEP)
        .all()
        .await?;
    if changed.is_empty() {
        return Ok(None);
    }
    let rows: Vec<Row> = changed
        .iter()
        .map(|one| Row {
            workspace_id: key.0.0,
            import_id: key.1.0,
            kind: one.kind,
            id: one.object_id,
        })
        .collect();
    let of = |kind: Kind| -> HashMap<Uuid, &Fields> {
        let own = changed.iter().filter(move |one| one.kind == kind);
        own.map(|one| (one.object_id, &one.fields.0)).collect()
    };
    let mut taken = Taken::default();
    leads(tx, key, (&of(Kind::Lead), now), &mut taken).await?;
    contacts(tx, key, (&of(Kind::Contact), now), &mut taken).await?;
    // Those that are not there any more have nothing to be taken back.
    taken.kept = changed.len() as i64 - taken.undone;
    tx.ex()
        .sql(
            "DELETE FROM import_before WHERE (workspace_id, import_id, kind, object_id) IN
                (SELECT r.workspace_id, r.import_id, r.kind, r.id
                 FROM ROWS($1: workspace_id uuid, import_id uuid, kind text, id uuid) r)",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    Ok(Some(taken))
}

async fn leads(
    tx: &mut Tx,
    key: Key,
    (fields, now): (&HashMap<Uuid, &Fields>, Time),
    taken: &mut Taken,
) -> Result<(), StoreError> {
    if fields.is_empty() {
        return Ok(());
    }
    let keys = fields.keys();
    let keys: Vec<Row> = keys
        .map(|id| Row { workspace_id: key.0.0, import_id: key.1.0, kind: Kind::Lead, id: *id })
        .collect();
    let found: Vec<LeadNow> = tx
        .ex()
        .sql(
            "SELECT l.id, l.contact_id, l.campaign_id, l.import_id, l.first_name, l.last_name, l.email, l.phone, l.details
             FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id
             JOIN contact c ON c.workspace_id = l.workspace_id AND c.id = l.contact_id
             WHERE l.status <> 'deleted'{pg:  FOR NO KEY UPDATE OF c, l}",
        )
        .bind(Rows::of(&keys))
        .all()
        .await?;
    let mut back: Vec<(LeadId, LeadBody)> = Vec::new();
    for lead in found {
        let Some(fields) = fields.get(&lead.id.0) else { continue };
        let undone = decide::undo(&lead.body(), fields);
        taken.undone += i64::from(undone.left.is_empty());
        if let Some(to) = undone.to {
            let happened = Happened::to_lead(lead.id, Occurrence::Everything);
            let touched = Touched::new(key.0, lead.contact_id, What::nothing());
            taken.touched.push(touched.and(happened));
            back.push((lead.id, to));
        }
    }
    write_leads(tx, key, &back, now).await
}

async fn contacts(
    tx: &mut Tx,
    key: Key,
    (fields, now): (&HashMap<Uuid, &Fields>, Time),
    taken: &mut Taken,
) -> Result<(), StoreError> {
    if fields.is_empty() {
        return Ok(());
    }
    let mut ids: Vec<ContactId> = fields.keys().copied().map(ContactId).collect();
    ids.sort_unstable();
    let mut back = Vec::new();
    for contact in write::lock(tx, key.0, &ids).await? {
        let Some(fields) = fields.get(&contact.id.0) else { continue };
        if contact.merged_into.is_some() || contact.erased_at.is_some() {
            continue;
        }
        let undone = decide::undo(&contact.profile, fields);
        let to = undone.to.unwrap_or_else(|| contact.profile.clone());
        back.push((contact, to, undone.left.is_empty()));
    }
    let owners = owners(tx, key, &back).await?;
    let mut changes = Vec::new();
    for (before, mut to, mut is_whole) in back {
        is_whole &= leave_what_is_taken(&before, &mut to, &owners);
        taken.undone += i64::from(is_whole);
        let after = Contact { profile: to, ..before.clone() };
        let why = Why { reason: "undone".into(), by: apply::by(key.1), ..Why::default() };
        changes.push(Written { before, after, why });
    }
    taken.touched.extend(write::write(tx, &changes, now).await?);
    Ok(())
}

#[derive(Serialize)]
struct Wanted<'a> {
    workspace_id: Uuid,
    email: Option<&'a str>,
    phone: Option<&'a str>,
}

/// Who has the emails and phones that contacts are to get back.
async fn owners(
    tx: &mut Tx,
    key: Key,
    back: &[(Contact, Profile, bool)],
) -> Result<HashMap<String, ContactId>, StoreError> {
    let wanted: Vec<Wanted> = back
        .iter()
        .filter(|(now, to, _)| now.profile.email != to.email || now.profile.phone != to.phone)
        .map(|(_, to, _)| Wanted {
            workspace_id: key.0.0,
            email: to.email.as_deref(),
            phone: to.phone.as_deref(),
        })
        .collect();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(String, ContactId)> = tx
        .ex()
        .sql(
            "SELECT r.email, c.id FROM ROWS($1: workspace_id uuid, email text) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.email = r.email
             UNION ALL
             SELECT r.phone, c.id FROM ROWS($1: workspace_id uuid, phone text) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.phone = r.phone",
        )
        .bind(Rows::of(&wanted))
        .all()
        .await?;
    Ok(found.into_iter().collect())
}

/// An email or a phone that somebody else has by now is not taken back; false if there is one. Nor is the last one of both taken away.
fn leave_what_is_taken(
    now: &Contact,
    to: &mut Profile,
    owners: &HashMap<String, ContactId>,
) -> bool {
    let is_others = |value: &Option<String>| {
        value.as_ref().and_then(|value| owners.get(value)).is_some_and(|owner| *owner != now.id)
    };
    let mut is_whole = true;
    if is_others(&to.email) {
        to.email.clone_from(&now.profile.email);
        is_whole = false;
    }
    if is_others(&to.phone) {
        to.phone.clone_from(&now.profile.phone);
        is_whole = false;
    }
    if to.email.is_none() && to.phone.is_none() {
        to.email.clone_from(&now.profile.email);
        to.phone.clone_from(&now.profile.phone);
        is_whole = false;
    }
    is_whole
}
