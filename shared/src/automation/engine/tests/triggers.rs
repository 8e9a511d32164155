//! Each trigger meets what it waits for, and nothing else.
use super::world::*;
use crate::{
    automation::{
        Occurrence,
        config::{Repeat, Trigger},
    },
    ids::{SegmentId, SubmissionId},
    lead::LeadStatus,
};
use chrono::TimeDelta;
use serde_json::json;

/// A world with one reaction without a condition.
fn only(trigger: Trigger) -> World {
    World::new().with(reaction("r", trigger, None))
}

#[test]
fn triggers_meet_what_they_wait_for() {
    let (segment, other) = (SegmentId::new(), SegmentId::new());
    let status = |to| Occurrence::Status { from: LeadStatus::Active, to };
    let outcome = |outcome: &str| Occurrence::Outcome {
        submission: SubmissionId::new(),
        outcome: outcome.into(),
    };
    let moved = |segment, entered| Occurrence::Segment { segment, entered };
    let to = |to| Trigger::Status { to };
    let is = |is: &str| Trigger::Outcome { is: vec![is.into()] };
    let changed = |field: &str| Trigger::Changed { fields: vec![field.into()] };
    let all = [
        (Trigger::Created, Occurrence::Created, true),
        (Trigger::Created, Occurrence::Everything, false),
        (Trigger::Created, Occurrence::Saved, false),
        (changed("contact.state"), fields(["contact.state", "contact.zip"]), true),
        (changed("contact.state"), fields(["contact.zip"]), false),
        (changed("contact.state"), Occurrence::Everything, false),
        (changed("contact.segments"), moved(segment, true), true),
        (changed("lead.status"), status(LeadStatus::Duplicate), true),
        (visit("/a*"), visited("/ab", start()), true),
        (visit("/a"), visited("/ab", start()), false),
        (
            Trigger::Activity { activity: "email_opened".into(), name: None },
            visited("/a", start()),
            false,
        ),
        (to(vec![]), status(LeadStatus::Duplicate), true),
        (to(vec![LeadStatus::Duplicate]), status(LeadStatus::Duplicate), true),
        (to(vec![LeadStatus::Rejected]), status(LeadStatus::Duplicate), false),
        (Trigger::Outcome { is: vec![] }, outcome("sold"), true),
        (is("sold"), outcome("sold"), true),
        (is("sold"), outcome("unsold"), false),
        (Trigger::SegmentEntered { segment }, moved(segment, true), true),
        (Trigger::SegmentEntered { segment }, moved(segment, false), false),
        (Trigger::SegmentEntered { segment }, moved(other, true), false),
        (Trigger::SegmentLeft { segment }, moved(segment, false), true),
        (Trigger::SegmentLeft { segment }, moved(segment, true), false),
        (Trigger::Matches, Occurrence::Created, true),
        (Trigger::Matches, Occurrence::Clock, false),
    ];
    for (trigger, what, expected) in all {
        let mut world = only(trigger.clone());
        world.tell(start(), std::slice::from_ref(&what));
        assert_eq!(!world.firings.is_empty(), expected, "{trigger:?} {what:?}");
    }
}

#[test]
fn a_change_of_what_the_condition_reads_is_a_change() {
    let mut world =
        World::new().with(reaction("r", Trigger::Changed { fields: vec![] }, Some(in_ca())));
    world.tell(start(), &[fields(["contact.zip"])]);
    world.moves_to(start(), "CA");
    assert_eq!(world.fired(), ["r"]);
    world.moves_to(start(), "NY");
    assert_eq!(world.fired(), ["r"], "an event fires when its condition holds");
}

#[test]
fn a_condition_fires_whenever_it_begins_to_hold() {
    let mut world = World::new().with(reaction("r", Trigger::Matches, Some(in_ca())));
    world.tell(start(), &[Occurrence::Created]);
    for (state, expected) in [("CA", 1), ("CA", 1), ("NY", 1), ("CA", 2), ("NY", 2)] {
        world.moves_to(start(), state);
        assert_eq!(world.firings.len(), expected, "{state}");
    }
    assert_eq!(world.firings[0].cause["because"]["fields"], json!(["contact.state"]));
    assert_eq!(world.firings[0].facts, json!({"contact.state": "CA"}));
}

#[test]
fn once_is_once_in_a_life() {
    for trigger in [Trigger::Matches, visit("/ca")] {
        let mut world = World::new().with(reaction("r", trigger, Some(in_ca())));
        world.program.reactions[0].repeat = Repeat::Once;
        for state in ["CA", "NY", "CA"] {
            world.moves_to(start(), state);
            world.visit(start(), "/ca");
        }
        assert_eq!(world.fired(), ["r"]);
        // Not even by switching it off and on.
        let reactions = std::mem::take(&mut world.program.reactions);
        world
            .tell(start(), &[Occurrence::Points { points: 1, reason: "a".into(), by: "b".into() }]);
        world.program.reactions = reactions;
        world.moves_to(start(), "CA");
        assert_eq!(world.fired(), ["r", ""]);
    }
}

