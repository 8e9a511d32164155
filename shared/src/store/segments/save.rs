//! Saving a definition: looked at and written under the workspace's row, so that of two saves the second sees the first.
use super::{SEGMENTS_MAX, Segment, around, read, told};
use crate::{
    clock::Time,
    ids::{SegmentId, WorkspaceId},
    rules::Problem,
    segment::{
        SegmentKind, SegmentState,
        change::{Before, Change, Standing},
        check::{self, Draft, Meant, Refusal},
        named::Names,
        order,
        source::Source,
    },
    store::{Db, StoreError, Tx, live, properties, workspaces::Settings},
};
use serde_json::Value;
use sqlx::types::Json;

/// Why a segment was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("refused: {0:?}")]
    Refused(Refusal),
}

impl From<Refusal> for SaveError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A workspace's segment.
pub type Key = (WorkspaceId, SegmentId);

/// A segment to save.
struct Row<'a> {
    workspace: WorkspaceId,
    id: SegmentId,
    draft: &'a Draft,
    kept: Kept,
    standing: Standing,
    at: Time,
}

/// The two faces of a rule, as they are stored.
#[derive(Default)]
struct Kept {
    rule: Option<Value>,
    search: Option<String>,
}

impl Kept {
    fn read(meant: &Meant) -> Self {
        Self { rule: Some(meant.rule.to_value()), search: meant.search.clone() }
    }

    /// What is stored stays as it is.
    fn of(draft: &Draft) -> Self {
        match &draft.source {
            Some(Source::Stored(rule, search)) => {
                Self { rule: Some(rule.clone()), search: search.clone() }
            }
            _ => Self::default(),
        }
    }
}

/// Stores a new segment. A dynamic one waits to be built, unless it is off.
pub async fn create(
    db: &Db,
    workspace: WorkspaceId,
    draft: &Draft,
    at: Time,
) -> Result<Segment, SaveError> {
    let id = SegmentId::new();
    let mut tx = db.begin().await?;
    let settings = around::lock(&mut tx, workspace).await?;
    let meant = allowed(&mut tx, (workspace, id), draft, &settings).await?;
    room(&mut tx, workspace).await?;
    free_name(&mut tx, (workspace, id), &draft.name).await?;
    let standing = Standing::after(draft, meant.as_ref(), settings.plan, at);
    let kept = meant.as_ref().map_or_else(Kept::default, Kept::read);
    insert(&mut tx, &Row { workspace, id, draft, kept, standing, at }).await?;
    finish(tx, (workspace, id), ("segment.created", None), at).await
}

/// Changes a segment. When more than words change, a build that is under way stops and a dynamic one waits for another.
pub async fn change(
    db: &Db,
    (workspace, id): Key,
    change: &Change,
    at: Time,
) -> Result<Segment, SaveError> {
    let mut tx = db.begin().await?;
    let (found, settings) = open(&mut tx, (workspace, id)).await?;
    let before = before(&found);
    let draft = change.onto(&before);
    let standing = if change.asks_the_rule(&before) {
        let meant = allowed(&mut tx, (workspace, id), &draft, &settings).await?;
        let standing = Standing::after(&draft, meant.as_ref(), settings.plan, at);
        Some((standing, meant))
    } else {
        refuse(check::shape(&draft))?;
        let standing =
            quietly(&mut tx, (change, &before, &draft), (workspace, &settings), at).await?;
        standing.map(|standing| (standing, None))
    };
    free_name(&mut tx, (workspace, id), &draft.name).await?;
    reword(&mut tx, (workspace, id), &draft, at).await?;
    if let Some((standing, meant)) = standing {
        let meant = meant.map_or_else(|| Kept::of(&draft), |meant| Kept::read(&meant));
        define(&mut tx, &Row { workspace, id, draft: &draft, kept: meant, standing, at }).await?;
    }
    finish(tx, (workspace, id), ("segment.saved", Some(&found)), at).await
}

/// Locks a segment and then its workspace: whoever takes both takes them in this order.
pub(super) async fn open(
    tx: &mut Tx,
    (workspace, id): Key,
) -> Result<(Segment, Settings), SaveError> {
    read::lock(tx, workspace, id).await?.ok_or(Refusal::Absent)?;
    let settings = around::lock(tx, workspace).await?;
    let found = read::get(tx.ex(), workspace, id).await?.ok_or(Refusal::Absent)?;
    Ok((found, settings))
}

