//! Stage 2: is the person called now, later or not at all, and what does a call lead to?
use crate::{
    campaign::config::{CallEffect, VoiceAction},
    clock::Time,
    outreach::{hours::may_reach, provider::RefusalKind, report::CallOutcome},
    submission::{End, status::Status},
};
use chrono::Duration;
use chrono_tz::Tz;
use std::slice;

pub use crate::outreach::callable::{NotCallable, callable};

/// Calls that could not be made, through no doing of the person, and do not count; later ones do.
pub const FAILED_MAX: usize = 10;
/// Calls that ended with a time at which the person wants to be called, and do not count; later ones do.
pub const CALLBACKS_MAX: usize = 3;
/// How long after a call that could not be made the next one is tried; each further one in a row doubles it.
const FAILED_PAUSE: Duration = Duration::minutes(1);
/// What it is doubled to at most.
const FAILED_PAUSE_MAX: Duration = Duration::minutes(60);
/// How long the wait goes on after a call that the person asked for after the deadline.
pub const CALLBACK_ALLOWANCE: Duration = Duration::minutes(60);

/// What is known when it is asked.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub now: Time,
    /// When the wait ends by itself.
    pub deadline: Time,
    /// How far the deadline may be moved, for a person who asks to be called after it.
    pub latest_deadline: Time,
    /// The calls of this wait, oldest first.
    pub calls: &'a [CallFact],
    /// What [`callable`] says of the number.
    pub callable: Result<(), NotCallable>,
    /// The person must not be called.
    pub suppressed: bool,
    /// The contact is to be left alone until then.
    pub not_before: Option<Time>,
    /// Every zone that the person may be in; the campaign's own counts when there is none.
    pub zones: &'a [Tz],
    pub campaign_zone: Tz,
}

/// A call of this wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallFact {
    /// 1 for the first.
    pub number: i64,
    pub state: CallState,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallState {
    /// It may be going on.
    Open,
    /// `callback_at` only counts with `scheduled_callback`.
    Ended { outcome: CallOutcome, callback_at: Option<Time>, ended_at: Time },
    /// The provider surely has not made it.
    NotPlaced { why: RefusalKind, at: Time },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Call now. `number` is that of the call; `attempt` how many will count then, this one included.
    Call { number: i64, attempt: i64 },
    /// Look again then, which is never after the deadline.
    Wait(Wait),
    /// The lead goes on.
    Resume { outcome: CallOutcome, reason: String },
    /// The lead ends so.
    Refuse { end: End, code: &'static str, reason: String },
    /// Nobody can reach the person: what the action's `onNoContact` says.
    NoContact { reason: String },
    /// A call is open: its end is heard of, or the deadline comes.
    Nothing,
}

/// A wait between two calls, or before the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    pub until: Time,
    /// What the submission shows meanwhile.
    pub shown: Status,
    pub reason: String,
    /// The deadline is moved to here: the person asked to be called at a time that the old one does not leave room for.
    pub deadline: Option<Time>,
}

/// What a call's end leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Given(CallEffect),
    /// It is tried again soon.
    Free,
    Callback,
    NoContact,
    Dnc,
}

/// The effect of an outcome, and what the submission shows while it waits after it.
fn effect(plan: &VoiceAction, outcome: CallOutcome) -> (Effect, Status) {
    use CallEffect::{Continue, Disqualify, Retry, Wait};
    let (usual, shown) = match outcome {
        CallOutcome::Completed | CallOutcome::Qualified => {
            (Effect::Given(Continue), Status::Contacted)
        }
        CallOutcome::Incomplete => (Effect::Given(Retry), Status::Contacted),
        CallOutcome::Voicemail => (Effect::Given(Retry), Status::Voicemail),
        CallOutcome::NoAnswer | CallOutcome::Busy | CallOutcome::Unknown => {
            (Effect::Given(Retry), Status::NoAnswer)
        }
        CallOutcome::NoContact => (Effect::NoContact, Status::NoAnswer),
        CallOutcome::ScheduledCallback => (Effect::Callback, Status::ScheduledCallback),
        CallOutcome::FollowUp => (Effect::Given(Wait), Status::Contacted),
        CallOutcome::Disqualified => (Effect::Given(Disqualify), Status::Contacted),
        CallOutcome::Dnc => (Effect::Dnc, Status::Contacted),
        CallOutcome::Failed => (Effect::Free, Status::PendingAction),
    };
    match plan.outcomes.get(&outcome) {
        Some(given) if usual != Effect::Dnc => (Effect::Given(*given), shown),
        _ => (usual, shown),
    }
}

/// The calls, put in order.
struct History {
    /// Those that count.
    attempts: i64,
    /// When the person's phone may have rung for the last time.
    rang: Option<Time>,
    /// The last call that says what comes next: outcome, the time the person named, its end.
    last: Option<(CallOutcome, Option<Time>, Time)>,
    /// Calls since then that could not be made: before this time there is no other one.
    pause: Option<Time>,
}

