//! What must be known before a person is called or texted because somebody asks for it, and what a refusal says.
use crate::{
    Api,
    caller::Caller,
    error::{ApiError, Code, Detail},
    leads::{
        by_hand::KEY_REUSED,
        submit::{mark_replay, repeat_key},
    },
    rules::rehearsal,
    suppressions,
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::SecondsFormat;
use serde_json::Value;
use shared::{
    campaign::{Campaign, config::FirstAction},
    clock::Time,
    ids::LeadId,
    outreach::{
        Whereabouts,
        agent::Channel,
        by_hand::{self, Refused},
        callable::callable,
        hours::CallingHours,
        zones,
    },
    push::OUTREACH,
    queue::Job,
    store::{
        agents::{self, AgentRow},
        campaigns,
        desk::Ask,
        load::Loaded,
        recent,
        talks::{self, Done, Known, Plan, Wait},
    },
    view,
};
use std::sync::Arc;

/// How often it is decided again when the lead has changed in between.
const TRIES: usize = 3;

/// A request that asks for a call or a text.
pub struct Request<'a> {
    pub route: &'static str,
    pub lead: LeadId,
    pub key: Option<String>,
    pub raw: &'a [u8],
    pub channel: Channel,
}

/// Everything that is asked for before the lead is locked.
pub struct Facts {
    pub now: Time,
    pub channel: Channel,
    /// The submission that waits for a call; otherwise the latest one.
    pub loaded: Box<Loaded>,
    pub wait: Option<Wait>,
    pub campaign: Arc<Campaign>,
    /// `active`, `paused` or `archived`.
    pub campaign_state: String,
    agents: Vec<AgentRow>,
    hash: String,
}

/// Why a plan was not made.
pub enum No {
    /// The lead is not what it was a moment ago: look again.
    Changed,
    Said(ApiError),
}

impl From<ApiError> for No {
    fn from(error: ApiError) -> Self {
        Self::Said(error)
    }
}

impl From<Refused> for No {
    fn from(refused: Refused) -> Self {
        Self::Said(refused.into())
    }
}

/// Decides under the lead's lock, writes, rings the bell and answers.
pub async fn carry_out(
    api: &Api,
    caller: &Caller,
    request: Request<'_>,
    decide: impl Fn(&Facts, &Known) -> Result<Plan, No>,
) -> Result<Response, ApiError> {
    let repeat = repeat_key(request.route, request.key.clone(), request.raw);
    for _ in 0..TRIES {
        let facts = Facts::read(api, caller, &request).await?;
        let (workspace, lead) = (caller.workspace, request.lead);
        let ask = Ask { workspace, lead, campaign: None, repeat: repeat.clone(), at: facts.now };
        let db = caller.acting(&api.db);
        let decided = talks::at(&db, &ask, &facts.hash, |known| {
            if known.phone != facts.loaded.phone || facts.waits(known) {
                return Err(No::Changed);
            }
            decide(&facts, known)
        });
        match decided.await? {
            Done::Planned { interaction, answer } => {
                // The number only tells one ring of a bell from another.
                let job = Job { id: interaction.0, generation: facts.now.timestamp_micros() };
                api.push.ring(OUTREACH, job, std::time::Duration::ZERO);
                return Ok(accepted(answer, false));
            }
            Done::Repeated(answer) => return Ok(accepted(answer, true)),
            Done::KeyReused => return Err(ApiError::new(Code::IdempotencyKeyReused, KEY_REUSED)),
            Done::NoSuchLead => return Err(ApiError::not_found("lead").at("leadId")),
            Done::Refused(No::Said(refused)) => return Err(refused),
            Done::Refused(No::Changed) | Done::Busy => {}
        }
    }
    let message = "the lead is being changed, called or texted by something else; try again";
    Err(ApiError::new(Code::Conflict, message))
}

fn accepted(answer: Value, repeated: bool) -> Response {
    let response = (StatusCode::ACCEPTED, crate::answer::Data(answer)).into_response();
    mark_replay(response, repeated)
}

impl Facts {
    async fn read(api: &Api, caller: &Caller, request: &Request<'_>) -> Result<Self, ApiError> {
        let (workspace, channel) = (caller.workspace, request.channel);
        let no_lead = || ApiError::not_found("lead").at("leadId");
        let wait = match channel {
            Channel::Voice => talks::wait_of(api.db.read(), workspace, request.lead).await?,
            Channel::Sms => None,
        };
        let loaded = match &wait {
            Some(wait) => api.loader.load(wait.submission).await?,
            None => recent::lead(&api.db, workspace, request.lead).await?.map(Box::new),
        };
        let loaded = loaded.ok_or_else(no_lead)?;
        let row = campaigns::get(&api.db, workspace, loaded.campaign_id).await?;
        let mut row = row.ok_or_else(no_lead)?;
        if let Some(wait) = &wait {
            let pinned = campaigns::revision(&api.db, workspace, wait.campaign, wait.revision);
            if let Some((_, _, config)) = pinned.await? {
                (row.revision, row.config) = (wait.revision, config);
            }
        }
        let campaign = rehearsal::compiled(&row, row.revision, row.config.0.clone())?;
        let now = api.clock.now();
        Ok(Self {
            now,
            channel,
            hash: suppressions::hash(api, caller, &loaded.phone).await?,
            agents: agents::list(&api.db, workspace).await?,
            loaded,
            wait,
            campaign,
            campaign_state: row.state,
        })
    }

