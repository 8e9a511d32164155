//! What holds for random rules and documents.

use chrono_tz::America::New_York;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Facts, Rule, operators};
use super::{at, sets};

/// Values that meet many operators and field types halfway.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(vec![
            json!(null),
            json!(""),
            json!("CA"),
            json!("5"),
            json!(5),
            json!(-1.5),
            json!(true),
            json!("2026-03-08"),
            json!("2026-03-08T07:30:00Z"),
            json!("1992-02-29"),
            json!("today"),
            json!("custom.b"),
            json!("states"),
            json!("(a|C)*"),
            json!(i64::MIN),
            json!({"amount": 3, "unit": "days"}),
            json!({"unit": "weeks"}),
            json!({"status": "signed"}),
        ]),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,6}".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![3 => scalar(), 1 => prop::collection::vec(scalar(), 0..3).prop_map(Value::from)]
}

fn leaf() -> impl Strategy<Value = Value> {
    let names: Vec<&str> = operators().iter().map(|row| row.name).collect();
    let fields = vec![
        "custom.a",
        "custom.b",
        "lead.age",
        "lead.email",
        "contact.tags",
        "lead.dateOfBirth",
        "lead.createdAt",
        "lead.isTest",
        "file.id",
    ];
    let (field, name) = (prop::sample::select(fields), prop::sample::select(names));
    (field, name, value(), any::<bool>(), any::<bool>()).prop_map(|(field, name, value, empty, case)| {
        let slot = if name.ends_with("ValueSet") { "valueSet" } else { "value" };
        json!({"field": field, "operator": name, slot: value, "includeEmpty": empty, "caseSensitive": case})
    })
}

fn tree() -> impl Strategy<Value = Value> {
    // Most random pairings are refused, so only leaves that parse are kept.
    let leaf = leaf().prop_filter("a valid leaf", |leaf| Rule::parse(leaf).is_ok());
    leaf.prop_recursive(3, 12, 3, |inner| {
        let rules = prop::collection::vec(inner, 1..4);
        (any::<bool>(), any::<bool>(), rules).prop_map(|(and, not, rules)| {
            json!({"combinator": if and { "and" } else { "or" }, "not": not, "rules": rules})
        })
    })
}

fn doc() -> impl Strategy<Value = Value> {
    prop::collection::vec(value(), 9).prop_map(|v| {
        json!({"custom": {"a": v[0], "b": v[1]}, "contact": {"tags": v[2]}, "file": {"id": v[3]},
            "lead": {"age": v[4], "email": v[5], "dateOfBirth": v[6], "createdAt": v[7], "isTest": v[8]}})
    })
}

/// Any JSON, with the rule language's own keys among the random ones.
fn json_soup() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        prop::sample::select(vec![
            "rules",
            "combinator",
            "not",
            "field",
            "operator",
            "value",
            "valueSet"
        ])
        .prop_map(str::to_owned),
        "\\PC{0,4}",
    ];
    prop_oneof![value(), leaf()].prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(key.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parse_never_panics_and_never_refuses_without_a_reason(soup in json_soup()) {
        if let Err(problems) = Rule::parse(&soup) {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn evaluators_agree_and_rules_survive_the_round_trip(tree in tree(), doc in doc()) {
        let rule = Rule::parse(&tree).expect("a valid tree");
        let facts = Facts { doc: &doc, now: at("2026-03-09T06:30:00Z"), tz: New_York, value_sets: &sets() };
        let evaluation = rule.evaluate(&facts);
        prop_assert_eq!(rule.matches(&facts), evaluation.matched);
        prop_assert!(!evaluation.decided_by.is_empty() && evaluation.because().len() < 4_000);
        prop_assert_eq!(&Rule::parse(&rule.to_value()).expect("its own output"), &rule);

        let not = |rule: &Value| json!({"combinator": "and", "not": true, "rules": [rule]});
        let once = Rule::parse(&not(&tree)).expect("one deeper");
        let twice = Rule::parse(&not(&not(&tree))).expect("two deeper");
        prop_assert_eq!(once.matches(&facts), !rule.matches(&facts));
        prop_assert_eq!(twice.matches(&facts), rule.matches(&facts));
    }
}
