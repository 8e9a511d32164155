//! Where a submission is and what may happen to it: the whole life in one `match`.
use super::Stage;

/// Where a submission is. Stored as `run` and `stage`; the reason and the end are facts beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// A stage job is open.
    InStage(Stage),
    /// Waits for an outside action, at most until its deadline.
    Parked,
    /// Waits at delivery until its campaign has room and is open.
    Queued,
    /// The buyer may have taken the lead and nobody knows: blocks fallback until it is settled.
    Held,
    /// The stage job failed for good; an operator retries or discards it.
    Failed(Stage),
    /// Nothing more will happen.
    Finished,
}

/// What may happen to a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// The stage has nothing against the lead.
    Passed,
    /// The stage could not be completed now; it is tried again later.
    Again,
    /// An outside action has to happen first.
    Parked,
    /// The outside action has come a step further, and the lead waits on.
    Waits,
    /// The outside action lets the lead go on.
    Resumed,
    /// This campaign does not take the lead.
    Refused,
    /// The buyer took the lead.
    Sold,
    /// The buyer may have taken the lead: no answer, or one that no response rule knows.
    Unknown,
    /// This endpoint does not take the lead; the campaign's next one is asked.
    NextEndpoint,
    /// A cap is full or the schedule is closed: it waits for its place.
    Queued,
    /// Its place has come.
    Released,
    /// Another campaign tries: a new submission was opened.
    HandedOn,
    /// No other campaign can try.
    NobodyLeft,
    /// Trying again cannot help without a person.
    Stuck,
    /// A person, or the endpoint's promise to recognise repeats, lets the stage run again.
    Retried,
    /// A person gave up on it.
    Discarded,
    /// The lead is no longer active.
    Withdrawn,
    /// A person ended it with a status of their choice, or put another submission in its place.
    Closed,
}

/// A move that the life of a submission does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a submission that is {from:?} cannot be {event:?}")]
pub struct IllegalMove {
    pub from: State,
    pub event: Event,
}

impl Event {
    pub const ALL: [Self; 18] = [
        Self::Passed,
        Self::Again,
        Self::Parked,
        Self::Waits,
        Self::Resumed,
        Self::Refused,
        Self::Sold,
        Self::Unknown,
        Self::NextEndpoint,
        Self::Queued,
        Self::Released,
        Self::HandedOn,
        Self::NobodyLeft,
        Self::Stuck,
        Self::Retried,
        Self::Discarded,
        Self::Withdrawn,
        Self::Closed,
    ];
}

impl State {
    /// Where every submission begins.
    pub const START: Self = Self::InStage(Stage::Routing);

    /// The whole life of a submission. What is not written here cannot happen.
    pub fn on(self, event: Event) -> Result<Self, IllegalMove> {
        use Stage::{Delivery, Disqualification, Fallback, FirstAction};
        Ok(match (self, event) {
            (Self::InStage(stage), Event::Passed) if stage < Delivery => {
                Self::InStage(stage.next())
            }
            (Self::InStage(stage), Event::Again) => Self::InStage(stage),
            (Self::InStage(FirstAction), Event::Parked) => Self::Parked,
            (Self::Parked, Event::Waits) => Self::Parked,
            // The deadline may have the action started over.
            (Self::Parked, Event::Again) => Self::InStage(FirstAction),
            // Resuming never runs an earlier stage again.
            (Self::Parked, Event::Resumed) => Self::InStage(Disqualification),
            (Self::InStage(stage), Event::Refused) if stage.may_refuse() => Self::InStage(Fallback),
            (Self::Parked | Self::Held, Event::Refused) => Self::InStage(Fallback),
            (Self::InStage(Delivery) | Self::Held, Event::Sold) => Self::Finished,
            (Self::InStage(Delivery), Event::Unknown) => Self::Held,
            (Self::InStage(Delivery) | Self::Held, Event::NextEndpoint) => Self::InStage(Delivery),
            (Self::Held, Event::Retried) => Self::InStage(Delivery),
            // From fallback: nobody else takes the lead, so it waits for its first choice.
            (Self::InStage(Delivery | Fallback), Event::Queued) => Self::Queued,
            (Self::Queued, Event::Released) => Self::InStage(Delivery),
            (Self::InStage(Fallback), Event::HandedOn | Event::NobodyLeft) => Self::Finished,
            (Self::InStage(stage), Event::Stuck) => Self::Failed(stage),
            (Self::Failed(stage), Event::Retried) => Self::InStage(stage),
            (Self::Failed(_) | Self::Held, Event::Discarded) => Self::Finished,
            // A held submission is not withdrawn: whether it was sold must be settled first.
            (
                Self::InStage(_) | Self::Parked | Self::Queued | Self::Failed(_),
                Event::Withdrawn | Event::Closed,
            ) => Self::Finished,
            (from, event) => return Err(IllegalMove { from, event }),
        })
    }

