//! What becomes of a call when its provider answers, tells, or stays silent.
use super::{
    CallOutcome, Heard, Placed, Report, What,
    provider::{Found, Refusal, RefusalKind},
};
use crate::{
    clock::Time,
    exchange::Exchange,
    store::interactions::{Interaction, Move, State},
};
use chrono::Duration;
use uuid::Uuid;

/// How long the provider may take to make a call before our process is taken for dead.
pub const PLACING_PATIENCE: Duration = Duration::seconds(120);
/// A call of which nothing was heard for this long is given up.
pub const CALL_MAX: Duration = Duration::hours(4);
/// How long the analysis of an ended call is waited for.
pub const ANALYSIS_WAIT: Duration = Duration::seconds(60);
/// How long it is tried to find out whether a call was made at all.
pub const UNSURE_MAX: Duration = Duration::minutes(15);
/// How often a provider that is too busy is asked again.
pub const BUSY_TRIES_MAX: i64 = 10;
/// The shortest and the longest pause before a busy provider is asked again.
const BUSY_PAUSE: (Duration, Duration) = (Duration::seconds(5), Duration::minutes(10));
/// Pauses between questions to the provider, in seconds; the last one repeats.
const ASK_AFTER: [i64; 5] = [30, 60, 120, 240, 300];
/// The same while it is not known whether the call was made.
const FIND_AFTER: [i64; 4] = [5, 30, 120, 300];

/// Why a call was surely not made; the first word of what is kept with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotMade {
    BadNumber,
    OptedOut,
    /// Nobody may call the person.
    Suppressed,
    /// It is not the time for calls where the person may be.
    Hours,
    /// The campaign has used up its calls of the day.
    Budget,
    /// The provider was too busy for too long.
    Busy,
    /// Credentials or settings are wrong.
    Misconfigured,
    /// Nobody waits for the call any more.
    Withdrawn,
    /// The provider has no such call: our request was lost.
    Lost,
}

impl NotMade {
    const ALL: [Self; 9] = [
        Self::BadNumber,
        Self::OptedOut,
        Self::Suppressed,
        Self::Hours,
        Self::Budget,
        Self::Busy,
        Self::Misconfigured,
        Self::Withdrawn,
        Self::Lost,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::BadNumber => "bad_number",
            Self::OptedOut => "opted_out",
            Self::Suppressed => "suppressed",
            Self::Hours => "hours",
            Self::Budget => "budget",
            Self::Busy => "busy",
            Self::Misconfigured => "misconfigured",
            Self::Withdrawn => "withdrawn",
            Self::Lost => "lost",
        }
    }

    /// Reads the first word of a kept error back.
    pub fn of(error: &str) -> Option<Self> {
        let (word, _) = error.split_once(':')?;
        Self::ALL.into_iter().find(|why| why.word() == word)
    }
}

impl From<RefusalKind> for NotMade {
    fn from(kind: RefusalKind) -> Self {
        match kind {
            RefusalKind::BadNumber => Self::BadNumber,
            RefusalKind::OptedOut => Self::OptedOut,
            RefusalKind::Busy(_) => Self::Busy,
            RefusalKind::Misconfigured => Self::Misconfigured,
        }
    }
}

/// A call that is surely not made; its wait decides what then.
pub fn not_made(call: &Interaction, why: NotMade, sentence: &str) -> Move {
    Move {
        state: State::NotPlaced,
        due_at: None,
        error: Some(format!("{}: {sentence}", why.word())),
        wakes: true,
        ..Move::of(call)
    }
}

/// What the answer to our request makes of a claimed call.
pub fn placed(call: &Interaction, exchange: &Exchange, said: Option<Placed>, now: Time) -> Move {
    match (exchange, said) {
        (_, Some(Placed::As(reference))) => in_progress(call, reference, now),
        (_, Some(Placed::Refused(refusal))) => refused(call, &refusal, now),
        (_, Some(Placed::Unsure(why))) => unsure(call, &why, now),
        (Exchange::NotSent { why }, None) if why.may_pass() => {
            let busy = Refusal { why: why.to_string(), kind: RefusalKind::Busy(None) };
            refused(call, &busy, now)
        }
        (Exchange::NotSent { why }, None) => {
            not_made(call, NotMade::Misconfigured, &why.to_string())
        }
        (Exchange::Unknown { why }, None) => unsure(call, why, now),
        (Exchange::Answered(..), None) => unsure(call, "an answer that was not read", now),
    }
}

fn in_progress(call: &Interaction, reference: String, now: Time) -> Move {
    Move {
        state: State::InProgress,
        tries: 0,
        due_at: Some(now + Duration::seconds(ASK_AFTER[0])),
        reference: Some(reference),
        error: None,
        ..Move::of(call)
    }
}

fn refused(call: &Interaction, refusal: &Refusal, now: Time) -> Move {
    let RefusalKind::Busy(pause) = refusal.kind else {
        return not_made(call, refusal.kind.into(), &refusal.why);
    };
    if call.tries + 1 >= BUSY_TRIES_MAX {
        return not_made(call, NotMade::Busy, &refusal.why);
    }
    let (least, most) = BUSY_PAUSE;
    let named = pause.and_then(|pause| Duration::from_std(pause).ok()).unwrap_or_default();
    let pause = named.max(busy_pause(call.tries));
    Move {
        state: State::Planned,
        tries: call.tries + 1,
        due_at: Some(now + pause.clamp(least, most)),
        error: Some(format!("{}: {}", NotMade::Busy.word(), refusal.why)),
        ..Move::of(call)
    }
}

