//! What follows for a lead from what happened: a pure function from what is known to what is to be written.
use super::{LeadState, Occurrence, Outcome, Program};
use crate::{clock::Time, value_set::Sets};
use chrono_tz::Tz;
use serde_json::Value;

/// What rules read of the lead, and how.
pub struct Subject<'a> {
    /// The contact's document (`contact`, `property`, `event`) with the lead's part (`lead`, `questionnaire`, `custom`, …).
    pub doc: Value,
    /// When something was last heard of the contact.
    pub last_activity_at: Option<Time>,
    /// The contact's zone if it is known, else the campaign's: for times of the day.
    pub zone: Tz,
    pub sets: &'a Sets,
}

/// Reacts to what happened to a lead, in order; `state` is as it is afterwards.
pub fn decide(
    program: &Program,
    state: &mut LeadState,
    subject: &mut Subject<'_>,
    occurrences: &[Occurrence],
    now: Time,
) -> Outcome {
    let _ = (program, state, subject, occurrences, now);
    Outcome::default()
}
