//! Stage 8: may we send now, and what does the answer mean?
use super::{Change, Verdict};
use crate::{
    campaign::{
        compiled::Endpoint,
        response::{Classified, Outcome as Said},
    },
    clock::Time,
    store::close::{AttemptEnd, Outcome},
    submission::{End, Event, Stage},
};
use crate::{
    exchange::Exchange,
    patience::{self, Pause},
};
use serde_json::json;
use std::time::Duration;

/// Bytes of the buyer's answer that are kept with the attempt.
pub const KEPT_ANSWER: usize = 4_096;

/// An earlier attempt has no outcome: its worker died between sending and noting, so the buyer may have the lead.
pub fn on_open_attempt(number: i64) -> Verdict {
    let reason = format!(
        "attempt {number} has no outcome: its worker died, and the buyer may have the lead"
    );
    Verdict::of(Event::Unknown, "outcome_unknown", reason)
}

/// What an exchange with the buyer leads to, and what is noted of the attempt.
pub fn decide(
    endpoint: &Endpoint,
    exchange: &Exchange,
    number: i64,
    tries: Tries,
) -> (Verdict, AttemptEnd) {
    match exchange {
        Exchange::Answered(answer, elapsed) => {
            let classified = endpoint.response.classify(answer, tries.now);
            let mut end = ended(number, outcome_of(&classified, answer.status), *elapsed);
            end.status_code = Some(answer.status);
            end.reason = classified.reason.clone();
            end.buyer_lead_id = classified.buyer_lead_id.clone();
            end.price = classified.price.clone().map(|price| (price.minor_units, price.currency));
            end.answer = Some(beginning(&answer.body));
            (answered(endpoint, &classified, answer.status, tries), end)
        }
        Exchange::NotSent { why } => {
            let mut end = ended(number, Outcome::Failed, Duration::ZERO);
            end.reason = Some(why.to_string());
            let verdict = if why.may_pass() {
                failed(endpoint, &why.to_string(), None, tries)
            } else {
                Verdict::stuck("endpoint_unusable", why.to_string())
            };
            (verdict, end)
        }
        Exchange::Unknown { why } => {
            let mut end = ended(number, Outcome::Unknown, Duration::ZERO);
            end.reason = Some(why.clone());
            (unknown(endpoint, why, tries), end)
        }
    }
}

/// An earlier attempt at this endpoint may have been taken. That it cannot be reached now, or has the lead already, says nothing about
/// that one: nobody else may get the lead until somebody knows. None when the verdict stands whatever came before.
pub fn in_doubt(verdict: &Verdict) -> Option<Verdict> {
    let Change::End(End::Failed | End::Duplicate) = verdict.change else { return None };
    Some(Verdict {
        event: Event::Unknown,
        code: "outcome_unknown".into(),
        reason: format!("an earlier attempt may have been taken, and now: {}", verdict.reason),
        change: Change::Nothing,
        ..verdict.clone()
    })
}

/// The endpoint is in test mode and has no test URL: nothing is sent. A test lead counts as delivered; any other one ends in an error, so
/// that it can be sent again once the endpoint is live, and no fallback sells it meanwhile.
pub fn not_sent(endpoint: &Endpoint, is_test_lead: bool) -> Verdict {
    let end = if is_test_lead { End::Delivered } else { End::Discarded };
    let reason = format!(
        "{} is in test mode: the payload was built, nothing was sent",
        endpoint.config.name
    );
    Verdict::of(Event::Closed, "test_mode", reason).changing(Change::End(end))
}

/// A refusal ends the delivery only when no later endpoint of the campaign is left to ask.
pub fn or_next_endpoint(verdict: Verdict, is_there_a_next: bool) -> Verdict {
    if verdict.event != Event::Refused || !is_there_a_next {
        return verdict;
    }
    Verdict { event: Event::NextEndpoint, change: Change::NextEndpoint, ..verdict }
}

/// How often the stage was tried, and what spreads the pauses of different submissions.
#[derive(Debug, Clone, Copy)]
pub struct Tries {
    pub attempt: i64,
    pub seed: u64,
    pub now: Time,
}

