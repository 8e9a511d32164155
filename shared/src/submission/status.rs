//! The 23 words outsiders see, computed from state and end. Nothing decides on them.
use super::{Stage, State};
use serde::{Deserialize, Serialize};

/// A submission's public status.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Status {
    New,
    Pending,
    Processing,
    Qualified,
    Disqualified,
    MissingData,
    Queued,
    PendingAction,
    NoAnswer,
    Voicemail,
    Contacted,
    ScheduledCallback,
    NoContact,
    PendingSignature,
    DocumentSent,
    Signed,
    Delivered,
    Accepted,
    Duplicate,
    Failed,
    Error,
    Rejected,
    Dnc,
}

/// How a submission ended, or will end when no fallback takes the lead.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum End {
    /// The buyer took the lead.
    Accepted,
    /// A rule, a reviewer or an action said no.
    Disqualified,
    /// The endpoint needs a field that is not there.
    MissingData,
    /// The buyer has the lead already.
    Duplicate,
    /// The buyer said no.
    Rejected,
    /// The buyer could not be reached.
    Failed,
    /// An operator gave up on a failed job.
    Discarded,
    /// The lead was no longer active.
    Withdrawn,
}

impl End {
    fn status(self) -> Status {
        match self {
            Self::Accepted => Status::Accepted,
            Self::Disqualified => Status::Disqualified,
            Self::MissingData => Status::MissingData,
            Self::Duplicate => Status::Duplicate,
            Self::Rejected | Self::Withdrawn => Status::Rejected,
            Self::Failed => Status::Failed,
            Self::Discarded => Status::Error,
        }
    }
}

impl Status {
    /// The status of a submission that is in `state`; `end` once it is known.
    pub fn of(state: State, end: Option<End>) -> Self {
        match (state, end) {
            (State::Finished | State::InStage(Stage::Fallback), Some(end)) => end.status(),
            (State::Parked, _) => Self::PendingAction,
            (State::Failed(_) | State::Finished, _) => Self::Error,
            (State::InStage(Stage::Routing), _) => Self::Pending,
            (State::InStage(Stage::Payload | Stage::Delivery) | State::Held, _) => Self::Qualified,
            (State::InStage(_), _) => Self::Processing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_submission_never_shows_a_status_that_may_be_reposted() {
        for end in [None, Some(End::Failed), Some(End::Rejected)] {
            assert_eq!(Status::of(State::Held, end), Status::Qualified);
        }
    }

    #[test]
    fn the_end_shows_already_while_a_fallback_is_sought() {
        let seeking = State::InStage(Stage::Fallback);
        assert_eq!(Status::of(seeking, Some(End::Rejected)), Status::Rejected);
        assert_eq!(Status::of(State::Finished, Some(End::Rejected)), Status::Rejected);
    }

    #[test]
    fn an_open_submission_shows_how_far_it_came() {
        let shown = Stage::ALL.map(|stage| Status::of(State::InStage(stage), None));
        use Status::{Pending, Processing, Qualified};
        assert_eq!(shown[..3], [Pending, Processing, Processing]);
        assert_eq!(shown[6..8], [Qualified, Qualified]);
    }
}