/// How a segment stands after a change that does not ask its rule; none: as it stood. A frozen one that the plan allows again is built.
async fn quietly(
    tx: &mut Tx,
    (change, before, draft): (&Change, &Before, &Draft),
    (workspace, settings): (WorkspaceId, &Settings),
    at: Time,
) -> Result<Option<Standing>, StoreError> {
    if draft.kind == SegmentKind::Static {
        let is_new = change.is_more_than_words(before);
        return Ok(is_new.then(|| Standing::after(draft, None, settings.plan, at)));
    }
    if change.is_more_than_words(before) {
        return Ok(Some(Standing::off(before)));
    }
    let (SegmentState::Frozen, Some(source)) = (before.state, &draft.source) else {
        return Ok(None);
    };
    let properties = properties::readable(tx.ex(), workspace).await?;
    let Ok(meant) = check::read(source, &properties, "") else { return Ok(None) };
    let standing = Standing::after(draft, Some(&meant), settings.plan, at);
    Ok((standing.state != SegmentState::Frozen).then_some(standing))
}

pub(super) fn before(found: &Segment) -> Before {
    let stored = found.rule.as_ref();
    Before {
        draft: Draft {
            name: found.name.clone(),
            description: found.description.clone(),
            kind: found.kind,
            source: stored.map(|rule| Source::Stored(rule.0.clone(), found.search.clone())),
            timezone: found.timezone.clone(),
            is_enabled: found.is_enabled,
        },
        state: found.state,
        problem: found.problem.clone(),
    }
}

/// What a copy of a segment is to be.
pub fn copied(original: &Segment, name: &str) -> Draft {
    Draft { name: name.to_owned(), ..before(original).draft }
}

/// Has a dynamic segment built again, whatever its members are. One that waits already or is being built is left alone.
pub async fn rebuild(db: &Db, (workspace, id): Key, at: Time) -> Result<Segment, SaveError> {
    let mut tx = db.begin().await?;
    let (found, settings) = open(&mut tx, (workspace, id)).await?;
    if found.kind == SegmentKind::Static {
        return Err(Refusal::NotSo("a static segment has no rule to be built from").into());
    }
    if !found.is_enabled {
        return Err(Refusal::NotSo("the segment is off; turn it on, which builds it").into());
    }
    if matches!(found.state, SegmentState::Waiting | SegmentState::Building) {
        tx.rollback().await?;
        return Ok(found);
    }
    let draft = before(&found).draft;
    let meant = allowed(&mut tx, (workspace, id), &draft, &settings).await?;
    let standing = Standing::after(&draft, meant.as_ref(), settings.plan, at);
    let kept = Kept::of(&draft);
    define(&mut tx, &Row { workspace, id, draft: &draft, kept, standing, at }).await?;
    finish(tx, (workspace, id), ("segment.rebuilt", Some(&found)), at).await
}

fn refuse(problems: Vec<Problem>) -> Result<(), Refusal> {
    if problems.is_empty() { Ok(()) } else { Err(Refusal::Invalid(problems)) }
}

/// The rule of a draft that may be; none of a static one.
async fn allowed(
    tx: &mut Tx,
    (workspace, id): Key,
    draft: &Draft,
    settings: &Settings,
) -> Result<Option<Meant>, SaveError> {
    let mut problems = check::shape(draft);
    let Some(source) = draft.source.as_ref().filter(|_| draft.kind == SegmentKind::Dynamic) else {
        check::plan(settings.plan, draft.kind, None)?;
        refuse(problems)?;
        return Ok(None);
    };
    let meant = match meant(tx, workspace, source, "").await {
        Ok(meant) => Some(meant),
        Err(SaveError::Refused(Refusal::Invalid(found))) => {
            problems.extend(found);
            None
        }
        Err(other) => return Err(other),
    };
    check::plan(settings.plan, draft.kind, meant.as_ref().map(|meant| &meant.rule))?;
    refuse(problems)?;
    if let Some(meant) = &meant {
        let asked = order::references(&meant.rule);
        if !asked.is_empty() {
            let others = around::asking(tx.ex(), workspace).await?;
            check::no_circle((id, &draft.name), asked, &others)?;
        }
    }
    Ok(meant)
}

