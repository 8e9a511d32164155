//! The documentation's examples are documents that compile, and its tables name everything.
use super::compile;
use crate::automation::{AutomationConfig, program::limits};
use serde_json::Value;

const TEXT: &str = include_str!("../../../../../docs/automation.md");

#[test]
fn the_example_compiles() {
    let whole = TEXT.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let documents: Vec<Value> = whole
        .map(|text| serde_json::from_str(text).unwrap())
        .filter(|document: &Value| document.get("scoring").is_some())
        .collect();
    assert!(!documents.is_empty(), "there is an example");
    for document in documents {
        assert!(compile(&document).is_ok(), "{:?}", compile(&document).map(|_| ()));
        let read: AutomationConfig = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(
            serde_json::to_value(&read).unwrap()["rules"][0]["id"],
            document["rules"][0]["id"]
        );
    }
}

/// What `type` may be, as the reader of documents says it when it is given something else.
fn words<T: serde::de::DeserializeOwned>() -> Vec<String> {
    let error = serde_json::from_value::<T>(serde_json::json!({"type": "?"})).err().unwrap();
    let error = error.to_string();
    let words = error.split("expected one of ").nth(1).expect("a list of words");
    words.split(", ").map(|word| word.trim_matches('`').to_owned()).collect()
}

#[test]
fn every_trigger_and_action_has_its_line() {
    use crate::automation::config::{Action, Trigger};
    let lines: Vec<&str> = TEXT.lines().filter(|line| line.starts_with("| `")).collect();
    let (triggers, actions) = (words::<Trigger>(), words::<Action>());
    assert_eq!((triggers.len(), actions.len()), (11, 14));
    for word in triggers.iter().chain(&actions) {
        let is_first = |line: &&str| {
            line.split('|').nth(1).is_some_and(|cell| cell.contains(&format!("`{word}`")))
        };
        assert!(lines.iter().any(is_first), "{word} is not documented");
    }
}

#[test]
fn the_limits_are_those_of_the_program() {
    for said in [
        format!(
            "at most {} scoring rules, {} rules and {} workflows",
            limits::REACTIONS_MAX,
            limits::REACTIONS_MAX,
            limits::WORKFLOWS_MAX
        ),
        format!("1 to {} letters, digits", limits::ID_MAX),
        format!("1 to {} characters, for people", limits::NAME_MAX),
        format!("1 to {} actions", limits::ACTIONS_MAX),
        format!("any of which makes it fire; at most {}", limits::TRIGGERS_MAX),
        format!("`fields`, at most {}", limits::FIELDS_MAX),
        format!("raises a notice; at most {} characters", limits::MESSAGE_MAX),
        format!("| `steps` | | 1 to {} |", limits::STEPS_MAX),
        format!("all at once (at most {})", limits::PROBLEMS_MAX),
    ] {
        assert!(TEXT.contains(&said), "{said}");
    }
}
