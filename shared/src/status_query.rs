//! What a buyer says when it is asked about a delivery whose outcome nobody knows.
use crate::{
    campaign::response::{Outcome as Said, ResponseClassifier},
    clock::Time,
    exchange::Exchange,
    stages::s8_delivery::KEPT_ANSWER,
    store::close::{AttemptEnd, Outcome},
    submission::End,
};
use std::time::Duration;

/// What a question led to.
#[derive(Debug, Clone)]
pub enum Told {
    /// What became of the attempt, and how the submission ends by that.
    Known(AttemptEnd, End),
    /// Nothing is known still, and why.
    NotYet(String),
}

/// Reads the answer about attempt `number`. Only a rule that says so settles anything: an answer that no rule knows does not.
pub fn read(exchange: &Exchange, classifier: &ResponseClassifier, number: i64, now: Time) -> Told {
    let (answer, elapsed) = match exchange {
        Exchange::Answered(answer, elapsed) => (answer, *elapsed),
        Exchange::NotSent { why } => return Told::NotYet(format!("it could not be asked: {why}")),
        Exchange::Unknown { why } => return Told::NotYet(format!("it did not answer: {why}")),
    };
    let classified = classifier.classify(answer, now);
    let (outcome, end) = match classified.outcome {
        Said::Accepted => (Outcome::Accepted, End::Accepted),
        Said::Delivered => (Outcome::Accepted, End::Delivered),
        Said::Rejected => (Outcome::Rejected, End::Rejected),
        Said::Duplicate => (Outcome::Duplicate, End::Duplicate),
        Said::Retry => return Told::NotYet(format!("it does not know yet ({})", answer.status)),
        Said::Failed => return Told::NotYet(format!("it refuses to say ({})", answer.status)),
        Said::Unclassified => {
            return Told::NotYet(format!("it answered {}, which no rule knows", answer.status));
        }
    };
    let ended = AttemptEnd {
        number,
        outcome,
        status_code: Some(answer.status),
        reason: classified.reason,
        buyer_lead_id: classified.buyer_lead_id,
        price: classified.price.map(|price| (price.minor_units, price.currency)),
        answer: Some(beginning(&answer.body)),
        duration_us: micros(elapsed),
    };
    Told::Known(ended, end)
}

fn beginning(body: &[u8]) -> String {
    let kept = &body[..body.len().min(KEPT_ANSWER)];
    String::from_utf8_lossy(kept).replace('\0', "\u{fffd}")
}

fn micros(elapsed: Duration) -> i64 {
    i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::response::{Answer, ResponseRules};
    use serde_json::json;

    fn told(status: u16, body: &str) -> String {
        let rules: ResponseRules = serde_json::from_value(json!({"rules": [
            {"outcome": "accepted", "when": {"text": {"contains": "sold"}}},
            {"outcome": "delivered", "when": {"text": {"contains": "received"}}},
            {"outcome": "duplicate", "when": {"text": {"contains": "known"}}},
            {"outcome": "rejected", "when": {"status": [404]}},
            {"outcome": "failed", "when": {"status": [401]}},
            {"outcome": "retry", "when": {"text": {"contains": "working"}}}
        ]}))
        .unwrap();
        let answer = Answer { status, body: body.to_owned().into(), ..Answer::default() };
        let exchange = Exchange::Answered(answer, Duration::from_millis(5));
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        match read(&exchange, &rules.compile().unwrap(), 3, now) {
            Told::Known(end, how) => format!("{} {:?} {how:?}", end.number, end.outcome),
            Told::NotYet(why) => why,
        }
    }

    #[test]
    fn only_a_rule_settles_a_delivery() {
        for (status, body, expected) in [
            (200, "sold", "3 Accepted Accepted"),
            (200, "received", "3 Accepted Delivered"),
            (200, "known", "3 Duplicate Duplicate"),
            (404, "", "3 Rejected Rejected"),
            (401, "", "it refuses to say (401)"),
            (200, "working", "it does not know yet (200)"),
            (200, "hello", "it answered 200, which no rule knows"),
            (500, "", "it does not know yet (500)"),
        ] {
            assert_eq!(told(status, body), expected, "{status} {body}");
        }
        let rules = ResponseRules::default().compile().unwrap();
        let unknown = Exchange::Unknown { why: "x".into() };
        let read = read(&unknown, &rules, 1, "2026-11-21T12:00:00Z".parse().unwrap());
        assert!(matches!(read, Told::NotYet(_)));
    }
}