#[test]
fn points_are_reached_and_fallen_below_once_for_each_crossing() {
    let reach = Trigger::Points { reach: Some(10), fall_below: None };
    let fall = Trigger::Points { reach: None, fall_below: Some(10) };
    let mut world =
        World::new().with(reaction("up", reach, None)).with(reaction("down", fall, None));
    let mut give = |points, expected: &[&str]| {
        let before = world.firings.len();
        world.give(start(), points);
        assert_eq!(world.fired()[before + 1..], *expected, "{points}");
    };
    give(9, &[]);
    give(1, &["up"]);
    give(5, &[]);
    give(-5, &[]);
    give(-1, &["down"]);
    give(1, &["up"]);
    give(-30, &["down"]);
}

#[test]
fn changes_that_cross_a_number_together_cross_it_once() {
    let reach = Trigger::Points { reach: Some(10), fall_below: None };
    let mut world = World::new()
        .with(scoring("a", visit("*"), None, 6))
        .with(scoring("b", visit("*"), None, 6))
        .with(reaction("up", reach, None));
    world.visit(start(), "/");
    assert_eq!(world.fired(), ["a", "b", "up"]);
    assert_eq!(
        world.firings[2].cause,
        json!({"type": "points", "before": 0, "after": 12, "reach": 10})
    );
}

#[test]
fn leads_that_are_there_are_meant_or_only_noted() {
    for (existing, expected) in [(true, 1), (false, 0)] {
        let mut world = World::new().with(reaction("r", Trigger::Matches, Some(in_ca())));
        world.program.reactions[0].existing_leads = existing;
        world.doc["contact"]["state"] = json!("CA");
        world.tell(start(), &[Occurrence::Saved]);
        assert_eq!(world.firings.len(), expected);
        world.tell(start(), &[Occurrence::Saved]);
        world.moves_to(start(), "CA");
        assert_eq!(world.firings.len(), expected, "it held before");
        world.moves_to(start(), "NY");
        world.moves_to(start(), "CA");
        assert_eq!(world.firings.len(), expected + 1);
    }
}

#[test]
fn several_triggers_of_a_reaction_fire_it_once_for_an_event() {
    let mut world = World::new().with(reaction("r", Trigger::Created, None));
    world.program.reactions[0].triggers = vec![Trigger::Matches, Trigger::Created, visit("*")];
    world.tell(start(), &[Occurrence::Created]);
    assert_eq!(world.fired(), ["r"]);
    world.visit(start() + TimeDelta::hours(1), "/");
    assert_eq!(world.fired(), ["r", "r"]);
    assert_eq!(world.firings[1].cause["activity"], "page_visit");
}

#[test]
fn conditions_on_points_and_stars_follow_them() {
    let at_least = |field: &str, value: f64| {
        let rule = rule(&json!({"field": field, "operator": "greaterOrEqual", "value": value}));
        reaction(field, Trigger::Matches, Some(rule))
    };
    let mut world = World::new()
        .with(scoring("s", visit("*"), None, 6))
        .with(at_least("lead.points", 10.0))
        .with(at_least("lead.stars", 1.5));
    world.visit(start(), "/");
    assert_eq!(world.fired(), ["s"]);
    world.visit(start(), "/");
    assert_eq!(world.fired(), ["s", "s", "lead.points"]);
    assert_eq!(world.firings[2].facts, json!({"lead.points": 12}));
    world.visit(start(), "/");
    assert_eq!(world.fired()[3..], ["s", "lead.stars"]);
    world.give(start(), -10);
    world.give(start(), 10);
    assert_eq!(world.fired()[5..], ["", "", "lead.points", "lead.stars"]);
}

#[test]
fn conditions_on_the_activity_and_the_status_are_asked_when_it_happens() {
    let path = rule(&json!({"field": "activity.name", "operator": "startsWith", "value": "/pri"}));
    let any = Trigger::Activity { activity: "page_visit".into(), name: None };
    let status = rule(&json!({"field": "lead.status", "operator": "equals", "value": "duplicate"}));
    let mut world = World::new().with(reaction("path", any, Some(path))).with(reaction(
        "status",
        Trigger::Matches,
        Some(status),
    ));
    world.visit(start(), "/prices");
    world.visit(start(), "/");
    assert_eq!(world.fired(), ["path"]);
    world.becomes(start(), LeadStatus::Duplicate);
    assert_eq!(world.fired(), ["path", "status"]);
}
