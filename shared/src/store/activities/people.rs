//! Whose activities they are: the contact by id, email or phone, held for the transaction; and whether a lead is that contact's.
use crate::{
    activity::{MERGES_FOLLOWED_MAX, New, Whose},
    campaign::Problem,
    contact::ContactStatus,
    ids::{ContactId, LeadId, WorkspaceId},
    store::{Rows, StoreError, Tx},
};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// The contact of each activity, held until the transaction ends: whoever changes what is known of a contact, or counts what it did,
/// holds its row. So sums cannot be overtaken, and nothing is added to a person who is being erased.
pub(super) async fn find(
    tx: &mut Tx,
    news: &[&New],
) -> Result<Vec<Result<ContactId, Problem>>, StoreError> {
    let named = named(tx, news).await?;
    let ids = news.iter().filter_map(|new| Some((new.workspace, id(new, &named)?)));
    let held = hold(tx, ids.collect()).await?;
    let leads = leads(tx, news).await?;
    let found = news.iter().map(|new| {
        let unknown =
            |what: &str| Problem::new(new.whose.field(), format!("there is no such {what}"));
        let given = id(new, &named).ok_or_else(|| unknown("contact"))?;
        let contact = match resolve((new.workspace, given), &held) {
            Some((_, ContactStatus::Deleted)) => {
                return Err(Problem::new(new.whose.field(), "the contact is deleted"));
            }
            Some((contact, _)) => contact,
            None => return Err(unknown("contact")),
        };
        match new.lead.map(|lead| leads.get(&(new.workspace, lead))) {
            Some(None) => Err(Problem::new("leadId", "there is no such lead")),
            Some(Some(owner)) if ![given, contact].contains(owner) => {
                Err(Problem::new("leadId", "is another contact's lead"))
            }
            _ => Ok(contact),
        }
    });
    Ok(found.collect())
}

/// The contacts that are meant, as far as they are known; nothing is held.
pub(super) async fn meant(
    tx: &mut Tx,
    news: &[&New],
) -> Result<BTreeSet<(WorkspaceId, ContactId)>, StoreError> {
    let named = named(tx, news).await?;
    Ok(news.iter().filter_map(|new| Some((new.workspace, id(new, &named)?))).collect())
}

type Named = HashMap<(WorkspaceId, Whose), ContactId>;

fn id(new: &New, named: &Named) -> Option<ContactId> {
    match &new.whose {
        Whose::Contact(id) => Some(*id),
        other => named.get(&(new.workspace, other.clone())).copied(),
    }
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Address<'a> {
    workspace_id: Uuid,
    email: Option<&'a str>,
    phone: Option<&'a str>,
}

/// The contacts that are named by email or phone.
async fn named(tx: &mut Tx, news: &[&New]) -> Result<Named, StoreError> {
    let wanted: BTreeSet<Address> = news
        .iter()
        .filter_map(|new| {
            let workspace_id = new.workspace.0;
            match &new.whose {
                Whose::Contact(_) => None,
                Whose::Email(email) => {
                    Some(Address { workspace_id, email: Some(email), phone: None })
                }
                Whose::Phone(phone) => {
                    Some(Address { workspace_id, email: None, phone: Some(phone) })
                }
            }
        })
        .collect();
    if wanted.is_empty() {
        return Ok(Named::new());
    }
    let found: Vec<(WorkspaceId, ContactId, Option<String>, Option<String>)> = tx
        .ex()
        .sql(
            "SELECT r.workspace_id, c.id, r.email, r.phone
             FROM ROWS($1: workspace_id uuid, email text, phone text) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.email = r.email
             UNION ALL
             SELECT r.workspace_id, c.id, r.email, r.phone
             FROM ROWS($1: workspace_id uuid, email text, phone text) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.phone = r.phone",
        )
        .bind(Rows::of(&wanted.into_iter().collect::<Vec<_>>()))
        .all()
        .await?;
    let named = found.into_iter().filter_map(|(workspace, contact, email, phone)| {
        let whose = email.map(Whose::Email).or(phone.map(Whose::Phone))?;
        Some(((workspace, whose), contact))
    });
    Ok(named.collect())
}

type Contact = (WorkspaceId, ContactId);
type Held = HashMap<Contact, (ContactStatus, Option<ContactId>)>;

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    id: Uuid,
}

fn keys(ids: impl IntoIterator<Item = (WorkspaceId, Uuid)>) -> Rows {
    let keys = ids.into_iter().map(|(workspace, id)| Key { workspace_id: workspace.0, id });
    Rows::of(&keys.collect::<Vec<_>>())
}

/// Locks the contacts in the order of their keys, then those that they were merged into.
async fn hold(tx: &mut Tx, ids: BTreeSet<Contact>) -> Result<Held, StoreError> {
    let (mut held, mut wanted) = (Held::new(), ids);
    for _ in 0..MERGES_FOLLOWED_MAX {
        if wanted.is_empty() {
            break;
        }
        let found: Vec<(WorkspaceId, ContactId, ContactStatus, Option<ContactId>)> = tx
            .ex()
            .sql(
                "SELECT c.workspace_id, c.id, c.status, c.merged_into
                 FROM ROWS($1: workspace_id uuid, id uuid) r
                 JOIN contact c ON c.workspace_id = r.workspace_id AND c.id = r.id{pg:  FOR NO KEY UPDATE OF c}",
            )
            .bind(keys(wanted.into_iter().map(|(workspace, id)| (workspace, id.0))))
            .all()
            .await?;
        wanted = BTreeSet::new();
        for (workspace, id, status, merged_into) in found {
            held.insert((workspace, id), (status, merged_into));
            wanted.extend(merged_into.map(|into| (workspace, into)));
        }
        wanted.retain(|contact| !held.contains_key(contact));
    }
    Ok(held)
}

/// Who a contact is now.
fn resolve((workspace, mut id): Contact, held: &Held) -> Option<(ContactId, ContactStatus)> {
    for _ in 0..MERGES_FOLLOWED_MAX {
        match held.get(&(workspace, id))? {
            (_, Some(into)) => id = *into,
            (status, None) => return Some((id, *status)),
        }
    }
    None
}

/// Which contacts the leads are.
async fn leads(
    tx: &mut Tx,
    news: &[&New],
) -> Result<HashMap<(WorkspaceId, LeadId), ContactId>, StoreError> {
    let wanted: BTreeSet<_> =
        news.iter().filter_map(|new| Some((new.workspace, new.lead?.0))).collect();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(WorkspaceId, LeadId, ContactId)> = tx
        .ex()
        .sql(
            "SELECT l.workspace_id, l.id, l.contact_id FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id",
        )
        .bind(keys(wanted))
        .all()
        .await?;
    Ok(found.into_iter().map(|(workspace, lead, contact)| ((workspace, lead), contact)).collect())
}

/// Those of the contacts that there are, merged ones included.
pub(super) async fn there(
    tx: &mut Tx,
    ids: BTreeSet<(WorkspaceId, ContactId)>,
) -> Result<BTreeSet<(WorkspaceId, ContactId)>, StoreError> {
    if ids.is_empty() {
        return Ok(ids);
    }
    let found: Vec<(WorkspaceId, ContactId)> = tx
        .ex()
        .sql(
            "SELECT c.workspace_id, c.id FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.id = r.id
             WHERE c.status <> 'deleted' OR c.merged_into IS NOT NULL",
        )
        .bind(keys(ids.into_iter().map(|(workspace, id)| (workspace, id.0))))
        .all()
        .await?;
    Ok(found.into_iter().collect())
}
