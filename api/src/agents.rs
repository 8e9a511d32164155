//! GET /agents, GET, PUT and DELETE /agents/{name}: with whom people are called and texted.
use crate::{
    Api,
    answer::{Absent, Conflicting, Data, Guarded, Saving, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
    hooks,
    params::{Id, IfMatch},
};
use axum::{
    extract::State,
    http::{HeaderName, header},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::{
    campaign::config::{SECRET_NAME_MAX, is_secret_name, named_secrets},
    ids::{AgentId, CampaignId},
    outreach::{AgentConfig, agent::Channel},
    store::{
        agents::{self, AGENTS_MAX, AgentDraft, AgentRow, AgentUse, Deleted, Put},
        campaigns, secrets,
    },
};
use std::sync::Arc;
use utoipa::ToSchema;

/// An agent: an account with a provider that calls or texts people.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    pub agent_id: AgentId,
    /// Campaigns name it by this.
    pub name: String,
    /// Whether it calls or texts.
    pub channel: Channel,
    /// Where the provider sends its webhooks.
    #[schema(example = "https://leads.example.com/api/v1/hooks/agent_01h455vb4pex5vsknk084sn02q")]
    pub webhook_url: String,
    /// Grows by one with every save.
    pub revision: i64,
    pub config: AgentConfig,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The campaigns whose newest revision names it.
    pub used_by: Vec<AgentCampaign>,
}

/// A campaign that names an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentCampaign {
    pub campaign_id: CampaignId,
    pub code: String,
    pub name: String,
    /// `active`, `paused` or `archived`.
    pub state: String,
}

/// The workspace's agents, by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Agents {
    pub items: Vec<Agent>,
}

/// That an agent is gone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentGone {
    pub name: String,
}

/// An agent with its revision as the `ETag`.
type Tagged = ([(HeaderName, String); 1], Data<Agent>);

/// List agents
#[utoipa::path(
    get, path = "/agents", tag = "Agents", operation_id = "listAgents",
    responses((status = 200, description = "All of them, by name.", body = Success<Agents>), Guarded)
)]
pub async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Data<Agents>, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    let rows = agents::list(&api.db, caller.workspace).await?;
    let uses = agents::uses(api.db.read(), caller.workspace).await?;
    Ok(Data(Agents { items: rows.into_iter().map(|row| shown(&api, row, &uses)).collect() }))
}

/// Show an agent
#[utoipa::path(
    get, path = "/agents/{agentName}", tag = "Agents", operation_id = "getAgent",
    params(("agentName" = String, Path)),
    responses((status = 200, description = "The agent; its revision is the `ETag`.", body = Success<Agent>), Guarded, Absent)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<String>,
) -> Result<Tagged, ApiError> {
    caller.require(Scope::CampaignsRead)?;
    let found = agents::get(&api.db, caller.workspace, &name).await?;
    tagged(&api, found.ok_or_else(|| ApiError::not_found("agent"))?).await
}

/// Save an agent
///
/// Under a new name, or whole in place of the one before; its id and its `webhookUrl` stay. Credentials are names of secrets, which must be
/// there. Calls and texts that are under way go on with the new settings. An agent that campaigns name cannot be made to text in place of
/// calling, or the reverse.
#[utoipa::path(
    put, path = "/agents/{agentName}", tag = "Agents", operation_id = "putAgent",
    params(
        ("agentName" = String, Path, description = "1 to 64 letters, digits, `.`, `_` or `-`."),
        ("If-Match" = Option<String>, Header, description = "The revision that was read, with or without quotes. When the agent has moved on \
            since, nothing is saved; absent: whatever is there is replaced.")
    ),
    request_body = AgentConfig,
    responses((status = 200, description = "The agent as saved; its revision is the `ETag`.", body = Success<Agent>), Guarded, Sent, Saving, Conflicting)
)]
pub async fn put(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<String>,
    IfMatch(expected): IfMatch,
    body: Body,
) -> Result<Tagged, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let config: AgentConfig = body.read()?;
    let problems = problems(&api, &caller, &name, &config).await?;
    if !problems.is_empty() {
        return Err(ApiError::invalid(problems));
    }
    let draft = AgentDraft {
        workspace: caller.workspace,
        name: &name,
        config: &config,
        at: api.clock.now(),
    };
    match agents::put(&caller.acting(&api.db), draft, expected).await? {
        Put::Saved(row) => tagged(&api, *row).await,
        Put::Moved(at) => {
            let message = match at {
                Some(revision) => format!("the agent is at revision {revision}"),
                None => "there is no such agent".to_owned(),
            };
            Err(ApiError::new(Code::RevisionConflict, message).at("If-Match"))
        }
        Put::TooMany => {
            let message =
                format!("the workspace has {AGENTS_MAX} agents, which is the most it may have");
            Err(ApiError::new(Code::Conflict, message))
        }
        Put::Used(uses) => {
            let does = if config.provider.channel() == Channel::Voice { "call" } else { "text" };
            let message = format!("it cannot {does}: campaigns name it: {}", names(&uses));
            Err(ApiError::new(Code::Conflict, message).at("provider.type"))
        }
    }
}

