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
    /// The buyer has the lead and decides later whether it takes it.
    Delivered,
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
    /// The campaign had no room for it, or was closed.
    NoRoom,
    /// Nobody reached the person.
    NoContact,
    /// The person must not be contacted.
    Dnc,
    /// An operator gave up on a failed job.
    Discarded,
    /// The lead was no longer active.
    Withdrawn,
    /// A person put another submission in its place.
    Replaced,
}

impl End {
    /// The word that outsiders see.
    pub fn status(self) -> Status {
        match self {
            Self::Accepted => Status::Accepted,
            Self::Delivered => Status::Delivered,
            Self::Disqualified | Self::NoRoom => Status::Disqualified,
            Self::MissingData => Status::MissingData,
            Self::Duplicate => Status::Duplicate,
            Self::Rejected | Self::Withdrawn | Self::Replaced => Status::Rejected,
            Self::NoContact => Status::NoContact,
            Self::Dnc => Status::Dnc,
            Self::Failed => Status::Failed,
            Self::Discarded => Status::Error,
        }
    }
}

impl End {
    /// The buyer has the lead: it must not be offered to another one.
    pub fn is_sold(self) -> bool {
        matches!(self, Self::Accepted | Self::Delivered)
    }
}

/// The engine's legal moves from one public status to another, in one step. People may set any status; they are not bound by it.
/// What voice, text and document actions do to a submission that waits for them is here as well.
pub const LEGAL: [(Status, &[Status]); 23] = {
    use Status::{
        Accepted, Contacted, Delivered, Disqualified, Dnc, DocumentSent, Duplicate, Error, Failed,
        MissingData, New, NoAnswer, NoContact, Pending, PendingAction, PendingSignature,
        Processing, Qualified, Queued, Rejected, ScheduledCallback, Signed, Voicemail,
    };
    const WAITING: &[Status] = &[
        PendingAction,
        NoAnswer,
        Voicemail,
        Contacted,
        ScheduledCallback,
        NoContact,
        PendingSignature,
        DocumentSent,
        Signed,
        Processing,
        Disqualified,
        Rejected,
        Dnc,
    ];
    [
        (New, &[Pending]),
        (Pending, &[Pending, Processing, Rejected, Error]),
        (
            Processing,
            &[Processing, PendingAction, Qualified, Disqualified, MissingData, Rejected, Error],
        ),
        (
            Qualified,
            &[
                Qualified,
                Queued,
                Delivered,
                Accepted,
                Disqualified,
                Duplicate,
                Failed,
                Rejected,
                Error,
            ],
        ),
        // Refused for good, or it waits for its first choice after all, or the search for another campaign breaks.
        (Disqualified, &[Disqualified, Queued, Rejected, Error]),
        (MissingData, &[MissingData, Queued, Rejected, Error]),
        (Queued, &[Qualified, Rejected]),
        (PendingAction, WAITING),
        (NoAnswer, WAITING),
        (Voicemail, WAITING),
        (Contacted, WAITING),
        (ScheduledCallback, WAITING),
        (NoContact, &[NoContact, Queued, Rejected, Error]),
        (PendingSignature, WAITING),
        (DocumentSent, WAITING),
        (Signed, WAITING),
        (Delivered, &[Accepted, Rejected]),
        (Accepted, &[]),
        (Duplicate, &[Duplicate, Queued, Rejected, Error]),
        (Failed, &[Failed, Queued, Rejected, Error]),
        (
            Error,
            &[
                Error,
                Pending,
                Processing,
                Qualified,
                Disqualified,
                MissingData,
                Duplicate,
                Failed,
                NoContact,
                Rejected,
                Dnc,
            ],
        ),
        (Rejected, &[Rejected, Queued, Error]),
        (Dnc, &[Dnc, Queued, Rejected, Error]),
    ]
};

impl Status {
    /// The word in tables and answers.
    pub fn word(self) -> String {
        let value = serde_json::to_value(self).expect("a status is a word");
        value.as_str().unwrap_or_default().to_owned()
    }

    /// The end that a person means who sets this status; none when it is no end.
    pub fn end(self) -> Option<End> {
        Some(match self {
            Self::Accepted => End::Accepted,
            Self::Delivered => End::Delivered,
            Self::Disqualified => End::Disqualified,
            Self::MissingData => End::MissingData,
            Self::Duplicate => End::Duplicate,
            Self::Failed => End::Failed,
            Self::Error => End::Discarded,
            Self::Rejected => End::Rejected,
            Self::NoContact => End::NoContact,
            Self::Dnc => End::Dnc,
            _ => return None,
        })
    }

    /// Whether the engine may take a submission from this status to that one, in one step.
    pub fn may_become(self, next: Self) -> bool {
        LEGAL.iter().any(|(status, moves)| *status == self && moves.contains(&next))
    }

    /// The status of a submission that is in `state`; `end` once it is known.
    pub fn of(state: State, end: Option<End>) -> Self {
        match (state, end) {
            (State::Finished | State::InStage(Stage::Fallback), Some(end)) => end.status(),
            (State::Parked, _) => Self::PendingAction,
            (State::Queued, _) => Self::Queued,
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
    use crate::submission::Event;

    /// The ends that a refusal of this state can bring.
    fn refusals(from: State) -> &'static [End] {
        match from {
            State::InStage(Stage::FirstAction) => &[End::Disqualified],
            State::Parked => &[End::Disqualified, End::Rejected, End::NoContact, End::Dnc],
            State::InStage(Stage::RequiredFields) => &[End::MissingData],
            State::InStage(Stage::Delivery) | State::Held => {
                &[End::Rejected, End::Duplicate, End::Failed, End::NoRoom]
            }
            _ => &[End::Disqualified],
        }
    }

    fn ends_after(from: State, event: Event, before: Option<End>) -> Vec<Option<End>> {
        match event {
            Event::Sold => vec![Some(End::Accepted), Some(End::Delivered)],
            Event::Refused => refusals(from).iter().copied().map(Some).collect(),
            Event::Discarded => vec![Some(End::Discarded)],
            Event::Withdrawn => vec![Some(End::Withdrawn)],
            Event::Closed => vec![Some(End::Replaced)],
            _ => vec![before],
        }
    }

    #[test]
    fn every_move_of_the_engine_is_in_the_table() {
        let stages = Stage::ALL.into_iter();
        let stages = stages.flat_map(|stage| [State::InStage(stage), State::Failed(stage)]);
        let refused = [
            End::Disqualified,
            End::MissingData,
            End::Duplicate,
            End::Rejected,
            End::Failed,
            End::NoContact,
            End::Dnc,
        ];
        for from in stages.chain([State::Parked, State::Queued, State::Held]) {
            let seeks_another =
                matches!(from, State::InStage(Stage::Fallback) | State::Failed(Stage::Fallback));
            let befores = if seeks_another { refused.map(Some).to_vec() } else { vec![None] };
            for event in Event::ALL {
                let Ok(to) = from.on(event) else { continue };
                for &before in &befores {
                    for after in ends_after(from, event, before) {
                        let (was, is) = (Status::of(from, before), Status::of(to, after));
                        assert!(was.may_become(is), "{from:?} on {event:?}: {was:?} to {is:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_table_knows_every_status_once() {
        let mut seen: Vec<Status> = LEGAL.iter().map(|(status, _)| *status).collect();
        seen.dedup();
        assert_eq!(seen.len(), 23);
    }

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
