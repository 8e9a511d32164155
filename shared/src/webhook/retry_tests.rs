//! The schedule of retries, what answers mean, and when an address rests.
use super::*;
use crate::{campaign::response::Answer, exchange::NotSent, testing::noon};
use bytes::Bytes;

fn answered(status: u16, header: Option<&str>) -> Exchange {
    let headers = header.map(|value| ("Retry-After".to_owned(), value.to_owned()));
    let answer = Answer {
        status,
        headers: headers.into_iter().collect(),
        body: Bytes::from("a\0b".repeat(1_000)),
        cut: false,
    };
    Exchange::Answered(answer, Duration::from_millis(7))
}

fn pause_of(exchange: &Exchange, tries: i64, seed: u64) -> u64 {
    match read(exchange, tries, seed, noon()).0 {
        Came::Not(pause) => pause.as_secs(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn retries_come_ever_later_and_never_all_at_once() {
    let expected = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400, 86_400];
    for (tries, base) in (1..).zip(expected) {
        let mut pauses: Vec<u64> =
            (0..50).map(|seed| pause_of(&answered(500, None), tries, seed * 7_919)).collect();
        assert!(pauses.iter().all(|pause| (base..=base + base / 5).contains(pause)), "{pauses:?}");
        pauses.dedup();
        assert!(base < 60 || pauses.len() > 10, "{pauses:?}");
    }
}

#[test]
fn answers_say_what_comes_next() {
    for status in [200, 202, 204, 299] {
        assert_eq!(read(&answered(status, None), 1, 0, noon()).0, Came::Heard);
    }
    assert_eq!(read(&answered(410, None), 1, 0, noon()).0, Came::Gone);
    for status in [301, 302, 307, 400, 401, 404, 500, 503] {
        assert_eq!(pause_of(&answered(status, None), 1, 0), 5, "{status}");
    }
    for (status, header, tries, seconds) in [
        (429, None, 1, 60),
        (408, None, 1, 60),
        (429, None, 2, 300),
        (503, Some("7"), 1, 7),
        (503, Some("1"), 1, 5),
        (503, Some("86400"), 1, 10),
        (429, Some("90"), 1, 90),
        (429, Some("3600"), 1, 120),
        (500, Some("soon"), 1, 5),
    ] {
        assert_eq!(pause_of(&answered(status, header), tries, 0), seconds, "{status} {header:?}");
    }
    let silent = Exchange::Unknown { why: "no whole answer within the deadline".into() };
    assert_eq!(pause_of(&silent, 1, 0), 60);
    let refused = Exchange::NotSent { why: NotSent::NoConnection("refused".into()) };
    assert_eq!(pause_of(&refused, 1, 0), 5);
    assert_eq!(read(&refused, 1, 0, noon()).1.status, None);
    let line = read(&answered(500, None), 1, 0, noon()).1;
    assert_eq!((line.status, line.answer.len()), (Some(500), ANSWER_KEPT));
    assert!(!line.answer.contains('\0'), "no database keeps it");
}

#[test]
fn an_address_rests_after_many_failures_over_a_while_and_is_tried_ever_less_often() {
    let since = noon();
    for (failures, minutes, rests) in
        [(9, 600, false), (10, 59, false), (10, 60, true), (500, 5, false), (500, 90, true)]
    {
        let now = since + Span::minutes(minutes);
        assert_eq!(is_given_up(failures, since, now), rests, "{failures} in {minutes} minutes");
    }
    let minutes: Vec<i64> = (0..7).map(|probes| probe_pause(probes).num_minutes()).collect();
    assert_eq!(minutes, [5, 10, 20, 40, 60, 60, 60]);
    assert_eq!(probe_pause(i64::MAX), PROBE_PAUSE_MAX);
}
