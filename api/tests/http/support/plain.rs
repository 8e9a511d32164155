//! An answer without what differs from run to run.
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Ids replaced by a word; members in the order of their names.
pub fn plain(value: &Value) -> Value {
    match value {
        // In the order of their names: PostgreSQL keeps members of stored JSON in an order of its own.
        Value::Object(map) => {
            let sorted: BTreeMap<&String, Value> =
                map.iter().map(|(key, value)| (key, plain(value))).collect();
            sorted.into_iter().map(|(key, value)| (key.clone(), value)).collect()
        }
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::String(text) => match text.split_once('_') {
            Some((prefix, rest)) if rest.len() == 26 => json!(format!("{prefix}_…")),
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}
