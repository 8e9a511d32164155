//! The line to a provider: an agent with its credentials opened, and requests sent over the guarded client.
use super::{OutreachError, PROVIDER_TIMEOUT, gate::Gate};
use crate::{
    context::Context,
    outside::http::{Exchange, Method, OutboundRequest},
};
use serde_json::{Map, Value};
use shared::{
    ids::AgentId,
    outreach::{Provider, Wire, providers},
    secret::Sensitive,
    store::{
        StoreError,
        agents::{self, AgentRow},
        interactions::Interaction,
        notices::{self, Kind, Notice},
    },
};
use std::collections::HashMap;

/// An agent whose provider can be spoken to.
pub struct Line {
    pub agent: AgentRow,
    pub provider: Box<dyn Provider>,
    /// Where the provider's webhooks come to.
    pub callback: String,
}

/// Opens the line; or says in a sentence why there is none.
pub async fn open(ctx: &Context, agent: AgentId) -> Result<Result<Line, String>, OutreachError> {
    let Some(agent) = agents::by_id(&ctx.db, agent).await? else {
        return Ok(Err("the agent is gone".into()));
    };
    let now = ctx.clock.now();
    let mut opened: HashMap<String, Sensitive> = HashMap::new();
    for (_, named) in agent.config.0.provider.secret_refs() {
        if let Some(found) = ctx.secrets.open(agent.workspace_id, &named.secret, now).await? {
            opened.insert(named.secret.clone(), found.value);
        }
    }
    let find = |named: &shared::campaign::config::SecretRef| opened.get(&named.secret).cloned();
    let callback = format!("{}/api/v1/hooks/{}", ctx.settings.public_url, agent.id);
    Ok(match providers::open(&agent.config.0.provider, &find) {
        Ok(provider) => Ok(Line { agent, provider, callback }),
        Err(why) => Err(why.to_string()),
    })
}

/// Sends a provider's request once.
pub async fn send(ctx: &Context, wire: Wire) -> Exchange {
    let request = OutboundRequest {
        method: if wire.method == "GET" { Method::Get } else { Method::Post },
        url: wire.url,
        headers: wire.headers,
        body: wire.body.into(),
        timeout: PROVIDER_TIMEOUT,
    };
    ctx.http.send(request).await
}

/// What a voice agent's prompt may name: what the campaign chose, and always who is called and for which campaign.
pub fn variables(gate: &Gate) -> Map<String, Value> {
    let mut variables = Map::new();
    for (name, path) in [
        ("firstName", "lead.firstName"),
        ("lastName", "lead.lastName"),
        ("campaignName", "campaign.name"),
    ] {
        variables.insert(name.into(), at(gate, path));
    }
    variables.insert("callDirection".into(), "outbound".into());
    let chosen =
        gate.campaign.config.first_action.as_ref().and_then(|action| action.voice.as_ref());
    for (name, path) in chosen.into_iter().flat_map(|voice| &voice.variables) {
        variables.insert(name.clone(), at(gate, path));
    }
    variables
}

fn at(gate: &Gate, path: &str) -> Value {
    let found = path.split('.').try_fold(&gate.view, |at, member| at.get(member));
    found.cloned().unwrap_or(Value::Null)
}

/// Tells people that an agent does not work as it is set up, once an agent and hour.
pub async fn tell_broken(
    ctx: &Context,
    interaction: &Interaction,
    error: &str,
) -> Result<(), StoreError> {
    let now = ctx.clock.now();
    let (agent, hour) = (interaction.agent_id, now.format("%Y-%m-%dT%H"));
    let notice = Notice {
        workspace: interaction.workspace_id,
        campaign: Some(interaction.campaign_id),
        kind: Kind::AgentBroken,
        subject: format!("agent_broken:{agent}:{hour}"),
        message: format!("an agent does not work as it is set up: {error}"),
        details: Some(
            serde_json::json!({ "agentId": agent, "firstInteractionId": interaction.id }),
        ),
        at: now,
    };
    let mut tx = ctx.db.begin().await?;
    notices::raise(&mut tx, std::slice::from_ref(&notice)).await?;
    tx.commit().await
}
