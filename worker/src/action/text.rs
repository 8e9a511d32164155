//! A submission that waits for an answer to a text: what is known of its thread, and what comes next.
use super::facts::{self, Who, wait};
use crate::{context::Context, step::StepError, trip::Trip};
use shared::{
    campaign::config::SmsAction,
    clock::Time,
    ids::{InteractionId, MessageId},
    outreach::{agent::Channel, provider::Keyword, report::Role},
    stages::{
        Change, Verdict,
        s2_first_action::unreached,
        s2_sms::{self, Next, TextFact, Thread},
    },
    store::{
        close::{Planned, Reach},
        interactions::{self, Interaction},
        messages::{self, Message, Source, State},
        parking::Park,
    },
    submission::Event,
};

/// What comes next; none when there is nothing to do before something is heard.
pub async fn next(
    ctx: &Context,
    trip: &mut Trip,
    plan: &SmsAction,
    park: &Park,
) -> Result<Option<Verdict>, StepError> {
    let thread = interactions::of_park(&ctx.db, park.workspace_id, park.id).await?.pop();
    let mut texts = match &thread {
        Some(thread) => messages::of_thread(&ctx.db, park.workspace_id, thread.id).await?,
        None => Vec::new(),
    };
    texts.retain(|text| text.at >= park.opened_at);
    let who = facts::who(ctx, trip, Channel::Sms).await?;
    if let Some(again) = used_up(&texts, &who) {
        return facts::used_up(ctx, trip, (park, again), "texts").await;
    }
    match decide(plan, park, (&who, trip), &texts) {
        Next::Text { body, is_reminder } => {
            text(ctx, trip, (plan, park), (thread.as_ref(), body, is_reminder)).await
        }
        Next::Wait(next) => {
            let verdict = wait("text_later", next.reason, (next.until, next.shown));
            facts::unless_said(ctx, trip, (next.until, next.shown), verdict).await
        }
        Next::Resume { answers, reason } => {
            let change = Change::Answers(facts::answers(&answers));
            Ok(Some(Verdict::of(Event::Resumed, "text_answered", reason).changing(change)))
        }
        Next::Refuse { end, code, reason } => Ok(Some(Verdict::refuse(end, code, reason))),
        Next::NoContact { reason } => Ok(Some(unreached(plan.on_no_contact, reason))),
        Next::Nothing => {
            facts::rest(ctx, trip, park.deadline).await?;
            Ok(None)
        }
    }
}

fn decide(plan: &SmsAction, park: &Park, (who, trip): (&Who, &Trip), texts: &[Message]) -> Next {
    let ours: Vec<TextFact> = texts.iter().filter_map(fact).collect();
    // What came within one window is one reply.
    let replies: Vec<&str> =
        texts.iter().filter(|text| is_reply(text)).map(|text| text.body.as_str()).collect();
    let whole = replies.join("\n");
    let replies: &[&str] = if replies.is_empty() { &[] } else { &[whole.as_str()] };
    let plan = SmsAction { hours: who.hours(&plan.hours), ..plan.clone() };
    s2_sms::next(
        &plan,
        &s2_sms::Facts {
            now: who.now,
            deadline: park.deadline,
            thread: &Thread { texts: &ours, replies, opted_out: false },
            callable: who.callable,
            suppressed: who.is_suppressed(),
            not_before: who.not_before(),
            zones: &who.zones,
            campaign_zone: who.campaign_zone,
            view: trip.view(),
        },
    )
}

/// What the person wrote, once whoever answers has it. STOP, START and HELP are no replies.
fn is_reply(text: &Message) -> bool {
    text.role == Role::User && text.state == State::HandedOn && Keyword::of(&text.body).is_none()
}

/// A text of this wait as the decision sees it; none when it was never sent for a reason that is looked at anew.
fn fact(text: &Message) -> Option<TextFact> {
    if text.role != Role::Agent || text.source != Source::System {
        return None;
    }
    Some(match text.state {
        State::Planned | State::Sending => TextFact::Open,
        State::Failed if text.reference.is_some() => TextFact::Failed { at: text.updated_at },
        State::Failed => {
            TextFact::NotSent { why: facts::refusal(text.error.as_deref())?, at: text.updated_at }
        }
        State::Accepted
        | State::Sent
        | State::Delivered
        | State::Unsure
        | State::Received
        | State::HandedOn => TextFact::Sent { at: text.at },
    })
}

fn used_up(texts: &[Message], who: &Who) -> Option<Time> {
    let last = texts.iter().rfind(|text| text.role == Role::Agent)?;
    facts::budget_again_at(last.error.as_deref(), last.updated_at, who)
}

async fn text(
    ctx: &Context,
    trip: &Trip,
    (plan, park): (&SmsAction, &Park),
    (thread, body, is_reminder): (Option<&Interaction>, String, bool),
) -> Result<Option<Verdict>, StepError> {
    let names = (plan.agent.as_str(), plan.test_agent.as_deref());
    let Some(agent) = facts::agent(ctx, trip, names).await? else {
        return facts::without_agent(ctx, trip, park, &plan.agent).await;
    };
    let what = if is_reminder { "a reminder" } else { "the first text" };
    let reason = format!("{what} is sent by {}", agent.name);
    let reach = Reach {
        interaction: thread.map_or_else(InteractionId::new, |thread| thread.id),
        lead: trip.loaded.lead_id,
        campaign: trip.campaign.id,
        park: park.id,
        agent: agent.id,
        provider: agent.config.0.provider.name(),
        number: 1,
        phone: trip.loaded.phone.clone(),
        is_test: trip.loaded.is_test,
        what: Planned::Text { message: MessageId::new(), body, not_before: park.opened_at },
    };
    Ok(Some(facts::planned(ctx, trip, (park, &agent), ("text_planned", reason), reach)))
}
