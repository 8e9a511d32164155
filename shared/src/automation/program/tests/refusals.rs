//! What is refused of ids, numbers, conditions and triggers, with its place.
use super::{
    compile,
    documents::{act, leaf, on, refused, rule, scoring, step, with, workflow},
};
use crate::{
    automation::program::limits::{
        ACTIONS_MAX, FIELDS_MAX, PROBLEMS_MAX, REACTIONS_MAX, STEPS_MAX, TRIGGERS_MAX,
        WORKFLOWS_MAX,
    },
    ids::SegmentId,
};
use serde_json::{Value, json};

#[test]
fn ids_names_and_numbers_are_checked() {
    let bad_id = "must be 1 to 64 letters, digits, `_` or `-`";
    refused(&rule(&json!({"id": "a b"})), &format!("rules[0].id: {bad_id}"));
    refused(&scoring(&json!({"id": ""})), &format!("scoring.rules[0].id: {bad_id}"));
    refused(&scoring(&json!({"id": "x".repeat(65)})), &format!("scoring.rules[0].id: {bad_id}"));
    refused(&rule(&json!({"name": " "})), "rules[0].name: must be 1 to 120 characters");
    refused(&rule(&json!({"name": "a\nb"})), "rules[0].name: must not contain control characters");
    let twice = with(rule(&json!({})), &scoring(&json!({})));
    refused(&twice, "rules[0].id: is used already, at scoring.rules[0].id");
    let thrice = with(
        rule(&json!({})),
        &json!({"workflows": [
        {"id": "a", "name": "W", "steps": [{"id": "s", "do": [{"type": "repost"}]}]}]}),
    );
    refused(&thrice, "workflows[0].id: is used already, at rules[0].id");
    refused(
        &scoring(&json!({"points": 0})),
        "scoring.rules[0].points: must be -1000000 to 1000000, and not 0",
    );
    refused(
        &scoring(&json!({"points": 1_000_001})),
        "scoring.rules[0].points: must be -1000000 to 1000000, and not 0",
    );
    for per_star in [0, 1_000_001] {
        refused(
            &json!({"scoring": {"pointsPerStar": per_star}}),
            "scoring.pointsPerStar: must be 1 to 1000000",
        );
    }
    let decay = |amount: i64, unit: &str, percent: i64| json!({"scoring": {"decay": {"every": {"amount": amount, "unit": unit}, "percent": percent}}});
    assert!(compile(&decay(1, "hours", 100)).is_ok());
    refused(&decay(1, "days", 0), "scoring.decay.percent: must be 1 to 100");
    refused(&decay(1, "days", 101), "scoring.decay.percent: must be 1 to 100");
    refused(
        &decay(0, "days", 5),
        "scoring.decay.every.amount: must be 1 to 3660 days, ten years at most",
    );
    refused(&decay(90, "minutes", 5), "scoring.decay.every.unit: must be hours or longer");
}