fn history(plan: &VoiceAction, calls: &[CallFact]) -> History {
    let mut seen = History { attempts: 0, rang: None, last: None, pause: None };
    let (mut failed, mut callbacks, mut in_a_row) = (0, 0, 0_u32);
    for call in calls {
        let (outcome, callback_at, at, named) = match call.state {
            CallState::Open => continue,
            CallState::Ended { outcome, callback_at, ended_at } => {
                seen.rang = seen.rang.max(Some(ended_at));
                (outcome, callback_at, ended_at, None)
            }
            CallState::NotPlaced { why: RefusalKind::Busy(pause), at } => {
                (CallOutcome::Failed, None, at, pause)
            }
            CallState::NotPlaced { at, .. } => (CallOutcome::Failed, None, at, None),
        };
        let placed = matches!(call.state, CallState::Ended { .. });
        let (effect, _) = effect(plan, outcome);
        let free = match effect {
            Effect::Free => true,
            Effect::Given(_) => !placed,
            _ => false,
        };
        if free && failed < FAILED_MAX {
            failed += 1;
            let doubled = FAILED_PAUSE * (1 << in_a_row.min(6));
            in_a_row += 1;
            let named = named.and_then(|pause| Duration::from_std(pause).ok()).unwrap_or_default();
            let until = at.checked_add_signed(doubled.min(FAILED_PAUSE_MAX).max(named));
            seen.pause = seen.pause.max(until);
            continue;
        }
        in_a_row = 0;
        seen.pause = None;
        seen.last = Some((outcome, callback_at, at));
        if effect == Effect::Callback && callbacks < CALLBACKS_MAX {
            callbacks += 1;
        } else {
            seen.attempts += 1;
        }
    }
    seen
}

/// What comes next, in this order: a person who must not be called is not; an open call is waited for; a call that ends the wait ends it,
/// also one that was heard of late; a number that cannot be called and attempts that are used up end it; otherwise there is another call, in
/// the calling hours of every zone that the person may be in, and before the deadline.
///
/// A call that could not be made does not count, up to [`FAILED_MAX`], and is repeated after a pause that grows. A call that ends with a time
/// at which the person wants to be called does not count either, up to [`CALLBACKS_MAX`]; that time goes before the gap and the retry
/// minutes, and moves the deadline if need be. A call of which nothing was heard counts as one that nobody answered.
pub fn next(plan: &VoiceAction, facts: &Facts<'_>) -> Next {
    if facts.suppressed {
        return dnc("the person is on the list of those who must not be called");
    }
    if let Some(ended) = ended_for_good(plan, facts.calls) {
        return ended;
    }
    if let Err(why) = facts.callable {
        return Next::NoContact { reason: why.to_string() };
    }
    let seen = history(plan, facts.calls);
    let Some((outcome, callback_at, ended_at)) = seen.last else {
        return call_from(plan, facts, &seen, (None, Status::PendingAction));
    };
    let (effect, shown) = effect(plan, outcome);
    match effect {
        Effect::NoContact => {
            return Next::NoContact { reason: "the voice agent has given the person up".into() };
        }
        Effect::Given(CallEffect::Wait) => {
            let reason = format!("{}: somebody has to come back to the person", said(outcome));
            return until_deadline(facts, shown, reason);
        }
        _ if seen.attempts >= plan.max_attempts => {
            let reason = format!(
                "{} of {} calls were made; {}",
                seen.attempts,
                plan.max_attempts,
                said(outcome)
            );
            return Next::NoContact { reason };
        }
        _ => {}
    }
    match callback_at.filter(|_| effect == Effect::Callback) {
        Some(asked) => call_back(plan, facts, &seen, asked.max(ended_at)),
        None => call_from(plan, facts, &seen, (retry_at(plan, &seen, ended_at), shown)),
    }
}

/// A refusal, an open call, or a call whose outcome ends the wait, whichever call it is.
fn ended_for_good(plan: &VoiceAction, calls: &[CallFact]) -> Option<Next> {
    let mut end = None;
    let mut open = false;
    for call in calls {
        match call.state {
            CallState::Open => open = true,
            CallState::NotPlaced { why: RefusalKind::OptedOut, .. } => {
                return Some(dnc("the person has opted out with the provider of calls"));
            }
            CallState::NotPlaced { why: RefusalKind::BadNumber, .. } => {
                end = Some(Next::NoContact { reason: "the number cannot be called".into() });
            }
            CallState::NotPlaced { .. } => {}
            CallState::Ended { outcome, .. } => match effect(plan, outcome).0 {
                Effect::Dnc => return Some(dnc("the person asked not to be called again")),
                Effect::Given(CallEffect::Continue) => {
                    end = Some(Next::Resume { outcome, reason: said(outcome) });
                }
                Effect::Given(CallEffect::Disqualify) => {
                    end = Some(refuse(End::Disqualified, "call_disqualified", outcome));
                }
                Effect::Given(CallEffect::Reject) => {
                    end = Some(refuse(End::Rejected, "call_rejected", outcome));
                }
                _ => {}
            },
        }
    }
    if open { Some(Next::Nothing) } else { end }
}

