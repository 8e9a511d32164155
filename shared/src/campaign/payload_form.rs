//! Payloads as names and values: urlencoded (forms and queries) and multipart.
use super::payload_body::{Arrays, FormSettings, Nesting};
use super::view::scalar_text;
use crate::key;
use serde_json::Value;
use std::fmt::Write;
use url::form_urlencoded;

/// The document's leaves with their names, in its order. What is null has an empty value; empty lists and objects leave nothing.
pub(super) fn pairs(document: &Value, settings: FormSettings) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(String::new(), document, settings, &mut found);
    found
}

fn collect(name: String, value: &Value, settings: FormSettings, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                collect(below(&name, key, settings.nesting), value, settings, found);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (at, item) in items.iter().enumerate() {
                let here = below(&name, &at.to_string(), settings.nesting);
                collect(here, item, settings, found);
            }
        }
        Value::Array(items) => {
            let name = match settings.arrays {
                Arrays::Repeat => name,
                Arrays::Brackets => format!("{name}[]"),
            };
            let text = |item| scalar_text(item).unwrap_or_default();
            found.extend(items.iter().map(|item| (name.clone(), text(item))));
        }
        scalar => found.push((name, scalar_text(scalar).unwrap_or_default())),
    }
}

fn below(name: &str, key: &str, nesting: Nesting) -> String {
    match nesting {
        _ if name.is_empty() => key.to_owned(),
        Nesting::Brackets => format!("{name}[{key}]"),
        Nesting::Dots => format!("{name}.{key}"),
    }
}

/// `a=1&b=two+words`
pub(super) fn urlencoded(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Content type and body. The boundary is made of the key, so that the same delivery is the same bytes.
pub(super) fn multipart(pairs: &[(String, String)], key: &str) -> (String, String) {
    let mut boundary = format!("leadrail-{}", &key::hash(key)[..32]);
    while pairs.iter().any(|(name, value)| value.contains(&boundary) || name.contains(&boundary)) {
        boundary.push('0');
    }
    let mut body = String::new();
    for (name, value) in pairs {
        let name = quoted(name);
        let head = format!("Content-Disposition: form-data; name=\"{name}\"");
        // Writing to a String cannot fail.
        let _ = write!(body, "--{boundary}\r\n{head}\r\n\r\n{value}\r\n");
    }
    let _ = write!(body, "--{boundary}--\r\n");
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// A name as browsers write it.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
