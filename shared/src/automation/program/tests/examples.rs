//! What people begin with, and what the program makes of it.
use super::{compile, compiled, config, own, properties};
use crate::{
    automation::{
        Distance, Occurrence, Program,
        config::{Action, Repeat, Trigger},
        distance::DistanceUnit,
        program::{Listens, Otherwise, Since, StepKind},
    },
    ids::{ActivityId, SegmentId},
    lead::LeadStatus,
    rules::{Facts, NoValueSets},
};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

/// The four that the description of the product shows.
fn four() -> Value {
    json!({"rules": [
        {"id": "hot", "name": "Many points", "on": [{"type": "points", "reach": 100}],
            "do": [{"type": "setStatus", "status": "qualified"}]},
        {"id": "pricing", "name": "Looked at prices",
            "on": [{"type": "activity", "activity": "page_visit", "name": "/pricing*"}],
            "do": [{"type": "setStatus", "status": "qualified"}]},
        {"id": "cold", "name": "Never read us, or a competitor",
            "when": {"combinator": "or", "rules": [
                {"field": "event.email_opened", "operator": "eventCount", "value": {"atMost": 0}},
                {"field": "contact.email", "operator": "contains", "value": "sunrival"}]},
            "do": [{"type": "setStatus", "status": "rejected"}]},
        {"id": "silent", "name": "Gone quiet", "on": [{"type": "inactivity", "for": {"amount": 30, "unit": "days"}}],
            "do": [{"type": "setStatus", "status": "rejected"}]},
    ]})
}

fn visit(kind: &str) -> Occurrence {
    let at = "2026-11-21T12:00:00Z".parse().unwrap();
    Occurrence::Activity {
        id: ActivityId::new(),
        kind: kind.into(),
        name: "/x".into(),
        data: Map::new(),
        at,
    }
}

fn fields(field: &str) -> Occurrence {
    Occurrence::Fields { fields: [field.to_owned()].into() }
}

