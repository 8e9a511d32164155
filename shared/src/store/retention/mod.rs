//! How long a workspace keeps what, and how far the sweep has come. See `docs/retention.md`.
use super::{Db, Rows, StoreError, Tx, audit};
use crate::{
    audit::{Actor, Entry},
    clock::Time,
    ids::WorkspaceId,
    retention::{ALL, Kind, Rule},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

mod apply;
mod fold;
mod step;
mod walks;

pub use fold::FIND as FIND_FIRINGS;
pub use step::{Phase, SLACK, STEP, Stepped, step};
pub use walks::{Finds, Walk};

/// The periods that a workspace has set, in days; of a kind that is not named the installation's holds.
pub type Periods = BTreeMap<Kind, i64>;

/// How far a kind has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is older is gone, but for what was left.
    pub done_until: Option<Time>,
    /// What is older and was not over when it was looked at.
    pub left: i64,
}

/// A walk that is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    pub workspace: WorkspaceId,
    pub walk: Walk,
    pub days: i64,
    pub done_until: Option<Time>,
}

#[derive(Serialize)]
struct PeriodRow {
    workspace_id: Uuid,
    kind: &'static str,
    days: i64,
}

/// What the workspace has set.
pub async fn periods(db: &Db, workspace: WorkspaceId) -> Result<Periods, StoreError> {
    let found: Vec<(String, i64)> = db
        .read()
        .sql("SELECT kind, days FROM retention WHERE workspace_id = $1")
        .bind(workspace)
        .all()
        .await?;
    Ok(read(found))
}

/// A kind that a newer program knows is left alone.
fn read(found: Vec<(String, i64)>) -> Periods {
    let known = |(name, days): (String, i64)| Some((Rule::named(&name)?.kind, days));
    found.into_iter().filter_map(known).collect()
}

/// Sets all periods of the workspace; a kind that is not named is the installation's again.
pub async fn put(
    db: &Db,
    workspace: WorkspaceId,
    new: &Periods,
    (actor, at): (&Actor, Time),
) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    tx.ex()
        .sql("SELECT id FROM workspace WHERE id = $1{pg:  FOR NO KEY UPDATE}")
        .bind(workspace)
        .run()
        .await?;
    let old: Vec<(String, i64)> = tx
        .ex()
        .sql("SELECT kind, days FROM retention WHERE workspace_id = $1")
        .bind(workspace)
        .all()
        .await?;
    let old = read(old);
    if old == *new {
        return tx.rollback().await;
    }
    for rule in
        ALL.iter().filter(|rule| old.contains_key(&rule.kind) && !new.contains_key(&rule.kind))
    {
        tx.ex()
            .sql("DELETE FROM retention WHERE workspace_id = $1 AND kind = $2")
            .bind(workspace)
            .bind(rule.name)
            .run()
            .await?;
    }
    write(&mut tx, workspace, new).await?;
    let (before, after) = changed(&old, new);
    let entry = Entry::new("retention.saved", "workspace", workspace).from(before).to(after);
    audit::add(&mut tx, workspace, actor, &[entry], at).await?;
    tx.commit().await
}

async fn write(tx: &mut Tx, workspace: WorkspaceId, new: &Periods) -> Result<(), StoreError> {
    let row = |(kind, days): (&Kind, &i64)| PeriodRow {
        workspace_id: workspace.0,
        kind: kind.rule().name,
        days: *days,
    };
    tx.ex()
        .sql(
            "INSERT INTO retention (workspace_id, kind, days)
             SELECT r.workspace_id, r.kind, r.days FROM ROWS($1: workspace_id uuid, kind text, days bigint) r WHERE true
             ON CONFLICT (workspace_id, kind) DO UPDATE SET days = excluded.days",
        )
        .bind(Rows::of(&new.iter().map(row).collect::<Vec<_>>()))
        .run()
        .await
        .map(drop)
}

/// The periods that changed, by name: before and after.
fn changed(old: &Periods, new: &Periods) -> (Value, Value) {
    let (mut before, mut after) = (Map::new(), Map::new());
    for rule in &ALL {
        let (was, is) = (old.get(&rule.kind), new.get(&rule.kind));
        if was != is {
            before.insert(rule.name.into(), json!(was));
            after.insert(rule.name.into(), json!(is));
        }
    }
    (before.into(), after.into())
}

/// How far each kind has come; of a kind with several walks the one that is behind.
pub async fn progress(
    db: &Db,
    workspace: WorkspaceId,
) -> Result<BTreeMap<Kind, Progress>, StoreError> {
    let found: Vec<(String, Option<Time>, i64)> = db
        .read()
        .sql(
            "SELECT w.walk, w.done_until,
                (SELECT COUNT(*) FROM retention_left l WHERE l.workspace_id = w.workspace_id AND l.walk = w.walk) AS waits
             FROM retention_walk w WHERE w.workspace_id = $1",
        )
        .bind(workspace)
        .all()
        .await?;
    let mut all: BTreeMap<Kind, Progress> = BTreeMap::new();
    for walk in Walk::ALL {
        let row = found.iter().find(|row| row.0 == walk.name());
        let own =
            row.map_or_else(Progress::default, |row| Progress { done_until: row.1, left: row.2 });
        let known = all.get(&walk.kind()).copied();
        let both = known.map_or(own, |known| Progress {
            done_until: known.done_until.min(own.done_until),
            left: known.left + own.left,
        });
        all.insert(walk.kind(), both);
    }
    Ok(all)
}

/// All walks of all workspaces that have a period, those that are furthest behind first. For the sweep: it sees all workspaces.
pub async fn work(db: &Db) -> Result<Vec<Work>, StoreError> {
    let workspaces: Vec<(WorkspaceId,)> =
        db.read().sql("SELECT id FROM workspace ORDER BY id").all().await?;
    let set: Vec<(WorkspaceId, String, i64)> = db
        .read()
        .sql("SELECT workspace_id, kind, days FROM retention ORDER BY workspace_id, kind")
        .all()
        .await?;
    let walked: Vec<(WorkspaceId, String, Option<Time>)> = db
        .read()
        .sql(
            "SELECT workspace_id, walk, done_until FROM retention_walk ORDER BY workspace_id, walk",
        )
        .all()
        .await?;
    let set: BTreeMap<(WorkspaceId, &str), i64> =
        set.iter().map(|(workspace, kind, days)| ((*workspace, kind.as_str()), *days)).collect();
    let walked: BTreeMap<(WorkspaceId, &str), Option<Time>> = walked
        .iter()
        .map(|(workspace, walk, until)| ((*workspace, walk.as_str()), *until))
        .collect();
    let mut all = Vec::new();
    for (workspace,) in workspaces {
        for walk in Walk::ALL {
            let rule = walk.kind().rule();
            let days = set.get(&(workspace, rule.name)).copied().or(rule.default_of_sweep());
            let done_until = walked.get(&(workspace, walk.name())).copied().flatten();
            all.extend(days.map(|days| Work { workspace, walk, days, done_until }));
        }
    }
    all.sort_by_key(|work| work.done_until);
    Ok(all)
}
