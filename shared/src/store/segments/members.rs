//! The members of static segments: added and removed by hand, each once, with a line of the contact's history.
use super::{
    read,
    save::{Key, SaveError},
    told,
};
use crate::{
    automation::{Happened, Occurrence},
    clock::Time,
    contact::ContactStatus,
    ids::{ContactChangeId, ContactId, SegmentId, WorkspaceId},
    segment::{SegmentKind, check::Refusal},
    store::{
        Db, Rows, StoreError, Tx,
        live::{self, Touched, What},
        rows::time,
    },
};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Contacts that one call adds or removes, at most.
pub const MEMBERS_AT_ONCE: usize = 1_000;

/// The kind of the line that tells of an addition.
const ADDED: &str = "segment_added";

/// What is said to whoever adds members to a dynamic segment.
pub(super) const NOT_BY_HAND: &str = "the segment is dynamic: its members are those who match its rule; change the rule, or add contacts to a static one";

/// Who adds or removes members, and when.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    pub who: &'a str,
    pub at: Time,
}

/// What became of the contacts that were named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// Those that were added or removed; the others were (no) members before.
    pub moved: Vec<ContactId>,
    /// Those that the workspace does not have.
    pub unknown: Vec<ContactId>,
    /// Those that are deleted, and therefore not added.
    pub deleted: Vec<ContactId>,
}

/// Adds contacts to a static segment. Those that are members stay so.
pub async fn add(
    db: &Db,
    key: Key,
    contacts: &[ContactId],
    by: By<'_>,
) -> Result<Moved, SaveError> {
    let mut tx = db.begin().await?;
    let name = static_segment(&mut tx, key).await?;
    let mut moved = look(&mut tx, key.0, contacts).await?;
    moved.moved = insert(&mut tx, key, &moved.moved, by.at).await?;
    let line = Line { kind: ADDED, segment: key.1, name: &name, by };
    finish(tx, key.0, &moved.moved, line).await?;
    Ok(moved)
}

/// Removes contacts from a static segment. Those that are no members stay so.
pub async fn remove(
    db: &Db,
    key: Key,
    contacts: &[ContactId],
    by: By<'_>,
) -> Result<Moved, SaveError> {
    let mut tx = db.begin().await?;
    let name = static_segment(&mut tx, key).await?;
    let found = look(&mut tx, key.0, contacts).await?;
    let named: Vec<ContactId> = found.moved.iter().chain(&found.deleted).copied().collect();
    let moved = delete(&mut tx, key, &named).await?;
    let line = Line { kind: "segment_removed", segment: key.1, name: &name, by };
    finish(tx, key.0, &moved, line).await?;
    Ok(Moved { moved, unknown: found.unknown, deleted: Vec::new() })
}

/// The name of a segment that members may be added to; it stays so until the end of the transaction.
async fn static_segment(tx: &mut Tx, (workspace, id): Key) -> Result<String, SaveError> {
    match read::share(tx, workspace, id).await? {
        None => Err(Refusal::Absent.into()),
        Some((SegmentKind::Dynamic, _)) => Err(Refusal::NotSo(NOT_BY_HAND).into()),
        Some((SegmentKind::Static, name)) => Ok(name),
    }
}

#[derive(Serialize)]
struct ContactKey {
    workspace_id: Uuid,
    id: Uuid,
}

/// Locks the contacts in the order of their ids and sorts out those that cannot be added; the others are in `moved`.
pub(super) async fn look(
    tx: &mut Tx,
    workspace: WorkspaceId,
    contacts: &[ContactId],
) -> Result<Moved, StoreError> {
    let wanted: BTreeSet<ContactId> = contacts.iter().copied().collect();
    let keys: Vec<ContactKey> =
        wanted.iter().map(|id| ContactKey { workspace_id: workspace.0, id: id.0 }).collect();
    let rows: Vec<(ContactId, ContactStatus)> = tx
        .ex()
        .sql(
            "SELECT c.id, c.status FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.id = r.id{pg:  FOR NO KEY UPDATE OF c}",
        )
        .bind(Rows::of(&keys))
        .all()
        .await?;
    let found: BTreeMap<ContactId, ContactStatus> = rows.into_iter().collect();
    let mut sorted = Moved::default();
    for id in wanted {
        match found.get(&id) {
            None => sorted.unknown.push(id),
            Some(ContactStatus::Deleted) => sorted.deleted.push(id),
            Some(_) => sorted.moved.push(id),
        }
    }
    Ok(sorted)
}

#[derive(Serialize)]
struct Id {
    id: Uuid,
}

#[derive(Serialize)]
struct Member {
    workspace_id: Uuid,
    segment_id: Uuid,
    contact_id: Uuid,
}