/// Delete an agent
///
/// Refused while the newest revision of a campaign that is not archived names it, and while it has calls under way or open threads of texts.
#[utoipa::path(
    delete, path = "/agents/{agentName}", tag = "Agents", operation_id = "deleteAgent",
    params(("agentName" = String, Path)),
    responses((status = 200, description = "It is gone, and its webhooks are no longer taken.", body = Success<AgentGone>), Guarded, Absent, Conflicting)
)]
pub async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<String>,
) -> Result<Data<AgentGone>, ApiError> {
    caller.require(Scope::CampaignsWrite)?;
    let db = caller.acting(&api.db);
    match agents::delete(&db, caller.workspace, &name, api.clock.now()).await? {
        Deleted::Gone => Ok(Data(AgentGone { name })),
        Deleted::Absent => Err(ApiError::not_found("agent")),
        Deleted::Used { campaigns, open } => {
            let open: Vec<String> = open.iter().map(ToString::to_string).collect();
            let open = format!("calls or threads are open: {}", open.join(", "));
            let named = format!("campaigns name it: {}", names(&campaigns));
            let why = match (campaigns.is_empty(), open.ends_with(": ")) {
                (true, _) => open,
                (false, true) => named,
                (false, false) => format!("{named}; {open}"),
            };
            Err(ApiError::new(Code::Conflict, why))
        }
    }
}

/// Everything that is wrong with an agent.
async fn problems(
    api: &Api,
    caller: &Caller,
    name: &str,
    config: &AgentConfig,
) -> Result<Vec<Detail>, ApiError> {
    let mut problems = Vec::new();
    if !is_secret_name(name) {
        let rule = format!("must be 1 to {SECRET_NAME_MAX} letters, digits, `.`, `_` or `-`");
        problems.push(Detail::new("agentName", rule));
    }
    problems.extend(config.problems(&api.settings.guard).into_iter().map(Detail::from));
    let written = serde_json::to_value(config).expect("an agent is plain data");
    let named = named_secrets(&written);
    let wanted = named.iter().map(|(_, name)| name.as_str());
    let unknown = secrets::unknown(&api.db, caller.workspace, wanted).await?;
    for (path, name) in named.iter().filter(|(_, name)| unknown.contains(name)) {
        let why = format!(
            "there is no secret {name:?} in this workspace; keep it with PUT /api/v1/secrets"
        );
        problems.push(Detail::new(format!("{path}.secret"), why));
    }
    let known = campaigns::standings(&api.db, caller.workspace, &config.inbound_campaigns).await?;
    for (at, id) in config.inbound_campaigns.iter().enumerate() {
        if !known.iter().any(|standing| standing.id == *id) {
            let why = "there is no such campaign in this workspace";
            problems.push(Detail::new(format!("inboundCampaigns[{at}]"), why));
        }
    }
    Ok(problems)
}

async fn tagged(api: &Api, row: AgentRow) -> Result<Tagged, ApiError> {
    let uses = agents::uses(api.db.read(), row.workspace_id).await?;
    let tag = format!("\"{}\"", row.revision);
    Ok(([(header::ETAG, tag)], Data(shown(api, row, &uses))))
}

fn shown(api: &Api, row: AgentRow, uses: &[AgentUse]) -> Agent {
    let uses = uses.iter().filter(|one| one.agent_name == row.name);
    let used_by = uses.map(|one| AgentCampaign {
        campaign_id: one.campaign_id,
        code: one.code.clone(),
        name: one.name.clone(),
        state: one.state.clone(),
    });
    Agent {
        used_by: used_by.collect(),
        agent_id: row.id,
        channel: row.config.provider.channel(),
        webhook_url: hooks::address(&api.settings, row.id),
        name: row.name,
        revision: row.revision,
        config: row.config.0,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn names(uses: &[AgentUse]) -> String {
    let names: Vec<String> =
        uses.iter().map(|one| format!("{} ({})", one.name, one.code)).collect();
    names.join(", ")
}