/// Reads a rule or search and looks up what it names.
pub(super) async fn meant(
    tx: &mut Tx,
    workspace: WorkspaceId,
    source: &Source,
    at: &str,
) -> Result<Meant, SaveError> {
    let properties = properties::readable(tx.ex(), workspace).await?;
    let meant = check::read(source, &properties, at).map_err(Refusal::Invalid)?;
    let names = Names::of(&meant.rule);
    let there = around::around(tx, workspace, &names).await?;
    refuse(check::known(&names, &there, &format!("{at}{}", source.field())))?;
    Ok(meant)
}

async fn room(tx: &mut Tx, workspace: WorkspaceId) -> Result<(), SaveError> {
    let count: i64 = tx
        .ex()
        .sql("SELECT COUNT(*) FROM segment WHERE workspace_id = $1 AND deleted_at IS NULL")
        .bind(workspace)
        .scalar()
        .await?;
    if count >= SEGMENTS_MAX as i64 { Err(Refusal::Full.into()) } else { Ok(()) }
}

async fn free_name(tx: &mut Tx, (workspace, id): Key, name: &str) -> Result<(), SaveError> {
    let other: Option<(SegmentId,)> = tx
        .ex()
        .sql(
            "SELECT id FROM segment
             WHERE workspace_id = $1 AND name = $2 AND deleted_at IS NULL AND id <> $3",
        )
        .bind(workspace)
        .bind(name)
        .bind(id)
        .optional()
        .await?;
    match other {
        Some(_) => Err(Refusal::NameTaken(name.to_owned()).into()),
        None => Ok(()),
    }
}

async fn insert(tx: &mut Tx, row: &Row<'_>) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO segment (workspace_id, id, name, description, kind, rule, search, timezone, state, problem, is_enabled,
                generation, build_due_at, member_count, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, 0, $13, $13)",
        )
        .bind(row.workspace)
        .bind(row.id)
        .bind(row.draft.name.as_str())
        .bind(row.draft.description.as_str())
        .bind(row.draft.kind)
        .bind(row.kept.rule.clone().map(Json))
        .bind(row.kept.search.as_deref())
        .bind(row.draft.timezone.as_deref())
        .bind(row.standing.state)
        .bind(row.standing.problem.as_deref())
        .bind(row.draft.is_enabled)
        .bind(row.standing.build_due_at)
        .bind(row.at)
        .run()
        .await
        .map(drop)
}

/// Writes what people read.
async fn reword(
    tx: &mut Tx,
    (workspace, id): Key,
    draft: &Draft,
    at: Time,
) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE segment SET name = $3, description = $4, updated_at = $5 WHERE workspace_id = $1 AND id = $2",
        )
        .bind(workspace)
        .bind(id)
        .bind(draft.name.as_str())
        .bind(draft.description.as_str())
        .bind(at)
        .run()
        .await
        .map(drop)
}

/// Writes what the program reads. A build of what was there before stops at its next step.
async fn define(tx: &mut Tx, row: &Row<'_>) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE segment SET kind = $3, rule = $4, search = $5, timezone = $6, is_enabled = $7, state = $8, problem = $9,
                build_due_at = $10, generation = generation + 1, claimed_until = NULL, swept_at = NULL, flips_at = NULL
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(row.workspace)
        .bind(row.id)
        .bind(row.draft.kind)
        .bind(row.kept.rule.clone().map(Json))
        .bind(row.kept.search.as_deref())
        .bind(row.draft.timezone.as_deref())
        .bind(row.draft.is_enabled)
        .bind(row.standing.state)
        .bind(row.standing.problem.as_deref())
        .bind(row.standing.build_due_at)
        .run()
        .await
        .map(drop)
}

async fn finish(
    mut tx: Tx,
    (workspace, id): Key,
    (action, before): (&'static str, Option<&Segment>),
    at: Time,
) -> Result<Segment, SaveError> {
    live::changed(&mut tx, workspace).await?;
    let saved = read::get(tx.ex(), workspace, id).await?.ok_or(Refusal::Absent)?;
    told::save(&mut tx, (action, before), &saved, at).await?;
    tx.commit().await?;
    Ok(saved)
}
