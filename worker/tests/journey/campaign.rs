//! Campaign configurations for the journeys.
use serde_json::{Value, json};

/// A campaign with one endpoint at the sink's `path`.
pub fn plain(sink: &str, path: &str) -> Value {
    json!({
        "endpoints": [{
            "id": "main",
            "name": "Buyer",
            "url": format!("{sink}{path}"),
            "timeoutSeconds": 2,
            "response": {"rules": [
                {"outcome": "accepted", "when": {"jsonPath": {"path": "$.result", "equals": "accepted"}}},
                {"outcome": "rejected", "when": {"jsonPath": {"path": "$.result", "equals": "rejected"}},
                 "reason": {"jsonPath": "$.reason"}},
                {"outcome": "duplicate", "when": {"text": {"contains": "already have"}}},
            ], "buyerLeadId": {"jsonPath": "$.id"}},
        }],
    })
}

/// `base` with members of `more` put over it.
pub fn with(mut base: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("members") };
    let object = base.as_object_mut().expect("a campaign is an object");
    object.extend(more);
    base
}

/// Marks the endpoint as one that recognises repeats.
pub fn idempotent(mut config: Value) -> Value {
    config["endpoints"][0]["idempotent"] = json!(true);
    config
}

/// A one-leaf rule.
pub fn rule(field: &str, operator: &str, value: Value) -> Value {
    json!({"field": field, "operator": operator, "value": value})
}
