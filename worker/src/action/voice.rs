//! A submission that waits for a call: what is known of its calls, and what comes next.
use super::facts::{self, Who, wait};
use crate::{context::Context, step::StepError, trip::Trip};
use chrono::Duration;
use serde_json::Map;
use shared::{
    campaign::config::{DEADLINE_MINUTES_MAX, VoiceAction},
    clock::Time,
    ids::InteractionId,
    outreach::{CallOutcome, agent::Channel},
    stages::{
        Change, Verdict,
        s2_first_action::unreached,
        s2_voice::{self, CallFact, CallState, Next},
    },
    store::{
        calls,
        close::{Planned, Reach},
        interactions::{self, Interaction, State},
        parking::Park,
    },
    submission::Event,
};

/// What comes next; none when there is nothing to do before something is heard.
pub async fn next(
    ctx: &Context,
    trip: &mut Trip,
    plan: &VoiceAction,
    park: &Park,
) -> Result<Option<Verdict>, StepError> {
    let calls = interactions::of_park(&ctx.db, park.workspace_id, park.id).await?;
    let who = facts::who(ctx, trip, Channel::Voice).await?;
    if let Some(again) = calls.last().and_then(|last| used_up(last, &who)) {
        return facts::used_up(ctx, trip, (park, again), "calls").await;
    }
    match decide(plan, park, &who, &calls) {
        Next::Call { attempt, .. } => call(ctx, trip, (plan, park), (&calls, attempt)).await,
        Next::Wait(next) => {
            let mut verdict = wait("call_later", next.reason, (next.until, next.shown));
            if let (Change::Wait { deadline, .. }, Some(_)) = (&mut verdict.change, next.deadline) {
                *deadline = next.deadline;
            }
            facts::unless_said(ctx, trip, (next.until, next.shown), verdict).await
        }
        Next::Resume { reason, .. } => {
            let change = Change::Answers(facts::answers(&learnt(&calls)));
            Ok(Some(Verdict::of(Event::Resumed, "call_answered", reason).changing(change)))
        }
        Next::Refuse { end, code, reason } => Ok(Some(Verdict::refuse(end, code, reason))),
        Next::NoContact { reason } => Ok(Some(unreached(plan.on_no_contact, reason))),
        Next::Nothing => {
            facts::rest(ctx, trip, park.deadline).await?;
            Ok(None)
        }
    }
}

fn decide(plan: &VoiceAction, park: &Park, who: &Who, calls: &[Interaction]) -> Next {
    let known: Vec<CallFact> = calls.iter().filter_map(fact).collect();
    let plan = VoiceAction { hours: who.hours(&plan.hours), ..plan.clone() };
    s2_voice::next(
        &plan,
        &s2_voice::Facts {
            now: who.now,
            deadline: park.deadline,
            latest_deadline: park.opened_at + Duration::minutes(DEADLINE_MINUTES_MAX),
            calls: &known,
            callable: who.callable,
            suppressed: who.is_suppressed(),
            not_before: who.not_before(),
            zones: &who.zones,
            campaign_zone: who.campaign_zone,
        },
    )
}

/// A call as the decision sees it; none when it was never made for a reason that is looked at anew.
fn fact(call: &Interaction) -> Option<CallFact> {
    let at = call.ended_at.unwrap_or(call.updated_at);
    let state = match call.state {
        State::Ended => CallState::Ended {
            outcome: call.outcome.unwrap_or(CallOutcome::Unknown),
            callback_at: call.report.as_ref().and_then(|report| report.callback_at),
            ended_at: at,
        },
        State::NotPlaced => {
            CallState::NotPlaced { why: facts::refusal(call.error.as_deref())?, at }
        }
        State::Planned
        | State::Placing
        | State::InProgress
        | State::Unsure
        | State::Open
        | State::Closed => CallState::Open,
    };
    Some(CallFact { number: call.number, state })
}

fn used_up(last: &Interaction, who: &Who) -> Option<Time> {
    let at = last.ended_at.unwrap_or(last.updated_at);
    facts::budget_again_at(last.error.as_deref(), at, who)
}

/// Everything that the calls of this wait have brought to light; what a later one says wins.
fn learnt(calls: &[Interaction]) -> Map<String, serde_json::Value> {
    let mut learnt = Map::new();
    for report in calls.iter().filter_map(|call| call.report.as_ref()) {
        learnt.extend(report.answers.clone());
    }
    learnt
}

async fn call(
    ctx: &Context,
    trip: &Trip,
    (plan, park): (&VoiceAction, &Park),
    (calls, attempt): (&[Interaction], i64),
) -> Result<Option<Verdict>, StepError> {
    let names = (plan.agent.as_str(), plan.test_agent.as_deref());
    let Some(agent) = facts::agent(ctx, trip, names).await? else {
        return facts::without_agent(ctx, trip, park, &plan.agent).await;
    };
    // The call of an earlier wait goes on: nobody is called by two at once.
    if calls::is_called(&ctx.db, park.workspace_id, trip.loaded.lead_id).await? {
        facts::rest(ctx, trip, facts::look_again(ctx, park)).await?;
        return Ok(None);
    }
    let number = calls.len() as i64 + 1;
    let reach = Reach {
        interaction: InteractionId::new(),
        lead: trip.loaded.lead_id,
        campaign: trip.campaign.id,
        park: park.id,
        agent: agent.id,
        provider: agent.config.0.provider.name(),
        number,
        phone: trip.loaded.phone.clone(),
        is_test: trip.loaded.is_test,
        what: Planned::Call { instructions: plan.instructions.clone() },
    };
    let reason = format!("call {attempt} of {} is made by {}", plan.max_attempts, agent.name);
    Ok(Some(facts::planned(ctx, trip, (park, &agent), ("call_planned", reason), reach)))
}
