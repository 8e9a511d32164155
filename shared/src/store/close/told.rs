//! What others may want to be told of a move.
use super::{Close, shown};
use crate::{
    submission::End,
    webhook::{About, Facts, Told, event},
};
use std::borrow::Cow;

/// The events that the move is.
pub(super) fn of(close: &Close) -> impl Iterator<Item = Told> {
    let place = &close.place;
    let events = event::of_move(close.park.is_some(), place.state, place.end);
    // Most moves are none.
    let facts = if events.is_empty() { Facts::default() } else { facts(close) };
    events.into_iter().map(move |event| Told {
        workspace: close.workspace,
        event,
        about: About::Submission(close.submission, place.campaign),
        facts: facts.clone(),
        at: close.at,
    })
}

fn facts(close: &Close) -> Facts {
    let place = &close.place;
    let sale = close.attempt.as_ref().filter(|_| place.end.is_some_and(End::is_sold));
    let price = sale.and_then(|attempt| attempt.price.clone());
    Facts {
        status: Cow::Owned(shown(close).word()),
        outcome: place.end,
        reason_code: place.reason.as_ref().map(|(code, _)| code.clone()),
        buyer_lead_id: sale.and_then(|attempt| attempt.buyer_lead_id.clone()),
        price_minor: price.as_ref().map(|(minor, _)| *minor),
        currency: price.map(|(_, currency)| currency),
        next_submission_id: close.child.as_ref().map(|child| child.id),
        action: close.park.as_ref().map(|park| park.kind),
        deadline: close.park.as_ref().map(|park| park.deadline),
        ..Facts::default()
    }
}
