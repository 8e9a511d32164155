//! Silences, fading points, and conditions that move with the clock.
use super::world::*;
use crate::{
    automation::{
        Occurrence,
        config::{Repeat, Trigger},
        distance::DistanceUnit::{Days, Hours},
    },
    lead::LeadStatus,
};
use chrono::TimeDelta;
use chrono_tz::Tz;
use serde_json::json;

fn silent(days: i64) -> Trigger {
    Trigger::Inactivity { r#for: distance(days, Days) }
}

fn days(n: i64) -> TimeDelta {
    TimeDelta::days(n)
}

#[test]
fn a_silence_is_met_once() {
    let mut world = World::new().with(reaction("r", silent(3), None));
    let outcome = world.tell(start(), &[Occurrence::Created]);
    assert_eq!(outcome.due_at, Some(start() + days(3)));
    assert_eq!(world.live_until(start() + days(20)), 1);
    world.visit(start() + days(20), "/");
    world.live_until(start() + days(22));
    world.visit(start() + days(22), "/");
    assert_eq!(world.live_until(start() + days(40)), 2, "an early look, and the exact one");
    assert_eq!(world.log(), log([("r", "03-05 12:00"), ("r", "03-27 12:00")]));
    assert_eq!(world.firings[0].cause["since"], "2026-03-02T12:00:00.000000Z");
}

#[test]
fn a_silence_whose_condition_does_not_hold_is_over() {
    let mut world = World::new().with(reaction("r", silent(3), Some(in_ca())));
    world.tell(start(), &[Occurrence::Created]);
    world.live_until(start() + days(4));
    world.moves_to(start() + days(4), "CA");
    world.live_until(start() + days(40));
    assert_eq!(world.firings, []);
}

#[test]
fn silences_that_were_over_when_it_was_added_are_meant_or_not() {
    let added = start() + days(30);
    for (existing, expected) in
        [(true, vec![("r".to_owned(), "04-01 12:00".to_owned())]), (false, vec![])]
    {
        let mut world = World::new().with(reaction("r", silent(3), None));
        let reaction = &mut world.program.reactions[0];
        (reaction.since, reaction.existing_leads) = (added, existing);
        world.tell(added + days(1), &[Occurrence::Saved]);
        world.tell(added + days(2), &[Occurrence::Saved]);
        world.live_until(added + days(50));
        assert_eq!(world.log(), expected);
    }
}

#[test]
fn points_fade_in_each_period_of_silence() {
    let mut world = World::new().with_decay(distance(7, Days), 25);
    world.give(start(), 10);
    let mut late = world.clone();
    world.live_until(start() + days(24));
    let points: Vec<i64> = world.firings.iter().map(|firing| firing.points_after).collect();
    assert_eq!(points, [10, 7, 5, 3]);
    assert_eq!(world.firings[1].points, -3, "rounded up");
    // A scheduler that is late changes nothing.
    late.looks(start() + days(24));
    assert_eq!(late.firings, world.firings);
    // Something was heard.
    world.visit(start() + days(24), "/");
    world.live_until(start() + days(30));
    assert_eq!(world.state.points, 3);
    world.live_until(start() + days(300));
    assert_eq!((world.state.points, world.state.due_at), (0, None));
}

#[test]
fn what_came_or_was_switched_on_after_a_long_silence_begins_to_fade_then() {
    let mut world = World::new().with_decay(distance(7, Days), 10);
    world.tell(start(), &[Occurrence::Created]);
    let outcome = world.give(start() + days(100), 50);
    assert_eq!((world.state.points, outcome.due_at), (50, Some(start() + days(107))));
    let mut world = World::new();
    world.give(start(), 50);
    world = world.with_decay(distance(7, Days), 10);
    let outcome = world.tell(start() + days(100), &[Occurrence::Saved]);
    assert_eq!((world.state.points, outcome.due_at), (50, Some(start() + days(107))));
}

#[test]
fn fading_points_fall_below_numbers() {
    let fall = Trigger::Points { reach: None, fall_below: Some(8) };
    let mut world =
        World::new().with(reaction("down", fall, None)).with_decay(distance(7, Days), 25);
    world.give(start(), 10);
    world.live_until(start() + days(8));
    assert_eq!(
        world.log(),
        log([("", "03-02 12:00"), ("decay", "03-09 12:00"), ("down", "03-09 12:00")])
    );
}

#[test]
fn a_lead_that_is_opened_again_begins_anew() {
    let mut world =
        World::new().with(reaction("r", silent(3), None)).with_decay(distance(7, Days), 10);
    world.give(start(), 50);
    let outcome = world.becomes(start() + days(1), LeadStatus::Rejected);
    assert_eq!(outcome.due_at, None);
    world.state.due_at = None;
    let outcome = world.becomes(start() + days(60), LeadStatus::Active);
    assert_eq!((world.firings.len(), outcome.due_at), (1, Some(start() + days(63))));
    world.live_until(start() + days(64));
    assert_eq!(world.fired(), ["", "r"]);
}

#[test]
fn conditions_move_with_the_clock() {
    let heard = rule(
        &json!({"field": "contact.lastActivityAt", "operator": "inLast", "value": {"amount": 2, "unit": "days"}}),
    );
    let old = rule(
        &json!({"field": "contact.createdAt", "operator": "olderThan", "value": {"amount": 90, "unit": "minutes"}}),
    );
    let grown = rule(&json!({"field": "contact.age", "operator": "greaterOrEqual", "value": 40}));
    let mut world = World::new()
        .with(reaction("heard", Trigger::Matches, Some(heard)))
        .with(reaction("old", Trigger::Matches, Some(old)))
        .with(reaction("grown", Trigger::Matches, Some(grown)));
    world.program.zone = Tz::America__New_York;
    world.program.reactions[1].repeat = Repeat::Once;
    world.doc["contact"]["dateOfBirth"] = json!("1986-03-10");
    world.tell(start(), &[Occurrence::Created]);
    world.visit(start(), "/");
    world.live_until(start() + days(10));
    world.visit(start() + days(10), "/");
    let expected = [
        ("heard", "03-02 12:00"),
        ("old", "03-02 13:30"),
        ("grown", "03-10 04:00"),
        ("heard", "03-12 12:00"),
    ];
    assert_eq!(world.log(), log(expected));
}

#[test]
fn so_much_is_overdue_that_the_rest_is_decided_at_once() {
    let mut world = World::new().with_decay(distance(1, Hours), 1);
    world.give(start(), 1_000_000_000);
    world.looks(start() + days(100));
    assert_eq!(world.firings.len(), 1 + super::super::OVERDUE_MAX + 1);
    assert_eq!(world.firings.last().map(|firing| firing.at), Some(start() + days(100)));
}

/// Clocks are put forward on 8 March: how a window moves then is seen, not reckoned.
#[test]
fn a_window_that_passes_near_a_change_of_the_clocks_is_not_missed() {
    let old = rule(
        &json!({"field": "contact.createdAt", "operator": "olderThan", "value": {"amount": 6, "unit": "days"}}),
    );
    let mut world = World::new().with(reaction("old", Trigger::Matches, Some(old)));
    world.program.zone = Tz::America__New_York;
    world.tell(start(), &[Occurrence::Created]);
    let mut late = world.clone();
    assert!(world.live_until(start() + days(20)) < 5);
    assert_eq!(world.log(), log([("old", "03-08 11:00")]));
    late.looks(start() + days(20));
    assert_eq!(late.firings, world.firings);
}