#[test]
fn the_examples_of_the_description_compile() {
    let program = compiled(&four());
    let triggers: Vec<&Trigger> = program.reactions.iter().flat_map(|one| &one.triggers).collect();
    assert_eq!(
        triggers,
        [
            &Trigger::Points { reach: Some(100), fall_below: None },
            &Trigger::Activity { activity: "page_visit".into(), name: Some("/pricing*".into()) },
            &Trigger::Matches,
            &Trigger::Inactivity { r#for: Distance { amount: 30, unit: DistanceUnit::Days } },
        ]
    );
    let to =
        [LeadStatus::Qualified, LeadStatus::Qualified, LeadStatus::Rejected, LeadStatus::Rejected];
    for (reaction, status) in program.reactions.iter().zip(to) {
        assert_eq!(reaction.actions, [Action::SetStatus { status }]);
        assert_eq!((reaction.repeat, reaction.existing_leads), (Repeat::Once, true));
    }
    let Listens { points, activities, fields, .. } = &program.listens;
    assert!(*points);
    assert_eq!(activities.iter().collect::<Vec<_>>(), ["page_visit"]);
    let fields: Vec<&String> = fields.iter().collect();
    assert_eq!(fields, ["contact.email", "contact.timezone", "event.email_opened"]);
}

#[test]
fn the_competitor_is_known_by_the_email_and_the_reader_by_the_opened_mail() {
    let program = compiled(&four());
    let rule = program.reactions[2].when.as_ref().unwrap();
    let holds = |email: &str, opened: i64| {
        let doc = json!({"contact": {"email": email}, "event": {"email_opened": {"total": opened, "count": opened}}});
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        rule.matches(&Facts { doc: &doc, now, tz: Tz::UTC, value_sets: &NoValueSets })
    };
    assert!(holds("eve@SunRival.com", 3));
    assert!(holds("ada@example.com", 0));
    assert!(!holds("ada@example.com", 1));
}

#[test]
fn only_what_somebody_listens_to_is_heard() {
    let program = compiled(&four());
    assert!(program.hears(&visit("page_visit")) && !program.hears(&visit("call")));
    assert!(program.hears(&fields("contact.email")) && !program.hears(&fields("contact.city")));
    assert!(!program.hears(&fields("contact.lastActivityAt")), "it only puts off a silence's end");
    let status = |to| Occurrence::Status { from: LeadStatus::Active, to };
    assert!(program.hears(&Occurrence::Created) && !program.hears(&status(LeadStatus::Duplicate)));
    assert!(program.hears(&status(LeadStatus::Rejected)), "what it waits for is over");
}

fn heard(reaction: &Value) -> Listens {
    let mut rule = json!({"id": "a", "name": "A", "do": [{"type": "repost"}]});
    for (key, value) in reaction.as_object().unwrap() {
        rule[key] = value.clone();
    }
    let by_rule = compiled(&json!({"rules": [rule]})).listens;
    rule.as_object_mut().unwrap().remove("do");
    rule["steps"] = json!([{"id": "s", "do": [{"type": "repost"}]}]);
    let by_workflow = compiled(&json!({"workflows": [rule]})).listens;
    assert_eq!(format!("{by_rule:?}"), format!("{by_workflow:?}"), "a workflow hears the same");
    by_rule
}

#[test]
fn each_trigger_listens_to_what_it_needs() {
    let field = |field: &str| json!({"field": field, "operator": "isNotEmpty"});
    let read = |on: Value, when: Value| {
        let listens = heard(&json!({"on": on, "when": when}));
        listens.fields.into_iter().collect::<Vec<_>>()
    };
    let matches = json!([{"type": "matches"}]);
    assert_eq!(read(matches.clone(), field("contact.age")), ["contact.age", "contact.dateOfBirth"]);
    assert_eq!(read(matches, field("lead.stars")), ["lead.points", "lead.stars"]);
    assert_eq!(read(json!([{"type": "changed"}]), field("custom.roof")), ["custom.roof"]);
    let named = json!([{"type": "changed", "fields": ["contact.city"]}]);
    assert_eq!(
        read(named, field("contact.state")),
        ["contact.city"],
        "the state is only asked about"
    );
    assert_eq!(
        read(json!([{"type": "date", "field": "property.renewal"}]), field("contact.city")),
        ["contact.timezone", "property.renewal"],
        "in another zone the day is another"
    );
    assert!(read(json!([{"type": "created"}]), field("contact.city")).is_empty());
    let segment = SegmentId::new();
    for kind in ["segmentEntered", "segmentLeft"] {
        let listens = heard(&json!({"on": [{"type": kind, "segment": segment}]}));
        assert!(listens.segments.contains(&segment));
    }
    assert!(heard(&json!({"on": [{"type": "status", "to": ["qualified"]}]})).status);
    assert!(heard(&json!({"on": [{"type": "outcome", "is": ["accepted", "dnc"]}]})).outcome);
    assert!(heard(&json!({"on": [{"type": "created"}]})).created);
    let silence = json!([{"type": "inactivity", "for": {"amount": 3, "unit": "days"}}]);
    for (repeat, existing, hears) in
        [("once", true, false), ("each", true, true), ("once", false, true)]
    {
        let listens = heard(&json!({"on": silence, "repeat": repeat, "existingLeads": existing}));
        assert_eq!(listens.fields.contains("contact.lastActivityAt"), hears, "{repeat} {existing}");
    }
    assert!(heard(&json!({"on": [{"type": "points", "fallBelow": 0}]})).points);
    assert!(
        heard(&json!({"on": [{"type": "matches"}], "when": {"field": "lead.stars", "operator": "greaterThan", "value": 3}}))
            .points
    );
}

#[test]
fn what_is_off_is_not_in_the_program_and_scoring_comes_first() {
    let off = json!({"id": "x", "name": "X", "enabled": false, "on": [{"type": "activity", "activity": "call"}], "points": 1});
    let document = json!({
        "rules": [{"id": "r", "name": "R", "on": [{"type": "created"}], "do": [{"type": "repost"}]}],
        "scoring": {"pointsPerStar": 20, "rules": [off,
            {"id": "s", "name": "S", "on": [{"type": "created"}], "points": -5, "repeat": "each", "existingLeads": false}]},
    });
    let program = compiled(&document);
    let ids: Vec<&str> = program.reactions.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["s", "r"]);
    let scoring = &program.reactions[0];
    assert!(scoring.is_scoring && !scoring.existing_leads && scoring.repeat == Repeat::Each);
    assert_eq!(scoring.actions, [Action::AddPoints { points: -5 }]);
    assert_eq!(program.points_per_star, 20);
    assert!(program.listens.activities.is_empty(), "nobody listens for what is off");
}

