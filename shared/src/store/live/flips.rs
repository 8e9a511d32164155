//! What the clock alone changes: segments whose rules speak of now are looked at when that may make a difference.
use super::{
    StoreError, Tx,
    assess::{self, Ask, LAST_ACTIVITY, Moved},
    definitions::{self, Definition, Definitions},
    gate, write,
};
use crate::{
    clock::Time,
    contact::doc,
    ids::{ContactId, SegmentId, WorkspaceId},
    rules::{LOOK_AGAIN, PROPERTY, Window},
    store::{Db, automation::pending},
};
use chrono::TimeDelta;
use std::{collections::BTreeSet, sync::Arc, time::Instant};

/// Contacts that a sweep asks about at once; when there are more, it goes through the time in smaller parts.
const AT_ONCE: i64 = 500;
/// Contacts whose answers may have changed at one moment; when there are more, the segment is built again.
const MOST: i64 = 5_000;
/// The smallest part of time.
const PART: TimeDelta = TimeDelta::seconds(1);
/// Contacts without an index on the moment are looked for this much further back: a change that was under way is found the next time.
const OVERLAP: TimeDelta = TimeDelta::seconds(120);
/// Looking through all contacts may take this part of the time.
const SHARE: i32 = 50;

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// There was nothing to do (any more).
    Nothing,
    /// The segment, at this generation, is due for a build.
    Due(i64),
    /// So many members came or went, as of the time given or of a time before it: then it is due still.
    Moved(usize),
}

