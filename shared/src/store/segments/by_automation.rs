//! Members that reactions add to static segments and remove from them, for many contacts and segments at once.
use super::{
    members::{self, LineRow},
    read,
};
use crate::{
    clock::Time,
    ids::{ContactChangeId, ContactId, SegmentId, WorkspaceId},
    segment::SegmentKind,
    store::{Rows, StoreError, Tx, rows::time},
};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

const ABSENT: &str = "there is no such segment";
/// Why members of a dynamic segment are left.
const DYNAMIC: &str = "the segment is dynamic: its rule says who is in it";

/// A contact that is to become a member of a segment, or to be none any more.
#[derive(Debug, Clone)]
pub struct Move {
    pub contact: ContactId,
    pub segment: SegmentId,
    pub add: bool,
    /// Who says so, and why.
    pub by: String,
    pub reason: String,
}

type Pair = (SegmentId, ContactId);

/// Whether anybody can be added to a segment; it stays so until the end of the transaction. Answers why not.
pub async fn standing(
    tx: &mut Tx,
    workspace: WorkspaceId,
    segment: SegmentId,
) -> Result<Result<(), &'static str>, StoreError> {
    Ok(match read::share(tx, workspace, segment).await? {
        None => Err(ABSENT),
        Some((SegmentKind::Dynamic, _)) => Err(DYNAMIC),
        Some((SegmentKind::Static, _)) => Ok(()),
    })
}

/// Makes the moves, in their order; for each, why it was left, if it was. Contacts are locked here, and the segments, so that nobody deletes
/// them meanwhile. The caller tells [`crate::store::live::reassess`] of those that were made.
pub async fn move_each(
    tx: &mut Tx,
    workspace: WorkspaceId,
    moves: &[Move],
    at: Time,
) -> Result<Vec<Option<String>>, StoreError> {
    if moves.is_empty() {
        return Ok(Vec::new());
    }
    let contacts: Vec<ContactId> = moves.iter().map(|one| one.contact).collect();
    let people = members::look(tx, workspace, &contacts).await?;
    let people: HashSet<ContactId> = people.moved.into_iter().collect();
    let segments = share(tx, workspace, moves).await?;
    let before = present(tx, workspace, moves).await?;
    let mut after = before.clone();
    let (mut left, mut lines) = (Vec::with_capacity(moves.len()), Vec::new());
    for one in moves {
        let why = bar(one, segments.get(&one.segment), &people)
            .or_else(|| change(&mut after, one).err())
            .map(str::to_owned);
        if why.is_none() {
            let name = segments.get(&one.segment).map_or("", |(_, name)| name.as_str());
            lines.push(line(workspace, one, name, at));
        }
        left.push(why);
    }
    insert(tx, workspace, after.difference(&before), at).await?;
    delete(tx, workspace, before.difference(&after)).await?;
    if !lines.is_empty() {
        members::tell(tx, &lines).await?;
    }
    Ok(left)
}

/// What keeps a contact out of a segment, or in it.
fn bar(
    one: &Move,
    segment: Option<&(SegmentKind, String)>,
    people: &HashSet<ContactId>,
) -> Option<&'static str> {
    match segment {
        None => Some(ABSENT),
        Some((SegmentKind::Dynamic, _)) => Some(DYNAMIC),
        _ if one.add && !people.contains(&one.contact) => Some("the contact is deleted"),
        _ => None,
    }
}

fn change(after: &mut HashSet<Pair>, one: &Move) -> Result<(), &'static str> {
    let pair = (one.segment, one.contact);
    match one.add {
        true if !after.insert(pair) => Err("the contact is in the segment already"),
        false if !after.remove(&pair) => Err("the contact is not in the segment"),
        _ => Ok(()),
    }
}

fn line<'a>(workspace: WorkspaceId, one: &'a Move, name: &str, at: Time) -> LineRow<'a> {
    LineRow {
        workspace_id: workspace.0,
        contact_id: one.contact.0,
        id: ContactChangeId::new().0,
        kind: if one.add { "segment_added" } else { "segment_removed" },
        detail: members::detail(one.segment, name),
        reason: &one.reason,
        changed_by: &one.by,
        at,
    }
}

