//! The types of activities that a workspace uses: remembered, and not more than it may have.
use crate::{
    activity::{KNOWN_TYPES, New, TYPES_MAX},
    clock::Time,
    ids::WorkspaceId,
    store::{Rows, StoreError, Tx, rows::time},
};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

#[derive(Serialize)]
struct Row<'a> {
    workspace_id: Uuid,
    r#type: &'a str,
    #[serde(serialize_with = "time")]
    at: Time,
}

type Kind<'a> = (WorkspaceId, &'a str);

/// Remembers the types that are new; answers those that are one too many.
pub(super) async fn remember<'a>(
    tx: &mut Tx,
    news: impl Iterator<Item = &'a New>,
) -> Result<HashSet<Kind<'a>>, StoreError> {
    let mut used: BTreeMap<Kind, Time> = BTreeMap::new();
    for new in news {
        used.entry((new.workspace, &new.kind)).or_insert(new.received_at);
    }
    if used.is_empty() {
        return Ok(HashSet::new());
    }
    let known: Vec<(WorkspaceId, String)> = tx
        .ex()
        .sql(
            "SELECT t.workspace_id, t.type FROM ROWS($1: workspace_id uuid, type text, at timestamptz) r
             JOIN activity_type t ON t.workspace_id = r.workspace_id AND t.type = r.type",
        )
        .bind(Rows::of(&rows(&used)))
        .all()
        .await?;
    let known: HashSet<(WorkspaceId, String)> = known.into_iter().collect();
    used.retain(|(workspace, kind), _| !known.contains(&(*workspace, (*kind).to_owned())));
    if used.is_empty() {
        return Ok(HashSet::new());
    }
    let refused = too_many(tx, &used).await?;
    used.retain(|kind, _| !refused.contains(kind));
    tx.ex()
        .sql(
            "INSERT INTO activity_type (workspace_id, type, first_seen_at)
             SELECT r.workspace_id, r.type, r.at FROM ROWS($1: workspace_id uuid, type text, at timestamptz) r
             WHERE true ON CONFLICT DO NOTHING",
        )
        .bind(Rows::of(&rows(&used)))
        .run()
        .await?;
    Ok(refused)
}

fn rows<'a>(used: &BTreeMap<Kind<'a>, Time>) -> Vec<Row<'a>> {
    let row = |(&(workspace, kind), &at): (&Kind<'a>, &Time)| Row {
        workspace_id: workspace.0,
        r#type: kind,
        at,
    };
    used.iter().map(row).collect()
}

/// Which of the types do not find room any more; those that every workspace has always do.
async fn too_many<'a>(
    tx: &mut Tx,
    used: &BTreeMap<Kind<'a>, Time>,
) -> Result<HashSet<Kind<'a>>, StoreError> {
    let mut counts: HashMap<WorkspaceId, usize> = HashMap::new();
    let mut refused = HashSet::new();
    for &(workspace, kind) in used.keys().filter(|(_, kind)| !KNOWN_TYPES.contains(kind)) {
        let count = match counts.get(&workspace) {
            Some(count) => *count,
            None => own(tx, workspace).await?,
        };
        if count >= TYPES_MAX - KNOWN_TYPES.len() {
            refused.insert((workspace, kind));
        }
        counts.insert(workspace, count + 1);
    }
    Ok(refused)
}

/// How many types a workspace has made up. Asked only when there is one more: once in the life of a type.
async fn own(tx: &mut Tx, workspace: WorkspaceId) -> Result<usize, StoreError> {
    let types: Vec<(String,)> = tx
        .ex()
        .sql("SELECT type FROM activity_type WHERE workspace_id = $1")
        .bind(workspace)
        .all()
        .await?;
    Ok(types.iter().filter(|(kind,)| !KNOWN_TYPES.contains(&kind.as_str())).count())
}