fn ids(contacts: &[ContactId]) -> Rows {
    Rows::of(&contacts.iter().map(|contact| Id { id: contact.0 }).collect::<Vec<_>>())
}

async fn insert(
    tx: &mut Tx,
    (workspace, segment): Key,
    contacts: &[ContactId],
    at: Time,
) -> Result<Vec<ContactId>, StoreError> {
    let added: Vec<(ContactId,)> = tx
        .ex()
        .sql(
            "INSERT INTO segment_member (workspace_id, segment_id, contact_id, added_at)
             SELECT $1, $2, r.id, $3 FROM ROWS($4: id uuid) r WHERE TRUE
             ON CONFLICT (workspace_id, segment_id, contact_id) DO NOTHING
             RETURNING contact_id",
        )
        .bind(workspace)
        .bind(segment)
        .bind(at)
        .bind(ids(contacts))
        .all()
        .await?;
    Ok(sorted(added))
}

async fn delete(
    tx: &mut Tx,
    (workspace, segment): Key,
    contacts: &[ContactId],
) -> Result<Vec<ContactId>, StoreError> {
    let member = |contact: &ContactId| Member {
        workspace_id: workspace.0,
        segment_id: segment.0,
        contact_id: contact.0,
    };
    let members: Vec<Member> = contacts.iter().map(member).collect();
    let removed: Vec<(ContactId,)> = tx
        .ex()
        .sql(
            // No column is compared with a plain value, so that each row is reached by its whole key, not by a walk over the segment.
            "DELETE FROM segment_member WHERE (workspace_id, segment_id, contact_id) IN
                (SELECT r.workspace_id, r.segment_id, r.contact_id
                 FROM ROWS($1: workspace_id uuid, segment_id uuid, contact_id uuid) r)
             RETURNING contact_id",
        )
        .bind(Rows::of(&members))
        .all()
        .await?;
    Ok(sorted(removed))
}

fn sorted(rows: Vec<(ContactId,)>) -> Vec<ContactId> {
    let mut ids: Vec<ContactId> = rows.into_iter().map(|(id,)| id).collect();
    ids.sort_unstable();
    ids
}

/// What the contacts' histories say.
struct Line<'a> {
    kind: &'static str,
    segment: SegmentId,
    name: &'a str,
    by: By<'a>,
}

/// A line of a contact's history about a segment.
#[derive(Serialize)]
pub(super) struct LineRow<'a> {
    pub workspace_id: Uuid,
    pub contact_id: Uuid,
    pub id: Uuid,
    pub kind: &'static str,
    pub detail: Value,
    pub reason: &'a str,
    pub changed_by: &'a str,
    #[serde(serialize_with = "time")]
    pub at: Time,
}

/// What such a line says beside its kind.
pub(super) fn detail(segment: SegmentId, name: &str) -> Value {
    json!({"segmentId": segment, "name": name})
}

async fn finish(
    mut tx: Tx,
    workspace: WorkspaceId,
    contacts: &[ContactId],
    line: Line<'_>,
) -> Result<(), StoreError> {
    if contacts.is_empty() {
        return tx.rollback().await;
    }
    let rows: Vec<LineRow> =
        contacts.iter().map(|contact| row(workspace, *contact, &line)).collect();
    tell(&mut tx, &rows).await?;
    let happened = Happened::to_contact(Occurrence::Segment {
        segment: line.segment,
        entered: line.kind == ADDED,
    });
    let touched: Vec<Touched> = contacts
        .iter()
        .map(|contact| Touched::new(workspace, *contact, What::fields(["contact.segments"])))
        .map(|touched| touched.and(happened.clone()))
        .collect();
    live::reassess(&mut tx, &touched, line.by.at).await?;
    let moved = (line.kind == ADDED, contacts.len());
    told::members(&mut tx, (workspace, line.segment), moved, line.by).await?;
    tx.commit().await
}

fn row<'a>(workspace: WorkspaceId, contact: ContactId, line: &Line<'a>) -> LineRow<'a> {
    LineRow {
        workspace_id: workspace.0,
        contact_id: contact.0,
        id: ContactChangeId::new().0,
        kind: line.kind,
        detail: detail(line.segment, line.name),
        reason: "",
        changed_by: line.by.who,
        at: line.by.at,
    }
}

pub(super) async fn tell(tx: &mut Tx, rows: &[LineRow<'_>]) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO contact_change (workspace_id, contact_id, id, kind, detail, reason, changed_by, at)
             SELECT r.workspace_id, r.contact_id, r.id, r.kind, r.detail, r.reason, r.changed_by, r.at
             FROM ROWS($1: workspace_id uuid, contact_id uuid, id uuid, kind text, detail jsonb, reason text,
                changed_by text, at timestamptz) r",
        )
        .bind(Rows::of(rows))
        .run()
        .await
        .map(drop)
}