fn dnc(reason: &str) -> Next {
    Next::Refuse { end: End::Dnc, code: "dnc", reason: reason.into() }
}

fn refuse(end: End, code: &'static str, outcome: CallOutcome) -> Next {
    Next::Refuse { end, code, reason: said(outcome) }
}

fn said(outcome: CallOutcome) -> String {
    format!("the call ended as {}", outcome.word())
}

/// When the plan wants the next call, after the last one ended.
fn retry_at(plan: &VoiceAction, seen: &History, ended_at: Time) -> Option<Time> {
    let nth = usize::try_from(seen.attempts.max(1) - 1).unwrap_or_default();
    let pause = plan.retry_minutes.get(nth).or(plan.retry_minutes.last());
    ended_at.checked_add_signed(Duration::minutes(pause.copied().unwrap_or_default()))
}

/// A call now, or the wait for the time at which the plan, the gap and the hours allow it.
fn call_from(
    plan: &VoiceAction,
    facts: &Facts<'_>,
    seen: &History,
    (wanted, shown): (Option<Time>, Status),
) -> Next {
    let gap = Duration::minutes(plan.minimum_gap_minutes);
    let gap = seen.rang.and_then(|rang| rang.checked_add_signed(gap));
    let held = seen.pause.max(facts.not_before);
    let earliest = facts.now.max(wanted.max(gap).max(held).unwrap_or(facts.now));
    let Some(at) = in_hours(plan, facts, earliest) else { return never() };
    if at >= facts.deadline {
        let reason = format!("the next call would be at {}, after the deadline", at.to_rfc3339());
        return until_deadline(facts, shown, reason);
    }
    if at <= facts.now {
        return call(facts, seen);
    }
    let reason = format!("the next call is at {}", at.to_rfc3339());
    Next::Wait(Wait { until: at, shown, reason, deadline: None })
}

/// The call that the person asked for.
fn call_back(plan: &VoiceAction, facts: &Facts<'_>, seen: &History, asked: Time) -> Next {
    let shown = Status::ScheduledCallback;
    // A call that rang since, and could not be made, keeps the gap.
    let since = seen
        .pause
        .and(seen.rang)
        .and_then(|rang| rang.checked_add_signed(Duration::minutes(plan.minimum_gap_minutes)));
    let held = seen.pause.max(facts.not_before);
    let earliest = facts.now.max(asked).max(since.max(held).unwrap_or(asked));
    let Some(at) = in_hours(plan, facts, earliest) else { return never() };
    if at <= facts.now && facts.now < facts.deadline {
        return call(facts, seen);
    }
    let wanted = at.checked_add_signed(CALLBACK_ALLOWANCE).filter(|_| at < facts.latest_deadline);
    let Some(wanted) = wanted else {
        let reason = format!("the person wants to be called at {}, too late", at.to_rfc3339());
        return until_deadline(facts, shown, reason);
    };
    let wanted = wanted.min(facts.latest_deadline);
    let deadline = (wanted > facts.deadline).then_some(wanted);
    let moved = if deadline.is_some() { "; the deadline is moved" } else { "" };
    let reason = format!("the person wants to be called: at {}{moved}", at.to_rfc3339());
    Next::Wait(Wait { until: at, shown, reason, deadline })
}

fn call(facts: &Facts<'_>, seen: &History) -> Next {
    let number = facts.calls.iter().map(|call| call.number).max().unwrap_or(0) + 1;
    Next::Call { number, attempt: seen.attempts + 1 }
}

/// The first time, from `earliest` on, at which people may be called.
fn in_hours(plan: &VoiceAction, facts: &Facts<'_>, earliest: Time) -> Option<Time> {
    may_reach(&plan.hours, zones(facts.zones, &facts.campaign_zone), earliest).time(earliest)
}

/// The zones, or the campaign's own when there is none.
pub(super) fn zones<'a>(zones: &'a [Tz], campaign: &'a Tz) -> &'a [Tz] {
    if zones.is_empty() { slice::from_ref(campaign) } else { zones }
}

fn never() -> Next {
    let reason =
        "there is no time within the calling hours in every zone that the person may be in";
    Next::NoContact { reason: reason.into() }
}

fn until_deadline(facts: &Facts<'_>, shown: Status, reason: String) -> Next {
    Next::Wait(Wait { until: facts.deadline, shown, reason, deadline: None })
}

#[cfg(test)]
#[path = "voice_tests.rs"]
mod tests;
