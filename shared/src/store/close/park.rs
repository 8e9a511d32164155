//! Waits that begin or end with a submission's move.
use super::{Close, time};
use crate::{
    clock::Time,
    store::{Rows, StoreError, Tx},
};
use serde::Serialize;

#[derive(Serialize)]
struct ParkRow<'a> {
    workspace_id: uuid::Uuid,
    id: uuid::Uuid,
    submission_id: uuid::Uuid,
    kind: &'a str,
    #[serde(serialize_with = "time")]
    deadline: Time,
    on_deadline: &'a str,
    at_deadline: &'a str,
    priority: Option<i64>,
    asked_for: Option<&'a str>,
    #[serde(serialize_with = "time")]
    at: Time,
}

pub(super) async fn begin(tx: &mut Tx, closes: &[&Close]) -> Result<(), StoreError> {
    let parks = closes.iter().filter_map(|close| Some((close, close.park.as_ref()?)));
    let rows: Vec<ParkRow> = parks
        .map(|(close, park)| ParkRow {
            workspace_id: close.workspace.0,
            id: park.id.0,
            submission_id: close.submission.0,
            kind: park.kind,
            deadline: park.deadline,
            on_deadline: first_words(park.on_deadline),
            at_deadline: park.on_deadline,
            priority: park.review.as_ref().map(|(priority, _)| *priority),
            asked_for: park.review.as_ref().and_then(|(_, reason)| reason.as_deref()),
            at: close.at,
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "INSERT INTO parked_action (workspace_id, id, submission_id, kind, deadline, on_deadline, at_deadline,
                priority, asked_for, opened_at)
             SELECT r.workspace_id, r.id, r.submission_id, r.kind, r.deadline, r.on_deadline, r.at_deadline, r.priority,
                r.asked_for, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, submission_id uuid, kind text, deadline timestamptz,
                on_deadline text, at_deadline text, priority bigint, asked_for text, at timestamptz) r",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    wake_stopped(tx, &rows).await
}

/// Whoever parks may know the lead as it was: one that was stopped meanwhile is looked at at once.
async fn wake_stopped(tx: &mut Tx, rows: &[ParkRow<'_>]) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE submission SET due_at = r.at FROM ROWS($1: workspace_id uuid, submission_id uuid, at timestamptz) r
             WHERE submission.id = r.submission_id AND (submission.workspace_id = r.workspace_id) IS TRUE
               AND submission.run = 'parked' AND EXISTS (SELECT 1 FROM lead l
                WHERE l.workspace_id = submission.workspace_id AND l.id = submission.lead_id
                  AND l.status NOT IN ('active', 'duplicate'))",
        )
        .bind(Rows::of(rows))
        .run()
        .await?;
    Ok(())
}

/// The older column's word: it knows neither retry nor fallback.
fn first_words(on_deadline: &str) -> &str {
    match on_deadline {
        "retry" | "fallback" => "disqualify",
        other => other,
    }
}

/// Moves deadlines; few waits do that, so each is a statement of its own.
pub(super) async fn extend(tx: &mut Tx, closes: &[&Close]) -> Result<(), StoreError> {
    for (close, deadline) in closes.iter().filter_map(|close| Some((close, close.extend?))) {
        tx.ex()
            .sql(
                "UPDATE parked_action SET deadline = $3
                 WHERE workspace_id = $1 AND submission_id = $2 AND resolved_at IS NULL",
            )
            .bind(close.workspace)
            .bind(close.submission)
            .bind(deadline)
            .run()
            .await?;
    }
    Ok(())
}

#[derive(Serialize)]
struct UnparkRow<'a> {
    workspace_id: uuid::Uuid,
    submission_id: uuid::Uuid,
    resolution: &'a str,
    resolved_by: &'a str,
    decided_by: Option<&'a str>,
    decision_reason: Option<&'a str>,
    #[serde(serialize_with = "time")]
    at: Time,
}

pub(super) async fn end(tx: &mut Tx, closes: &[&Close]) -> Result<(), StoreError> {
    let ends = closes.iter().filter_map(|close| Some((close, close.unpark.as_ref()?)));
    let rows: Vec<UnparkRow> = ends
        .map(|(close, end)| UnparkRow {
            workspace_id: close.workspace.0,
            submission_id: close.submission.0,
            resolution: end.resolution,
            resolved_by: end.by,
            decided_by: end.decider.as_deref(),
            decision_reason: end.reason.as_deref(),
            at: close.at,
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.ex()
        .sql(
            "UPDATE parked_action SET resolution = r.resolution, resolved_by = r.resolved_by, resolved_at = r.at,
                decided_by = r.decided_by, decision_reason = r.decision_reason
             FROM ROWS($1: workspace_id uuid, submission_id uuid, resolution text, resolved_by text, decided_by text,
                decision_reason text, at timestamptz) r
             WHERE parked_action.workspace_id = r.workspace_id AND parked_action.submission_id = r.submission_id
               AND parked_action.resolved_at IS NULL",
        )
        .bind(Rows::of(&rows))
        .run()
        .await?;
    Ok(())
}
