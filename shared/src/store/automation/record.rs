//! Writing down what was decided, all leads together: where they stand, where in workflows, and the log.
use super::{Decided, gather::Before};
use crate::{
    automation::{Memory, outcome::FiringKind},
    clock::Time,
    lead::LeadStatus,
    store::{
        Rows, StoreError, Tx,
        live::Definitions,
        rows::{time, time_or_null},
    },
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Writes what differs from before; the times at which leads are looked at next are then as they are stored.
pub(super) async fn record(
    tx: &mut Tx,
    definitions: &Definitions,
    (decided, before): (&mut [Decided], &[Before]),
    now: Time,
) -> Result<(), StoreError> {
    let mut stored = Vec::new();
    for (at, (one, before)) in decided.iter_mut().zip(before).enumerate() {
        let (is_written, due_at) = due(one, before, now);
        one.state.due_at = due_at;
        if is_written {
            stored.push(at);
        }
    }
    let rows: Vec<StateRow> = stored.iter().map(|at| StateRow::of(&decided[*at], now)).collect();
    states(tx, &rows).await?;
    positions(tx, (decided, before)).await?;
    firings(tx, definitions, decided).await
}

/// Whether the lead's row is written, and when it is due then. A due time that is too early does no harm: one that only moves away is
/// not worth a write, nor one in the index of what is due when the row is written for something else.
fn due(one: &Decided, before: &Before, now: Time) -> (bool, Option<Time>) {
    let next = one.outcome.due_at;
    let is_changed = one.outcome.changed || !one.outcome.firings.is_empty();
    match (before.due_at, next) {
        (Some(due), Some(next)) if now < due && due <= next => (is_changed, Some(due)),
        (Some(due), None) if now < due && !is_changed => (false, Some(due)),
        (None, None) => (is_changed, None),
        (_, next) => (true, next),
    }
}

#[derive(Serialize)]
struct StateRow<'a> {
    workspace_id: Uuid,
    lead_id: Uuid,
    campaign_id: Uuid,
    points: i64,
    number: i64,
    memory: &'a Memory,
    #[serde(serialize_with = "time_or_null")]
    due_at: Option<Time>,
    #[serde(serialize_with = "time")]
    at: Time,
}

impl<'a> StateRow<'a> {
    fn of(one: &'a Decided, at: Time) -> Self {
        let state = &one.state;
        Self {
            workspace_id: state.workspace.0,
            lead_id: state.lead.0,
            campaign_id: state.campaign.0,
            points: state.points,
            number: state.number,
            memory: &state.memory,
            due_at: state.due_at,
            at,
        }
    }
}

async fn states(tx: &mut Tx, rows: &[StateRow<'_>]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "INSERT INTO lead_automation (workspace_id, lead_id, campaign_id, points, number, memory, due_at, updated_at)
             SELECT r.workspace_id, r.lead_id, r.campaign_id, r.points, r.number, r.memory, r.due_at, r.at
             FROM ROWS($1: workspace_id uuid, lead_id uuid, campaign_id uuid, points bigint, number bigint, memory jsonb,
                due_at timestamptz, at timestamptz) r
             WHERE true
             ON CONFLICT (workspace_id, lead_id) DO UPDATE SET points = excluded.points, number = excluded.number,
                memory = excluded.memory, due_at = excluded.due_at, held_at = NULL, updated_at = excluded.updated_at",
        )
        .bind(Rows::of(rows))
        .run()
        .await
        .map(drop)
}

#[derive(Serialize)]
struct PositionRow<'a> {
    workspace_id: Uuid,
    lead_id: Uuid,
    workflow_id: &'a str,
    campaign_id: Uuid,
    step_id: &'a str,
    step_number: i64,
    #[serde(serialize_with = "time")]
    due_at: Time,
    #[serde(serialize_with = "time")]
    entered_at: Time,
    #[serde(serialize_with = "time")]
    moved_at: Time,
}

#[derive(Serialize)]
struct GoneRow<'a> {
    workspace_id: Uuid,
    lead_id: Uuid,
    workflow_id: &'a str,
}