fn ended(number: i64, outcome: Outcome, elapsed: Duration) -> AttemptEnd {
    AttemptEnd {
        number,
        outcome,
        status_code: None,
        reason: None,
        buyer_lead_id: None,
        price: None,
        answer: None,
        duration_us: i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX),
    }
}

fn outcome_of(classified: &Classified, status: u16) -> Outcome {
    match classified.outcome {
        Said::Accepted | Said::Delivered => Outcome::Accepted,
        Said::Rejected => Outcome::Rejected,
        Said::Duplicate => Outcome::Duplicate,
        Said::Retry if may_have_taken(classified, status) => Outcome::Unknown,
        Said::Failed | Said::Retry => Outcome::Failed,
        Said::Unclassified => Outcome::Unclassified,
    }
}

fn answered(endpoint: &Endpoint, classified: &Classified, status: u16, tries: Tries) -> Verdict {
    let buyer = &endpoint.config.name;
    let said = classified.reason.as_ref().map_or(String::new(), |said| format!(": {said}"));
    let details = json!({
        "status": status,
        "rule": classified.rule_index,
        "buyerLeadId": classified.buyer_lead_id,
        "price": classified.price,
    });
    let verdict = match classified.outcome {
        Said::Accepted => {
            Verdict::of(Event::Sold, "accepted", format!("{buyer} took the lead{said}"))
                .changing(Change::End(End::Accepted))
        }
        Said::Delivered => {
            Verdict::of(Event::Sold, "delivered", format!("{buyer} has the lead{said}"))
                .changing(Change::End(End::Delivered))
        }
        Said::Rejected => {
            Verdict::refuse(End::Rejected, "rejected", format!("{buyer} refused the lead{said}"))
        }
        Said::Duplicate => Verdict::refuse(
            End::Duplicate,
            "buyer_duplicate",
            format!("{buyer} has the lead already{said}"),
        ),
        Said::Failed => {
            Verdict::stuck("endpoint_refuses", format!("{buyer} answered {status}{said}"))
        }
        Said::Retry if may_have_taken(classified, status) => {
            unknown(endpoint, &format!("{buyer} broke down with {status}{said}"), tries)
        }
        Said::Retry => {
            let why = format!("{buyer} answered {status}{said}");
            failed(endpoint, &why, classified.retry_after, tries)
        }
        Said::Unclassified => Verdict::of(
            Event::Unknown,
            "unclassified",
            format!("{buyer} answered {status}, which no response rule knows{said}"),
        ),
    };
    verdict.with(details)
}

/// A server error that no rule explains: the buyer may have taken the lead before it broke down. 429 and 503 say that it has not.
fn may_have_taken(classified: &Classified, status: u16) -> bool {
    classified.rule_index.is_none() && !matches!(status, 429 | 503)
}

/// The buyer surely has not got the lead: try again, and in the end give the lead to a fallback.
fn failed(endpoint: &Endpoint, why: &str, asked: Option<Duration>, tries: Tries) -> Verdict {
    match patience::pause(Stage::Delivery, tries.attempt, tries.seed, asked) {
        Pause::For(pause) => Verdict::again(pause, "not_taken", why),
        Pause::Exhausted => {
            let reason = format!("{} could not be reached: {why}", endpoint.config.name);
            Verdict::refuse(End::Failed, "delivery_failed", reason)
        }
    }
}

/// The buyer may have the lead. Only an endpoint that recognises repeats may be asked again; otherwise a person must find out.
fn unknown(endpoint: &Endpoint, why: &str, tries: Tries) -> Verdict {
    if !endpoint.config.idempotent {
        return Verdict::of(Event::Unknown, "outcome_unknown", why);
    }
    match patience::pause(Stage::Delivery, tries.attempt, tries.seed, None) {
        Pause::For(pause) => Verdict::again(pause, "outcome_unknown", why),
        Pause::Exhausted => Verdict::of(Event::Unknown, "outcome_unknown", why),
    }
}

fn beginning(body: &[u8]) -> String {
    let kept = &body[..body.len().min(KEPT_ANSWER)];
    String::from_utf8_lossy(kept).replace('\0', "\u{fffd}")
}
