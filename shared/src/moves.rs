//! What people and callbacks do to a submission: each a pure function from what is there to a guarded close.
use crate::{
    clock::Time,
    key,
    lead::LeadStatus,
    store::{
        close::{
            AttemptEnd, Close, Event as Line, LeadMove, Outcome, ParkEnd, Place, Places, Query,
        },
        load::Loaded,
        notices::Notice,
        parking::Park,
    },
    submission::{Carry, End, Event, IllegalMove, Stage, State, Status},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

pub mod approve;
pub mod resend;
pub mod review;
pub mod set;
#[cfg(test)]
mod tests;

/// What the one who was waited for says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decision {
    pub outcome: ResumeOutcome,
    pub reason: Option<String>,
    /// Answers brought back, by field path.
    pub answers: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResumeOutcome {
    /// The lead goes on to disqualification rules and delivery.
    #[default]
    Continue,
    /// This campaign does not take the lead; a fallback may.
    Disqualify,
    /// The lead is rejected; a fallback may take it if the campaign says so.
    Reject,
}

/// How an operator settles a delivery whose outcome nobody knew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// The buyer has the lead.
    Sold,
    /// The buyer has not got it; a fallback may take it.
    NotSold,
    /// Post it again, under the same idempotency key.
    Retry,
}

/// Why a person's move is not possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the lead is {} and is not processed", .0.word())]
    ClosedLead(LeadStatus),
    #[error("the campaign is {0} and takes no leads")]
    ClosedCampaign(String),
    /// Not as things are now.
    #[error("{0}")]
    Conflict(String),
    #[error(transparent)]
    Illegal(#[from] IllegalMove),
}

impl Refused {
    fn conflict(why: impl Into<String>) -> Self {
        Self::Conflict(why.into())
    }
}

struct Move<'a> {
    event: Event,
    verdict: &'static str,
    code: &'static str,
    reason: String,
    end: Option<End>,
    details: Option<Value>,
    by: &'a str,
}

/// Who decides with a resume token. Keys' names begin with `key `, so nobody else is called so.
pub const TOKEN: &str = "token";
/// A webhook that decided in its answer.
pub const WEBHOOK: &str = "webhook";
/// The machine behind a text agent.
pub const SMS_AGENT: &str = "sms_agent";

/// Wakes a parked submission. `by` is [`TOKEN`], [`WEBHOOK`], [`SMS_AGENT`] or a person.
pub fn resume(
    loaded: &Loaded,
    park: &Park,
    decision: &Decision,
    by: &str,
    now: Time,
) -> Result<Close, IllegalMove> {
    let (event, verdict, end, resolution) = match decision.outcome {
        ResumeOutcome::Continue => (Event::Resumed, "resumed", None, "continue"),
        ResumeOutcome::Disqualify => {
            (Event::Refused, "refused", Some(End::Disqualified), "disqualify")
        }
        ResumeOutcome::Reject => (Event::Refused, "refused", Some(End::Rejected), "reject"),
    };
    let said = decision.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
    let waited = now - park.opened_at;
    let reason = format!("{by} said {resolution} after {} s{said}", waited.num_seconds());
    let answers = (!decision.answers.is_empty()).then(|| json!({ "answers": decision.answers }));
    let what = Move { event, verdict, code: "answered", reason, end, details: answers, by };
    let mut close = close(loaded, what, now)?;
    close.place.carry.answers.extend(decision.answers.clone());
    close.learnt = decision.answers.clone();
    let kind = match by {
        TOKEN => TOKEN,
        WEBHOOK => WEBHOOK,
        SMS_AGENT => SMS_AGENT,
        _ => "person",
    };
    let (decider, reason) = (Some(by.to_owned()), decision.reason.clone());
    close.unpark = Some(ParkEnd { resolution, by: kind, decider, reason });
    Ok(close)
}

/// The webhook that began the wait is not posted again: the lead waits on, until its deadline unless somebody resumes it.
pub fn webhook_failed(
    loaded: &Loaded,
    park: &Park,
    why: &str,
    notice: Notice,
    now: Time,
) -> Result<Close, IllegalMove> {
    let what = Move {
        event: Event::Waits,
        verdict: "waits",
        code: "webhook_failed",
        reason: format!("the webhook could not be delivered: {why}; waits for the deadline"),
        end: None,
        details: Some(json!({ "tries": park.tries + 1, "deadline": park.deadline })),
        by: WEBHOOK,
    };
    let mut close = close(loaded, what, now)?;
    close.place.due_at = Some(park.deadline);
    close.notices = vec![notice];
    Ok(close)
}

