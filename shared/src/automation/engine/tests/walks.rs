//! How leads walk through workflows.
use super::world::*;
use crate::{
    automation::{
        Occurrence,
        config::{Action, Repeat, Trigger, WaitUntil},
        distance::DistanceUnit::{Days, Hours},
        engine::STEPS_MAX,
        program::{Otherwise, Reaction, StepKind},
    },
    lead::LeadStatus,
};
use chrono::TimeDelta;
use chrono_tz::Tz;
use serde_json::{Value, json};

fn tag(tag: &str) -> StepKind {
    StepKind::Do(vec![Action::AddTag { tag: tag.into() }])
}

fn act(action: Action) -> StepKind {
    StepKind::Do(vec![action])
}

fn hour() -> StepKind {
    StepKind::Wait(distance(1, Hours))
}

fn if_ca(otherwise: Otherwise) -> StepKind {
    StepKind::If { rule: in_ca(), otherwise }
}

fn created(steps: Vec<(&str, StepKind)>) -> World {
    let mut world = World::new().with_workflow(workflow("w", Trigger::Created, steps));
    world.tell(start(), &[Occurrence::Created]);
    world
}

/// The tags that were put, and when.
fn tags(world: &World) -> Vec<(String, String)> {
    let all = world.firings.iter().flat_map(|firing| {
        let tags = firing.actions.iter().filter_map(|line| line["tag"].as_str());
        tags.map(|tag| (tag.to_owned(), firing.at.format("%m-%d %H:%M").to_string()))
    });
    all.collect()
}

fn later(hours: i64) -> crate::clock::Time {
    start() + TimeDelta::hours(hours)
}

#[test]
fn steps_are_walked_and_waited_at() {
    let week = StepKind::Wait(distance(7, Days));
    let morning = StepKind::WaitUntil(WaitUntil { time: "09:00".into(), days: vec!["wed".into()] });
    let mut world = World::new().with_workflow(workflow(
        "w",
        Trigger::Created,
        vec![("a", tag("a")), ("b", week), ("c", tag("c")), ("d", morning), ("e", tag("e"))],
    ));
    world.zone = Tz::America__New_York;
    world.tell(start(), &[Occurrence::Created]);
    let mut late = world.clone();
    world.live_until(later(24 * 30));
    // The clocks are put forward in that week: it ends at the same time of the day.
    let expected = [("a", "03-02 12:00"), ("c", "03-09 11:00"), ("e", "03-11 13:00")];
    assert_eq!(tags(&world), log(expected));
    assert!(world.state.positions.is_empty());
    assert_eq!(world.state.due_at, None);
    let last = &world.firings.last().unwrap().actions;
    assert_eq!(
        last.as_slice(),
        [json!({"type": "addTag", "tag": "e", "step": "e"}), json!({"type": "end"})]
    );
    assert_eq!(world.firings[0].actions, [json!({"type": "enter", "workflow": "w"})]);
    late.looks(later(24 * 30));
    assert_eq!(late.firings, world.firings, "a scheduler that is late changes nothing");
}

#[test]
fn conditions_lead_on_or_elsewhere() {
    let steps = |otherwise| vec![("if", if_ca(otherwise)), ("yes", tag("yes")), ("no", tag("no"))];
    for (state, otherwise, expected) in [
        ("CA", Otherwise::End, vec!["yes", "no"]),
        ("NY", Otherwise::End, vec![]),
        ("NY", Otherwise::GoTo(2), vec!["no"]),
    ] {
        let mut world =
            World::new().with_workflow(workflow("w", Trigger::Created, steps(otherwise)));
        world.doc["contact"]["state"] = json!(state);
        world.tell(start(), &[Occurrence::Created]);
        let tags: Vec<String> = tags(&world).into_iter().map(|(tag, _)| tag).collect();
        assert_eq!(tags, expected);
        let walk = world.firings.last().unwrap();
        assert_eq!(walk.facts, json!({"contact.state": state}));
        assert_eq!(walk.actions[0]["held"], json!(state == "CA"));
    }
}

#[test]
fn a_lead_waits_in_a_circle_until_it_may_go_on() {
    let mut world =
        created(vec![("wait", hour()), ("if", if_ca(Otherwise::GoTo(0))), ("yes", tag("yes"))]);
    world.live_until(later(3));
    world.moves_to(later(3), "CA");
    assert_eq!(tags(&world), log([]));
    world.live_until(later(30));
    assert_eq!(tags(&world), log([("yes", "03-02 16:00")]));
}

#[test]
fn a_circle_without_a_wait_pauses() {
    let mut world = created(vec![
        ("a", act(Action::AddPoints { points: 1 })),
        ("if", if_ca(Otherwise::GoTo(0))),
    ]);
    assert_eq!(world.state.points, STEPS_MAX as i64 / 2);
    assert_eq!(world.state.due_at, Some(start() + TimeDelta::minutes(1)));
    assert_eq!(world.live_until(start() + TimeDelta::minutes(3)), 3);
    assert_eq!(world.state.points, 4 * STEPS_MAX as i64 / 2);
}