#[test]
fn there_may_be_so_many_and_no_more() {
    let many = |count: usize, one: &dyn Fn(usize) -> Value| {
        Value::from((0..count).map(one).collect::<Vec<_>>())
    };
    let numbered = |at: usize| json!({"id": format!("r{at}"), "name": "R", "on": [{"type": "created"}], "do": [{"type": "repost"}]});
    let scored = |at: usize| json!({"id": format!("r{at}"), "name": "R", "on": [{"type": "created"}], "points": 1});
    let flow = |at: usize| json!({"id": format!("w{at}"), "name": "W", "steps": [{"id": "s", "do": [{"type": "repost"}]}]});
    let wait = |at: usize| json!({"id": format!("s{at}"), "wait": {"amount": 1, "unit": "days"}});
    let repost = |_| json!({"type": "repost"});
    let created = |_| json!({"type": "created"});
    let city = |_| json!("contact.city");
    type Make<'a> = (&'a str, usize, &'a dyn Fn(usize) -> Value);
    let table: [Make<'_>; 7] = [
        ("rules", REACTIONS_MAX, &|n| json!({"rules": many(n, &numbered)})),
        ("scoring.rules", REACTIONS_MAX, &|n| json!({"scoring": {"rules": many(n, &scored)}})),
        ("workflows", WORKFLOWS_MAX, &|n| json!({"workflows": many(n, &flow)})),
        ("workflows[0].steps", STEPS_MAX, &|n| workflow(&many(n, &wait))),
        ("rules[0].do", ACTIONS_MAX, &|n| rule(&json!({"do": many(n, &repost)}))),
        ("rules[0].on", TRIGGERS_MAX, &|n| rule(&json!({"on": many(n, &created)}))),
        ("rules[0].on[0].fields", FIELDS_MAX, &|n| {
            rule(&json!({"on": [{"type": "changed", "fields": many(n, &city)}]}))
        }),
    ];
    for (place, most, document) in table {
        assert!(compile(&document(most)).is_ok(), "{place}");
        refused(
            &document(most + 1),
            &format!("{place}: has {} entries; at most {most} are allowed", most + 1),
        );
    }
    refused(&rule(&json!({"do": []})), "rules[0].do: must have at least one action");
    refused(&workflow(&json!([])), "workflows[0].steps: must have at least one step");
    let hopeless =
        json!({"rules": many(REACTIONS_MAX, &|_| json!({"id": "", "name": "", "do": []}))});
    assert_eq!(compile(&hopeless).map(|_| ()).unwrap_err().len(), PROBLEMS_MAX);
}

#[test]
fn a_condition_is_refused_at_its_place_in_the_document() {
    let when = |when: Value| rule(&json!({"when": when}));
    let bad =
        json!({"combinator": "and", "rules": [leaf("contact.city"), leaf("contact.annualRevenu")]});
    refused(
        &when(bad),
        "rules[0].when.rules[1].field: unknown field `contact.annualRevenu`, did you mean `contact.annualRevenue`",
    );
    refused(
        &when(leaf("property.gone")),
        "rules[0].when.field: there is no indexed property `gone`",
    );
    refused(
        &when(json!({"field": "contact.segments", "operator": "memberOf", "value": ["x"]})),
        "rules[0].when.value[0]: `x` is not a seg id; it looks like `seg_` and 26 characters of base32",
    );
    refused(
        &when(leaf("activity.name")),
        "rules[0].when: reads `activity.name`, which is known only to the trigger `activity`",
    );
    refused(
        &step(&json!({"if": leaf("activity.data.x")})),
        "workflows[0].steps[0].if: reads `activity.data.x`, which is not known to a step: ask for it in the workflow's `when`",
    );
    let missing = "is missing: the trigger `matches` fires when a condition begins to hold";
    refused(&rule(&json!({"on": []})), &format!("rules[0].when: {missing}"));
    refused(
        &scoring(&json!({"on": [{"type": "matches"}]})),
        &format!("scoring.rules[0].when: {missing}"),
    );
}