/// Lets a failed stage run again, from its first attempt, by the campaign as it is now: what was wrong with it may have been mended.
pub fn retry(loaded: &Loaded, by: &str, now: Time) -> Result<Close, IllegalMove> {
    let reason = format!("retried by {by}");
    // A held delivery is settled, not retried: whether it was sold is a question a person must answer.
    if loaded.run == "held" {
        return Err(IllegalMove { from: State::Held, event: Event::Retried });
    }
    let (event, verdict) = (Event::Retried, "retried");
    let what = Move { event, verdict, code: "operator", reason, end: None, details: None, by };
    let mut close = close(loaded, what, now)?;
    close.place.revision = loaded.newest_revision.unwrap_or(loaded.revision);
    Ok(close)
}

/// Sets a submission aside for an operator, whatever stage it is in: its campaign revision cannot be used.
pub fn stuck(
    loaded: &Loaded,
    code: &'static str,
    why: &str,
    now: Time,
) -> Result<Close, IllegalMove> {
    let (event, reason, by) = (Event::Stuck, why.to_owned(), "the worker");
    let what = Move { event, verdict: "stuck", code, reason, end: None, details: None, by };
    let mut close = close(loaded, what, now)?;
    close.place.error_fingerprint = Some(fingerprint(loaded.stage, code, why));
    Ok(close)
}

/// What failed jobs with the same cause have in common: stage, code, and the message without its numbers and ids.
pub fn fingerprint(stage: Stage, code: &str, message: &str) -> String {
    let words = message.split_whitespace().filter(|word| !word.chars().any(|c| c.is_ascii_digit()));
    let shape = words.collect::<Vec<_>>().join(" ");
    key::hash(format!("{stage}|{code}|{shape}"))[..12].to_owned()
}

/// Ends a failed or held submission.
pub fn discard(loaded: &Loaded, by: &str, now: Time) -> Result<Close, IllegalMove> {
    let reason = format!("discarded by {by}");
    let end = Some(End::Discarded);
    let event = Event::Discarded;
    close(
        loaded,
        Move { event, verdict: "discarded", code: "operator", reason, end, details: None, by },
        now,
    )
}

/// Settles a held delivery.
pub fn settle(
    loaded: &Loaded,
    settlement: Settlement,
    reason: Option<&str>,
    by: &str,
    now: Time,
) -> Result<Close, IllegalMove> {
    let (event, verdict, end, word) = match settlement {
        Settlement::Sold => (Event::Sold, "sold", Some(End::Accepted), "sold"),
        Settlement::NotSold => (Event::Refused, "refused", Some(End::Failed), "not sold"),
        Settlement::Retry => (Event::Retried, "retried", None, "to be posted again"),
    };
    if loaded.run != "held" {
        let from = State::from_columns(&loaded.run, loaded.stage).unwrap_or(State::Finished);
        return Err(IllegalMove { from, event });
    }
    let said = reason.map_or(String::new(), |reason| format!(": {reason}"));
    let reason = format!("settled as {word} by {by}{said}");
    let what = Move { event, verdict, code: "settled", reason, end, details: None, by };
    let mut close = close(loaded, what, now)?;
    if settlement == Settlement::Retry {
        close.place.revision = loaded.newest_revision.unwrap_or(loaded.revision);
    }
    Ok(close)
}

/// A buyer's answer that came after its attempt had been given up for lost settles the held delivery. None when it says nothing for sure.
pub fn answered_late(
    loaded: &Loaded,
    attempt: AttemptEnd,
    now: Time,
) -> Result<Option<Close>, IllegalMove> {
    let (event, verdict, end) = match attempt.outcome {
        Outcome::Accepted => (Event::Sold, "sold", End::Accepted),
        Outcome::Rejected => (Event::Refused, "refused", End::Rejected),
        Outcome::Duplicate => (Event::Refused, "refused", End::Duplicate),
        Outcome::Failed | Outcome::Unknown | Outcome::Unclassified => return Ok(None),
    };
    let said = attempt.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
    let reason = format!("the answer to attempt {} came late{said}", attempt.number);
    let (end, by) = (Some(end), "the buyer");
    let what = Move { event, verdict, code: "answered_late", reason, end, details: None, by };
    let mut close = close(loaded, what, now)?;
    close.attempt = Some(attempt);
    Ok(Some(close))
}

