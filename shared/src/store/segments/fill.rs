//! Adding all contacts that a search finds to a static segment, in steps: each is whole, and the whole can be gone on with.
use super::{
    list,
    members::{self, By, MEMBERS_AT_ONCE, NOT_BY_HAND},
    read,
    save::{Key, SaveError, meant},
};
use crate::{
    ids::{ContactId, WorkspaceId},
    segment::{
        SegmentKind,
        check::{self, Meant, Refusal},
        source::Source,
    },
    store::{
        Db, StoreError,
        contacts::search::{self, Among, Search},
        workspaces,
    },
};
use chrono_tz::Tz;

/// Contacts that one call looks at, at most; it answers where to go on.
pub const FILL_AT_ONCE: usize = 20_000;

/// Whose contacts a segment gets.
#[derive(Debug, Clone, Copy)]
pub enum From<'a> {
    /// Of those who match.
    Matching(&'a Wanted),
    /// Of another segment.
    Members(Key),
}

/// A rule that may be asked, and the zone in which its days begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    pub meant: Meant,
    pub zone: Tz,
}

/// How far a fill came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filled {
    /// Contacts that were looked at.
    pub found: u64,
    /// Of those, the ones that were no members before.
    pub added: u64,
    /// Where to go on; none: that was all.
    pub next: Option<ContactId>,
}

/// Reads a rule or search that is to be asked now, and holds it against the plan. Problems are named below `at`, such as `from.`.
pub async fn wanted(
    db: &Db,
    workspace: WorkspaceId,
    source: &Source,
    (zone, at): (Option<&str>, &str),
) -> Result<Wanted, SaveError> {
    let mut tx = db.begin_wide_read().await?;
    let settings = workspaces::settings(tx.ex(), workspace).await?;
    let meant = meant(&mut tx, workspace, source, at).await;
    tx.rollback().await?;
    let meant = meant?;
    check::plan(settings.plan, SegmentKind::Static, Some(&meant.rule))?;
    let zone = zone.unwrap_or(&settings.timezone).parse().unwrap_or(Tz::UTC);
    Ok(Wanted { meant, zone })
}

/// Adds contacts of `from` whose ids come after `after`, at most [`FILL_AT_ONCE`]. What is added stays when a later step fails; the same
/// call does the rest.
pub async fn fill(
    db: &Db,
    key: Key,
    from: From<'_>,
    after: Option<ContactId>,
    by: By<'_>,
) -> Result<Filled, SaveError> {
    // Said even when nobody is found.
    match read::get(db.read(), key.0, key.1).await?.map(|segment| segment.kind) {
        Some(SegmentKind::Static) => {}
        Some(SegmentKind::Dynamic) => return Err(Refusal::NotSo(NOT_BY_HAND).into()),
        None => return Err(Refusal::Absent.into()),
    }
    let mut filled = Filled { next: after, ..Filled::default() };
    while filled.found < FILL_AT_ONCE as u64 {
        let found = step(db, key.0, from, filled.next, by).await?;
        let Some(last) = found.last().copied() else {
            filled.next = None;
            break;
        };
        let moved = members::add(db, key, &found, by).await?;
        filled.found += found.len() as u64;
        filled.added += moved.moved.len() as u64;
        filled.next = Some(last).filter(|_| found.len() == MEMBERS_AT_ONCE);
        if filled.next.is_none() {
            break;
        }
    }
    note(db, key, &filled, by).await?;
    Ok(filled)
}

async fn step(
    db: &Db,
    workspace: WorkspaceId,
    from: From<'_>,
    after: Option<ContactId>,
    by: By<'_>,
) -> Result<Vec<ContactId>, StoreError> {
    match from {
        From::Members(other) => {
            list::member_ids(db.read(), other, after, MEMBERS_AT_ONCE as i64).await
        }
        From::Matching(wanted) => {
            let search = Search {
                workspace,
                rule: Some(&wanted.meant.rule),
                now: by.at,
                zone: wanted.zone,
                among: Among::Kept,
            };
            search::ids(db, &search, after, MEMBERS_AT_ONCE).await
        }
    }
}

/// A line of the segment's history of counts; of two at the same time, one that says both.
async fn note(
    db: &Db,
    (workspace, segment): Key,
    filled: &Filled,
    by: By<'_>,
) -> Result<(), StoreError> {
    if filled.added == 0 {
        return Ok(());
    }
    db.write()
        .sql(
            "INSERT INTO segment_count (workspace_id, segment_id, at, members, added, removed, build_ms)
             VALUES ($1, $2, $3,
                (SELECT COUNT(*) FROM segment_member WHERE workspace_id = $1 AND segment_id = $2), $4, 0, 0)
             ON CONFLICT (workspace_id, segment_id, at) DO UPDATE
             SET members = excluded.members, added = segment_count.added + excluded.added",
        )
        .bind(workspace)
        .bind(segment)
        .bind(by.at)
        .bind(filled.added as i64)
        .run()
        .await
        .map(drop)
}
