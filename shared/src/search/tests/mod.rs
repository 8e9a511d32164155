//! Tests of the search text: what stands for what, refusals with their places, and what holds for any text.
mod language;
mod properties;
mod refusals;

use super::{Problem, parse, write};
use crate::rules::{About, Kind, Properties, Rule};
use serde_json::{Value, json};

/// The properties of the workspace in these tests.
fn own() -> Properties {
    let own = [
        ("tier", Kind::Text),
        ("score", Kind::Number),
        ("renewal", Kind::Date),
        ("synced", Kind::DateTime),
        ("insured", Kind::Boolean),
        ("likes", Kind::List),
        ("state", Kind::Number),
    ];
    Properties(own.into_iter().map(|(key, kind)| (key.to_owned(), kind)).collect())
}

fn read(text: &str) -> Result<Rule, Vec<Problem>> {
    parse(text, &own())
}

/// The rule that a text stands for, in JSON, after it has been written and read again.
fn rule(text: &str) -> Value {
    let rule = read(text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
    let written = write(&rule).unwrap();
    let again =
        read(&written).unwrap_or_else(|problems| panic!("{text} > {written}: {problems:?}"));
    assert_eq!(again, rule, "{text} > {written}");
    rule.to_value()
}

/// The text that stands for a rule.
fn text(rule: &Value) -> String {
    let own = own();
    let rule = Rule::parse_about(rule, About::Contact(&own));
    write(&rule.unwrap_or_else(|problems| panic!("{problems:?}"))).unwrap()
}

fn leaf(field: &str, operator: &str, value: Value) -> Value {
    json!({"field": field, "operator": operator, "value": value})
}

fn bare(field: &str, operator: &str) -> Value {
    json!({"field": field, "operator": operator})
}

fn group(combinator: &str, rules: Vec<Value>) -> Value {
    json!({"combinator": combinator, "not": false, "rules": rules})
}

fn not(rule: Value) -> Value {
    json!({"combinator": "and", "not": true, "rules": [rule]})
}

fn words(words: &str) -> Value {
    leaf("contact.words", "containsAllWords", json!(words))
}