/// What the buyer said when it was asked about a held delivery settles it.
pub fn told_by_status(
    loaded: &Loaded,
    attempt: AttemptEnd,
    end: End,
    now: Time,
) -> Result<Close, IllegalMove> {
    let (event, verdict) =
        if end.is_sold() { (Event::Sold, "sold") } else { (Event::Refused, "refused") };
    if loaded.run != "held" {
        let from = State::from_columns(&loaded.run, loaded.stage).unwrap_or(State::Finished);
        return Err(IllegalMove { from, event });
    }
    let said = attempt.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
    let word = if end.is_sold() { "has the lead" } else { "has not taken the lead" };
    let reason = format!("asked about attempt {}, the buyer {word}{said}", attempt.number);
    let (end, by) = (Some(end), "status query");
    let what = Move { event, verdict, code: "status_query", reason, end, details: None, by };
    let mut close = close(loaded, what, now)?;
    close.attempt = Some(attempt);
    Ok(close)
}

fn close(loaded: &Loaded, mut what: Move<'_>, now: Time) -> Result<Close, IllegalMove> {
    let from = State::from_columns(&loaded.run, loaded.stage).unwrap_or(State::Finished);
    let mut carry: Carry = loaded.carry.0.clone();
    // A delivery that turns out not to be taken goes on with the campaign's next endpoint, as it would have done at once.
    if (from, what.event) == (State::Held, Event::Refused) && carry.turn_to_next_endpoint() {
        (what.event, what.verdict, what.end) = (Event::NextEndpoint, "next_endpoint", None);
    }
    let state = from.on(what.event)?;
    let end = what.end.or(loaded.outcome);
    if !Status::of(from, loaded.outcome).may_become(Status::of(state, end)) {
        return Err(IllegalMove { from, event: what.event });
    }
    let mut close = written(loaded, what, state, now);
    close.place.carry = carry;
    Ok(close)
}

/// The move as it is recorded.
fn written(loaded: &Loaded, what: Move<'_>, state: State, now: Time) -> Close {
    let from = State::from_columns(&loaded.run, loaded.stage).unwrap_or(State::Finished);
    let end = what.end.or(loaded.outcome);
    let generation = loaded.generation + 1;
    let stage = match state {
        State::InStage(stage) | State::Failed(stage) => stage,
        _ => loaded.stage,
    };
    let line = Line {
        generation,
        stage: stage_of(from, loaded.stage).name(),
        verdict: what.verdict,
        reason_code: Cow::Borrowed(what.code),
        reason: what.reason.clone(),
        attempt: loaded.attempt,
        details: what.details.or_else(|| Some(json!({ "by": what.by }))),
        duration_us: 0,
        at: now,
    };
    Close {
        workspace: loaded.workspace_id,
        submission: loaded.id,
        expected: loaded.generation,
        place: Place {
            state,
            stage,
            generation,
            attempt: 0,
            // Due at once: should the push that follows be lost, the next sweep makes it up.
            due_at: matches!(state, State::InStage(_)).then_some(now),
            campaign: loaded.campaign_id,
            revision: loaded.revision,
            end,
            reason: Some((Cow::Borrowed(what.code), what.reason)),
            carry: loaded.carry.0.clone(),
            error_fingerprint: None,
        },
        events: vec![line],
        shown: None,
        learnt: Map::new(),
        extend: None,
        park: None,
        reach: None,
        unpark: None,
        attempt: None,
        places: places(from, what.event, end),
        child: None,
        lead: if state == State::Finished { LeadMove::Ask } else { LeadMove::Nothing },
        notices: Vec::new(),
        query: if from == State::Held { Query::End } else { Query::None },
        audited: None,
        at: now,
    }
}

/// What a move by hand does to the submission's places under caps. A held delivery that is given up or posted again keeps them: the buyer
/// may have the lead.
fn places(from: State, event: Event, end: Option<End>) -> Places {
    match (from, event) {
        (_, Event::Sold) => Places::Confirm,
        (_, Event::Closed) if end.is_some_and(End::is_sold) => Places::Confirm,
        (State::Held, Event::Refused | Event::NextEndpoint) => Places::GiveBack,
        (State::InStage(Stage::Delivery) | State::Queued, _) => Places::GiveBackUnlessTaken,
        _ => Places::Keep,
    }
}

fn stage_of(state: State, column: Stage) -> Stage {
    match state {
        State::InStage(stage) | State::Failed(stage) => stage,
        _ => column,
    }
}