/// How long a busy provider is left alone at least, after so many tries before.
fn busy_pause(tries: i64) -> Duration {
    let (least, most) = BUSY_PAUSE;
    (least * 2_i32.pow(tries.clamp(0, 10) as u32)).min(most)
}

fn unsure(call: &Interaction, why: &str, now: Time) -> Move {
    Move {
        state: State::Unsure,
        tries: 0,
        due_at: Some(now + Duration::seconds(FIND_AFTER[0])),
        error: Some(format!("unsure: {why}")),
        ..Move::of(call)
    }
}

/// A call whose worker died while the provider was asked.
pub fn abandoned(call: &Interaction, now: Time) -> Move {
    unsure(call, "our process died while the provider was asked", now)
}

/// What was found out about a call that may have been made.
pub fn found(call: &Interaction, found: Found, now: Time) -> Move {
    match found {
        Found::As(reference) => in_progress(call, reference, now),
        // A provider's list may lag behind its orders: it is believed the second time.
        Found::No if call.tries > 0 => {
            not_made(call, NotMade::Lost, "the provider has no such call")
        }
        Found::NotSure if now - call.opened_at >= UNSURE_MAX => {
            ended(call, Report::of(CallOutcome::Unknown))
        }
        Found::No | Found::NotSure => Move {
            tries: call.tries + 1,
            due_at: Some(now + seconds(&FIND_AFTER, call.tries + 1)),
            ..Move::of(call)
        },
    }
}

/// What the provider has told, in the order it came; none when it says nothing.
pub fn heard(call: &Interaction, events: &[(Uuid, Heard)], now: Time) -> Option<Move> {
    if events.is_empty() {
        return None;
    }
    let mut to = Move::of(call);
    let mut reference = None;
    for (event, heard) in events {
        to.read.push(*event);
        reference = heard.reference.clone().or(reference);
        if let What::Call { report } = &heard.what {
            match &mut to.report {
                Some(known) => known.merge(report.as_ref().clone()),
                None => to.report = Some(report.as_ref().clone()),
            }
        }
    }
    to.reference = to.reference.or(reference);
    let was_over = call.state == State::Ended;
    match &to.report {
        // More of a call that is over: kept, and nothing is decided anew.
        _ if was_over => {
            to.due_at = None;
            to.report = to.report.map(|report| later(call, report));
        }
        Some(report) if report.complete => to = over(to),
        // It was made after all; only its end is of use, for another call may be open by now.
        _ if call.state == State::NotPlaced => {}
        Some(_) => {
            to.state = State::InProgress;
            to.tries = 0;
            to.due_at = Some(now + ANALYSIS_WAIT);
        }
        None => {
            to.state = State::InProgress;
            to.due_at = Some(now + Duration::seconds(ASK_AFTER[0]));
        }
    }
    Some(to)
}

/// The outcome that has been acted on stays, whatever is learnt later.
fn later(call: &Interaction, mut report: Report) -> Report {
    report.outcome = call.outcome.unwrap_or(report.outcome);
    report
}

fn over(mut to: Move) -> Move {
    to.state = State::Ended;
    to.due_at = None;
    to.wakes = true;
    to
}

fn ended(call: &Interaction, report: Report) -> Move {
    over(Move { report: Some(report), ..Move::of(call) })
}

/// The provider was asked and had nothing new, or cannot be asked.
pub fn nothing_new(call: &Interaction, now: Time) -> Move {
    match &call.report {
        // The analysis that was waited for does not come.
        Some(report) => ended(call, Report { complete: true, ..report.0.clone() }),
        None if now - call.opened_at >= CALL_MAX => ended(call, Report::of(CallOutcome::Unknown)),
        None => Move {
            tries: call.tries + 1,
            due_at: Some(now + seconds(&ASK_AFTER, call.tries + 1)),
            ..Move::of(call)
        },
    }
}

/// Whether it is time to do something about a call of which nothing was heard: its own pause is over, whoever rang.
pub fn is_ripe(call: &Interaction, now: Time) -> bool {
    let pause = match call.state {
        State::Planned if call.tries == 0 => Duration::zero(),
        State::Planned => busy_pause(call.tries - 1),
        State::Placing => PLACING_PATIENCE,
        State::InProgress if call.report.is_some() => ANALYSIS_WAIT,
        State::InProgress => seconds(&ASK_AFTER, call.tries),
        State::Unsure => seconds(&FIND_AFTER, call.tries),
        State::Ended | State::NotPlaced | State::Open | State::Closed => return false,
    };
    now - call.updated_at >= pause
}

fn seconds(pauses: &[i64], tries: i64) -> Duration {
    let at = usize::try_from(tries).unwrap_or(0).min(pauses.len() - 1);
    Duration::seconds(pauses[at])
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
