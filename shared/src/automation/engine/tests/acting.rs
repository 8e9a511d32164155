//! What each action changes, logs and wants.
use super::world::*;
use crate::{
    automation::{
        Occurrence, POINTS_MAX, Want,
        config::{Action, Trigger, WebhookConfig},
        outcome::FiringKind,
        program::Reaction,
    },
    ids::{CampaignId, SegmentId},
    lead::LeadStatus,
};
use chrono::TimeDelta;
use serde_json::{Value, json};

fn doing(id: &str, trigger: Trigger, actions: Vec<Action>) -> Reaction {
    Reaction { actions, ..reaction(id, trigger, None) }
}

fn any_status() -> Trigger {
    Trigger::Status { to: vec![] }
}

#[test]
fn what_concerns_others_is_wanted_and_logged() {
    let (segment, campaign) = (SegmentId::new(), CampaignId::new());
    let webhook = WebhookConfig {
        url: "https://a.example/x".into(),
        headers: [("x-key".to_owned(), "hidden".to_owned())].into(),
        signing_secret: None,
    };
    let all = [
        (
            Action::AddTag { tag: "a".into() },
            Want::Tag { tag: "a".into(), add: true },
            json!({"type": "addTag", "tag": "a"}),
        ),
        (
            Action::RemoveTag { tag: "a".into() },
            Want::Tag { tag: "a".into(), add: false },
            json!({"type": "removeTag", "tag": "a"}),
        ),
        (
            Action::AddToSegment { segment },
            Want::Segment { segment, add: true },
            json!({"type": "addToSegment", "segment": segment}),
        ),
        (
            Action::RemoveFromSegment { segment },
            Want::Segment { segment, add: false },
            json!({"type": "removeFromSegment", "segment": segment}),
        ),
        (
            Action::AddToCampaign { campaign },
            Want::Campaign(campaign),
            json!({"type": "addToCampaign", "campaign": campaign}),
        ),
        (Action::Repost, Want::Repost, json!({"type": "repost"})),
        (Action::CrmPush, Want::CrmPush, json!({"type": "crmPush"})),
        (
            Action::Notify { message: "hot".into() },
            Want::Notify { message: "hot".into() },
            json!({"type": "notify", "message": "hot"}),
        ),
        (
            Action::Webhook(webhook.clone()),
            Want::Webhook(webhook),
            json!({"type": "webhook", "url": "https://a.example/x"}),
        ),
    ];
    for (action, want, line) in all {
        let before = Action::AddPoints { points: 1 };
        let mut world =
            World::new().with(doing("r", Trigger::Created, vec![before, action.clone()]));
        world.tell(start(), &[Occurrence::Created]);
        assert_eq!(world.wants(), [&want]);
        let effect = &world.effects[0];
        assert_eq!((effect.firing, effect.action, effect.rule_id.as_str()), (1, 1, "r"));
        assert_eq!(world.firings[0].actions[1], line, "{action:?}");
    }
}

#[test]
fn a_status_is_set_and_says_what_it_was() {
    let set = |status| Action::SetStatus { status };
    let actions = vec![
        set(LeadStatus::Active),
        set(LeadStatus::Qualified),
        set(LeadStatus::Rejected),
        Action::Repost,
        Action::AddPoints { points: 5 },
        Action::AddTag { tag: "won".into() },
    ];
    let mut world = World::new().with(doing("r", Trigger::Created, actions)).with(reaction(
        "s",
        Trigger::Created,
        None,
    ));
    let outcome = world.tell(start(), &[Occurrence::Created, visited("/", start())]);
    assert_eq!(world.state.status, LeadStatus::Qualified);
    assert_eq!(world.fired(), ["r"], "the turn is over");
    assert_eq!(outcome.due_at, None);
    let firing = &world.firings[0];
    assert_eq!(
        (firing.status_before, firing.status_after),
        (LeadStatus::Active, LeadStatus::Qualified)
    );
    assert_eq!((firing.points, firing.points_after), (5, 5));
    assert_eq!(
        firing.actions[0],
        json!({"type": "setStatus", "status": "active", "left": "already"})
    );
    assert_eq!(
        firing.actions[1],
        json!({"type": "setStatus", "before": "active", "after": "qualified"})
    );
    for place in [2, 3] {
        assert_eq!(firing.actions[place]["left"], "the lead is no longer processed");
    }
    let tag = Want::Tag { tag: "won".into(), add: true };
    assert_eq!(world.wants(), [&Want::Status { to: LeadStatus::Qualified }, &tag]);
}

