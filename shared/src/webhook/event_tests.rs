//! Every move of every state, and the events that it is.
use super::*;
use crate::submission::{Event as Move, Stage};

const ENDS: [End; 13] = [
    End::Accepted,
    End::Delivered,
    End::Disqualified,
    End::MissingData,
    End::Duplicate,
    End::Rejected,
    End::Failed,
    End::NoRoom,
    End::NoContact,
    End::Dnc,
    End::Discarded,
    End::Withdrawn,
    End::Replaced,
];

fn states() -> Vec<State> {
    let stages = Stage::ALL.into_iter();
    let mut all: Vec<State> =
        stages.flat_map(|stage| [State::InStage(stage), State::Failed(stage)]).collect();
    all.extend([State::Parked, State::Queued, State::Held, State::Finished]);
    all
}

#[test]
fn every_move_is_told_of_as_the_table_in_the_docs_says() {
    let mut told = 0;
    for from in states() {
        for event in Move::ALL {
            let Ok(to) = from.on(event) else { continue };
            for end in ENDS.map(Some).into_iter().chain([None]) {
                let events = of_move(event == Move::Parked, to, end);
                let expected = match event {
                    Move::Parked => vec!["lead.first_submission_action"],
                    Move::Queued => vec!["lead.queued"],
                    _ if to == State::Finished => match end {
                        Some(End::Accepted | End::Delivered) => {
                            vec!["lead.delivered", "lead.processed"]
                        }
                        Some(End::Failed | End::Discarded) => vec!["lead.failed", "lead.processed"],
                        Some(
                            End::Disqualified
                            | End::MissingData
                            | End::NoRoom
                            | End::NoContact
                            | End::Dnc,
                        ) => vec!["lead.disqualified", "lead.processed"],
                        _ => vec!["lead.processed"],
                    },
                    _ => vec![],
                };
                let words: Vec<&str> = events.iter().map(|event| event.word()).collect();
                assert_eq!(words, expected, "{from:?} on {event:?} with {end:?}");
                told += events.len();
            }
        }
    }
    assert!(told > 500, "{told}: the walk went somewhere");
}

#[test]
fn an_end_that_is_corrected_is_told_of_once_more() {
    for before in ENDS {
        for after in ENDS {
            let events = of_correction(Some(before), after);
            assert_eq!(events.contains(&Event::Processed), before != after);
            let same = of_end(before) == of_end(after);
            let expected = of_end(after).filter(|_| !same);
            assert_eq!(events.iter().find(|event| **event != Event::Processed), expected.as_ref());
        }
    }
}

#[test]
fn the_words_are_the_same_everywhere() {
    for event in Event::ALL.into_iter().chain([Event::Test]) {
        assert_eq!(serde_json::to_value(event).unwrap(), event.word());
        let fits = |b: u8| b.is_ascii_lowercase() || b == b'.' || b == b'_';
        assert!(event.word().bytes().all(fits), "Standard Webhooks: {}", event.word());
    }
}
