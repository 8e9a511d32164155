//! Tests of the rule language: edge tables, parse problems, properties.

mod leadsail;
mod operators;
mod parsing;
mod properties;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::{Evaluation, Facts, Rule, ValueSet};
use crate::value_set::Sets;

fn sets() -> Sets {
    Sets::from([("states".to_owned(), Arc::new(ValueSet::new(["CA", " ny "])))])
}

fn at(now: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(now).expect("a moment").to_utc()
}

fn answer(rule: &Value, doc: &Value, now: &str, tz: Tz) -> Evaluation {
    let rule = Rule::parse(rule).unwrap_or_else(|problems| panic!("{rule}: {problems:?}"));
    let facts = Facts { doc, now: at(now), tz, value_sets: &sets() };
    let evaluation = rule.evaluate(&facts);
    assert_eq!(rule.matches(&facts), evaluation.matched, "both evaluators agree on {doc}");
    evaluation
}

/// Asks one leaf about one value at noon of a day in March.
fn holds(field: &str, operator: &str, value: Value, actual: Value) -> bool {
    let (root, key) = field.split_once('.').expect("a dotted path");
    let slot = if operator.ends_with("ValueSet") { "valueSet" } else { "value" };
    let rule = json!({"field": field, "operator": operator, slot: value});
    answer(&rule, &json!({root: {key: actual}}), "2026-03-10T12:00:00Z", Tz::UTC).matched
}
