//! What is kept beside a contact so that SQL can compare texts as rules do: lower case by Unicode, and words.
use super::Profile;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Words kept of a contact, at most; those of its notes come last.
pub const WORDS_MAX: usize = 300;

/// Characters kept of a word: an index of PostgreSQL takes no word of more than 2,047 bytes.
pub const WORD_CHARS_MAX: usize = 100;

/// A text in the form in which rules compare it: trimmed, lower case character by character.
pub fn fold(text: &str) -> String {
    text.trim().chars().flat_map(char::to_lowercase).collect()
}

/// The folded texts that differ from what is stored, by name: `firstName`, `p_<property>`, `tags`.
pub fn folded(profile: &Profile) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, text) in texts(profile) {
        if let Some(text) = text {
            let folded = fold(text);
            if folded != *text {
                out.insert(name.to_owned(), Value::String(folded));
            }
        }
    }
    for (key, value) in &profile.properties.0 {
        let folded = fold_value(value);
        if folded != *value {
            out.insert(format!("p_{key}"), folded);
        }
    }
    let tags: Vec<String> = profile.tags.iter().map(|tag| fold(tag)).collect();
    if tags != profile.tags.0 {
        out.insert("tags".into(), tags.into());
    }
    out
}

fn fold_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(fold(text)),
        Value::Array(items) => Value::Array(items.iter().map(fold_value).collect()),
        other => other.clone(),
    }
}

/// The built-in texts with the names under which their folded form is kept.
fn texts(profile: &Profile) -> [(&'static str, &Option<String>); 17] {
    [
        ("firstName", &profile.first_name),
        ("lastName", &profile.last_name),
        ("email", &profile.email),
        ("phone", &profile.phone),
        ("salutation", &profile.salutation),
        ("title", &profile.title),
        ("company", &profile.company),
        ("website", &profile.website),
        ("industry", &profile.industry),
        ("gender", &profile.gender),
        ("street", &profile.street),
        ("city", &profile.city),
        ("state", &profile.state),
        ("zip", &profile.zip),
        ("country", &profile.country),
        ("timezone", &profile.timezone),
        ("source", &profile.source),
    ]
}

/// The words of names, email, company and notes, each once, as ` ada lovelace example com `; empty when there is none.
pub fn words<'a>(profile: &'a Profile, notes: impl IntoIterator<Item = &'a str>) -> String {
    let own = [&profile.first_name, &profile.last_name, &profile.email, &profile.company];
    let own = own.into_iter().flatten().map(String::as_str);
    let mut seen = BTreeSet::new();
    let mut out = String::new();
    for text in own.chain(notes) {
        for word in fold(text).split(|c: char| !c.is_alphanumeric()) {
            let word: String = word.chars().take(WORD_CHARS_MAX).collect();
            if !word.is_empty() && seen.len() < WORDS_MAX && !seen.contains(&word) {
                out.push(' ');
                out.push_str(&word);
                seen.insert(word);
            }
        }
    }
    if !out.is_empty() {
        out.push(' ');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use sqlx::types::Json;

    #[test]
    fn only_what_differs_is_kept_folded() {
        let profile = Profile {
            first_name: Some("Ada".into()),
            email: Some("ada@example.com".into()),
            country: Some("GB".into()),
            properties: Json(
                json!({"tier": "Gold", "plain": "gold", "n": 5, "l": ["A", "b"]})
                    .as_object()
                    .unwrap()
                    .clone(),
            ),
            tags: Json(vec!["VIP".into()]),
            ..Profile::default()
        };
        let wanted = json!({"firstName": "ada", "country": "gb", "p_tier": "gold", "p_l": ["a", "b"], "tags": ["vip"]});
        assert_eq!(Value::Object(folded(&profile)), wanted);
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_each_once() {
        let profile = Profile {
            first_name: Some("Ada".into()),
            last_name: Some("King-Noel".into()),
            email: Some("ada@example.com".into()),
            company: Some("Ünïon 9 Ltd.".into()),
            ..Profile::default()
        };
        let words = words(&profile, ["Called; ADA will call back"]);
        assert_eq!(words, " ada king noel example com ünïon 9 ltd called will call back ");
        assert_eq!(super::words(&Profile::default(), []), "");
        let long = super::words(&Profile::default(), ["語".repeat(5_000).as_str()]);
        assert_eq!(long.chars().count(), WORD_CHARS_MAX + 2);
    }
}
