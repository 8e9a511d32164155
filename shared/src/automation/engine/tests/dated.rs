//! Dates, times of day, and clocks that are put forward and back.
use super::{
    super::dates::{on_wall, waits_until},
    world::*,
};
use crate::{
    automation::{
        Occurrence,
        config::{Trigger, WaitUntil},
    },
    lead::LeadStatus,
};
use chrono::TimeDelta;
use chrono_tz::Tz;
use serde_json::{Value, json};

const NEW_YORK: Tz = Tz::America__New_York;

fn date(days: i64, time: Option<&str>, yearly: bool) -> Trigger {
    Trigger::Date { field: "property.renewal".into(), days, time: time.map(str::to_owned), yearly }
}

/// A lead that comes at the start, with a date.
fn with(trigger: Trigger, value: Value) -> World {
    let mut world = World::new().with(reaction("r", trigger, None));
    world.zone = NEW_YORK;
    world.doc["property"]["renewal"] = value;
    world.tell(start(), &[Occurrence::Created]);
    world
}

#[test]
fn dates_come_when_they_are_due() {
    let all = [
        (date(0, None, false), json!("2026-03-20"), Some("2026-03-20T13:00:00Z")),
        (date(0, Some("17:30"), false), json!("2026-03-05"), Some("2026-03-05T22:30:00Z")),
        (date(-10, None, false), json!("2026-03-20"), Some("2026-03-10T13:00:00Z")),
        (date(1, Some("02:30"), false), json!("2026-03-07"), Some("2026-03-08T07:00:00Z")),
        (date(0, None, false), json!("2026-03-20T10:11:12Z"), Some("2026-03-20T10:11:12Z")),
        (date(1, None, false), json!("2026-03-20T02:11:12Z"), Some("2026-03-20T13:00:00Z")),
        (
            date(0, Some("10:00"), false),
            json!("2026-03-20T10:11:12Z"),
            Some("2026-03-20T14:00:00Z"),
        ),
        (date(0, None, true), json!("1980-06-01"), Some("2026-06-01T13:00:00Z")),
        (date(0, None, true), json!("1980-01-01"), Some("2027-01-01T14:00:00Z")),
        (date(0, None, true), json!("1980-02-29"), Some("2027-02-28T14:00:00Z")),
        (date(-70, None, true), json!("1980-01-30"), Some("2026-11-21T14:00:00Z")),
        (date(0, None, true), json!("1980-06-01T10:11:12Z"), Some("2026-06-01T10:11:12Z")),
        (date(0, None, true), json!("2028-06-01"), Some("2028-06-01T13:00:00Z")),
        (date(0, None, false), json!("2026-03-01"), None),
        (date(0, None, false), json!("2026-02-30"), None),
        (date(0, None, false), json!("soon"), None),
        (date(0, None, false), json!(7), None),
        (date(0, None, false), json!(["2026-03-20"]), None),
        (date(0, None, false), Value::Null, None),
        (date(i64::MAX, None, true), json!("2026-03-20"), None),
    ];
    for (trigger, value, expected) in all {
        let mut world = with(trigger.clone(), value.clone());
        assert_eq!(world.state.due_at, expected.map(at), "{trigger:?} {value}");
        if let Some(due) = expected.map(at) {
            world.looks(due);
            assert_eq!(world.firings.len(), 1);
            assert!(world.state.due_at.is_none_or(|next| next > due + TimeDelta::days(300)));
        }
    }
}

#[test]
fn a_date_is_met_once_and_every_year_again() {
    let mut world = with(date(0, None, true), json!("1980-02-29"));
    assert_eq!(world.live_until(at("2030-03-01T00:00:00Z")), 4);
    let days: Vec<&Value> = world.firings.iter().map(|firing| &firing.cause["date"]).collect();
    assert_eq!(days, ["2027-02-28", "2028-02-29", "2029-02-28", "2030-02-28"]);
    // Looked at from the beginning, none of them comes again.
    world.tell(at("2030-04-01T00:00:00Z"), &[Occurrence::Saved]);
    assert_eq!(world.firings.len(), 4);
}

#[test]
fn a_date_that_is_set_to_the_past_has_not_come() {
    let mut world = with(date(0, None, false), Value::Null);
    let later = start() + TimeDelta::days(20);
    world.doc["property"]["renewal"] = json!("2026-03-10");
    world.tell(later, &[fields(["property.renewal"])]);
    world.tell(later, &[Occurrence::Saved]);
    assert_eq!(world.firings, []);
    world.doc["property"]["renewal"] = json!("2026-03-30");
    world.tell(later, &[fields(["property.renewal"])]);
    world.live_until(later + TimeDelta::days(20));
    assert_eq!(world.log(), log([("r", "03-30 13:00")]));
}