#[test]
fn a_lead_that_leaves_the_campaign_is_deleted() {
    let mut world =
        World::new().with(doing("r", Trigger::Created, vec![Action::RemoveFromCampaign]));
    world.tell(start(), &[Occurrence::Created]);
    assert_eq!(world.state.status, LeadStatus::Deleted);
    let line = json!({"type": "removeFromCampaign", "before": "active", "after": "deleted"});
    assert_eq!(world.firings[0].actions, [line]);
    assert_eq!(world.wants(), [&Want::Status { to: LeadStatus::Deleted }]);
}

#[test]
fn of_a_closed_lead_only_status_triggers_hear_and_they_do_not_change_it() {
    let actions = vec![
        Action::SetStatus { status: LeadStatus::Active },
        Action::AddPoints { points: 1 },
        Action::StartWorkflow { workflow: "w".into() },
        Action::Repost,
        Action::RemoveFromCampaign,
        Action::StopWorkflow { workflow: "w".into() },
        Action::Notify { message: "won".into() },
        Action::CrmPush,
    ];
    let mut world = World::new()
        .with(doing("s", any_status(), actions))
        .with(reaction("m", Trigger::Matches, None))
        .with_workflow(workflow("w", any_status(), vec![]));
    let outcome = world.becomes(start(), LeadStatus::Qualified);
    assert!(outcome.changed);
    assert_eq!(world.fired(), ["s"]);
    let is_left = |line: &Value| line.get("left").is_some();
    let left: Vec<bool> = world.firings[0].actions.iter().map(is_left).collect();
    assert_eq!(left, [true, true, true, true, true, true, false, false]);
    assert_eq!(world.wants(), [&Want::Notify { message: "won".into() }, &Want::CrmPush]);
    // Nothing else reaches it.
    let later = start() + TimeDelta::days(9);
    assert!(!world.tell(later, &[Occurrence::Saved, Occurrence::Clock]).changed);
    assert!(!world.give(later, 5).changed);
    world.visit(later, "/");
    assert_eq!(world.fired(), ["s"]);
}

#[test]
fn a_status_that_an_action_set_is_told_to_status_triggers_in_the_next_link() {
    let set = Action::SetStatus { status: LeadStatus::Rejected };
    let mut world = World::new().with(doing("r", Trigger::Created, vec![set.clone()])).with(doing(
        "s",
        any_status(),
        vec![Action::SetStatus { status: LeadStatus::Active }],
    ));
    world.tell(start(), &[Occurrence::Created]);
    let told = Occurrence::Status { from: LeadStatus::Active, to: LeadStatus::Rejected };
    world.link(start(), &[told]);
    assert_eq!(world.fired(), ["r", "s"]);
    assert_eq!(world.state.status, LeadStatus::Rejected);
}

#[test]
fn points_stay_within_their_limits_and_the_log_is_exact() {
    let mut world = World::new();
    world.give(start(), i64::MAX);
    world.give(start(), 7);
    world.give(start(), i64::MIN);
    world.give(start(), i64::MIN);
    let points: Vec<i64> = world.firings.iter().map(|firing| firing.points).collect();
    assert_eq!(points, [POINTS_MAX, 0, -2 * POINTS_MAX, 0]);
    assert_eq!(world.firings[1].actions[0]["left"], "at the limit of points");
    let firing = &world.firings[0];
    assert_eq!((firing.kind, firing.rule_id.as_str()), (FiringKind::ByHand, ""));
    assert_eq!(firing.cause, json!({"type": "byHand", "reason": "well done", "by": "Ada"}));
}
