//! POST /hooks/{agentId}: what providers of calls and texts tell us. Genuine or nothing; on disk before it is acknowledged.
use crate::{
    Api, ApiSettings,
    answer::{Absent, Hooked},
    body::Body,
    error::{ApiError, Code},
    params::Id,
};
use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderName, header},
};
use chrono::TimeDelta;
use shared::{
    campaign::config::SecretRef,
    clock::Time,
    failpoint::failpoint,
    ids::AgentId,
    outreach::{Heard, Incoming, NotGenuine, Provider, providers},
    push::OUTREACH,
    queue::Job,
    secret::Sensitive,
    store::{
        agents::{self, AgentRow},
        inbound,
        secrets::SecretError,
    },
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Bytes of a webhook, at most: the report of a long call holds its whole transcript.
pub const HOOK_BYTES_MAX: usize = 1024 * 1024;
/// How long a process believes an agent that it has opened: another one's webhooks are judged by the settings before at most this much
/// longer, and by the credentials before as much again.
const BELIEVED: TimeDelta = TimeDelta::seconds(5);
/// Agents a process remembers, at most.
const REMEMBERED_MAX: usize = 1_024;

/// An agent whose provider's webhooks can be judged.
#[derive(Debug)]
struct Line {
    agent: AgentRow,
    provider: Box<dyn Provider>,
}

/// Agents that were opened a moment ago.
#[derive(Debug, Default)]
pub struct Lines(Mutex<HashMap<AgentId, (Arc<Line>, Time)>>);

impl Lines {
    /// The map is whole after every statement, so a panic elsewhere is no reason to stop.
    fn known(&self) -> MutexGuard<'_, HashMap<AgentId, (Arc<Line>, Time)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the webhooks of an agent's provider come to.
pub fn address(settings: &ApiSettings, agent: AgentId) -> String {
    format!("{}/api/v1/hooks/{agent}", settings.public_url)
}

/// Take in a webhook
///
/// For the provider of an agent: the agent's `webhookUrl`. No key is needed; the provider's signature over the raw body, or its secret, is
/// the whole authority. Any content type, at most 1 MiB. Each thing is taken in once: repeats are answered in the same way and have no
/// effect. The answer is what the provider wants to read: `{}`, or an empty TwiML document.
#[utoipa::path(
    post, path = "/hooks/{agentId}", tag = "Agents", operation_id = "takeWebhook",
    params(("agentId" = AgentId, Path)),
    request_body(content = Vec<u8>, content_type = "*/*", description = "As the provider writes it."),
    responses((status = 200, description = "It is kept."), Hooked, Absent),
    security(())
)]
pub async fn take(
    State(api): State<Arc<Api>>,
    Id(id): Id<AgentId>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body<HOOK_BYTES_MAX>,
) -> Result<([(HeaderName, &'static str); 1], &'static str), ApiError> {
    let now = api.clock.now();
    let line = open(&api, id, now).await?;
    let heard = hear(&api, &line, (query.as_deref(), &headers, &body.raw), now)?;
    let bells = inbound::take_in(&api.db, &api.secrets, &line.agent, &heard, now).await;
    let bells = bells.map_err(out_of_order)?;
    failpoint("hook.before_bell", &line.agent.name);
    for bell in bells {
        // The number only tells one ring of a bell from another.
        let job = Job { id: bell.interaction.0, generation: now.timestamp_micros() };
        api.push.ring(OUTREACH, job, bell.after.to_std().unwrap_or_default());
    }
    let (kind, thanks) = line.provider.thanks();
    Ok(([(header::CONTENT_TYPE, kind)], thanks))
}

/// What a webhook says, if it is the provider's own.
fn hear(
    api: &Api,
    line: &Line,
    (query, headers, body): (Option<&str>, &HeaderMap, &[u8]),
    now: Time,
) -> Result<Vec<Heard>, ApiError> {
    // Signed is the URL that the provider was given. Who sends a Host header may write anything into it.
    let mut url = address(&api.settings, line.agent.id);
    if let Some(query) = query {
        url = format!("{url}?{query}");
    }
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let incoming =
        Incoming { url: &url, query: query.unwrap_or_default(), headers: &headers, body };
    line.provider.verify(&incoming, now).map_err(|why| not_genuine(line, why))?;
    line.provider.read(&incoming).map_err(|why| {
        tracing::warn!(agent = %line.agent.id, error = %why, "a genuine webhook was refused");
        ApiError::new(Code::Unreadable, why.to_string())
    })
}

fn not_genuine(line: &Line, why: NotGenuine) -> ApiError {
    tracing::warn!(agent = %line.agent.id, error = %why, "a webhook was refused");
    ApiError::new(Code::Unauthorized, why.to_string())
}

/// The agent with its credentials opened, from memory if that is fresh.
async fn open(api: &Api, id: AgentId, now: Time) -> Result<Arc<Line>, ApiError> {
    let known = api.lines.known().get(&id).cloned();
    if let Some((line, at)) = known
        && now - at < BELIEVED
    {
        return Ok(line);
    }
    let agent = agents::by_id(&api.db, id).await?;
    let agent = agent.ok_or_else(|| ApiError::not_found("agent"))?;
    let mut opened: HashMap<&str, Sensitive> = HashMap::new();
    for (_, named) in agent.config.provider.secret_refs() {
        let found = api.secrets.open(agent.workspace_id, &named.secret, now).await;
        if let Some(found) = found.map_err(out_of_order)? {
            opened.insert(&named.secret, found.value);
        }
    }
    let find = |named: &SecretRef| opened.get(named.secret.as_str()).cloned();
    let provider = providers::open(&agent.config.provider, &find).map_err(|why| {
        tracing::error!(agent = %id, error = %why, "an agent's webhooks cannot be judged");
        unjudged()
    })?;
    drop(opened);
    let line = Arc::new(Line { agent, provider });
    let mut known = api.lines.known();
    if known.len() >= REMEMBERED_MAX {
        known.clear();
    }
    known.insert(id, (line.clone(), now));
    Ok(line)
}

/// Whatever is out of order here, the provider is to come again.
fn out_of_order(error: SecretError) -> ApiError {
    match error {
        SecretError::Store(error) => error.into(),
        other => {
            tracing::error!(error = %other, "a webhook could not be taken in");
            unjudged()
        }
    }
}

fn unjudged() -> ApiError {
    ApiError::new(Code::Unavailable, "the agent's credentials cannot be used now; come again")
}
