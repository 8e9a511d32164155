//! What automations depend on from outside: zones, value sets, secrets.
use super::Key;
use crate::{
    automation::{AutomationConfig, config::Action},
    clock::Time,
    ids::{CampaignId, WorkspaceId},
    store::{Rows, StoreError, Tx, live},
};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Automations whose leads are to be looked at anew.
#[derive(Debug, Clone, Copy)]
pub enum Naming<'a> {
    /// All: days begin in another zone.
    Anything,
    /// Those that name this value set.
    Set(&'a str),
}

#[derive(Serialize)]
struct Id {
    id: Uuid,
}

/// Has all leads of campaigns looked at whose automation depends on what has changed; says how many campaigns. What processes remember
/// is made old by whoever calls it, after it.
pub async fn look_again(
    tx: &mut Tx,
    workspace: WorkspaceId,
    naming: Naming<'_>,
    now: Time,
) -> Result<u64, StoreError> {
    let rows = lock_all(tx, workspace).await?;
    let is_meant = |config: &Value| match naming {
        Naming::Anything => true,
        Naming::Set(name) => live::says(config, "valueSet", name),
    };
    let meant: BTreeSet<CampaignId> =
        rows.into_iter().filter(|(_, config)| is_meant(&config.0)).map(|(id, _)| id).collect();
    if meant.is_empty() {
        return Ok(0);
    }
    let meant: Vec<Id> = meant.into_iter().map(|id| Id { id: id.0 }).collect();
    tx.ex()
        .sql(
            "UPDATE automation SET pass_due_at = $3, pass_after = NULL
             FROM ROWS($2: id uuid) r WHERE automation.workspace_id = $1 AND automation.campaign_id = r.id",
        )
        .bind(workspace)
        .bind(Rows::of(&meant))
        .bind(now)
        .run()
        .await
}

/// Locks all automations of a workspace, in the order of their campaigns, and gives their documents. Whoever also wants the workspace's
/// row takes it after this.
pub async fn lock_all(
    tx: &mut Tx,
    workspace: WorkspaceId,
) -> Result<Vec<(CampaignId, Json<Value>)>, StoreError> {
    tx.ex()
        .sql(
            "SELECT campaign_id, config FROM automation
             WHERE workspace_id = $1 ORDER BY campaign_id{pg:  FOR UPDATE}",
        )
        .bind(workspace)
        .all()
        .await
}

/// Locks a campaign's automation, if there is one.
pub async fn lock(tx: &mut Tx, (workspace, campaign): Key) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "SELECT revision FROM automation
             WHERE workspace_id = $1 AND campaign_id = $2{pg:  FOR UPDATE}",
        )
        .bind(workspace)
        .bind(campaign)
        .run()
        .await
        .map(drop)
}

/// Notes that a campaign was saved: with another zone days begin at another time.
pub async fn campaign_saved(
    tx: &mut Tx,
    (workspace, campaign): Key,
    now: Time,
) -> Result<(), StoreError> {
    let moved = tx
        .ex()
        .sql(
            "UPDATE automation SET pass_due_at = $3, pass_after = NULL
             WHERE workspace_id = $1 AND campaign_id = $2 AND (
                SELECT COUNT(DISTINCT COALESCE(CAST(v.config->>'timezone' AS text), '')) FROM campaign c
                JOIN campaign_revision v ON v.workspace_id = c.workspace_id AND v.campaign_id = c.id
                    AND v.revision BETWEEN c.revision - 1 AND c.revision
                WHERE c.workspace_id = $1 AND c.id = $2) > 1",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(now)
        .run()
        .await?;
    if moved > 0 { live::changed(tx, workspace).await } else { Ok(()) }
}

/// The secrets that a campaign's automation names.
pub async fn secrets(
    tx: &mut Tx,
    (workspace, campaign): Key,
) -> Result<BTreeSet<String>, StoreError> {
    let saved: Option<(Json<Value>,)> = tx
        .ex()
        .sql("SELECT config FROM automation WHERE workspace_id = $1 AND campaign_id = $2")
        .bind(workspace)
        .bind(campaign)
        .optional()
        .await?;
    // One that cannot be read does nothing, and needs no secrets.
    let config = saved.and_then(|(config,)| serde_json::from_value(config.0).ok());
    Ok(config.as_ref().map(named).unwrap_or_default())
}

fn named(config: &AutomationConfig) -> BTreeSet<String> {
    let rules = config.rules.iter().flat_map(|rule| &rule.r#do);
    let steps = config.workflows.iter().flat_map(|workflow| &workflow.steps);
    let steps = steps.filter_map(|step| step.actions.as_ref()).flatten();
    let secret = |action: &Action| match action {
        Action::Webhook(webhook) => webhook.signing_secret.clone(),
        _ => None,
    };
    rules.chain(steps).filter_map(secret).collect()
}
