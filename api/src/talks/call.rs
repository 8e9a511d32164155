//! POST /voice/calls/initiate: a lead is called because somebody asks for it.
use super::preflight::{Facts, No, Request, carry_out};
use crate::{
    Api,
    answer::{Guarded, Resending, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
    params::IdempotencyKey,
};
use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use shared::{
    ids::{AgentId, CampaignId, InteractionId, LeadId},
    outreach::{
        agent::Channel,
        by_hand::{self, Counted},
    },
    store::{
        interactions::{Direction, Interaction, Kind},
        talks::{Known, Plan, What},
    },
};
use std::sync::Arc;
use utoipa::ToSchema;

const ROUTE: &str = "POST /api/v1/voice/calls/initiate";
/// Characters of additional instructions, at most.
const INSTRUCTIONS_MAX: usize = 4_000;

/// A call to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"leadId": "lead_01h455vb4pex5vsknk084sn02q", "additionalInstructions": "Ask for the roof's age."}))]
pub struct NewCall {
    pub lead_id: LeadId,
    /// The name of a voice agent. Otherwise the one of the campaign's first action (a test lead's own one), else the only active voice
    /// agent of the workspace.
    pub agent: Option<String>,
    /// What the agent is told besides its prompt and the campaign's instructions, in at most 4,000 characters.
    pub additional_instructions: Option<String>,
    /// Only `outbound`: calls that we receive are not made by us.
    pub direction: Option<Direction>,
}

/// A call that will be made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallPlanned {
    pub interaction_id: InteractionId,
    pub lead_id: LeadId,
    pub campaign_id: CampaignId,
    pub agent_id: AgentId,
}

/// Call a lead
///
/// 202: the call is on disk and made in a moment; `GET /interactions/{interactionId}` shows what becomes of it. The lead must be processed
/// and its number callable; its campaign active (unless the lead is a test). 409 when the person must not be called (with channel, reason
/// and since when), when it is not the hour for it where the person may be (with `allowedAt`; test leads may be called at any hour), when
/// a call with the lead is open (with its `interactionId`), within the campaign's minimum gap after the lead's last call, whoever made it
/// (with `allowedAt`), and when the campaign has called the lead as often as it may since its latest submission. Calls that could not be
/// made do not count, and calls by campaigns without a voice action have neither gap nor maximum. A lead that waits for a call has its
/// wait ended by this one's outcome, like by any other.
#[utoipa::path(
    post, path = "/voice/calls/initiate", tag = "Interactions", operation_id = "initiateCall",
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "As for submitting a lead.")),
    request_body = NewCall,
    responses((status = 202, description = "The call is planned.", body = Success<CallPlanned>), Guarded, Resending)
)]
pub async fn initiate(
    State(api): State<Arc<Api>>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let form: NewCall = body.read()?;
    form.check()?;
    let request =
        Request { route: ROUTE, lead: form.lead_id, key, raw: &body.raw, channel: Channel::Voice };
    carry_out(&api, &caller, request, |facts, known| plan(&form, facts, known)).await
}

impl NewCall {
    fn check(&self) -> Result<(), ApiError> {
        let mut problems = Vec::new();
        if self.direction == Some(Direction::Inbound) {
            let why = "must be outbound: calls that we receive are not made by us";
            problems.push(Detail::new("direction", why));
        }
        let given = self.additional_instructions.as_deref().unwrap_or_default();
        if given.chars().count() > INSTRUCTIONS_MAX {
            let why = format!("has more than {INSTRUCTIONS_MAX} characters");
            problems.push(Detail::new("additionalInstructions", why));
        }
        if problems.is_empty() { Ok(()) } else { Err(ApiError::invalid(problems)) }
    }
}

fn plan(form: &NewCall, facts: &Facts, known: &Known) -> Result<Plan, No> {
    facts.person(known)?;
    let agent = facts.agent(form.agent.as_deref())?;
    let is_test = facts.loaded.is_test;
    if !is_test && facts.campaign_state != "active" {
        let message = format!("the campaign is {} and calls nobody", facts.campaign_state);
        return Err(ApiError::new(Code::CampaignClosed, message).into());
    }
    if !is_test {
        facts.hours()?;
    }
    let voice = facts.action().and_then(|action| action.voice.as_ref());
    let counted = Counted { campaign: facts.campaign.id, since: facts.loaded.created_at, voice };
    by_hand::next_call(&known.interactions, counted, facts.now)?;
    let id = InteractionId::new();
    let answer = CallPlanned {
        interaction_id: id,
        lead_id: form.lead_id,
        campaign_id: facts.campaign.id,
        agent_id: agent.id,
    };
    let told = [
        voice.and_then(|voice| voice.instructions.as_deref()),
        form.additional_instructions.as_deref(),
    ];
    let told: Vec<&str> = told.into_iter().flatten().collect();
    Ok(Plan {
        campaign: facts.campaign.id,
        agent: agent.id,
        provider: agent.config.provider.name(),
        phone: known.phone.clone(),
        is_test,
        what: What::Call {
            id,
            wait: facts.wait.clone(),
            number: number(facts, known),
            instructions: (!told.is_empty()).then(|| told.join("\n\n")),
        },
        answer: serde_json::to_value(answer).expect("a receipt is plain JSON"),
    })
}

/// Which call of its wait it is, or which since the lead's latest submission when it waits for none.
fn number(facts: &Facts, known: &Known) -> i64 {
    let before = |call: &&Interaction| match &facts.wait {
        Some(wait) => call.park_id == Some(wait.park),
        None => call.campaign_id == facts.campaign.id && call.opened_at >= facts.loaded.created_at,
    };
    let calls = known.interactions.iter().filter(|one| one.kind == Kind::Call);
    calls.filter(before).count() as i64 + 1
}
