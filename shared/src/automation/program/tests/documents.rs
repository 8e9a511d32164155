//! Small documents, to be refused.
use super::compile;
use serde_json::{Value, json};

/// The document with `patch` laid over it, member by member.
pub fn with(mut document: Value, patch: &Value) -> Value {
    match (&mut document, patch) {
        (Value::Object(members), Value::Object(patch)) => {
            for (key, value) in patch {
                let old = members.remove(key).unwrap_or(Value::Null);
                members.insert(key.clone(), with(old, value));
            }
            document
        }
        _ => patch.clone(),
    }
}

pub fn rule(patch: &Value) -> Value {
    let rule =
        json!({"id": "a", "name": "A", "on": [{"type": "created"}], "do": [{"type": "repost"}]});
    json!({"rules": [with(rule, patch)]})
}

pub fn scoring(patch: &Value) -> Value {
    let rule = json!({"id": "a", "name": "A", "on": [{"type": "created"}], "points": 5});
    json!({"scoring": {"rules": [with(rule, patch)]}})
}

pub fn workflow(steps: &Value) -> Value {
    json!({"workflows": [{"id": "w", "name": "W", "steps": steps}]})
}

pub fn on(trigger: &Value) -> Value {
    rule(
        &json!({"on": [trigger], "when": {"field": "contact.city", "operator": "equals", "value": "Rome"}}),
    )
}

pub fn act(action: &Value) -> Value {
    rule(&json!({"do": [action]}))
}

pub fn step(step: &Value) -> Value {
    workflow(&json!([with(json!({"id": "s"}), step)]))
}

pub fn leaf(field: &str) -> Value {
    json!({"field": field, "operator": "isNotEmpty"})
}

#[track_caller]
pub fn refused(document: &Value, expected: &str) {
    let problems = compile(document).map(|_| ()).expect_err(&format!("{expected}: {document}"));
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(said, [expected], "{document}");
}