#[test]
fn a_date_that_came_before_the_pass_is_made_up_for() {
    let mut world = World::new().with(reaction("r", date(0, None, false), None));
    world.doc["property"]["renewal"] = json!("2026-03-10");
    world.program.reactions[0].since = at("2026-03-10T08:59:00Z");
    world.tell(at("2026-03-10T09:10:00Z"), &[Occurrence::Saved]);
    assert_eq!(world.log(), log([("r", "03-10 09:00")]));
    let mut world = World::new().with(reaction("r", date(0, None, false), None));
    world.doc["property"]["renewal"] = json!("2026-03-10");
    world.program.reactions[0].since = at("2026-03-10T09:01:00Z");
    world.tell(at("2026-03-10T09:10:00Z"), &[Occurrence::Saved]);
    assert_eq!(world.log(), log([]));
}

#[test]
fn dates_of_a_closed_lead_are_not_made_up_for() {
    let mut world = with(date(0, None, false), json!("2026-03-10"));
    world.becomes(start(), LeadStatus::Rejected);
    world.state.due_at = None;
    world.becomes(at("2026-03-20T00:00:00Z"), LeadStatus::Active);
    world.tell(at("2026-03-21T00:00:00Z"), &[Occurrence::Saved]);
    assert_eq!(world.firings, []);
}

#[test]
fn the_wall_shows_a_time_first_or_as_soon_as_it_can() {
    let all = [
        (NEW_YORK, "2026-03-08", "01:59", "2026-03-08T06:59:00Z"),
        (NEW_YORK, "2026-03-08", "02:00", "2026-03-08T07:00:00Z"),
        (NEW_YORK, "2026-03-08", "02:20", "2026-03-08T07:00:00Z"),
        (NEW_YORK, "2026-03-08", "03:00", "2026-03-08T07:00:00Z"),
        (NEW_YORK, "2026-11-01", "01:30", "2026-11-01T05:30:00Z"),
        (Tz::Australia__Lord_Howe, "2026-10-04", "02:10", "2026-10-03T15:30:00Z"),
        (Tz::America__Santiago, "2026-09-06", "00:00", "2026-09-06T04:00:00Z"),
        (Tz::Pacific__Apia, "2011-12-30", "00:07", "2011-12-30T10:00:00Z"),
    ];
    for (zone, day, time, expected) in all {
        let time = format!("{time}:00").parse().unwrap();
        assert_eq!(
            on_wall(zone, day.parse().unwrap(), time),
            Some(at(expected)),
            "{zone} {day} {time}"
        );
    }
}

#[test]
fn a_wait_is_over_at_the_next_such_time() {
    let wait = |time: &str, days: &[&str]| WaitUntil {
        time: time.into(),
        days: days.iter().map(|day| (*day).to_owned()).collect(),
    };
    // It is Monday, 07:00 in New York.
    let all = [
        (wait("09:00", &[]), "2026-03-02T12:00:00Z", "2026-03-02T14:00:00Z"),
        (wait("06:00", &[]), "2026-03-02T12:00:00Z", "2026-03-03T11:00:00Z"),
        (wait("07:00", &[]), "2026-03-02T12:00:30Z", "2026-03-02T12:00:30Z"),
        (wait("07:00", &["tue"]), "2026-03-02T12:00:00Z", "2026-03-03T12:00:00Z"),
        (wait("06:00", &["mon"]), "2026-03-02T12:00:00Z", "2026-03-09T10:00:00Z"),
        (wait("09:00", &["sat", "sun"]), "2026-03-02T12:00:00Z", "2026-03-07T14:00:00Z"),
        (wait("02:30", &["sun"]), "2026-03-02T12:00:00Z", "2026-03-08T07:00:00Z"),
        // The clocks are put back: 01:30 comes twice, and 01:10 the second time is after the first.
        (wait("01:30", &["sun"]), "2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z"),
        (wait("01:30", &["sun"]), "2026-11-01T06:10:00Z", "2026-11-08T06:30:00Z"),
    ];
    for (wait, from, expected) in all {
        assert_eq!(waits_until(&wait, at(from), NEW_YORK), Some(at(expected)), "{wait:?} {from}");
    }
    assert_eq!(waits_until(&wait("25:00", &[]), start(), NEW_YORK), None);
    assert_eq!(waits_until(&wait("09:00", &["someday"]), start(), NEW_YORK), None);
}
