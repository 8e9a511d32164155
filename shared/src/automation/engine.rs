//! What follows for a lead from what happened: a pure function from what is known to what is to be written.
//!
//! What holds beyond the words of [`super::config`]:
//!
//! - **Order.** First what has fallen due, each as of its own time and in order of time; then what happened, in order. For each of these:
//!   points that fade, scoring reactions, rules, workflows that are entered (each in listed order), steps of workflows; then what follows
//!   from it (points that cross a number), in the same way, before the next. What only happens to other rows (tags, segments, statuses)
//!   comes back from the store as the next link.
//! - **A status change ends the turn.** The rest of the same list of actions is done, as are the further steps of the same walk; nobody else
//!   is asked about anything that happened before, but `status` triggers about [`Occurrence::Status`]. These, and `outcome` triggers about
//!   the end of a submission, are also asked about a lead that is closed. Once the lead is no longer processed,
//!   what is left of the list may add points and reach out, but not change the status, repost, or start a workflow. If it is still
//!   processed (`duplicate`), conditions (`matches`) that were not asked are asked at the next status occurrence, a minute later at latest.
//! - **What has fallen due** lies between the stored due time and now: what would have been due before it was not so with what was known
//!   then. So a date that is set to the past, or decay that is switched on, makes up for nothing. After [`Occurrence::Saved`] that is
//!   different for dates and silences: there all since the reaction was added counts, unless it has been handled. A campaign that was
//!   paused makes up for what fell due in the meantime, as of then; a lead that was closed does not: it begins anew when it is opened
//!   ([`super::Memory::opened_at`]).
//! - **Zones.** Rules are read in the campaign's zone; dates, waits and silences in the contact's, if it is known.
//! - [`Occurrence::Everything`] (a new contact, one merged) lets conditions be asked, but is no change of a field to `changed` triggers.
use super::{LeadState, Occurrence, Outcome, Program};
use crate::{clock::Time, value_set::Sets};
use chrono::TimeDelta;
use chrono_tz::Tz;
use serde_json::Value;
use std::collections::BTreeSet;

mod act;
mod ask;
mod dates;
mod decay;
mod due;
mod event;
mod facts;
mod turn;
mod walk;

#[cfg(test)]
mod tests;

/// Overdue moments of a lead that are decided one by one, at most; the rest is decided as of now, at once.
pub const OVERDUE_MAX: usize = 1_000;
/// Steps of workflows that a lead walks in one turn, at most; it goes on after [`PAUSE`].
pub const STEPS_MAX: usize = 100;
/// How long a lead waits that has walked too far, and conditions that were not asked because a turn ended.
pub const PAUSE: TimeDelta = TimeDelta::seconds(60);
/// What comes before a moment: the database keeps microseconds.
const TICK: TimeDelta = TimeDelta::microseconds(1);
/// In `LeadState::fired`: what had fallen due has been decided in this transaction. No reaction has an empty id.
const CLOCK: &str = "";

/// What rules read of the lead, and how.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The contact's document (`contact`, `property`, `event`) with the lead's part (`lead`, `questionnaire`, `custom`, …), as of now.
    /// `contact.age`, `activity` and the lead's status, points and stars are kept current here.
    pub doc: Value,
    /// When something was last heard of the contact.
    pub last_activity_at: Option<Time>,
    /// The contact's zone if it is known, else the campaign's: for times of the day, and for days and longer in waits and silences.
    pub zone: Tz,
    pub sets: &'a Sets,
}

/// Reacts to what happened to a lead, in order; `state` is as it is afterwards, but for `due_at`, which is the store's.
///
/// `state.status` is the status after all of `occurrences`. The answer's `due_at` is always after `now`.
pub fn decide(
    program: &Program,
    state: &mut LeadState,
    subject: &mut Subject<'_>,
    occurrences: &[Occurrence],
    now: Time,
) -> Outcome {
    let mut look = Look {
        told: state.points,
        program,
        state,
        subject,
        outcome: Outcome::default(),
        at: now,
        ended: false,
        walked: 0,
        fresh: BTreeSet::new(),
    };
    look.run(occurrences, now);
    look.outcome
}

/// A lead while it is looked at.
struct Look<'a, 's> {
    program: &'a Program,
    state: &'a mut LeadState,
    subject: &'a mut Subject<'s>,
    outcome: Outcome,
    /// As of when it is decided.
    at: Time,
    /// The sum of points that `points` triggers have last been told.
    told: i64,
    /// The status changed, so that the turn is over.
    ended: bool,
    /// Steps walked in this turn.
    walked: usize,
    /// Workflows that were entered and of which no step was walked yet.
    fresh: BTreeSet<String>,
}

impl Look<'_, '_> {
    fn is_open(&self) -> bool {
        self.state.status.is_processed()
    }
}
