//! What a change of the workspace's plan or zone does to its segments: frozen, thawed, built again.
use super::{Segment, read, save::before};
use crate::{
    clock::Time,
    ids::{SegmentId, WorkspaceId},
    plan::Plan,
    rules::Properties,
    segment::{
        SegmentKind, SegmentState,
        change::Standing,
        check::{self, Meant},
    },
    store::{Rows, StoreError, Tx, live, properties, rows::time_or_null},
};
use serde::Serialize;
use uuid::Uuid;

/// What of the workspace has changed.
#[derive(Debug, Clone, Copy)]
pub struct Replan {
    pub plan: Plan,
    /// Days begin at another time for segments without a zone of their own.
    pub zone_changed: bool,
}

/// A segment that stands otherwise now.
struct Turned {
    id: SegmentId,
    generation: i64,
    standing: Standing,
}

/// Locks the dynamic segments in the order of their ids. Whoever wants the workspace's row, too, takes it after this.
pub(in crate::store) async fn lock(tx: &mut Tx, workspace: WorkspaceId) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "SELECT id FROM segment WHERE workspace_id = $1 AND kind = 'dynamic' AND deleted_at IS NULL
             ORDER BY id{pg:  FOR NO KEY UPDATE}",
        )
        .bind(workspace)
        .run()
        .await
        .map(drop)
}

/// Freezes what the plan no longer allows, and has built what it allows again or what begins its days at another time. Answers what is
/// to be built.
pub(in crate::store) async fn replan(
    tx: &mut Tx,
    workspace: WorkspaceId,
    replan: Replan,
    at: Time,
) -> Result<Vec<(SegmentId, i64)>, StoreError> {
    let properties = properties::readable(tx.ex(), workspace).await?;
    let segments = read::all(tx.ex(), workspace).await?;
    let turned: Vec<Turned> =
        segments.iter().filter_map(|one| turn(one, &properties, replan, at)).collect();
    write(tx, workspace, &turned, at).await?;
    live::changed(tx, workspace).await?;
    let built = turned.into_iter().filter(|one| one.standing.build_due_at.is_some());
    Ok(built.map(|one| (one.id, one.generation)).collect())
}

fn turn(segment: &Segment, properties: &Properties, replan: Replan, at: Time) -> Option<Turned> {
    if segment.kind == SegmentKind::Static {
        return None;
    }
    let draft = before(segment).draft;
    let meant: Option<Meant> =
        draft.source.as_ref().and_then(|source| check::read(source, properties, "").ok());
    let standing = Standing::after(&draft, meant.as_ref(), replan.plan, at);
    let is_frozen = segment.state == SegmentState::Frozen;
    let freezes = standing.state == SegmentState::Frozen;
    let other_days = replan.zone_changed && segment.timezone.is_none() && segment.is_enabled;
    let turns = match (is_frozen, freezes) {
        // The reason may name another plan.
        (true, true) => standing.problem != segment.problem,
        (true, false) | (false, true) => true,
        (false, false) => other_days,
    };
    turns.then_some(Turned { id: segment.id, generation: segment.generation + 1, standing })
}

#[derive(Serialize)]
struct TurnedRow<'a> {
    id: Uuid,
    state: SegmentState,
    problem: Option<&'a str>,
    #[serde(serialize_with = "time_or_null")]
    build_due_at: Option<Time>,
}

impl<'a> TurnedRow<'a> {
    fn of(one: &'a Turned) -> Self {
        Self {
            id: one.id.0,
            state: one.standing.state,
            problem: one.standing.problem.as_deref(),
            build_due_at: one.standing.build_due_at,
        }
    }
}

async fn write(
    tx: &mut Tx,
    workspace: WorkspaceId,
    turned: &[Turned],
    at: Time,
) -> Result<(), StoreError> {
    if turned.is_empty() {
        return Ok(());
    }
    let rows: Vec<TurnedRow> = turned.iter().map(TurnedRow::of).collect();
    tx.ex()
        .sql(
            "UPDATE segment SET state = r.state, problem = r.problem, build_due_at = r.build_due_at, updated_at = $3,
                generation = generation + 1, claimed_until = NULL, swept_at = NULL, flips_at = NULL
             FROM ROWS($2: id uuid, state text, problem text, build_due_at timestamptz) r
             WHERE segment.workspace_id = $1 AND segment.id = r.id",
        )
        .bind(workspace)
        .bind(Rows::of(&rows))
        .bind(at)
        .run()
        .await
        .map(drop)
}
