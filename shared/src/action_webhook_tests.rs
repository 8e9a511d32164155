//! What a webhook's answer means, as a table.
use super::*;
use crate::{exchange::NotSent, moves::ResumeOutcome};
use chrono::{TimeZone, Utc};

fn noon() -> Time {
    Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap()
}

fn answered(status: u16, headers: &[(&str, &str)], body: &str) -> Exchange {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let answer = Answer { status, headers, body: body.to_owned().into(), cut: false };
    Exchange::Answered(answer, Duration::ZERO)
}

fn tries(made: i64, retries: i64) -> Tries {
    Tries { made, retries, seed: 0 }
}

/// The answer to the first of several tries, in a word.
fn heard(exchange: &Exchange) -> String {
    match read(exchange, tries(1, 3), noon()) {
        Heard::Decided(decision) => format!("{:?}", decision.outcome),
        Heard::Later(None) => "later".into(),
        Heard::Later(Some(why)) => format!("later: {why}"),
        Heard::Again(pause, _) => format!("again after {}", pause.as_secs()),
        Heard::GivenUp(why) => format!("given up: {why}"),
    }
}

#[test]
fn every_status_has_heard_it_may_pass_or_will_not() {
    let silent = Exchange::Unknown { why: "silence".into() };
    let away = Exchange::NotSent { why: NotSent::NoConnection("refused".into()) };
    let broken = Exchange::NotSent { why: NotSent::Malformed("a header".into()) };
    for (exchange, wanted) in [
        (answered(200, &[], ""), "later"),
        (answered(202, &[], "{\"ok\": true}"), "later"),
        (answered(204, &[], ""), "later"),
        (answered(302, &[], ""), "given up: it was answered with 302"),
        (answered(400, &[], ""), "given up: it was answered with 400"),
        (answered(401, &[], ""), "given up: it was answered with 401"),
        (answered(404, &[], ""), "given up: it was answered with 404"),
        (answered(410, &[], ""), "given up: it was answered with 410"),
        (answered(408, &[], ""), "again after 9"),
        (answered(429, &[], ""), "again after 9"),
        (answered(500, &[], ""), "again after 9"),
        (answered(503, &[("Retry-After", "120")], ""), "again after 120"),
        (answered(503, &[("retry-after", "1")], ""), "again after 9"),
        (answered(503, &[("retry-after", "9999999")], ""), "again after 21600"),
        (answered(503, &[("retry-after", "soon")], ""), "again after 9"),
        (silent, "again after 9"),
        (away, "again after 9"),
        (broken, "given up: request cannot be written: a header"),
    ] {
        assert_eq!(heard(&exchange), wanted, "{exchange:?}");
    }
}

#[test]
fn an_answer_decides_only_in_the_words_of_the_resume_url() {
    let no = "later: its answer decides nothing: ";
    for (body, wanted) in [
        (json!({"outcome": "continue"}), "Continue".to_owned()),
        (json!({"outcome": "disqualify", "reason": "no roof"}), "Disqualify".into()),
        (json!({"outcome": "reject", "answers": {"custom.score": 1}}), "Reject".into()),
        (json!({"answers": {"custom.score": 1}}), "later".into()),
        (json!(["outcome"]), "later".into()),
        (json!("outcome"), "later".into()),
        (
            json!({"outcome": "maybe"}),
            format!(
                "{no}unknown variant `maybe`, expected one of `continue`, `disqualify`, `reject`"
            ),
        ),
        (
            json!({"outcome": "continue", "reason": "x".repeat(501)}),
            format!("{no}reason has 501 characters; at most 500 are allowed"),
        ),
    ] {
        assert_eq!(heard(&answered(200, &[], &body.to_string())), wanted, "{body}");
    }
    assert_eq!(heard(&answered(200, &[], "{\"outcome\": ")), "later", "half an answer");
    let wrong = json!({"outcome": "continue", "answers": {"lead.email": "x"}});
    assert!(heard(&answered(200, &[], &wrong.to_string())).starts_with(no));
    let nul = json!({"outcome": "continue", "reason": "a\u{0}b"});
    assert!(heard(&answered(200, &[], &nul.to_string())).starts_with(no));
    let Heard::Decided(decision) = read(
        &answered(200, &[], r#"{"outcome":"continue","answers":{"custom.a":[1]}}"#),
        tries(9, 0),
        noon(),
    ) else {
        panic!("a late try decides as well");
    };
    assert_eq!(
        (decision.outcome, decision.answers["custom.a"].clone()),
        (ResumeOutcome::Continue, json!([1]))
    );
}

#[test]
fn pauses_grow_fourfold_and_the_last_try_has_none() {
    let down = answered(500, &[], "");
    let pauses: Vec<u64> = (1..=5)
        .map(|made| match read(&down, tries(made, 5), noon()) {
            Heard::Again(pause, _) => pause.as_secs(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(pauses, [9, 39, 159, 639, 1799]);
    assert_eq!(read(&down, tries(6, 5), noon()), Heard::GivenUp("it was answered with 500".into()));
    assert_eq!(read(&down, tries(1, 0), noon()), Heard::GivenUp("it was answered with 500".into()));
    let spread: std::collections::HashSet<Duration> = (0..50)
        .filter_map(|seed| {
            match failed(String::new(), None, Tries { made: 2, retries: 5, seed: seed * 977 }) {
                Heard::Again(pause, _) => Some(pause),
                _ => None,
            }
        })
        .collect();
    assert!(spread.len() > 20, "{}", spread.len());
}
