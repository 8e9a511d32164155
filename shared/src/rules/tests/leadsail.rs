//! The two-level shape of LeadSail's rule builder is the same tree, and its problems name its own places.

use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::Rule;
use super::{answer, at, sets};
use crate::rules::Facts;

fn condition(field: &str, operator: &str, value: Value) -> Value {
    json!({"field": field, "operator": operator, "value": value, "valueSetId": ""})
}

fn whole(conditions: Vec<Value>) -> Value {
    json!({"name": "n", "isActive": true, "logicalOperator": "AND",
        "subRules": [{"logicalOperator": "OR", "conditions": conditions}]})
}

#[test]
fn each_of_its_operators_is_read_and_means_what_ours_means() {
    let lead = json!({
        "lead": {"firstName": "Ada", "age": 40}, "address": {"state": "CA"}, "campaign": {"code": "U4D"},
        "custom": {"plan": "gold"}, "questionnaire": {"roof": ["tile", "slate"]}, "file": {"id": {"status": "signed"}}
    });
    for (field, operator, value, holds) in [
        ("address.state", "equals", json!(["CA", "NY"]), true),
        ("address.state", "not_equals", json!(["CA"]), false),
        ("firstName", "contains", json!(["x", "d"]), true),
        ("questionnaire.roof", "contains", json!(["til"]), false),
        ("questionnaire.roof", "not contains", json!(["til"]), true),
        ("lead.age", "greater_than", json!(["39"]), true),
        ("age", "lessThan", json!([39]), false),
        ("firstName", "starts with", json!(["A"]), true),
        ("firstName", "ends_with", json!(["a"]), true),
        ("customFields.plan", "exists", json!([]), true),
        ("customFields.plan", "exists", json!([true]), true),
        ("custom.none", "not exists", json!([]), true),
        ("files.id", "file ready", json!([]), true),
        ("file.id", "fileStatusEquals", json!(["viewed"]), false),
        ("campaign.campaignId", "equals", json!(["u4d"]), true),
    ] {
        let rule = whole(vec![condition(field, operator, value)]);
        let got = answer(&rule, &lead, "2026-03-10T12:00:00Z", Tz::UTC);
        assert_eq!(got.matched, holds, "{rule}: {}", got.because());
    }
    for (operator, holds) in [("in value set", true), ("not_in_value_set", false)] {
        let rule = whole(vec![
            json!({"field": "address.state", "operator": operator, "value": [], "valueSetId": "states"}),
        ]);
        assert_eq!(
            answer(&rule, &lead, "2026-03-10T12:00:00Z", Tz::UTC).matched,
            holds,
            "{operator}"
        );
    }
}

#[test]
fn problems_name_the_places_of_the_shape_that_was_written() {
    let rule = json!({"name": 5, "isActive": false, "logicalOperator": "XOR", "extra": 1, "subRules": [
        {"logicalOperator": "OR", "conditions": [
            condition("adress.state", "equals", json!(["CA"])),
            condition("address.state", "roughly", json!(["CA"])),
            condition("age", "greater_than", json!(["old"])),
            json!({"field": "address.state", "operator": "in_value_set", "valueSetId": 5}),
            7,
        ]},
        {"logicalOperator": "AND", "conditions": []},
        {"logicalOperator": "AND"},
    ]});
    let problems: Vec<String> =
        Rule::parse(&rule).expect_err("a refusal").iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "extra: unknown key, a rule with `subRules` has name, isActive, logicalOperator, subRules",
            "name: must be text",
            "isActive: is false; switch a rule off with `active: false` beside `rule`",
            "logicalOperator: must be \"AND\" or \"OR\"",
            "subRules[0].conditions[0].field: unknown field `adress.state`, did you mean `address.state` or `contact.state`",
            "subRules[0].conditions[1].operator: unknown operator `roughly`",
            "subRules[0].conditions[2].value: must be one number",
            "subRules[0].conditions[3].valueSetId: must be a value set's name, 1 to 1000 characters",
            "subRules[0].conditions[4]: must be an object with `field` and `operator`",
            "subRules[1].conditions: must not be empty",
            "subRules[2].conditions: must be an array",
        ]
    );
    let many = whole(vec![condition("lead.email", "exists", json!([])); 201]);
    assert_eq!(Rule::parse(&many).unwrap_err()[0].message, "a rule has at most 200 leaves");
}

/// A condition, and the leaf that it should be.
fn pair() -> impl Strategy<Value = (Value, Value)> {
    let field = prop::sample::select(vec!["custom.a", "custom.b", "contact.tags"]);
    let name = prop::sample::select(vec![
        ("equals", "equals"),
        ("not_equals", "notEquals"),
        ("contains", "contains"),
        ("not contains", "notContains"),
        ("exists", "isNotEmpty"),
        ("not_exists", "isEmpty"),
        ("in_value_set", "inValueSet"),
        ("notInValueSet", "notInValueSet"),
    ]);
    let texts = prop::collection::vec("[a-cCN]{1,2}", 1..3);
    (field, name, texts).prop_map(|(field, (theirs, ours), texts)| {
        if ours.ends_with("ValueSet") {
            let theirs =
                json!({"field": field, "operator": theirs, "value": [], "valueSetId": "states"});
            return (theirs, json!({"field": field, "operator": ours, "valueSet": "states"}));
        }
        let mut leaf = json!({"field": field, "operator": ours});
        if !ours.contains("Empty") {
            leaf["value"] = json!(texts);
        }
        (condition(field, theirs, json!(texts)), leaf)
    })
}

fn word(and: bool) -> &'static str {
    if and { "AND" } else { "OR" }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_translation_is_the_tree_one_would_write_and_answers_alike(
        groups in prop::collection::vec((any::<bool>(), prop::collection::vec(pair(), 1..4)), 1..4),
        outer in any::<bool>(),
        values in prop::collection::vec("[a-cCN]{0,2}", 2),
        tags in prop::collection::vec("[a-cCN]{1,2}", 0..3),
    ) {
        let theirs: Vec<Value> = groups.iter().map(|(and, pairs)| {
            let conditions: Vec<&Value> = pairs.iter().map(|(theirs, _)| theirs).collect();
            json!({"logicalOperator": word(*and), "conditions": conditions})
        }).collect();
        let ours: Vec<Value> = groups.iter().map(|(and, pairs)| {
            let rules: Vec<&Value> = pairs.iter().map(|(_, ours)| ours).collect();
            json!({"combinator": word(*and), "rules": rules})
        }).collect();
        let theirs = Rule::parse(&json!({"logicalOperator": word(outer), "subRules": theirs})).expect("theirs");
        let ours = Rule::parse(&json!({"combinator": word(outer), "rules": ours})).expect("ours");
        prop_assert_eq!(&theirs, &ours);
        prop_assert_eq!(&Rule::parse(&theirs.to_value()).expect("what is stored"), &theirs);
        let doc = json!({"custom": {"a": values[0], "b": values[1]}, "contact": {"tags": tags}});
        let facts = Facts { doc: &doc, now: at("2026-03-09T06:30:00Z"), tz: Tz::UTC, value_sets: &sets() };
        prop_assert_eq!(theirs.matches(&facts), ours.matches(&facts));
    }
}
