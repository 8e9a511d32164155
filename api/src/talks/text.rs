//! POST /sms/send: a lead is texted because somebody asks for it.
use super::preflight::{Facts, No, Request, carry_out};
use crate::{
    Api,
    answer::{Guarded, Resending, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code},
    params::IdempotencyKey,
};
use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use shared::{
    ids::{InteractionId, LeadId, MessageId},
    outreach::{agent::Channel, template::TEXT_CHARS_MAX},
    store::{
        agents::AgentRow,
        interactions::{self, Interaction, Kind},
        messages,
        talks::{Known, Plan, What},
    },
};
use std::sync::Arc;
use utoipa::ToSchema;

const ROUTE: &str = "POST /api/v1/sms/send";

/// A text to send.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"leadId": "lead_01h455vb4pex5vsknk084sn02q", "message": "Hi Maria, when may we call?"}))]
pub struct NewText {
    pub lead_id: LeadId,
    /// 1 to 1,600 characters, sent as they are: nothing is filled in.
    pub message: String,
    /// The name of a text agent. Otherwise the one of the campaign's first action (a test lead's own one), else the only active text agent
    /// of the workspace.
    pub agent: Option<String>,
    /// An open thread with the lead, whose agent sends it. Otherwise the open one of the agent and the lead's number, or a new one.
    pub interaction_id: Option<InteractionId>,
    /// `api` unless given; `manual` when a person wrote it.
    #[serde(default)]
    pub source: TextAuthor,
}

/// Who wrote a text.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextAuthor {
    #[default]
    Api,
    Manual,
}

/// A text that will be sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TextPlanned {
    pub message_id: MessageId,
    /// The thread that it is in.
    pub interaction_id: InteractionId,
    /// `planned`.
    pub status: messages::State,
}

/// Text a lead
///
/// 202: the text is on disk and sent in a moment; `GET /interactions/{interactionId}` shows what becomes of it. The lead must be processed
/// and its number callable. 409 when the person must not be texted (with channel, reason and since when), when it is not the hour for it
/// where the person may be (with `allowedAt`; test leads may be texted at any hour), when the agent is off, and when the thread is closed
/// or with another number than the lead's.
#[utoipa::path(
    post, path = "/sms/send", tag = "Interactions", operation_id = "sendText",
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "As for submitting a lead.")),
    request_body = NewText,
    responses((status = 202, description = "The text is planned.", body = Success<TextPlanned>), Guarded, Resending)
)]
pub async fn send(
    State(api): State<Arc<Api>>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let form: NewText = body.read()?;
    let length = form.message.chars().count();
    if form.message.trim().is_empty() || length > TEXT_CHARS_MAX {
        let why =
            format!("has {length} characters; 1 to {TEXT_CHARS_MAX}, not only blanks, are needed");
        return Err(ApiError::invalid_at("message", why));
    }
    let request =
        Request { route: ROUTE, lead: form.lead_id, key, raw: &body.raw, channel: Channel::Sms };
    carry_out(&api, &caller, request, |facts, known| plan(&form, facts, known)).await
}

fn plan(form: &NewText, facts: &Facts, known: &Known) -> Result<Plan, No> {
    facts.person(known)?;
    let named = form.interaction_id.map(|id| named_thread(id, known)).transpose()?;
    let agent = match named {
        Some(thread) => agent_of(thread, form, facts)?,
        None => facts.agent(form.agent.as_deref())?,
    };
    let thread = named.or_else(|| open_thread(agent, known));
    let is_test = thread.map_or(facts.loaded.is_test, |thread| thread.is_test);
    if !is_test {
        facts.hours()?;
    }
    let message = MessageId::new();
    let id = thread.map_or_else(InteractionId::new, |thread| thread.id);
    let status = messages::State::Planned;
    let answer = TextPlanned { message_id: message, interaction_id: id, status };
    Ok(Plan {
        campaign: facts.loaded.campaign_id,
        agent: agent.id,
        provider: agent.config.provider.name(),
        phone: known.phone.clone(),
        is_test,
        what: What::Text {
            thread: id,
            is_new: thread.is_none(),
            message,
            source: match form.source {
                TextAuthor::Api => messages::Source::Api,
                TextAuthor::Manual => messages::Source::Manual,
            },
            body: form.message.clone(),
        },
        answer: serde_json::to_value(answer).expect("a receipt is plain JSON"),
    })
}

fn open_thread<'k>(agent: &AgentRow, known: &'k Known) -> Option<&'k Interaction> {
    known.interactions.iter().find(|one| {
        one.kind == Kind::Sms
            && one.state == interactions::State::Open
            && one.agent_id == agent.id
            && one.phone == known.phone
    })
}

/// The thread that was named: open, with this lead, at the number that the lead has now.
fn named_thread(id: InteractionId, known: &Known) -> Result<&Interaction, ApiError> {
    let path = "interactionId";
    let found = known.interactions.iter().find(|one| one.id == id);
    let thread = found.ok_or_else(|| ApiError::not_found("interaction with this lead").at(path))?;
    if thread.kind != Kind::Sms {
        return Err(ApiError::invalid_at(path, "is a call; a thread of texts is needed"));
    }
    let conflict = |message: &str| Err(ApiError::new(Code::Conflict, message).at(path));
    if thread.state != interactions::State::Open {
        return conflict("the thread is closed");
    }
    if thread.phone != known.phone {
        return conflict("the thread is with another number than the lead has now");
    }
    Ok(thread)
}

/// The agent of a thread; another one cannot be named.
fn agent_of<'f>(
    thread: &Interaction,
    form: &NewText,
    facts: &'f Facts,
) -> Result<&'f AgentRow, ApiError> {
    let Some(agent) = facts.agent_of(thread) else {
        return Err(ApiError::new(Code::Conflict, "the thread's agent is gone").at("interactionId"));
    };
    if form.agent.as_ref().is_some_and(|name| *name != agent.name) {
        let why = format!("must be {:?}, whose thread it is", agent.name);
        return Err(ApiError::invalid_at("agent", why));
    }
    facts.agent(Some(&agent.name))
}