/// Segments whose members the clock may have changed.
pub async fn due(
    db: &Db,
    now: Time,
    limit: i64,
) -> Result<Vec<(WorkspaceId, SegmentId)>, StoreError> {
    db.read()
        .sql(
            "SELECT workspace_id, id FROM segment WHERE flips_at <= $1 AND build_due_at IS NULL ORDER BY flips_at LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .all()
        .await
}

#[derive(sqlx::FromRow)]
struct Clocked {
    generation: i64,
    swept_at: Option<Time>,
    flips_at: Option<Time>,
    build_due_at: Option<Time>,
}

async fn clocked(
    tx: &mut Tx,
    workspace: WorkspaceId,
    id: SegmentId,
) -> Result<Option<Clocked>, StoreError> {
    tx.ex()
        .sql("SELECT generation, swept_at, flips_at, build_due_at FROM segment WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .optional()
        .await
}

/// What was found by looking through all contacts.
struct Scanned {
    found: BTreeSet<ContactId>,
    /// How long it is until one looks again.
    rest: TimeDelta,
}

/// Makes a segment's members right for `now`.
pub async fn sweep(
    db: &Db,
    workspace: WorkspaceId,
    id: SegmentId,
    now: Time,
) -> Result<Swept, StoreError> {
    // Nobody waits at the gate while all contacts are looked through.
    let mut tx = db.begin_wide_read().await?;
    let definitions = definitions::of(&mut tx, workspace).await?;
    let scanned = match (definitions.of(id), clocked(&mut tx, workspace, id).await?) {
        (Some(one), Some(clocked)) => {
            scan(&mut tx, workspace, one, (clocked.swept_at, now)).await?
        }
        _ => None,
    };
    tx.rollback().await?;
    let mut tx = db.begin().await?;
    gate::alone(&mut tx, workspace).await?;
    let swept = sweep_in(&mut tx, (workspace, id), scanned, now).await?;
    tx.commit().await?;
    Ok(swept)
}

async fn sweep_in(
    tx: &mut Tx,
    (workspace, id): (WorkspaceId, SegmentId),
    scanned: Option<Scanned>,
    now: Time,
) -> Result<Swept, StoreError> {
    let Some(clocked) = clocked(tx, workspace, id).await? else { return Ok(Swept::Nothing) };
    let is_due = clocked.flips_at.is_some_and(|at| at <= now) && clocked.build_due_at.is_none();
    if !is_due {
        return Ok(Swept::Nothing);
    }
    let definitions = definitions::of(tx, workspace).await?;
    let Some((place, one)) = definitions.place(id).zip(definitions.of(id)) else {
        // It is not kept right at present; when it is again, it is built.
        set(tx, (workspace, id), (clocked.swept_at, None)).await?;
        return Ok(Swept::Nothing);
    };
    let Some(from) = clocked.swept_at else {
        return rebuild(tx, (workspace, id), clocked.generation, now).await;
    };
    let has_new_day = one.clocks.next_day(from, one.zone).is_some_and(|day| day <= now);
    let scans = one.clocks.windows.iter().any(|window| window.path != LAST_ACTIVITY);
    if has_new_day || (scans && scanned.is_none()) {
        return rebuild(tx, (workspace, id), clocked.generation, now).await;
    }
    let Some((to, mut found)) = passed(tx, workspace, one, (from, now)).await? else {
        return rebuild(tx, (workspace, id), clocked.generation, now).await;
    };
    let rest = scanned.as_ref().map_or(LOOK_AGAIN, |scanned| scanned.rest);
    found.extend(scanned.into_iter().flat_map(|scanned| scanned.found));
    let moved = ask(tx, &definitions, (place, found), to).await?;
    follow(tx, &definitions, &moved, to).await?;
    let next = next_after(tx, one, workspace, (to, rest)).await?;
    set(tx, (workspace, id), (Some(to), next)).await?;
    Ok(Swept::Moved(moved.come.len() + moved.gone.len()))
}

/// The contacts whose last activity passed an end of a window, up to now or as far as they are not too many. None: even so they are.
async fn passed(
    tx: &mut Tx,
    workspace: WorkspaceId,
    one: &Definition,
    (from, now): (Time, Time),
) -> Result<Option<(Time, BTreeSet<ContactId>)>, StoreError> {
    let mut to = now;
    loop {
        let is_least = to - from <= PART;
        let limit = if is_least { MOST } else { AT_ONCE };
        let found = between(tx, workspace, (one, from, to), limit).await?;
        match found {
            Some(found) => return Ok(Some((to, found))),
            None if is_least => return Ok(None),
            None => to = from + (to - from) / 2,
        }
    }
}

/// The contacts whose last activity passed an end of a window between two times; none if they are more than `limit`.
async fn between(
    tx: &mut Tx,
    workspace: WorkspaceId,
    (one, from, to): (&Definition, Time, Time),
    limit: i64,
) -> Result<Option<BTreeSet<ContactId>>, StoreError> {
    let mut found = BTreeSet::new();
    for window in one.clocks.windows.iter().filter(|window| window.path == LAST_ACTIVITY) {
        for (low, high) in window.crossed(from, to, one.zone) {
            let ids: Vec<(ContactId,)> = tx
                .ex()
                .sql(
                    "SELECT contact_id FROM activity_sum
                     WHERE workspace_id = $1 AND last_activity_at >= $2 AND last_activity_at <= $3
                     ORDER BY last_activity_at LIMIT $4",
                )
                .bind(workspace)
                .bind(low)
                .bind(high)
                .bind(limit + 1)
                .all()
                .await?;
            found.extend(ids.into_iter().map(|(id,)| id));
            if found.len() as i64 > limit {
                return Ok(None);
            }
        }
    }
    Ok(Some(found))
}

/// Asks the segment about these contacts.
async fn ask(
    tx: &mut Tx,
    definitions: &Definitions,
    (place, found): (usize, BTreeSet<ContactId>),
    to: Time,
) -> Result<Moved, StoreError> {
    let places = Arc::new(BTreeSet::from([place]));
    let asks: Vec<Ask> =
        found.into_iter().map(|contact| Ask { contact, places: places.clone() }).collect();
    let mut moved = Moved::default();
    for asks in asks.chunks(AT_ONCE as usize) {
        moved.add(assess::assess(tx, definitions, asks, to).await?);
    }
    Ok(moved)
}

/// Campaigns that are fed are brought into line by their own pass, and what campaigns react to is noted for them: that does not keep
/// everybody waiting at the gate.
async fn follow(
    tx: &mut Tx,
    definitions: &Definitions,
    moved: &Moved,
    now: Time,
) -> Result<(), StoreError> {
    write::flips(tx, definitions.workspace, &moved.flips).await?;
    pending::note(tx, definitions.workspace, &moved.happened(definitions), now).await?;
    let all = moved.come.iter().chain(&moved.gone).map(|(id, _)| *id);
    let fed: BTreeSet<SegmentId> = all.filter(|id| definitions.fed.contains(id)).collect();
    let fed: Vec<SegmentId> = fed.into_iter().collect();
    write::campaigns_due(tx, definitions.workspace, &fed, now).await
}

async fn set(
    tx: &mut Tx,
    (workspace, id): (WorkspaceId, SegmentId),
    (swept_at, flips_at): (Option<Time>, Option<Time>),
) -> Result<(), StoreError> {
    tx.ex()
        .sql("UPDATE segment SET swept_at = $3, flips_at = $4 WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .bind(swept_at)
        .bind(flips_at)
        .run()
        .await
        .map(drop)
}

async fn rebuild(
    tx: &mut Tx,
    (workspace, id): (WorkspaceId, SegmentId),
    generation: i64,
    now: Time,
) -> Result<Swept, StoreError> {
    tx.ex()
        .sql(
            "UPDATE segment SET build_due_at = $3, flips_at = NULL
             WHERE workspace_id = $1 AND id = $2 AND build_due_at IS NULL",
        )
        .bind(workspace)
        .bind(id)
        .bind(now)
        .run()
        .await?;
    Ok(Swept::Due(generation))
}

/// When the clock will next change the segment, reckoned from a time at which its members are right.
pub(super) async fn next(
    tx: &mut Tx,
    one: &Definition,
    workspace: WorkspaceId,
    as_of: Time,
) -> Result<Option<Time>, StoreError> {
    next_after(tx, one, workspace, (as_of, LOOK_AGAIN)).await
}

async fn next_after(
    tx: &mut Tx,
    one: &Definition,
    workspace: WorkspaceId,
    (as_of, rest): (Time, TimeDelta),
) -> Result<Option<Time>, StoreError> {
    let mut next = one.clocks.next_day(as_of, one.zone);
    let mut sooner = |at: Option<Time>| next = [next, at].into_iter().flatten().min();
    for window in &one.clocks.windows {
        if window.path != LAST_ACTIVITY {
            sooner(Some(as_of + rest));
            continue;
        }
        for end in window.ends(as_of, one.zone) {
            let first: Option<(Time,)> = tx
                .ex()
                .sql(
                    "SELECT last_activity_at FROM activity_sum WHERE workspace_id = $1 AND last_activity_at >= $2
                     ORDER BY last_activity_at LIMIT 1",
                )
                .bind(workspace)
                .bind(end)
                .optional()
                .await?;
            sooner(first.and_then(|(at,)| window.next_for(at, as_of, one.zone)));
        }
    }
    Ok(next)
}

/// Looks through all contacts for those whose moments passed an end of a window. None: nothing is looked for so, or they are too many.
async fn scan(
    tx: &mut Tx,
    workspace: WorkspaceId,
    one: &Definition,
    (from, to): (Option<Time>, Time),
) -> Result<Option<Scanned>, StoreError> {
    let Some(from) = from else { return Ok(None) };
    let mut conditions = Vec::new();
    let mut stretches = Vec::new();
    let windows = one.clocks.windows.iter().filter(|window| window.path != LAST_ACTIVITY);
    for window in windows {
        for (low, high) in window.crossed(from - OVERLAP, to, one.zone) {
            let first = 2 + 3 * stretches.len();
            conditions.push(condition(window, first));
            stretches.push((window, low, high));
        }
    }
    if stretches.is_empty() {
        return Ok(None);
    }
    let limit = 2 + 3 * stretches.len();
    let text = format!(
        "SELECT c.id FROM contact c
         LEFT JOIN activity_sum a ON a.workspace_id = c.workspace_id AND a.contact_id = c.id
         WHERE c.workspace_id = $1 AND ({}) LIMIT ${limit}",
        conditions.join(" OR ")
    );
    let began = Instant::now();
    let mut query = tx.ex().made(text).bind(workspace);
    for (window, low, high) in &stretches {
        query = match window.path.strip_prefix(PROPERTY) {
            Some(key) => {
                query.bind(key.to_owned()).bind(doc::moment(*low)).bind(doc::moment(*high))
            }
            None => query.bind(true).bind(*low).bind(*high),
        };
    }
    let found: Vec<(ContactId,)> = query.bind(MOST + 1).all().await?;
    if found.len() as i64 > MOST {
        return Ok(None);
    }
    let took = TimeDelta::from_std(began.elapsed()).unwrap_or(LOOK_AGAIN);
    let found = found.into_iter().map(|(id,)| id).collect();
    Ok(Some(Scanned { found, rest: LOOK_AGAIN.max(took * SHARE) }))
}

/// The condition on `c` and `a` that a moment lies in a stretch; three parameters.
fn condition(window: &Window, first: usize) -> String {
    let column = match window.path.as_str() {
        "contact.createdAt" => "c.created_at",
        "contact.updatedAt" => "c.updated_at",
        "contact.doNotContactUntil" => "c.do_not_contact_until",
        "contact.firstSeenAt" => "a.first_seen_at",
        _ => {
            // A property: its moments sort as text.
            return format!(
                "(c.properties->>${first} >= ${} AND c.properties->>${first} <= ${})",
                first + 1,
                first + 2
            );
        }
    };
    format!("(${first} AND {column} >= ${} AND {column} <= ${})", first + 1, first + 2)
}
