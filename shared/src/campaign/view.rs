//! The lead view: the one JSON document that every part of a campaign reads, and its dotted paths.

use serde_json::Value;

use super::problem::{Problem, refuse};

/// What a lead view holds at its top.
pub const ROOTS: [&str; 11] = [
    "lead",
    "address",
    "questionnaire",
    "custom",
    "attribution",
    "compliance",
    "contact",
    "computed",
    "campaign",
    "submission",
    "file",
];

/// Longest path that a configuration may name, in bytes.
pub const PATH_MAX_BYTES: usize = 200;

/// Finds what a dotted path names; list items by position (`contact.tags.0`). Keys hold no dots.
pub fn lookup<'a>(view: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(view, |at, key| match at {
        Value::Object(map) => map.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Puts `value` where an existing path points; false if nothing is there (nothing is created).
pub fn replace(view: &mut Value, path: &str, value: Value) -> bool {
    let place = path.split('.').try_fold(view, |at, key| match at {
        Value::Object(map) => map.get_mut(key),
        Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        _ => None,
    });
    place.map(|old| *old = value).is_some()
}

/// Missing, null, only white space, or an empty list or object. `false` and `0` are answers.
pub fn is_blank(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Bool(_) | Value::Number(_)) => false,
    }
}

/// The text of a scalar as a person would write it; none for null, lists and objects.
pub fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Refuses a path that can never name anything, with a hint at what was meant.
pub fn check_path(path: &str, at: &str, problems: &mut Vec<Problem>) {
    if path.len() > PATH_MAX_BYTES {
        return refuse(problems, at, format!("is longer than {PATH_MAX_BYTES} bytes"));
    }
    let (root, rest) = path.split_once('.').unwrap_or((path, ""));
    if !ROOTS.contains(&root) {
        let hint = hint(root);
        return refuse(problems, at, format!("\"{path}\" starts with no known part; {hint}"));
    }
    if rest.is_empty() {
        return refuse(problems, at, format!("\"{path}\" needs a key, such as \"{root}.someKey\""));
    }
    if rest.split('.').any(|key| key.is_empty() || key.trim() != key) {
        refuse(problems, at, format!("\"{path}\" has an empty or padded key between its dots"));
    }
}

fn hint(root: &str) -> String {
    const OF_LEAD: [&str; 7] =
        ["firstName", "lastName", "email", "phone", "dateOfBirth", "age", "timezone"];
    if let Some(key) = OF_LEAD.iter().find(|key| key.eq_ignore_ascii_case(root)) {
        return format!("did you mean \"lead.{key}\"?");
    }
    let near = ROOTS.iter().map(|known| (distance(root, known), known)).min();
    match near {
        Some((steps, known)) if steps <= 3 => format!("did you mean \"{known}.…\"?"),
        _ => format!("known parts are {}", ROOTS.join(", ")),
    }
}

/// Edit distance without regard to case; both words are short (paths are capped).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let swap = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = swap.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_finds_what_is_there_and_nothing_else() {
        let view = json!({"questionnaire": {"zip": "10001", "none": null}, "contact": {"tags": ["a", "b"]}});
        for (path, found) in [
            ("questionnaire.zip", Some(json!("10001"))),
            ("questionnaire.none", Some(Value::Null)),
            ("contact.tags.1", Some(json!("b"))),
            ("contact.tags.2", None),
            ("contact.tags.-1", None),
            ("questionnaire.zip.x", None),
            ("", None),
            ("..", None),
        ] {
            assert_eq!(lookup(&view, path), found.as_ref(), "{path}");
        }
    }

    #[test]
    fn a_value_is_replaced_only_where_one_was() {
        let mut view = json!({"lead": {"a": 1}});
        assert!(replace(&mut view, "lead.a", json!("x")));
        assert!(!replace(&mut view, "lead.b", json!("x")));
        assert_eq!(view, json!({"lead": {"a": "x"}}));
    }

    #[test]
    fn no_and_zero_are_answers_but_spaces_are_not() {
        for (value, blank) in [
            (json!(false), false),
            (json!(0), false),
            (json!("  \t"), true),
            (json!(null), true),
            (json!([]), true),
            (json!({}), true),
            (json!("x"), false),
        ] {
            assert_eq!(is_blank(Some(&value)), blank, "{value}");
        }
        assert!(is_blank(None));
    }

    #[test]
    fn an_unknown_part_is_refused_with_what_was_probably_meant() {
        for (path, says) in [
            ("firstname", "did you mean \"lead.firstName\"?"),
            ("leads.email", "did you mean \"lead.…\"?"),
            ("Questionaire.zip", "did you mean \"questionnaire.…\"?"),
            ("zzzzzzzzzzzz.a", "known parts are lead, address"),
            ("lead", "needs a key"),
            ("lead..x", "empty or padded key"),
        ] {
            let mut problems = Vec::new();
            check_path(path, "x", &mut problems);
            assert_eq!(problems.len(), 1, "{path}");
            assert!(problems[0].message.contains(says), "{path}: {}", problems[0].message);
        }
    }
}
