//! Everything that is held about a person, as one document; that it was handed out is noted first.
use super::{
    history::{self, ChangeKind, Line},
    keys, read,
};
use crate::{
    clock::Time,
    contact::Contact,
    ids::{ContactId, WorkspaceId},
    store::{
        Db, Rows, StoreError, Tx,
        db::Row,
        secrets::{SecretError, Secrets},
        suppressions::{self, Person},
    },
};
use rows::{
    Activity, Attempt, Browser, Change, Day, Event, Evidence, Firing, History, Interaction, Lead,
    Message, Note, Place, Points, Position, Submission, Sum, Unread, Visit, Wait,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

mod rows;

/// Rows of one kind in an export, at most: `truncated` names the kinds of which there are more.
pub const EXPORT_ROWS_MAX: usize = 10_000;

/// Whose data, and for whom.
#[derive(Debug, Clone)]
pub struct Ask {
    pub workspace: WorkspaceId,
    pub contact: ContactId,
    pub by: String,
    pub at: Time,
}

/// The document, newest rows first; none when there is no such contact.
pub async fn export(
    db: &Db,
    secrets: &Secrets,
    ask: &Ask,
) -> Result<Option<Map<String, Value>>, SecretError> {
    if !note(db, ask).await? {
        return Ok(None);
    }
    let mut out = Out::default();
    let mut tx = db.begin_wide_read().await?;
    let mut contacts = keys::merged_into(&mut tx, ask.workspace, ask.contact).await?;
    contacts.push(ask.contact);
    people(&mut tx, ask, &contacts, &mut out).await?;
    let own = keys::rows(ask.workspace, contacts.iter().map(|id| id.0));
    of_contacts(&mut tx, ask, &own, &mut out).await?;
    let leads = keys::rows(ask.workspace, out.ids("leads"));
    of_leads(&mut tx, ask, &leads, &mut out).await?;
    tx.rollback().await?;
    let known_as = out.known_as();
    refusals(db, secrets, ask, &known_as, &mut out).await?;
    let mut document = out.document;
    document.insert("exportedAt".into(), json!(ask.at));
    document.insert("truncated".into(), json!(out.truncated));
    Ok(Some(document))
}

/// Notes in the contact's history that it was handed out; false when there is no such contact.
async fn note(db: &Db, ask: &Ask) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    if read::get_many(tx.ex(), ask.workspace, &[ask.contact]).await?.is_empty() {
        tx.rollback().await?;
        return Ok(false);
    }
    let line = Line {
        workspace: ask.workspace,
        contact: ask.contact,
        kind: ChangeKind::Exported,
        detail: Map::new(),
        reason: "",
        by: &ask.by,
        at: ask.at,
    };
    history::add(&mut tx, &[line]).await?;
    tx.commit().await?;
    Ok(true)
}

#[derive(Default)]
struct Out {
    document: Map<String, Value>,
    truncated: Vec<&'static str>,
    ids: Vec<(&'static str, Uuid)>,
}

/// A row that others hang on.
trait Known {
    fn id(&self) -> Option<Uuid> {
        None
    }
}

impl Out {
    fn ids(&self, name: &str) -> Vec<Uuid> {
        self.ids.iter().filter(|(of, _)| *of == name).map(|(_, id)| *id).collect()
    }