#[test]
fn a_step_that_was_taken_out_leaves_its_place_to_the_next() {
    let mut world = created(vec![("a", hour()), ("b", tag("b")), ("c", tag("c"))]);
    let before = world.clone();
    world.program.workflows[0].steps.remove(0);
    world.live_until(later(2));
    assert_eq!(tags(&world), log([("b", "03-02 13:00"), ("c", "03-02 13:00")]));
    // Moved down: it goes on after it.
    let mut world = before.clone();
    world.program.workflows[0].steps.swap(0, 1);
    world.live_until(later(2));
    assert_eq!(tags(&world), log([("c", "03-02 13:00")]));
    // Nothing is left at its place.
    let mut world = before.clone();
    world.program.workflows[0].steps.clear();
    world.live_until(later(2));
    assert!(world.state.positions.is_empty());
    // The workflow is gone.
    let mut world = before;
    world.program.workflows.clear();
    let outcome = world.looks(later(1));
    assert!(outcome.changed && world.state.positions.is_empty());
    assert_eq!(world.firings.len(), 2);
}

#[test]
fn who_is_in_it_does_not_enter_and_who_was_may() {
    let visits = |repeat| {
        let mut workflow = workflow("w", visit("*"), vec![("a", hour()), ("b", tag("b"))]);
        workflow.repeat = repeat;
        let mut world = World::new().with_workflow(workflow);
        for hours in [0, 0, 2, 4] {
            world.live_until(later(hours));
            world.visit(later(hours), "/");
        }
        world.live_until(later(9));
        tags(&world).len()
    };
    assert_eq!(visits(Repeat::Each), 3);
    assert_eq!(visits(Repeat::Once), 1);
}

#[test]
fn leads_that_are_there_enter_a_saved_workflow_if_they_are_meant() {
    for (existing, expected) in [(true, 1), (false, 0)] {
        let mut workflow = workflow("w", Trigger::Created, vec![("a", tag("a"))]);
        workflow.existing_leads = existing;
        let mut world = World::new().with_workflow(workflow);
        world.tell(start(), &[Occurrence::Saved]);
        world.tell(start(), &[Occurrence::Saved]);
        assert_eq!(tags(&world).len(), expected);
    }
}

#[test]
fn reactions_and_steps_start_and_stop_workflows() {
    let start_w = Action::StartWorkflow { workflow: "w".into() };
    let stop_w = Action::StopWorkflow { workflow: "w".into() };
    let unknown = Action::StartWorkflow { workflow: "x".into() };
    let on =
        |id: &str, page: &str, actions| Reaction { actions, ..reaction(id, visit(page), None) };
    let steps = vec![("a", tag("a")), ("b", hour()), ("c", tag("c"))];
    let mut world = World::new()
        .with(on("start", "/start", vec![start_w, unknown]))
        .with(on("stop", "/stop", vec![stop_w]))
        .with_workflow(workflow("w", Trigger::Created, steps));
    world.visit(start(), "/start");
    world.visit(start() + TimeDelta::minutes(30), "/start");
    assert_eq!(world.state.due_at, Some(later(1)), "too early does no harm");
    world.live_until(later(2));
    assert_eq!(
        tags(&world),
        log([("a", "03-02 12:00"), ("a", "03-02 12:30"), ("c", "03-02 13:30")])
    );
    let unknown = &world.firings[0].actions[1]["left"];
    assert_eq!(unknown, "there is no such workflow, or it is switched off");
    world.visit(later(2), "/stop");
    assert_eq!(world.firings.last().unwrap().actions[0]["left"], "the lead is not in it");
    world.visit(later(2), "/start");
    world.visit(later(2), "/stop");
    assert!(world.state.positions.is_empty());
}

#[test]
fn a_workflow_that_starts_itself_begins_again_and_pauses() {
    let again = act(Action::StartWorkflow { workflow: "w".into() });
    let world = created(vec![("a", act(Action::AddPoints { points: 1 })), ("b", again.clone())]);
    assert_eq!(world.state.points, STEPS_MAX as i64 / 2);
    assert_eq!(world.state.due_at, Some(start() + TimeDelta::minutes(1)));
    // With a wait at its beginning it waits.
    let mut world = created(vec![("a", hour()), ("b", again)]);
    assert_eq!(world.live_until(later(5)), 5);
    world.live_until(later(5));
    assert_eq!(world.state.due_at, Some(later(6)));
}

#[test]
fn a_step_that_closes_the_lead_is_the_last() {
    let close = act(Action::SetStatus { status: LeadStatus::Qualified });
    let mut world = created(vec![("a", hour()), ("b", close), ("c", tag("c"))]);
    world.live_until(later(2));
    assert_eq!(world.state.status, LeadStatus::Qualified);
    assert_eq!((tags(&world).len(), world.state.positions.len()), (0, 0));
    let duplicate = act(Action::SetStatus { status: LeadStatus::Duplicate });
    let mut world = created(vec![("a", hour()), ("b", duplicate), ("c", tag("c"))]);
    world.live_until(later(2));
    assert_eq!(tags(&world).len(), 1, "it is still processed");
    let status: Value = json!(world.firings.last().unwrap().status_after);
    assert_eq!(status, "duplicate");
}

#[test]
fn a_lead_that_was_closed_stands_nowhere_when_it_is_opened_again() {
    let mut world = created(vec![("a", hour()), ("b", tag("b"))]);
    // Nobody told of that.
    world.state.status = LeadStatus::Rejected;
    let mut told = world.clone();
    assert!(told.looks(later(1)).changed);
    assert!(told.state.positions.is_empty());
    world.state.status = LeadStatus::Active;
    let what = Occurrence::Status { from: LeadStatus::Rejected, to: LeadStatus::Active };
    let outcome = world.tell(later(9), &[what]);
    assert!(outcome.changed && world.state.positions.is_empty());
    assert_eq!((tags(&world).len(), outcome.due_at), (0, None));
}
