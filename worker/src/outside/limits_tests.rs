//! Places at an endpoint: never more at once or in a window than it says, and those who wait come in turn.
use super::*;
use proptest::prelude::*;

fn noon() -> Time {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn key(endpoint: &str) -> Key {
    (uuid::Uuid::nil(), endpoint.into())
}

fn limits(concurrency: u32, per_second: Option<u32>, per_minute: Option<u32>) -> Limits {
    Limits { concurrency: Some(concurrency), per_second, per_minute }
}

#[test]
fn a_place_is_free_again_when_its_delivery_has_ended() {
    let gates = Gates::default();
    let two = limits(2, None, None);
    let first = gates.enter(key("a"), &two, noon()).unwrap();
    let _second = gates.enter(key("a"), &two, noon()).unwrap();
    assert!(gates.enter(key("a"), &two, noon()).is_err());
    assert!(gates.enter(key("b"), &two, noon()).is_ok(), "another endpoint has its own places");
    drop(first);
    assert!(gates.enter(key("a"), &two, noon()).is_ok());
}

#[test]
fn an_endpoint_that_says_nothing_gets_a_quarter_of_a_worker() {
    let gates = Gates::default();
    let places: Vec<_> =
        (0..40).map(|_| gates.enter(key("a"), &Limits::default(), noon())).collect();
    assert_eq!(places.iter().filter(|place| place.is_ok()).count(), 32);
}

#[test]
fn who_waits_for_a_rate_comes_when_the_window_has_room_one_after_the_other() {
    let gates = Gates::default();
    let slow = limits(100, None, Some(6));
    let mut waits = Vec::new();
    for _ in 0..10 {
        match gates.enter(key("a"), &slow, noon()) {
            Ok(place) => drop(place),
            Err(wait) => waits.push(wait.as_secs()),
        }
    }
    assert_eq!(waits, [30, 30, 30, 30], "the window has room in 60 s, and asking is bounded");
    let later = noon() + Span::seconds(60);
    for _ in 0..6 {
        assert!(gates.enter(key("a"), &slow, later).is_ok());
    }
    assert!(gates.enter(key("a"), &slow, later).is_err());

    let quick = limits(100, Some(2), None);
    let mut waits = Vec::new();
    for _ in 0..5 {
        if let Err(wait) = gates.enter(key("b"), &quick, noon()) {
            waits.push(wait.as_millis());
        }
    }
    assert_eq!(waits, [1_000, 1_500, 2_000]);
}

#[test]
fn who_waits_for_a_place_comes_as_often_as_places_become_free() {
    let mut gate = Gate::default();
    let four = limits(4, None, None);
    for _ in 0..40 {
        gate.under_way = 1;
        gate.leave(Duration::from_secs(2));
    }
    gate.under_way = 4;
    let waits: Vec<_> =
        (0..3).map(|_| gate.enter(&four, noon()).unwrap_err().as_millis()).collect();
    assert!((450..=550).contains(&waits[0]), "{waits:?}");
    assert!(waits[1] > waits[0] && waits[2] > waits[1], "{waits:?}");
}

#[test]
fn turns_that_were_handed_out_long_ago_do_not_delay_anybody() {
    let mut gate = Gate::default();
    let one = limits(1, Some(1), None);
    gate.enter(&one, noon()).unwrap();
    for _ in 0..10_000 {
        assert!(gate.enter(&one, noon()).unwrap_err() <= LONGEST);
    }
    gate.leave(Duration::ZERO);
    let later = noon() + Span::seconds(1);
    assert!(gate.enter(&one, later).is_ok(), "there is a place, whatever was promised to others");
}

proptest! {
    #[test]
    fn no_window_ever_holds_more_than_its_limit(
        concurrency in 1_u32..20,
        per_second in proptest::option::of(1_u32..8),
        per_minute in proptest::option::of(1_u32..60),
        steps in proptest::collection::vec((0_i64..700, any::<bool>()), 1..400),
    ) {
        let limits = limits(concurrency, per_second, per_minute);
        let mut gate = Gate::default();
        let mut now = noon();
        let mut begun: Vec<Time> = Vec::new();
        for (millis, ends) in steps {
            now += Span::milliseconds(millis);
            if ends && gate.under_way > 0 {
                gate.leave(Duration::from_millis(300));
            }
            match gate.enter(&limits, now) {
                Ok(()) => begun.push(now),
                Err(wait) => prop_assert!((SHORTEST..=LONGEST).contains(&wait)),
            }
            prop_assert!(gate.under_way <= concurrency);
            for (most, seconds) in [(per_second, 1), (per_minute, 60)] {
                let since = now - Span::seconds(seconds);
                let inside = begun.iter().filter(|at| **at > since).count();
                prop_assert!(most.is_none_or(|most| inside <= most as usize));
            }
        }
    }
}