#[test]
fn triggers_are_checked() {
    let at = |path: &str, why: &str| format!("rules[0].on[0]{path}: {why}");
    let changed = |field: &str| on(&json!({"type": "changed", "fields": [field]}));
    refused(
        &changed("contact.annualRevenu"),
        &at(
            ".fields[0]",
            "unknown field `contact.annualRevenu`, did you mean `contact.annualRevenue`",
        ),
    );
    for (field, trigger) in [
        ("lead.status", "the trigger `status`"),
        ("lead.points", "the trigger `points`"),
        ("lead.stars", "the trigger `points`"),
        ("lead.outcome", "the trigger `outcome`"),
        ("lead.createdAt", "the trigger `created`"),
        ("activity.type", "the trigger `activity`"),
        ("contact.age", "the trigger `matches`, or `date` on contact.dateOfBirth"),
    ] {
        refused(&changed(field), &at(".fields[0]", &format!("its change is seen by {trigger}")));
    }
    let blind =
        "rules[0].when: reads no field whose change the trigger `changed` sees: name its `fields`";
    refused(&rule(&json!({"on": [{"type": "changed"}]})), blind);
    refused(&rule(&json!({"on": [{"type": "changed"}], "when": leaf("lead.points")})), blind);
    refused(
        &on(&json!({"type": "activity", "activity": "Page Visit"})),
        &at(
            ".activity",
            "must be 1 to 64 lower-case letters, digits and _, the first a letter, such as page_visit",
        ),
    );
    for name in [" ".to_owned(), "x".repeat(201)] {
        refused(
            &on(&json!({"type": "activity", "activity": "call", "name": name})),
            &at(".name", "must be 1 to 200 characters"),
        );
    }
    for trigger in
        [json!({"type": "points"}), json!({"type": "points", "reach": 5, "fallBelow": 5})]
    {
        refused(&on(&trigger), &at("", "must have exactly one of `reach` and `fallBelow`"));
    }
    refused(
        &on(&json!({"type": "points", "fallBelow": -1_000_000_001})),
        &at(".fallBelow", "must be -1000000000 to 1000000000"),
    );
    refused(
        &on(&json!({"type": "outcome", "is": ["accepted", "sold"]})),
        &at(
            ".is[1]",
            "`sold` is no end of a submission: accepted, delivered, disqualified, missing_data, duplicate, rejected, failed, error, no_contact, dnc",
        ),
    );
    refused(
        &on(&json!({"type": "inactivity", "for": {"amount": 11, "unit": "years"}})),
        &at(".for.amount", "must be 1 to 10 years, ten years at most"),
    );
}

#[test]
fn a_date_needs_a_field_that_holds_one() {
    let at = |path: &str, why: &str| format!("rules[0].on[0]{path}: {why}");
    let date =
        |patch: Value| on(&with(json!({"type": "date", "field": "property.renewal"}), &patch));
    assert!(compile(&date(json!({"days": -3_650, "time": "23:59"}))).is_ok());
    assert!(compile(&date(json!({"field": "lead.createdAt", "days": 3, "time": "08:00"}))).is_ok());
    refused(
        &date(json!({"field": "property.gone"})),
        &at(".field", "there is no indexed property `gone`"),
    );
    refused(
        &date(json!({"field": "property.tier"})),
        &at(".field", "must hold a date or a moment; `property.tier` is text"),
    );
    refused(
        &date(json!({"field": "activity.at"})),
        &at(".field", "is of an activity: use the trigger `activity`, and wait in a workflow"),
    );
    refused(&date(json!({"days": 3_651})), &at(".days", "must be -3650 to 3650"));
    refused(&date(json!({"days": 367, "yearly": true})), &at(".days", "must be -366 to 366"));
    for time in ["9:00", "24:00", "09:00:00", ""] {
        refused(
            &date(json!({"time": time})),
            &at(".time", "must be a time of the day such as 09:00"),
        );
    }
    refused(
        &date(json!({"field": "property.trial_ends", "time": "09:00"})),
        &at(".time", "`property.trial_ends` is a moment: without `days` it has its own time"),
    );
}

#[test]
fn what_is_off_is_checked_as_well() {
    refused(
        &rule(&json!({"enabled": false, "name": ""})),
        "rules[0].name: must be 1 to 120 characters",
    );
}

#[test]
fn unknown_members_are_refused_by_their_names() {
    for (document, said) in [
        (json!({"rule": []}), "unknown field `rule`"),
        (rule(&json!({"whn": 1})), "unknown field `whn`"),
        (on(&json!({"type": "birthday"})), "unknown variant `birthday`"),
        (on(&json!({"type": "activity", "activity": "call", "nme": "x"})), "unknown field `nme`"),
        (act(&json!({"type": "addToSegment", "segment": "x"})), "`x` is not a seg id"),
        (act(&json!({"type": "setStatus", "status": "won"})), "unknown variant `won`"),
        (step(&json!({"wait": {"amount": 1, "unit": "moons"}})), "unknown variant `moons`"),
    ] {
        let error =
            serde_json::from_value::<crate::automation::AutomationConfig>(document).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    let known = act(&json!({"type": "addToSegment", "segment": SegmentId::new()}));
    assert!(compile(&known).is_ok());
}
