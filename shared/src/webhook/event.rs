//! The events that others can be told of, and which of them a move of a submission is.
use crate::submission::{End, State};
use serde::{Deserialize, Serialize};

/// Something that happened.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    sqlx::Type,
    utoipa::ToSchema,
)]
#[sqlx(type_name = "text")]
#[schema(as = WebhookEvent)]
pub enum Event {
    /// The buyer has the lead.
    #[serde(rename = "lead.delivered")]
    #[sqlx(rename = "lead.delivered")]
    Delivered,
    /// The campaign does not take the lead; no buyer was sold it.
    #[serde(rename = "lead.disqualified")]
    #[sqlx(rename = "lead.disqualified")]
    Disqualified,
    /// No buyer could be reached, or an operator gave up.
    #[serde(rename = "lead.failed")]
    #[sqlx(rename = "lead.failed")]
    Failed,
    /// It waits for room or for opening hours.
    #[serde(rename = "lead.queued")]
    #[sqlx(rename = "lead.queued")]
    Queued,
    /// A first action has begun: a call, a text, a webhook or a review.
    #[serde(rename = "lead.first_submission_action")]
    #[sqlx(rename = "lead.first_submission_action")]
    FirstSubmissionAction,
    /// A submission has ended, whichever way.
    #[serde(rename = "lead.processed")]
    #[sqlx(rename = "lead.processed")]
    Processed,
    #[serde(rename = "lead.status_changed")]
    #[sqlx(rename = "lead.status_changed")]
    LeadStatusChanged,
    #[serde(rename = "contact.status_changed")]
    #[sqlx(rename = "contact.status_changed")]
    ContactStatusChanged,
    /// Somebody tries whether an address listens. Nobody subscribes to it.
    #[serde(rename = "webhook.test")]
    #[sqlx(rename = "webhook.test")]
    Test,
}

impl Event {
    /// Those that an address can want.
    pub const ALL: [Self; 8] = [
        Self::Delivered,
        Self::Disqualified,
        Self::Failed,
        Self::Queued,
        Self::FirstSubmissionAction,
        Self::Processed,
        Self::LeadStatusChanged,
        Self::ContactStatusChanged,
    ];

    /// The word in tables, bodies and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delivered => "lead.delivered",
            Self::Disqualified => "lead.disqualified",
            Self::Failed => "lead.failed",
            Self::Queued => "lead.queued",
            Self::FirstSubmissionAction => "lead.first_submission_action",
            Self::Processed => "lead.processed",
            Self::LeadStatusChanged => "lead.status_changed",
            Self::ContactStatusChanged => "contact.status_changed",
            Self::Test => "webhook.test",
        }
    }
}

/// The events that a move of a submission is; `begins_wait`: it has begun a first action.
pub fn of_move(begins_wait: bool, to: State, end: Option<End>) -> Vec<Event> {
    match to {
        State::Parked if begins_wait => vec![Event::FirstSubmissionAction],
        State::Queued => vec![Event::Queued],
        State::Finished => end.and_then(of_end).into_iter().chain([Event::Processed]).collect(),
        // On its way, waiting on, or for people to look at: nothing that is done yet.
        State::InStage(_) | State::Parked | State::Held | State::Failed(_) => Vec::new(),
    }
}

/// The events of an end that somebody corrects after it was told.
pub fn of_correction(before: Option<End>, after: End) -> Vec<Event> {
    if before == Some(after) {
        return Vec::new();
    }
    let (was, is) = (before.and_then(of_end), of_end(after));
    is.filter(|_| was != is).into_iter().chain([Event::Processed]).collect()
}

/// The event of an end beside [`Event::Processed`]; a buyer's no, and a lead that somebody took back, have none.
fn of_end(end: End) -> Option<Event> {
    match end {
        End::Accepted | End::Delivered => Some(Event::Delivered),
        End::Disqualified | End::MissingData | End::NoRoom | End::NoContact | End::Dnc => {
            Some(Event::Disqualified)
        }
        End::Failed | End::Discarded => Some(Event::Failed),
        End::Rejected | End::Duplicate | End::Withdrawn | End::Replaced => None,
    }
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