    /// Whether the lead waits for another call than it did when it was looked at.
    fn waits(&self, known: &Known) -> bool {
        self.channel == Channel::Voice && known.wait != self.wait
    }

    pub fn action(&self) -> Option<&FirstAction> {
        self.campaign.config.first_action.as_ref()
    }

    /// Whether this person may be reached at all.
    pub fn person(&self, known: &Known) -> Result<(), Refused> {
        let suppressed = &known.suppressed;
        let callable = callable(&known.phone);
        by_hand::person(known.status, callable, suppressed, known.not_before, self.channel)
    }

    /// Whether it is the hour for it.
    pub fn hours(&self) -> Result<(), Refused> {
        let given = match self.channel {
            Channel::Voice => self.action().and_then(|action| Some(&action.voice.as_ref()?.hours)),
            Channel::Sms => self.action().and_then(|action| Some(&action.sms.as_ref()?.hours)),
        };
        let usual = CallingHours::default();
        let view = view::of(&self.loaded, &self.campaign, self.now);
        let known = zones::candidates(Whereabouts::of_view(&view));
        let zones = zones::or_campaign(known, self.campaign.zone);
        by_hand::hours(given.unwrap_or(&usual), &zones, self.now)
    }

    /// The agent that was named; else the campaign's; else the only one of the workspace that could.
    pub fn agent(&self, named: Option<&str>) -> Result<&AgentRow, ApiError> {
        let agent = match named.or(self.campaigns_agent()) {
            Some(name) => self.agent_named(name)?,
            None => self.only_agent()?,
        };
        if agent.config.active {
            return Ok(agent);
        }
        let message = format!("the agent {:?} is off", agent.name);
        Err(ApiError::new(Code::Conflict, message).at("agent"))
    }

    /// The agent of a thread.
    pub fn agent_of(&self, thread: &shared::store::interactions::Interaction) -> Option<&AgentRow> {
        self.agents.iter().find(|agent| agent.id == thread.agent_id)
    }

    fn campaigns_agent(&self) -> Option<&str> {
        let action = self.action()?;
        let (agent, test) = match self.channel {
            Channel::Voice => {
                let voice = action.voice.as_ref()?;
                (&voice.agent, &voice.test_agent)
            }
            Channel::Sms => {
                let sms = action.sms.as_ref()?;
                (&sms.agent, &sms.test_agent)
            }
        };
        Some(test.as_ref().filter(|_| self.loaded.is_test).unwrap_or(agent))
    }

    fn agent_named(&self, name: &str) -> Result<&AgentRow, ApiError> {
        let found = self.agents.iter().find(|agent| agent.name == name);
        let agent = found.ok_or_else(|| {
            let message = format!("there is no agent {name:?} in this workspace");
            ApiError::invalid_at("agent", message)
        })?;
        if agent.config.provider.channel() == self.channel {
            return Ok(agent);
        }
        let (does, wanted) = match self.channel {
            Channel::Voice => ("texts", "calls"),
            Channel::Sms => ("calls", "texts"),
        };
        let message = format!("the agent {name:?} {does}; one that {wanted} is needed");
        Err(ApiError::invalid_at("agent", message))
    }

    fn only_agent(&self) -> Result<&AgentRow, ApiError> {
        let does = if self.channel == Channel::Voice { "calls" } else { "texts" };
        let fits = |agent: &&AgentRow| {
            agent.config.active && agent.config.provider.channel() == self.channel
        };
        let able: Vec<&AgentRow> = self.agents.iter().filter(fits).collect();
        match able.as_slice() {
            [one] => Ok(one),
            [] => {
                let message = format!(
                    "is missing: neither the campaign nor the workspace has an active agent that {does}; keep one with PUT /api/v1/agents"
                );
                Err(ApiError::invalid_at("agent", message))
            }
            several => {
                let names: Vec<&str> = several.iter().map(|agent| agent.name.as_str()).collect();
                let message = format!("is missing: name one of {}", names.join(", "));
                Err(ApiError::invalid_at("agent", message))
            }
        }
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let message = refused.to_string();
        let time = |time: Time| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let details = match refused {
            Refused::ClosedLead(_) => return Self::new(Code::LeadClosed, message).at("leadId"),
            Refused::NotCallable(_) => return Self::invalid_at("leadId", message),
            Refused::Suppressed(_, found) => {
                let channel = serde_json::to_value(found.channel).unwrap_or_default();
                let channel = channel.as_str().unwrap_or_default().to_owned();
                let since = time(found.created_at);
                vec![("channel", channel), ("since", since), ("reason", found.reason)]
            }
            Refused::NotBefore(at) | Refused::Hours { at, .. } | Refused::Gap { next: at, .. } => {
                vec![("allowedAt", time(at))]
            }
            Refused::CallOpen(id) => vec![("interactionId", id.to_string())],
            Refused::NoHours(_) | Refused::Attempts { .. } => Vec::new(),
        };
        let mut error = Self::new(Code::Conflict, message);
        error.details = details.into_iter().map(|(path, text)| Detail::new(path, text)).collect();
        error
    }
}