    /// Every phone number and every address that is the person's, with what it is.
    fn known_as(&self) -> BTreeSet<(&'static str, String)> {
        let lists = ["contacts", "leads", "interactions"];
        let rows = lists.iter().filter_map(|name| self.document.get(*name)?.as_array()).flatten();
        let texts = rows.flat_map(|row| ["phone", "email"].map(|what| (what, row[what].as_str())));
        let texts = texts.filter_map(|(what, text)| Some((what, text?.to_owned())));
        texts.filter(|(_, text)| !text.is_empty()).collect()
    }
}

/// Reads one kind of row: `sql` takes the workspace, the ids and how many.
async fn section<T: Row + Serialize + Known>(
    tx: &mut Tx,
    out: &mut Out,
    (name, sql): (&'static str, &'static str),
    (workspace, ids): (WorkspaceId, &Rows),
) -> Result<(), StoreError> {
    let most = EXPORT_ROWS_MAX as i64 + 1;
    let asked = tx.ex().sql(sql).bind(workspace).bind(ids.clone()).bind(most);
    let mut found: Vec<T> = asked.all().await?;
    if found.len() > EXPORT_ROWS_MAX {
        found.truncate(EXPORT_ROWS_MAX);
        out.truncated.push(name);
    }
    out.ids.extend(found.iter().filter_map(|row| Some((name, row.id()?))));
    out.document.insert(name.into(), json!(found));
    Ok(())
}

/// The contact, and those that were merged into it.
async fn people(
    tx: &mut Tx,
    ask: &Ask,
    contacts: &[ContactId],
    out: &mut Out,
) -> Result<(), StoreError> {
    let mut found = read::get_many(tx.ex(), ask.workspace, contacts).await?;
    // The contact itself first.
    found.sort_by_key(|contact| (contact.id != ask.contact, contact.id));
    let people: Vec<Value> = found.iter().map(person).collect();
    out.document.insert("contacts".into(), json!(people));
    Ok(())
}

fn person(contact: &Contact) -> Value {
    let mut person = json!(contact.profile);
    for (key, value) in [
        ("contactId", json!(contact.id)),
        ("status", json!(contact.status)),
        ("revision", json!(contact.revision)),
        ("mergedInto", json!(contact.merged_into)),
        ("erasedAt", json!(contact.erased_at)),
        ("createdAt", json!(contact.created_at)),
        ("updatedAt", json!(contact.updated_at)),
    ] {
        person[key] = value;
    }
    person
}

async fn of_contacts(
    tx: &mut Tx,
    ask: &Ask,
    contacts: &Rows,
    out: &mut Out,
) -> Result<(), StoreError> {
    let of = (ask.workspace, contacts);
    section::<Change>(tx, out, ("changes", rows::CHANGES), of).await?;
    section::<Note>(tx, out, ("notes", rows::NOTES), of).await?;
    section::<Activity>(tx, out, ("activities", rows::ACTIVITIES), of).await?;
    section::<Sum>(tx, out, ("activitySums", rows::SUMS), of).await?;
    section::<Day>(tx, out, ("activityDays", rows::DAYS), of).await?;
    section::<Browser>(tx, out, ("browsers", rows::BROWSERS), of).await?;
    section::<Visit>(tx, out, ("unmatchedVisits", rows::VISITS), of).await?;
    section::<Place>(tx, out, ("segments", rows::SEGMENTS), of).await?;
    section::<Lead>(tx, out, ("leads", rows::LEADS), of).await
}

async fn of_leads(tx: &mut Tx, ask: &Ask, leads: &Rows, out: &mut Out) -> Result<(), StoreError> {
    let of = (ask.workspace, leads);
    section::<History>(tx, out, ("leadStatusChanges", rows::HISTORY), of).await?;
    section::<Evidence>(tx, out, ("consentEvidence", rows::EVIDENCE), of).await?;
    section::<Points>(tx, out, ("points", rows::POINTS), of).await?;
    section::<Firing>(tx, out, ("firings", rows::FIRINGS), of).await?;
    section::<Position>(tx, out, ("workflowPositions", rows::POSITIONS), of).await?;
    section::<Submission>(tx, out, ("submissions", rows::SUBMISSIONS), of).await?;
    section::<Interaction>(tx, out, ("interactions", rows::INTERACTIONS), of).await?;
    let submissions = keys::rows(ask.workspace, out.ids("submissions"));
    let of = (ask.workspace, &submissions);
    section::<Event>(tx, out, ("journeys", rows::JOURNEYS), of).await?;
    section::<Attempt>(tx, out, ("deliveryAttempts", rows::ATTEMPTS), of).await?;
    section::<Wait>(tx, out, ("waits", rows::WAITS), of).await?;
    let talks = keys::rows(ask.workspace, out.ids("interactions"));
    let of = (ask.workspace, &talks);
    section::<Message>(tx, out, ("messages", rows::MESSAGES), of).await?;
    section::<Unread>(tx, out, ("unreadEvents", rows::UNREAD), of).await
}

/// That nobody may reach the person: found by what their numbers and addresses are known as.
async fn refusals(
    db: &Db,
    secrets: &Secrets,
    ask: &Ask,
    known_as: &BTreeSet<(&'static str, String)>,
    out: &mut Out,
) -> Result<(), SecretError> {
    let mut found = Vec::new();
    for (what, text) in known_as {
        let hash = secrets.person_hash(ask.workspace, text, ask.at).await?;
        let person = Person { workspace: ask.workspace, hash: &hash };
        for one in suppressions::find(db, person).await? {
            found.push(json!({
                *what: text, "channel": one.channel, "reason": one.reason, "source": one.source,
                "createdAt": one.created_at, "expiresAt": one.expires_at,
            }));
        }
    }
    out.document.insert("suppressions".into(), json!(found));
    Ok(())
}
