//! The gate: within a workspace, changes of contacts pass it together, a step of a build passes it alone.
//!
//! On PostgreSQL it is an advisory lock of the transaction. SQLite has one writer, so there is nothing to do.
use super::{Engine, Rows, StoreError, Tx};
use crate::ids::{ContactId, WorkspaceId};
use serde::Serialize;
use std::collections::BTreeSet;
use uuid::Uuid;

/// The gate's number. Two workspaces that share one wait for each other at times, no more.
fn number(workspace: WorkspaceId) -> i64 {
    let (high, low) = workspace.0.as_u64_pair();
    // The high half is a time; the low half is random.
    (high.rotate_left(32) ^ low).cast_signed()
}

#[derive(Serialize)]
struct Gate {
    n: i64,
}

/// Passes the gates of these workspaces with others who change contacts. What is read in LATER statements is what the steps before have
/// left.
pub async fn share(tx: &mut Tx, workspaces: &[WorkspaceId]) -> Result<(), StoreError> {
    if tx.ex().engine() == Engine::Sqlite {
        return Ok(());
    }
    // One order for everybody.
    let numbers: BTreeSet<i64> = workspaces.iter().map(|workspace| number(*workspace)).collect();
    let gates: Vec<Gate> = numbers.into_iter().map(|n| Gate { n }).collect();
    tx.ex()
        .sql("SELECT {pg: pg_advisory_xact_lock_shared(r.n)}{lite: r.n} FROM ROWS($1: n bigint) r")
        .bind(Rows::of(&gates))
        .run()
        .await
        .map(drop)
}

/// Passes the gate alone: nobody who has passed it is still under way, nobody passes it before this transaction ends. It must be the
/// transaction's first statement, so that it holds nothing that those want whom it waits for.
pub async fn alone(tx: &mut Tx, workspace: WorkspaceId) -> Result<(), StoreError> {
    if tx.ex().engine() == Engine::Sqlite {
        return Ok(());
    }
    tx.ex()
        .sql("SELECT {pg: pg_advisory_xact_lock($1)}{lite: $1}")
        .bind(number(workspace))
        .run()
        .await
        .map(drop)
}

#[derive(Serialize)]
struct Key {
    workspace_id: Uuid,
    id: Uuid,
}

/// Locks contacts, which come in the order of their keys; whoever only refers to one is not kept waiting.
pub async fn lock_contacts(
    tx: &mut Tx,
    contacts: impl Iterator<Item = (WorkspaceId, ContactId)>,
) -> Result<(), StoreError> {
    if tx.ex().engine() == Engine::Sqlite {
        return Ok(());
    }
    let keys: Vec<Key> =
        contacts.map(|(workspace, id)| Key { workspace_id: workspace.0, id: id.0 }).collect();
    if keys.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "SELECT c.id FROM ROWS($1: workspace_id uuid, id uuid) r
             JOIN contact c ON c.workspace_id = r.workspace_id AND c.id = r.id{pg:  FOR NO KEY UPDATE OF c}",
        )
        .bind(Rows::of(&keys))
        .run()
        .await
        .map(drop)
}
