//! Since when reactions have been there, through saves.
use super::config;
use crate::{
    automation::program::{Since, since},
    clock::Time,
};
use serde_json::{Value, json};

fn day(day: u32) -> Time {
    format!("2026-11-{day:02}T12:00:00Z").parse().unwrap()
}

fn rule(id: &str, patch: &[(&str, Value)]) -> Value {
    let mut rule = json!({"id": id, "name": "A", "on": [{"type": "inactivity", "for": {"amount": 3, "unit": "days"}}],
        "do": [{"type": "repost"}]});
    for (key, value) in patch {
        rule[key] = value.clone();
    }
    rule
}

fn ids(since: &Since) -> Vec<(&str, Time)> {
    since.iter().map(|(id, at)| (id.as_str(), *at)).collect()
}

#[test]
fn it_begins_when_it_appears_is_switched_on_or_hears_something_else() {
    let first = config(
        &json!({"rules": [rule("a", &[]), rule("b", &[]), rule("c", &[("enabled", json!(false))])]}),
    );
    let begun = since(&first, None, day(1));
    assert_eq!(ids(&begun), [("a", day(1)), ("b", day(1))], "what is off has not begun");
    let longer = json!([{"type": "inactivity", "for": {"amount": 5, "unit": "days"}}]);
    let second = config(&json!({"rules": [
        rule("a", &[("name", json!("B")), ("do", json!([{"type": "crmPush"}]))]),
        rule("b", &[("on", longer)]), rule("c", &[]), rule("d", &[])]}));
    let then = since(&second, Some((&first, &begun)), day(2));
    assert_eq!(ids(&then), [("a", day(1)), ("b", day(2)), ("c", day(2)), ("d", day(2))]);
}

#[test]
fn a_document_that_was_off_begins_anew() {
    let on = json!({"rules": [rule("a", &[])], "workflows": [
        {"id": "w", "name": "W", "steps": [{"id": "s", "do": [{"type": "repost"}]}]}]});
    let mut off = on.clone();
    off["enabled"] = json!(false);
    let (on, off) = (config(&on), config(&off));
    let begun = since(&on, None, day(1));
    assert_eq!(ids(&begun), [("a", day(1)), ("w", day(1))]);
    let stopped = since(&off, Some((&on, &begun)), day(2));
    assert!(stopped.is_empty());
    let again = since(&on, Some((&off, &stopped)), day(3));
    assert_eq!(ids(&again), [("a", day(3)), ("w", day(3))]);
}

#[test]
fn what_is_left_out_is_what_is_meant_by_it() {
    let steps = json!([{"id": "s", "do": [{"type": "repost"}]}]);
    let implied = config(&json!({"workflows": [{"id": "w", "name": "W", "steps": steps}]}));
    let written = config(
        &json!({"workflows": [{"id": "w", "name": "W", "on": [{"type": "created"}], "steps": steps}]}),
    );
    let begun = since(&implied, None, day(1));
    assert_eq!(since(&written, Some((&implied, &begun)), day(2)), begun);
}
