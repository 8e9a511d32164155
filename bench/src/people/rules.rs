//! The rules of the segments that are built: one of each kind that people write, some that refer to others.
use serde_json::{Value, json};

/// Holds for 30 of every 100 contacts.
pub fn thirty_percent() -> Value {
    json!({"field": "property.score", "operator": "lessThan", "value": 30})
}

/// The same, as somebody would write it by hand for the floor.
pub const THIRTY_PERCENT_SQL: &str =
    "c.status = 'active' AND (c.properties->>'score')::numeric < 30";

/// 44 rules. `first` is a segment that some refer to.
pub fn others(first: &str) -> Vec<Value> {
    let is = |field: &str, operator: &str, value: Value| json!({"field": field, "operator": operator, "value": value});
    let all = |rules: Vec<Value>| json!({"combinator": "and", "rules": rules});
    let any = |rules: Vec<Value>| json!({"combinator": "or", "rules": rules});
    let mut rules = Vec::new();
    for state in ["CA", "NY", "TX", "FL", "WA", "OR", "NV", "AZ"] {
        rules.push(is("contact.state", "equals", json!(state)));
    }
    for tier in ["gold", "silver", "bronze"] {
        rules.push(all(vec![
            is("property.tier", "equals", json!(tier)),
            is("contact.state", "in", json!(["CA", "NY", "TX"])),
        ]));
        rules.push(any(vec![
            is("property.tier", "equals", json!(tier)),
            is("property.member", "equals", json!(true)),
        ]));
    }
    for least in [10, 50, 90, 99] {
        rules.push(is("property.score", "greaterOrEqual", json!(least)));
        rules.push(all(vec![
            is("property.visits", "between", json!([least, least * 5])),
            is("contact.tags", "contains", json!("vip")),
        ]));
    }
    for days in [1, 7, 30, 90, 365] {
        rules.push(is("contact.createdAt", "inLast", json!({"amount": days, "unit": "days"})));
        rules.push(is(
            "contact.lastActivityAt",
            "olderThan",
            json!({"amount": days, "unit": "days"}),
        ));
    }
    for word in ["firm 7", "42", "@example9.com"] {
        rules.push(is("contact.company", "contains", json!(word)));
        rules.push(is("contact.email", "endsWith", json!(word)));
    }
    rules.push(is("contact.age", "between", json!([30, 40])));
    rules.push(is("contact.dateOfBirth", "anniversary", json!("today")));
    rules.push(all(vec![
        is("contact.segments", "memberOf", json!(first)),
        is("property.newsletter", "equals", json!(true)),
    ]));
    rules.push(all(vec![
        is("contact.segments", "notMemberOf", json!(first)),
        is("property.interests", "containsAny", json!(["heat3", "heat4"])),
    ]));
    rules.push(is("event.page_visit", "eventCount", json!({"atLeast": 2})));
    rules.push(is("property.comment", "contains", json!("quote for 7")));
    rules
}
