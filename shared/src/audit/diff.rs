//! What differs between two documents, by path, as the audit log keeps it: short, without what may be a person's or a credential.
use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value};

/// Paths that differ and are told, at most; more are counted.
const PATHS_MAX: usize = 100;
/// Characters of a text that is told, at most.
const TEXT_MAX: usize = 120;
/// Digits in a row, spaces and the like aside, that may be a telephone number.
const PHONE_DIGITS: usize = 7;
/// In place of a text that is not told.
const HIDDEN: &str = "(not shown)";

/// What differs between two documents: the old and the new values by path (`duplicates.windowDays`, `rules[2].name`). A path that is
/// on one side only was added or removed.
///
/// Texts that look like an address, a telephone number or a URL's query are not shown, long ones are cut.
pub fn diff(before: &Value, after: &Value) -> (Value, Value) {
    let mut found = Found::default();
    found.compare(String::new(), Some(before), Some(after));
    if found.more > 0 {
        found.after.insert("(more)".into(), found.more.into());
    }
    (Value::Object(found.before), Value::Object(found.after))
}

#[derive(Default)]
struct Found {
    before: Map<String, Value>,
    after: Map<String, Value>,
    paths: usize,
    more: usize,
}

impl Found {
    fn compare(&mut self, path: String, before: Option<&Value>, after: Option<&Value>) {
        if before == after {
            return;
        }
        match (before, after) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => {
                self.members(&path, old, new);
            }
            (Some(Value::Array(old)), Some(Value::Array(new))) => {
                for at in 0..old.len().max(new.len()) {
                    self.compare(format!("{path}[{at}]"), old.get(at), new.get(at));
                }
            }
            (None, Some(Value::Object(new))) if !new.is_empty() => {
                self.members(&path, &Map::new(), new);
            }
            (Some(Value::Object(old)), None) if !old.is_empty() => {
                self.members(&path, old, &Map::new());
            }
            (before, after) => self.leaf(path, before, after),
        }
    }

    fn members(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let added = new.keys().filter(|name| !old.contains_key(*name));
        for name in old.keys().chain(added) {
            let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.compare(below, old.get(name), new.get(name));
        }
    }

    fn leaf(&mut self, path: String, before: Option<&Value>, after: Option<&Value>) {
        self.paths += 1;
        if self.paths > PATHS_MAX {
            self.more += 1;
            return;
        }
        if let Some(value) = before {
            self.before.insert(path.clone(), shown(value));
        }
        if let Some(value) = after {
            self.after.insert(path, shown(value));
        }
    }
}

fn shown(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text_shown(text)),
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::Object(map) => {
            map.iter().map(|(name, value)| (name.clone(), shown(value))).collect()
        }
        plain => plain.clone(),
    }
}

fn text_shown(text: &str) -> String {
    if text.contains('@') || (has_phone(text) && !is_date(text)) {
        return HIDDEN.to_owned();
    }
    // A query may carry a key or a person's data.
    let text = match text.split_once('?') {
        Some((before, _)) if before.contains("://") => before,
        _ => text,
    };
    if text.chars().count() <= TEXT_MAX {
        return text.to_owned();
    }
    let cut: String = text.chars().take(TEXT_MAX).collect();
    format!("{cut}…")
}

fn is_date(text: &str) -> bool {
    text.parse::<NaiveDate>().is_ok() || DateTime::parse_from_rfc3339(text).is_ok()
}

fn has_phone(text: &str) -> bool {
    let (mut digits, mut in_word) = (0, false);
    for c in text.chars() {
        match c {
            '0'..='9' if !in_word => digits += 1,
            ' ' | '-' | '.' | '(' | ')' | '+' | '/' => in_word = false,
            // What contains letters is an id or a word.
            _ => (digits, in_word) = (0, true),
        }
        if digits >= PHONE_DIGITS {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_told_by_its_path() {
        let old = json!({"a": {"b": 1, "same": true}, "rules": [{"name": "x"}, {"name": "y"}], "gone": {"deep": [1]}});
        let new = json!({"a": {"b": 2, "same": true}, "rules": [{"name": "x"}, {"name": "z"}, {"name": "n"}], "new": null});
        let (before, after) = diff(&old, &new);
        assert_eq!(before, json!({"a.b": 1, "rules[1].name": "y", "gone.deep": [1]}));
        assert_eq!(
            after,
            json!({"a.b": 2, "rules[1].name": "z", "rules[2].name": "n", "new": null})
        );
        assert_eq!(diff(&old, &old), (json!({}), json!({})));
    }

    #[test]
    fn what_may_be_a_persons_or_a_credential_is_not_shown() {
        for (text, told) in [
            ("maria@example.com", HIDDEN),
            ("+1 (415) 555-0142", HIDDEN),
            ("call 4155550142 now", HIDDEN),
            ("https://buyer.example/leads?key=s3cret", "https://buyer.example/leads"),
            ("https://user:s3cret@buyer.example/", HIDDEN),
            ("seg_01jd5p0m9we1n8x8m3t1h6y7aq", "seg_01jd5p0m9we1n8x8m3t1h6y7aq"),
            ("2026-11-21", "2026-11-21"),
            ("2026-11-21 4155550142", HIDDEN),
            ("equals", "equals"),
        ] {
            assert_eq!(text_shown(text), told, "{text}");
        }
        assert_eq!(text_shown(&"é".repeat(500)).chars().count(), TEXT_MAX + 1);
    }

    #[test]
    fn a_document_that_is_another_altogether_is_told_in_part() {
        let old: Map<String, Value> = (0..300).map(|n| (format!("f{n}"), json!(n))).collect();
        let (before, after) = diff(&Value::Object(old), &json!({}));
        assert_eq!(before.as_object().unwrap().len(), PATHS_MAX);
        assert_eq!(after, json!({"(more)": 200}));
    }
}