    /// The `run` column's word for this state.
    pub fn run(self) -> &'static str {
        match self {
            Self::InStage(_) => "ready",
            // Both wait for something outside; the stage says for what.
            Self::Parked | Self::Queued => "parked",
            Self::Held => "held",
            Self::Failed(_) => "failed",
            Self::Finished => "finished",
        }
    }

    /// Reads the columns `run` and `stage` back.
    pub fn from_columns(run: &str, stage: Stage) -> Option<Self> {
        Some(match run {
            "ready" => Self::InStage(stage),
            "parked" if stage == Stage::Delivery => Self::Queued,
            "parked" => Self::Parked,
            "held" => Self::Held,
            "failed" => Self::Failed(stage),
            "finished" => Self::Finished,
            _ => return None,
        })
    }
}

impl Stage {
    /// Whether "this campaign does not take the lead" is an answer this stage can give.
    pub fn may_refuse(self) -> bool {
        matches!(
            self,
            Self::FirstAction
                | Self::Disqualification
                | Self::RequiredFields
                | Self::FieldQualification
                | Self::Payload
                | Self::Delivery
        )
    }
}

/// The graph of [`State::on`] as Mermaid text, one line for each way; `docs/ARCHITECTURE.md` holds a copy that a test compares.
pub fn mermaid() -> String {
    let mut lines = vec!["stateDiagram-v2".to_owned(), "    [*] --> routing".to_owned()];
    for from in reachable() {
        let mut moves: Vec<(State, Vec<String>)> = Vec::new();
        for event in Event::ALL {
            let Ok(to) = from.on(event) else { continue };
            match moves.iter_mut().find(|(known, _)| *known == to) {
                Some((_, events)) => events.push(format!("{event:?}")),
                None => moves.push((to, vec![format!("{event:?}")])),
            }
        }
        let line = |(to, events): &(State, Vec<String>)| {
            format!("    {} --> {}: {}", node(from), node(*to), events.join(", "))
        };
        lines.extend(moves.iter().map(line));
    }
    lines.push("    finished --> [*]".to_owned());
    lines.join("\n")
}

fn node(state: State) -> String {
    match state {
        State::InStage(stage) => stage.name().to_owned(),
        State::Failed(stage) => format!("failed_{stage}"),
        State::Queued => "queued".to_owned(),
        other => other.run().to_owned(),
    }
}

/// Every state that can be reached from the start, in the order of a breadth-first walk.
fn reachable() -> Vec<State> {
    let mut seen = vec![State::START];
    let mut at = 0;
    while let Some(&state) = seen.get(at) {
        for next in Event::ALL.iter().filter_map(|&event| state.on(event).ok()) {
            if !seen.contains(&next) {
                seen.push(next);
            }
        }
        at += 1;
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_exits_exactly_when_it_is_not_finished() {
        let all = reachable();
        assert_eq!(
            all.len(),
            9 + 9 + 4,
            "nine stages, nine failures, parked, queued, held, finished"
        );
        for state in all {
            let exits = Event::ALL.iter().filter(|&&event| state.on(event).is_ok()).count();
            assert_eq!(exits == 0, state == State::Finished, "{state:?}");
        }
    }

    #[test]
    fn a_finished_submission_stays_finished() {
        for event in Event::ALL {
            assert!(State::Finished.on(event).is_err(), "{event:?}");
        }
    }

    #[test]
    fn only_a_settled_answer_leads_from_held_to_fallback() {
        for event in Event::ALL {
            let to = State::Held.on(event).ok();
            let expected = match event {
                Event::Sold | Event::Discarded => Some(State::Finished),
                Event::Refused => Some(State::InStage(Stage::Fallback)),
                Event::Retried | Event::NextEndpoint => Some(State::InStage(Stage::Delivery)),
                _ => None,
            };
            assert_eq!(to, expected, "{event:?}");
        }
    }

    #[test]
    fn no_move_leads_back_but_waiting_for_the_first_choice_when_nobody_else_is_left() {
        let place = |state| match state {
            State::InStage(stage) => Some(stage),
            State::Parked => Some(Stage::FirstAction),
            State::Queued => Some(Stage::Delivery),
            _ => None,
        };
        for from in reachable() {
            for event in Event::ALL {
                if let (Some(a), Some(b)) = (place(from), from.on(event).ok().and_then(place)) {
                    let waits = (from, event) == (State::InStage(Stage::Fallback), Event::Queued);
                    assert!(b >= a || waits, "{from:?} on {event:?} went back to {b}");
                }
            }
        }
    }

    #[test]
    fn every_state_survives_its_columns() {
        for state in reachable() {
            let stage = match state {
                State::InStage(stage) | State::Failed(stage) => stage,
                State::Queued => Stage::Delivery,
                _ => Stage::Routing,
            };
            assert_eq!(State::from_columns(state.run(), stage), Some(state));
        }
    }
}
