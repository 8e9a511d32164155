//! May a person be called or texted now because somebody asks for it? If not, why, and when or how it may.
use super::{
    CallOutcome,
    agent::Channel,
    callable::NotCallable,
    hours::{CallingHours, Reach, may_reach},
};
use crate::{
    campaign::config::VoiceAction,
    clock::Time,
    ids::{CampaignId, InteractionId},
    lead::LeadStatus,
    store::{
        interactions::{Interaction, Kind, State},
        suppressions::Suppression,
    },
};
use chrono::{Duration, SecondsFormat};
use chrono_tz::Tz;

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the lead is {} and is not processed", .0.word())]
    ClosedLead(LeadStatus),
    #[error("{0}")]
    NotCallable(#[from] NotCallable),
    #[error("the person must not be {}: {} since {}, said by {}", done(*.0), .1.reason, text(.1.created_at), .1.source)]
    Suppressed(Channel, Suppression),
    #[error("the contact is to be left alone until {}", text(*.0))]
    NotBefore(Time),
    #[error("it is not the hour for it in {zones}; it is at {}", text(*.at))]
    Hours { zones: String, at: Time },
    #[error("there is no time within the hours in every zone that the person may be in: {0}")]
    NoHours(String),
    #[error("a call with the lead is open: {0}")]
    CallOpen(InteractionId),
    #[error("the lead was called at {}; the campaign allows the next call at {}", text(*.last), text(*.next))]
    Gap { last: Time, next: Time },
    #[error(
        "the campaign has called the lead {made} times since it was submitted, and allows {most}"
    )]
    Attempts { made: i64, most: i64 },
}

fn done(channel: Channel) -> &'static str {
    match channel {
        Channel::Voice => "called",
        Channel::Sms => "texted",
    }
}

/// A time as answers write it.
fn text(time: Time) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Whether the lead is one that people are called or texted for, and the person may be reached that way.
pub fn person(
    status: LeadStatus,
    callable: Result<(), NotCallable>,
    suppressed: &[Suppression],
    not_before: Option<Time>,
    channel: Channel,
) -> Result<(), Refused> {
    if !status.is_processed() {
        return Err(Refused::ClosedLead(status));
    }
    callable?;
    match (suppressed.iter().find(|one| one.channel.covers(channel)), not_before) {
        (Some(found), _) => Err(Refused::Suppressed(channel, found.clone())),
        (None, Some(until)) => Err(Refused::NotBefore(until)),
        (None, None) => Ok(()),
    }
}

/// Whether it is the hour for it in every zone that the person may be in.
pub fn hours(hours: &CallingHours, zones: &[Tz], now: Time) -> Result<(), Refused> {
    let named = || zones.iter().map(|zone| zone.name()).collect::<Vec<_>>().join(", ");
    match may_reach(hours, zones, now) {
        Reach::Now => Ok(()),
        Reach::At(at) => Err(Refused::Hours { zones: named(), at }),
        Reach::Never => Err(Refused::NoHours(named())),
    }
}

/// For whom a call counts.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    pub campaign: CampaignId,
    /// When the lead's latest submission was opened.
    pub since: Time,
    /// What the campaign says about its calls.
    pub voice: Option<&'a VoiceAction>,
}

/// Whether another call may be made, by what is known of the lead's calls and threads, newest first. The gap is that to the last call of
/// the lead, whoever made it; only a time that the person named goes before it. Attempts are the calls of this campaign since the latest
/// submission that came to an end; one that could not be made is none.
pub fn next_call(
    interactions: &[Interaction],
    counted: Counted<'_>,
    now: Time,
) -> Result<(), Refused> {
    let calls = || interactions.iter().filter(|one| one.kind == Kind::Call);
    if let Some(open) = calls().find(|call| is_open(call.state)) {
        return Err(Refused::CallOpen(open.id));
    }
    let Some(voice) = counted.voice else { return Ok(()) };
    let ended = || calls().filter(|call| call.state == State::Ended);
    let last = ended().max_by_key(|call| call.ended_at);
    if let Some((last, at)) = last.and_then(|last| Some((last, last.ended_at?)))
        && !is_asked_for(last, now)
    {
        let next = at.checked_add_signed(Duration::minutes(voice.minimum_gap_minutes));
        if let Some(next) = next.filter(|next| now < *next) {
            return Err(Refused::Gap { last: at, next });
        }
    }
    let counts = |call: &&Interaction| {
        call.campaign_id == counted.campaign
            && call.opened_at >= counted.since
            && call.outcome != Some(CallOutcome::Failed)
    };
    let (made, most) = (ended().filter(counts).count() as i64, voice.max_attempts);
    if made >= most { Err(Refused::Attempts { made, most }) } else { Ok(()) }
}

fn is_open(state: State) -> bool {
    matches!(state, State::Planned | State::Placing | State::InProgress | State::Unsure)
}

/// The person has asked to be called, and the time has come.
fn is_asked_for(call: &Interaction, now: Time) -> bool {
    let at = call.report.as_ref().and_then(|report| report.callback_at);
    call.outcome == Some(CallOutcome::ScheduledCallback) && at.is_some_and(|at| at <= now)
}

#[cfg(test)]
#[path = "by_hand_tests.rs"]
mod tests;