#[test]
fn a_workflow_has_its_steps_in_order_and_its_ways_resolved() {
    let document = json!({"workflows": [{"id": "w", "name": "Welcome", "steps": [
        {"id": "first", "wait": {"amount": 2, "unit": "days"}},
        {"id": "morning", "waitUntil": {"time": "09:00", "days": ["mon", "tue"]}},
        {"id": "opened", "if": {"field": "event.email_opened", "operator": "eventCount", "value": {"atLeast": 1}}, "else": "first"},
        {"id": "big", "if": {"field": "property.tier", "operator": "equals", "value": "gold"}},
        {"id": "tell", "do": [{"type": "addTag", "tag": " warm "}, {"type": "stopWorkflow", "workflow": "w"}]},
    ]}]});
    let program = compiled(&document);
    let workflow = &program.workflows[0];
    assert_eq!(
        (workflow.triggers.as_slice(), workflow.existing_leads),
        (&[Trigger::Created][..], false)
    );
    let ways: Vec<&Otherwise> = workflow
        .steps
        .iter()
        .filter_map(|step| match &step.kind {
            StepKind::If { otherwise, .. } => Some(otherwise),
            _ => None,
        })
        .collect();
    assert_eq!(ways, [&Otherwise::GoTo(0), &Otherwise::End]);
    let StepKind::Do(actions) = &workflow.steps[4].kind else {
        panic!("a step that does something")
    };
    assert_eq!(actions[0], Action::AddTag { tag: "warm".into() }, "trimmed, as contacts keep it");
    assert_eq!(program.conditions().count(), 2);
}

#[test]
fn a_condition_may_ask_about_the_activity_that_is_reacted_to() {
    let document = json!({"rules": [{"id": "a", "name": "A", "on": [{"type": "activity", "activity": "call"}],
        "when": {"combinator": "and", "rules": [
            {"field": "activity.data.minutes", "operator": "greaterThan", "value": 5},
            {"field": "lead.stars", "operator": "greaterOrEqual", "value": 2.5},
            {"field": "lead.outcome", "operator": "in", "value": ["rejected", "failed"]},
            {"field": "attribution.params.utm_source", "operator": "equals", "value": "x"},
            {"field": "questionnaire.roof", "operator": "isNotEmpty"}]},
        "do": [{"type": "repost"}]}]});
    assert!(compile(&document).is_ok());
}

#[test]
fn what_a_document_names_is_known_with_its_place() {
    let (entered, asked, kept) = (SegmentId::new(), SegmentId::new(), SegmentId::new());
    let other = crate::ids::CampaignId::new();
    let document = json!({"rules": [{"id": "a", "name": "A", "on": [{"type": "segmentEntered", "segment": entered}],
        "when": {"combinator": "and", "rules": [
            {"field": "contact.segments", "operator": "memberOf", "value": [asked]},
            {"field": "contact.email", "operator": "inValueSet", "valueSet": "rivals"},
            {"field": "property.tier", "operator": "equals", "value": "gold"}]},
        "do": [{"type": "addToSegment", "segment": kept}, {"type": "addToCampaign", "campaign": other},
            {"type": "webhook", "url": "https://a.example.com", "signingSecret": "crm"}]}]});
    let read = Program::compile_named(
        (own(), 1),
        Tz::UTC,
        &config(&document),
        &Since::new(),
        &properties(),
    );
    let (_, names) = read.unwrap();
    let places = |paths: &[&str], named: &[&str]| assert_eq!(paths, named);
    let segments: Vec<_> = names.segments.iter().map(|one| (one.path.as_str(), one.what)).collect();
    assert_eq!(segments.len(), 2);
    assert!(segments.contains(&("rules[0].on[0].segment", entered)));
    assert!(segments.contains(&("rules[0].when.rules[0].value[0]", asked)));
    places(&[names.static_segments[0].path.as_str()], &["rules[0].do[0].segment"]);
    places(&[names.campaigns[0].path.as_str()], &["rules[0].do[1].campaign"]);
    places(&[names.sets[0].path.as_str()], &["rules[0].when.rules[1].valueSet"]);
    places(&[names.secrets[0].path.as_str()], &["rules[0].do[2].signingSecret"]);
    assert!(names.reads_properties);
}

#[test]
fn a_document_is_read_as_it_was_written() {
    for document in [
        four(),
        json!({}),
        json!({"enabled": false, "scoring": {"decay": {"every": {"amount": 7, "unit": "days"}, "percent": 10}}}),
    ] {
        let read = config(&document);
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(config(&written), read);
    }
}
