//! What changes segments from outside: definitions that change, and segments that have to be built (again).
use super::{Rows, StoreError, Tx};
use crate::{
    clock::Time,
    ids::{SegmentId, WorkspaceId},
};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

/// The epoch grows in steps of this; what lies between is chance, so that no two changes, one of which may fail, make the same one.
const EPOCH_STEP: i64 = 1 << 24;

/// Notes that a definition of the workspace's segments has changed, what they feed, a property or a value set: every process reads them
/// anew. Whoever also writes segments does that before, so that all take their locks in one order.
pub async fn changed(tx: &mut Tx, workspace: WorkspaceId) -> Result<(), StoreError> {
    let chance = i64::from(Uuid::now_v7().as_u64_pair().1 as u32) % EPOCH_STEP;
    tx.ex()
        .sql(
            "UPDATE workspace SET segment_epoch = (segment_epoch / $2 + 1) * $2 + $3 WHERE id = $1",
        )
        .bind(workspace)
        .bind(EPOCH_STEP)
        .bind(chance)
        .run()
        .await
        .map(drop)
}

/// Dynamic segments that are to be built again.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// All: days begin in another zone.
    All,
    These(&'a [SegmentId]),
    /// Those that name this value set.
    Naming(&'a str),
    /// Those that read this field, such as `property.tier`; also those that were broken by the lack of it.
    Reading(&'a str),
}

#[derive(sqlx::FromRow)]
struct Ruled {
    id: SegmentId,
    rule: Json<Value>,
}

#[derive(Serialize)]
struct Id {
    id: Uuid,
}

/// Makes segments due for a build at once; one that is under way starts over. Frozen ones stay as they are. Answers which were.
pub async fn make_due(
    tx: &mut Tx,
    workspace: WorkspaceId,
    which: Which<'_>,
    now: Time,
) -> Result<Vec<SegmentId>, StoreError> {
    let rows: Vec<Ruled> = tx
        .ex()
        .sql(
            "SELECT id, rule FROM segment
             WHERE workspace_id = $1 AND kind = 'dynamic' AND deleted_at IS NULL AND state <> 'frozen' ORDER BY id",
        )
        .bind(workspace)
        .all()
        .await?;
    let mut ids: Vec<SegmentId> =
        rows.iter().filter(|row| is_meant(row, which)).map(|row| row.id).collect();
    ids.sort();
    if ids.is_empty() {
        return Ok(ids);
    }
    let wanted: Vec<Id> = ids.iter().map(|id| Id { id: id.0 }).collect();
    tx.ex()
        .sql(
            "UPDATE segment SET state = 'waiting', problem = NULL, build_due_at = $3, claimed_until = NULL
             FROM ROWS($2: id uuid) r WHERE segment.workspace_id = $1 AND segment.id = r.id",
        )
        .bind(workspace)
        .bind(Rows::of(&wanted))
        .bind(now)
        .run()
        .await?;
    Ok(ids)
}

fn is_meant(row: &Ruled, which: Which<'_>) -> bool {
    match which {
        Which::All => true,
        Which::These(ids) => ids.contains(&row.id),
        Which::Naming(name) => says(&row.rule.0, "valueSet", name),
        Which::Reading(path) => {
            says(&row.rule.0, "field", path) || says(&row.rule.0, "value", path)
        }
    }
}

/// Whether somewhere in the rule this key has this text.
pub fn says(rule: &Value, key: &str, text: &str) -> bool {
    match rule {
        Value::Object(map) => map.iter().any(|(own, value)| match value.as_str() {
            Some(value) => own == key && value.trim() == text,
            None => says(value, key, text),
        }),
        Value::Array(items) => items.iter().any(|item| says(item, key, text)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_rule_names_is_found_wherever_it_stands() {
        let leaf = json!({"field": "property.tier", "operator": "inValueSet", "valueSet": "tiers"});
        let rule = json!({"combinator": "and", "rules": [{"combinator": "or", "rules": [leaf]}]});
        assert!(says(&rule, "valueSet", "tiers") && !says(&rule, "valueSet", "tier"));
        assert!(says(&rule, "field", "property.tier") && !says(&rule, "field", "tiers"));
    }
}
