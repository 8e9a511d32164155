//! Automations that cannot be evaluated any more, and those that can be again.
use super::Turned;
use crate::{
    clock::Time,
    ids::WorkspaceId,
    store::{
        StoreError, Tx, live,
        notices::{self, Kind, Notice},
    },
};
use serde_json::json;

/// Writes down what has turned since automations were loaded: one that cannot be evaluated stands still, with a notice, and nobody else
/// is harmed; one that can be again looks at all its leads.
pub async fn report(
    tx: &mut Tx,
    workspace: WorkspaceId,
    turned: &[Turned],
    now: Time,
) -> Result<(), StoreError> {
    let mut has_turned = false;
    for one in turned {
        has_turned |= match &one.problem {
            Some(problem) => break_off(tx, workspace, (one, problem), now).await?,
            None => take_up(tx, workspace, one, now).await?,
        };
    }
    if has_turned { live::changed(tx, workspace).await } else { Ok(()) }
}

async fn break_off(
    tx: &mut Tx,
    workspace: WorkspaceId,
    (one, problem): (&Turned, &str),
    now: Time,
) -> Result<bool, StoreError> {
    let marked = tx
        .ex()
        .sql(
            "UPDATE automation SET problem = $4
             WHERE workspace_id = $1 AND campaign_id = $2 AND revision = $3 AND COALESCE(problem, '') <> $4",
        )
        .bind(workspace)
        .bind(one.campaign)
        .bind(one.revision)
        .bind(problem)
        .run()
        .await?;
    if marked == 0 {
        return Ok(false);
    }
    let notice = Notice {
        workspace,
        campaign: Some(one.campaign),
        kind: Kind::AutomationBroken,
        subject: format!("automation_broken:{}:{}", one.campaign, now.timestamp_micros()),
        message: format!(
            "The automation of the campaign {} cannot be evaluated: {problem}. It stands still.",
            one.code
        ),
        details: Some(json!({"revision": one.revision, "problem": problem})),
        at: now,
    };
    notices::raise(tx, &[notice]).await?;
    Ok(true)
}

async fn take_up(
    tx: &mut Tx,
    workspace: WorkspaceId,
    one: &Turned,
    now: Time,
) -> Result<bool, StoreError> {
    let mended = tx
        .ex()
        .sql(
            "UPDATE automation SET problem = NULL, pass_due_at = $4, pass_after = NULL
             WHERE workspace_id = $1 AND campaign_id = $2 AND revision = $3 AND problem IS NOT NULL",
        )
        .bind(workspace)
        .bind(one.campaign)
        .bind(one.revision)
        .bind(now)
        .run()
        .await?;
    Ok(mended > 0)
}