#[derive(Serialize)]
struct SegmentRow {
    workspace_id: Uuid,
    id: Uuid,
}

/// Kind and name of the segments that are there; they stay so until the end of the transaction.
async fn share(
    tx: &mut Tx,
    workspace: WorkspaceId,
    moves: &[Move],
) -> Result<HashMap<SegmentId, (SegmentKind, String)>, StoreError> {
    let ids: BTreeSet<SegmentId> = moves.iter().map(|one| one.segment).collect();
    let rows: Vec<SegmentRow> =
        ids.into_iter().map(|id| SegmentRow { workspace_id: workspace.0, id: id.0 }).collect();
    let found: Vec<(SegmentId, SegmentKind, String)> = tx
        .ex()
        .sql(
            "SELECT s.id, s.kind, s.name FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN segment s ON s.workspace_id = r.workspace_id AND s.id = r.id
             WHERE s.deleted_at IS NULL{pg:  FOR SHARE OF s}",
        )
        .bind(Rows::of(&rows))
        .all()
        .await?;
    Ok(found.into_iter().map(|(id, kind, name)| (id, (kind, name))).collect())
}

#[derive(Serialize)]
struct MemberRow {
    workspace_id: Uuid,
    segment_id: Uuid,
    contact_id: Uuid,
    #[serde(serialize_with = "time")]
    at: Time,
}

fn rows<'a>(
    workspace: WorkspaceId,
    pairs: impl Iterator<Item = &'a Pair>,
    at: Time,
) -> Vec<MemberRow> {
    let pairs: BTreeSet<&Pair> = pairs.collect();
    let row = |(segment, contact): &Pair| MemberRow {
        workspace_id: workspace.0,
        segment_id: segment.0,
        contact_id: contact.0,
        at,
    };
    pairs.into_iter().map(row).collect()
}

/// Which of the pairs are there.
async fn present(
    tx: &mut Tx,
    workspace: WorkspaceId,
    moves: &[Move],
) -> Result<HashSet<Pair>, StoreError> {
    let pairs: Vec<Pair> = moves.iter().map(|one| (one.segment, one.contact)).collect();
    let found: Vec<Pair> = tx
        .ex()
        .sql(
            "SELECT m.segment_id, m.contact_id FROM ROWS($1: workspace_id uuid, segment_id uuid, contact_id uuid) r
             JOIN segment_member m ON m.workspace_id = r.workspace_id AND m.segment_id = r.segment_id
                AND m.contact_id = r.contact_id",
        )
        .bind(Rows::of(&rows(workspace, pairs.iter(), Time::UNIX_EPOCH)))
        .all()
        .await?;
    Ok(found.into_iter().collect())
}

async fn insert<'a>(
    tx: &mut Tx,
    workspace: WorkspaceId,
    pairs: impl Iterator<Item = &'a Pair>,
    at: Time,
) -> Result<(), StoreError> {
    let rows = rows(workspace, pairs, at);
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "INSERT INTO segment_member (workspace_id, segment_id, contact_id, added_at)
             SELECT r.workspace_id, r.segment_id, r.contact_id, r.at
             FROM ROWS($1: workspace_id uuid, segment_id uuid, contact_id uuid, at timestamptz) r WHERE TRUE
             ON CONFLICT (workspace_id, segment_id, contact_id) DO NOTHING",
        )
        .bind(Rows::of(&rows))
        .run()
        .await
        .map(drop)
}

async fn delete<'a>(
    tx: &mut Tx,
    workspace: WorkspaceId,
    pairs: impl Iterator<Item = &'a Pair>,
) -> Result<(), StoreError> {
    let rows = rows(workspace, pairs, Time::UNIX_EPOCH);
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            // No column is compared with a plain value, so that each row is reached by its whole key.
            "DELETE FROM segment_member WHERE (workspace_id, segment_id, contact_id) IN
                (SELECT r.workspace_id, r.segment_id, r.contact_id
                 FROM ROWS($1: workspace_id uuid, segment_id uuid, contact_id uuid) r)",
        )
        .bind(Rows::of(&rows))
        .run()
        .await
        .map(drop)
}
