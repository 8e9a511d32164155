//! Which campaigns name which agents.
use super::{AgentUse, Named};
use crate::{
    ids::{CampaignId, WorkspaceId},
    outreach::agent::Channel,
    store::{Ex, Rows, StoreError, Tx},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Which campaigns' newest revisions name which agents, archived campaigns too.
pub async fn uses(ex: Ex<'_>, workspace: WorkspaceId) -> Result<Vec<AgentUse>, StoreError> {
    ex.sql(
        "SELECT u.agent_name, u.campaign_id, c.code, c.name, c.state
         FROM agent_use u JOIN campaign c ON c.workspace_id = u.workspace_id AND c.id = u.campaign_id
         WHERE u.workspace_id = $1 ORDER BY u.agent_name, u.campaign_id",
    )
    .bind(workspace)
    .all()
    .await
}

pub(super) async fn live_uses(
    tx: &mut Tx,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Vec<AgentUse>, StoreError> {
    let mut uses = uses(tx.ex(), workspace).await?;
    uses.retain(|one| one.agent_name == name && one.state != "archived");
    Ok(uses)
}

/// An agent that a campaign's configuration names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedAgent<'a> {
    /// Below the configuration.
    pub path: &'static str,
    /// What the agent must do.
    pub channel: Channel,
    pub name: &'a str,
}

/// The agents that a campaign's configuration names.
pub fn named(config: &Value) -> Vec<NamedAgent<'_>> {
    [
        ("firstAction.voice.agent", Channel::Voice),
        ("firstAction.voice.testAgent", Channel::Voice),
        ("firstAction.sms.agent", Channel::Sms),
        ("firstAction.sms.testAgent", Channel::Sms),
    ]
    .into_iter()
    .filter_map(|(path, channel)| {
        let found = path.split('.').try_fold(config, |at, member| at.get(member));
        Some(NamedAgent { path, channel, name: found?.as_str()? })
    })
    .collect()
}

/// Notes which agents a campaign's newest revision names. Fails as [`StoreError::is_dangling`] when one is not there.
pub(in crate::store) async fn note_uses(
    tx: &mut Tx,
    workspace: WorkspaceId,
    campaign: CampaignId,
    config: &Value,
) -> Result<(), StoreError> {
    tx.ex()
        .sql("DELETE FROM agent_use WHERE campaign_id = $2 AND (workspace_id = $1) IS TRUE")
        .bind(workspace)
        .bind(campaign)
        .run()
        .await?;
    let names: BTreeSet<&str> = named(config).into_iter().map(|named| named.name).collect();
    if names.is_empty() {
        return Ok(());
    }
    let rows: Vec<Named> = names.into_iter().map(|name| Named { name }).collect();
    tx.ex()
        .sql(
            "INSERT INTO agent_use (workspace_id, agent_name, campaign_id)
             SELECT $1, r.name, $2 FROM ROWS($3: name text) r",
        )
        .bind(workspace)
        .bind(campaign)
        .bind(Rows::of(&rows))
        .run()
        .await
        .map(drop)
}
