//! Windows and hours across days, months and clock changes.
use super::*;
use serde_json::json;

fn at(text: &str) -> Time {
    text.parse().unwrap()
}

fn room(config: Value) -> Room {
    Room::of_config(&config).unwrap()
}

/// The window of one cap as `start..end`, seen from several moments.
fn windows(zone: &str, cap: Value, moments: &[&str]) -> Vec<String> {
    let room = room(json!({"timezone": zone, "caps": [cap]}));
    let text = |time: Time| time.format("%m-%dT%H:%M").to_string();
    let window = |moment: &&str| match room.claims(at(moment)).first() {
        None => "none".to_owned(),
        Some(claim) => {
            let end = claim.window_end.map_or("never".to_owned(), text);
            format!("{}..{end}", text(claim.window_start))
        }
    };
    moments.iter().map(window).collect()
}

#[test]
fn a_day_begins_at_the_campaigns_midnight_and_lasts_23_or_25_hours_when_clocks_change() {
    let daily = json!({"period": "daily", "leads": 1});
    let seen = windows(
        "America/New_York",
        daily,
        &[
            "2026-03-08T04:59:59Z",
            "2026-03-08T05:00:00Z",
            "2026-03-08T12:00:00Z",
            "2026-11-01T12:00:00Z",
        ],
    );
    assert_eq!(
        seen,
        [
            "03-07T05:00..03-08T05:00",
            "03-08T05:00..03-09T04:00",
            "03-08T05:00..03-09T04:00",
            "11-01T04:00..11-02T05:00"
        ]
    );
}

#[test]
fn a_day_whose_midnight_is_left_out_begins_when_clocks_go_on() {
    // In Santiago clocks go from 24:00 to 01:00.
    let daily = json!({"period": "daily", "leads": 1});
    let seen =
        windows("America/Santiago", daily, &["2026-09-06T03:59:00Z", "2026-09-06T04:00:00Z"]);
    assert_eq!(seen, ["09-05T04:00..09-06T04:00", "09-06T04:00..09-07T03:00"]);
}

#[test]
fn the_hour_that_clocks_repeat_is_two_hours() {
    let hourly = json!({"period": "hourly", "leads": 1});
    let moments = ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"];
    let seen = windows("America/New_York", hourly.clone(), &moments);
    assert_eq!(seen, ["11-01T05:00..11-01T06:00", "11-01T06:00..11-01T07:00"]);
    let nepal = windows("Asia/Kathmandu", hourly, &["2026-11-01T05:30:00Z"]);
    assert_eq!(nepal, ["11-01T05:15..11-01T06:15"], "a zone of 5:45 hours");
}

#[test]
fn weeks_begin_on_monday_and_months_on_the_first() {
    let seen = |period: &str, moments: &[&str]| {
        windows("Europe/Berlin", json!({"period": period, "leads": 1}), moments)
    };
    let weekly = seen("weekly", &["2026-11-22T22:59:59Z", "2026-11-22T23:00:00Z"]);
    assert_eq!(weekly, ["11-15T23:00..11-22T23:00", "11-22T23:00..11-29T23:00"]);
    let monthly = seen("monthly", &["2026-10-31T22:59:59Z", "2026-10-31T23:00:00Z"]);
    assert_eq!(monthly, ["09-30T22:00..10-31T23:00", "10-31T23:00..11-30T23:00"]);
}

#[test]
fn a_lifetime_cap_counts_from_its_first_day_to_its_last() {
    let cap =
        json!({"period": "lifetime", "leads": 1, "from": "2026-11-10", "until": "2026-11-11"});
    let moments = ["2026-11-09T23:59:59Z", "2026-11-10T00:00:00Z", "2026-11-12T00:00:00Z"];
    assert_eq!(windows("UTC", cap, &moments), ["none", "11-10T00:00..11-12T00:00", "none"]);
    let open = windows("UTC", json!({"period": "lifetime", "leads": 1}), &moments[..1]);
    assert_eq!(open, ["01-01T00:00..never"]);
}

#[test]
fn caps_are_asked_from_the_longest_period_to_the_shortest() {
    let cap = |period: &str| json!({"period": period, "leads": 1});
    let money = json!({"period": "daily", "money": {"amountMinor": 10_000, "currency": "USD", "reserveMinor": 500}});
    let all = room(json!({"caps": [cap("hourly"), money, cap("lifetime"), cap("weekly")]}));
    let claims = all.claims(at("2026-11-10T00:00:00Z"));
    let names: Vec<_> = claims.iter().map(|claim| claim.cap.as_str()).collect();
    assert_eq!(names, ["lifetime.leads", "weekly.leads", "daily.USD", "hourly.leads"]);
    assert_eq!((claims[2].limit, claims[2].amount), (10_000, 500));
}

fn office() -> Value {
    json!({"timezone": "America/New_York", "schedule": {"windows": [
        {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "until": "17:00"},
        {"days": ["sat"], "from": "10:00", "until": "12:00"},
    ], "closedDates": ["2026-11-26"]}})
}

fn opening(config: Value, moment: &str) -> Option<String> {
    let room = room(config);
    room.closed(at(moment)).map(|(_, opens)| opens.format("%a %m-%dT%H:%MZ").to_string())
}

#[test]
fn a_closed_schedule_says_when_it_opens() {
    for (moment, opens) in [
        ("2026-11-24T13:59:59Z", Some("Tue 11-24T14:00Z")),
        ("2026-11-24T14:00:00Z", None),
        ("2026-11-24T21:59:59Z", None),
        ("2026-11-24T22:00:00Z", Some("Wed 11-25T14:00Z")),
        ("2026-11-25T22:00:00Z", Some("Fri 11-27T14:00Z")),
        ("2026-11-26T15:00:00Z", Some("Fri 11-27T14:00Z")),
        ("2026-11-28T17:00:00Z", Some("Mon 11-30T14:00Z")),
    ] {
        assert_eq!(opening(office(), moment).as_deref(), opens, "{moment}");
    }
}

#[test]
fn an_opening_that_a_clock_change_leaves_out_comes_right_after_it() {
    let night = json!({"timezone": "America/New_York", "schedule": {"windows": [
        {"days": ["sun"], "from": "02:30", "until": "04:00"}]}});
    let opens = opening(night.clone(), "2026-03-08T06:00:00Z");
    assert_eq!(opens.as_deref(), Some("Sun 03-08T07:00Z"), "03:00 in summer time");
    assert_eq!(opening(night, "2026-03-08T07:30:00Z"), None);
}

#[test]
fn a_schedule_with_the_action_none_is_never_closed() {
    let mut config = office();
    config["schedule"]["whenClosed"] = json!({"action": "none"});
    assert_eq!(opening(config, "2026-11-28T17:00:00Z"), None);
}

#[test]
fn whenever_it_is_closed_it_is_open_at_the_moment_it_names() {
    let office = room(office());
    let mut now = at("2026-02-27T00:07:00Z");
    for _ in 0..4_000 {
        if let Some((_, opens)) = office.closed(now) {
            assert!(opens > now && office.closed(opens).is_none(), "{now} {opens}");
            assert!(office.closed(opens - Duration::seconds(1)).is_some(), "{now} {opens}");
        }
        now += Duration::minutes(113);
    }
}
