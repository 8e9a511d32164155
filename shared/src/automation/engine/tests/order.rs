//! In which order things are asked, what stops a loop, and where a turn ends.
use super::world::*;
use crate::{
    automation::{
        Occurrence,
        config::{Action, Trigger},
        program::{Reaction, StepKind},
    },
    lead::LeadStatus,
};
use chrono::TimeDelta;
use serde_json::json;

fn reach(points: i64) -> Trigger {
    Trigger::Points { reach: Some(points), fall_below: None }
}

fn sets_duplicate(trigger: Trigger) -> Reaction {
    let actions = vec![Action::SetStatus { status: LeadStatus::Duplicate }];
    Reaction { actions, ..reaction("dup", trigger, None) }
}

#[test]
fn scoring_then_rules_then_workflows_then_what_follows_then_the_next() {
    let steps = vec![("s", StepKind::Do(vec![Action::AddTag { tag: "t".into() }]))];
    let mut world = World::new()
        .with(scoring("s1", visit("*"), None, 10))
        .with(scoring("s2", reach(10), None, 1))
        .with(reaction("r1", reach(10), None))
        .with(reaction("r2", visit("*"), None))
        .with(reaction("next", Trigger::Changed { fields: vec!["contact.zip".into()] }, None))
        .with_workflow(workflow("w", visit("*"), steps));
    world.tell(start(), &[visited("/", start()), fields(["contact.zip"])]);
    assert_eq!(world.fired(), ["s1", "r2", "w", "w", "s2", "r1", "next"]);
}

#[test]
fn a_reaction_fires_once_in_a_chain() {
    let mut world = World::new().with(scoring("s", visit("*"), None, 1));
    world.tell(start(), &[visited("/a", start()), visited("/b", start())]);
    world.link(start(), &[visited("/c", start())]);
    assert_eq!(world.fired(), ["s", "s"], "two visits that came together, and none that followed");
    world.tell(start(), &[visited("/d", start())]);
    assert_eq!(world.fired(), ["s", "s", "s"]);
}

#[test]
fn reactions_to_points_that_give_points_come_to_an_end() {
    let mut world = World::new().with(scoring("a", reach(1), None, -9)).with(scoring(
        "b",
        Trigger::Points { reach: None, fall_below: Some(1) },
        None,
        9,
    ));
    world.give(start(), 1);
    assert_eq!(world.fired(), ["", "a", "b"]);
}

#[test]
fn a_status_that_is_still_processed_ends_the_turn_too() {
    let mut world = World::new()
        .with(scoring("s", visit("*"), None, 10))
        .with(sets_duplicate(visit("*")))
        .with(reaction("r", visit("*"), None))
        .with(reaction("up", reach(10), None))
        .with(reaction("ca", Trigger::Matches, Some(in_ca())));
    world.doc["contact"]["state"] = json!("CA");
    let outcome = world.visit(start(), "/");
    assert_eq!(world.fired(), ["s", "dup"]);
    assert_eq!(outcome.due_at, Some(start() + TimeDelta::minutes(1)));
    let mut later = world.clone();
    // The next link tells of the status, and conditions are asked.
    let told = Occurrence::Status { from: LeadStatus::Active, to: LeadStatus::Duplicate };
    let outcome = world.link(start(), &[told]);
    assert_eq!(world.fired(), ["s", "dup", "ca"]);
    assert_eq!(outcome.due_at, None);
    // Nobody told of it.
    later.live_until(start() + TimeDelta::hours(1));
    assert_eq!(later.fired(), ["s", "dup", "ca"]);
    assert_eq!(later.state.due_at, None);
}

#[test]
fn what_is_overdue_comes_first_and_in_order_of_time() {
    let day =
        |field: &str, days| Trigger::Date { field: field.into(), days, time: None, yearly: false };
    let mut world = World::new()
        .with(reaction("visit", visit("*"), None))
        .with(reaction("second", day("property.renewal", 1), None))
        .with(reaction("first", day("property.renewal", 0), None));
    world.doc["property"]["renewal"] = json!("2026-03-05");
    let outcome = world.tell(start(), &[Occurrence::Created]);
    assert_eq!(outcome.due_at, Some(at("2026-03-05T09:00:00Z")));
    world.visit(at("2026-03-08T10:00:00Z"), "/");
    let expected = [("first", "03-05 09:00"), ("second", "03-06 09:00"), ("visit", "03-08 10:00")];
    assert_eq!(world.log(), log(expected));
}

#[test]
fn what_reactions_remember_goes_with_them() {
    let mut world = World::new().with(reaction("ca", Trigger::Matches, Some(in_ca())));
    world.program.reactions[0].existing_leads = false;
    world.doc["contact"]["state"] = json!("CA");
    world.tell(start(), &[Occurrence::Saved]);
    assert!(world.state.memory.rules["ca"].holds);
    world.program.reactions.clear();
    world.give(start(), 1);
    assert!(world.state.memory.rules.is_empty());
}
