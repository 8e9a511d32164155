//! Hours across zones, days and clock changes.
use super::*;
use chrono::{Timelike, Utc};
use proptest::prelude::*;
use serde_json::json;

fn at(text: &str) -> Time {
    text.parse().unwrap()
}

fn hours(from: u32, to: u32, days: &[Day]) -> CallingHours {
    CallingHours { from: Minute(from), to: Minute(to), days: days.to_vec() }
}

const NEW_YORK: Tz = Tz::America__New_York;
const LOS_ANGELES: Tz = Tz::America__Los_Angeles;

#[test]
fn nobody_is_reached_before_eight_or_after_nine() {
    let usual = CallingHours::default();
    for (now, next) in [
        ("2026-11-24T12:59:59Z", Reach::At(at("2026-11-24T13:00:00Z"))),
        ("2026-11-24T13:00:00Z", Reach::Now),
        ("2026-11-25T01:59:59Z", Reach::Now),
        ("2026-11-25T02:00:00Z", Reach::At(at("2026-11-25T13:00:00Z"))),
    ] {
        assert_eq!(may_reach(&usual, &[NEW_YORK], at(now)), next, "{now}");
    }
}

#[test]
fn it_must_be_allowed_in_every_zone() {
    let both = [LOS_ANGELES, NEW_YORK];
    let usual = CallingHours::default();
    for (now, next) in [
        ("2026-11-24T15:00:00Z", Reach::At(at("2026-11-24T16:00:00Z"))),
        ("2026-11-24T16:00:00Z", Reach::Now),
        ("2026-11-25T02:30:00Z", Reach::At(at("2026-11-25T16:00:00Z"))),
    ] {
        assert_eq!(may_reach(&usual, &both, at(now)), next, "{now}");
    }
    let morning = hours(540, 720, &EVERY_DAY);
    assert_eq!(may_reach(&morning, &both, at("2026-11-24T15:00:00Z")), Reach::Never);
    assert_eq!(may_reach(&usual, &[], at("2026-11-24T15:00:00Z")), Reach::Never);
    assert_eq!(Reach::Never.time(at("2026-11-24T15:00:00Z")), None);
}

#[test]
fn days_are_those_of_the_person() {
    let monday = hours(0, 1440, &[Day::Mon]);
    // Sunday in Los Angeles, Monday in Auckland.
    let now = at("2026-11-23T05:00:00Z");
    assert_eq!(may_reach(&monday, &[Tz::Pacific__Auckland], now), Reach::Now);
    let next = Reach::At(at("2026-11-23T08:00:00Z"));
    assert_eq!(may_reach(&monday, &[LOS_ANGELES], now), next);
    let both = may_reach(&monday, &[LOS_ANGELES, Tz::Pacific__Auckland], now);
    assert_eq!(both, next, "from 08:00 to 11:00 UTC it is Monday in both");
}

#[test]
fn a_clock_change_opens_and_closes() {
    // In New York 02:00 to 03:00 is left out on 8 March and 01:00 to 02:00 is repeated on 1 November.
    let gap = hours(150, 240, &EVERY_DAY);
    let night = at("2026-03-08T05:00:00Z");
    assert_eq!(may_reach(&gap, &[NEW_YORK], night), Reach::At(at("2026-03-08T07:00:00Z")));
    let within = hours(130, 170, &EVERY_DAY);
    assert_eq!(may_reach(&within, &[NEW_YORK], night), Reach::At(at("2026-03-09T06:10:00Z")));
    let early = hours(0, 90, &EVERY_DAY);
    for (now, next) in [
        ("2026-11-01T05:29:00Z", Reach::Now),
        ("2026-11-01T05:30:00Z", Reach::At(at("2026-11-01T06:00:00Z"))),
        ("2026-11-01T06:29:00Z", Reach::Now),
        ("2026-11-01T06:30:00Z", Reach::At(at("2026-11-02T05:00:00Z"))),
    ] {
        assert_eq!(may_reach(&early, &[NEW_YORK], at(now)), next, "{now}");
    }
}

#[test]
fn hours_are_read_strictly_and_checked() {
    let read: CallingHours = serde_json::from_value(json!({"from": "09:00"})).unwrap();
    assert_eq!(read, CallingHours { from: Minute(540), ..CallingHours::default() });
    assert!(serde_json::from_value::<CallingHours>(json!({"until": "20:00"})).is_err());
    let mut problems = Vec::new();
    CallingHours::default().check("hours", &mut problems);
    assert_eq!(problems, []);
    hours(600, 600, &[]).check("hours", &mut problems);
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["hours.to", "hours.days"]);
}

/// By the plain meaning of the words.
fn allowed(hours: &CallingHours, zones: &[Tz], time: Time) -> bool {
    zones.iter().all(|zone| {
        let local = time.with_timezone(zone);
        let minute = local.hour() * 60 + local.minute();
        hours.days.iter().any(|day| day.is(local.weekday()))
            && (hours.from.0..hours.to.0).contains(&minute)
    })
}

fn zone() -> impl Strategy<Value = Tz> {
    prop::sample::select(vec![
        Tz::UTC,
        NEW_YORK,
        LOS_ANGELES,
        Tz::America__Phoenix,
        Tz::America__St_Johns,
        Tz::America__Santiago,
        Tz::America__Havana,
        Tz::Europe__Dublin,
        Tz::Europe__London,
        Tz::Africa__Casablanca,
        Tz::Asia__Kolkata,
        Tz::Asia__Kathmandu,
        Tz::Africa__Cairo,
        Tz::Australia__Lord_Howe,
        Tz::Australia__Sydney,
        Tz::Pacific__Auckland,
    ])
}

fn some_hours() -> impl Strategy<Value = CallingHours> {
    let days = prop::sample::subsequence(EVERY_DAY.to_vec(), 1..=7);
    (0_u32..1440, 1_u32..=1440, days).prop_filter_map("from before to", |(from, to, days)| {
        (from < to).then(|| hours(from, to, &days))
    })
}

/// A moment of 2026; every third one lies within a day of a clock change in New York or London.
fn moment() -> impl Strategy<Value = Time> {
    let year = at("2026-01-01T00:00:00Z").timestamp();
    let changes =
        [at("2026-03-08T07:00:00Z"), at("2026-10-25T01:00:00Z"), at("2026-11-01T06:00:00Z")];
    let near = (prop::sample::select(changes.to_vec()), -86_400_i64..86_400)
        .prop_map(|(change, by)| change.timestamp() + by);
    prop_oneof![2 => (0_i64..365 * 86_400).prop_map(move |by| year + by), 1 => near]
        .prop_map(|second| Utc.timestamp_opt(second, 0).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_time_named_is_the_first_that_is_allowed(
        hours in some_hours(),
        zones in prop::collection::vec(zone(), 1..4),
        now in moment(),
    ) {
        let minutes = |until: Time| {
            let next = now + Duration::seconds(60 - i64::from(now.second()));
            (0..).map(move |n| next + Duration::minutes(n)).take_while(move |time| *time < until)
        };
        match may_reach(&hours, &zones, now) {
            Reach::Now => prop_assert!(allowed(&hours, &zones, now)),
            Reach::At(time) => {
                prop_assert!(allowed(&hours, &zones, time) && !allowed(&hours, &zones, now));
                let earlier = minutes(time).find(|time| allowed(&hours, &zones, *time));
                prop_assert_eq!(earlier, None);
            }
            Reach::Never => {
                let until = now + Duration::days(8);
                let found = minutes(until).find(|time| allowed(&hours, &zones, *time));
                prop_assert_eq!(found, None);
            }
        }
    }
}