async fn positions(
    tx: &mut Tx,
    (decided, before): (&[Decided], &[Before]),
) -> Result<(), StoreError> {
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    for (Decided { state, .. }, before) in decided.iter().zip(before) {
        let (workspace_id, lead_id) = (state.workspace.0, state.lead.0);
        let left = before.positions.keys().filter(|id| !state.positions.contains_key(*id));
        gone.extend(left.map(|workflow_id| GoneRow { workspace_id, lead_id, workflow_id }));
        let moved =
            state.positions.iter().filter(|(id, now)| before.positions.get(*id) != Some(now));
        there.extend(moved.map(|(workflow_id, position)| PositionRow {
            workspace_id,
            lead_id,
            workflow_id,
            campaign_id: state.campaign.0,
            step_id: &position.step,
            step_number: position.step_number,
            due_at: position.due_at,
            entered_at: position.entered_at,
            moved_at: position.moved_at,
        }));
    }
    put(tx, &there).await?;
    remove(tx, &gone).await
}

async fn put(tx: &mut Tx, rows: &[PositionRow<'_>]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "INSERT INTO workflow_position (workspace_id, lead_id, workflow_id, campaign_id, step_id, step_number, due_at,
                entered_at, moved_at)
             SELECT r.workspace_id, r.lead_id, r.workflow_id, r.campaign_id, r.step_id, r.step_number, r.due_at, r.entered_at,
                r.moved_at
             FROM ROWS($1: workspace_id uuid, lead_id uuid, workflow_id text, campaign_id uuid, step_id text, step_number bigint,
                due_at timestamptz, entered_at timestamptz, moved_at timestamptz) r
             WHERE true
             ON CONFLICT (workspace_id, lead_id, workflow_id) DO UPDATE SET step_id = excluded.step_id,
                step_number = excluded.step_number, due_at = excluded.due_at, entered_at = excluded.entered_at,
                moved_at = excluded.moved_at",
        )
        .bind(Rows::of(rows))
        .run()
        .await
        .map(drop)
}

async fn remove(tx: &mut Tx, rows: &[GoneRow<'_>]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "DELETE FROM workflow_position WHERE (workspace_id, lead_id, workflow_id) IN
                (SELECT r.workspace_id, r.lead_id, r.workflow_id
                 FROM ROWS($1: workspace_id uuid, lead_id uuid, workflow_id text) r)",
        )
        .bind(Rows::of(rows))
        .run()
        .await
        .map(drop)
}

#[derive(Serialize)]
struct FiringRow<'a> {
    workspace_id: Uuid,
    lead_id: Uuid,
    number: i64,
    campaign_id: Uuid,
    revision: i64,
    kind: FiringKind,
    rule_id: &'a str,
    rule_name: &'a str,
    cause: &'a Value,
    facts: &'a Value,
    points: i64,
    points_after: i64,
    status_before: LeadStatus,
    status_after: LeadStatus,
    actions: &'a [Value],
    #[serde(serialize_with = "time")]
    at: Time,
}

async fn firings(
    tx: &mut Tx,
    definitions: &Definitions,
    decided: &[Decided],
) -> Result<(), StoreError> {
    let mut rows: Vec<FiringRow> = Vec::new();
    for Decided { state, outcome } in decided {
        let revision = definitions.programs.get(&state.campaign).map_or(0, |one| one.revision);
        rows.extend(outcome.firings.iter().map(|firing| FiringRow {
            workspace_id: state.workspace.0,
            lead_id: state.lead.0,
            number: firing.number,
            campaign_id: state.campaign.0,
            // What a person did follows from no revision.
            revision: if firing.kind == FiringKind::ByHand { 0 } else { revision },
            kind: firing.kind,
            rule_id: &firing.rule_id,
            rule_name: &firing.rule_name,
            cause: &firing.cause,
            facts: &firing.facts,
            points: firing.points,
            points_after: firing.points_after,
            status_before: firing.status_before,
            status_after: firing.status_after,
            actions: &firing.actions,
            at: firing.at,
        }));
    }
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "INSERT INTO firing (workspace_id, lead_id, number, campaign_id, revision, kind, rule_id, rule_name, cause, facts,
                points, points_after, status_before, status_after, actions, at)
             SELECT r.workspace_id, r.lead_id, r.number, r.campaign_id, r.revision, r.kind, r.rule_id, r.rule_name, r.cause,
                r.facts, r.points, r.points_after, r.status_before, r.status_after, r.actions, r.at
             FROM ROWS($1: workspace_id uuid, lead_id uuid, number bigint, campaign_id uuid, revision bigint, kind text,
                rule_id text, rule_name text, cause jsonb, facts jsonb, points bigint, points_after bigint, status_before text,
                status_after text, actions jsonb, at timestamptz) r",
        )
        .bind(Rows::of(&rows))
        .run()
        .await
        .map(drop)
}
