//! Exact paths and messages of parse problems; limits; static analysis.

use serde_json::{Value, json};

use super::super::{DEPTH_MAX, LEAVES_MAX, LIST_ITEMS_MAX, Rule, TEXT_CHARS_MAX};

/// All problems of a rule as `path: message` lines.
fn problems(rule: &Value) -> Vec<String> {
    Rule::parse(rule).expect_err("a refusal").iter().map(ToString::to_string).collect()
}

fn leaf(field: &str, operator: &str, value: Value) -> Value {
    json!({"combinator": "and", "rules": [{"field": field, "operator": operator, "value": value}]})
}

fn check(rows: &[(Value, &str)]) {
    for (rule, wanted) in rows {
        assert_eq!(problems(rule), [*wanted], "{rule}");
    }
}

#[test]
fn problems_name_the_path_and_what_would_be_right() {
    check(&[
        (json!(5), "must be an object: a group with `rules` or a leaf with `field`"),
        (
            json!({"combinator": "and", "rules": []}),
            "rules: must not be empty: a group needs at least one condition",
        ),
        (
            json!({"combinator": "xor", "rules": [{"field": "lead.age", "operator": "isEmpty"}]}),
            "combinator: must be \"and\" or \"or\"",
        ),
        (
            leaf("adress.state", "equals", json!("CA")),
            "rules[0].field: unknown field `adress.state`, did you mean `address.state` or `contact.state`",
        ),
        (
            leaf("questionaire.roof", "equals", json!("x")),
            "rules[0].field: unknown field `questionaire.roof`, did you mean `questionnaire.roof`",
        ),
        (
            leaf("custom.a b", "equals", json!("x")),
            "rules[0].field: the key after `custom.` must be 1 to 64 of the characters A-Z a-z 0-9 _ . -",
        ),
        (leaf("lead.age", "like?", json!(1)), "rules[0].operator: unknown operator `like?`"),
        (
            leaf("lead.isTest", "greaterThan", json!(1)),
            "rules[0].operator: `greaterThan` does not apply to `lead.isTest`, which is of type boolean; it applies to number, date, datetime, any",
        ),
    ]);
}

#[test]
fn problems_with_values_say_which_value_would_do() {
    check(&[
        (leaf("lead.age", "equals", json!("old")), "rules[0].value: must be a number"),
        (
            leaf("lead.age", "between", json!([2, 1])),
            "rules[0].value: the lower bound must come first",
        ),
        (
            leaf("lead.email", "contains", json!(["a", {}])),
            "rules[0].value: must be one text, number or boolean",
        ),
        (
            leaf("lead.email", "equals", json!("")),
            "rules[0].value: must not be blank; ask for an empty field with `isEmpty`",
        ),
        (leaf("lead.email", "isEmpty", json!("x")), "rules[0].value: `isEmpty` takes no value"),
        (
            leaf("lead.email", "matches", json!("(")),
            "rules[0].value: is not a regular expression: unclosed group",
        ),
        (
            leaf("lead.dateOfBirth", "anniversary", json!(i64::MIN)),
            "rules[0].value: must be \"today\" or whole days from today, -366 to 366",
        ),
        (
            leaf("lead.dateOfBirth", "inLast", json!({"amount": 1, "unit": "hours"})),
            "rules[0].value: a date has no time of day: unit must be days, weeks, months or years",
        ),
        (
            leaf("lead.age", "equalsField", json!("lead.email")),
            "rules[0].value: `lead.email` is of type text, which does not compare with type number",
        ),
        (
            json!({"field": "lead.age", "operator": "isEmpty", "id": 1}),
            "id: unknown key, a leaf has field, operator, value, includeEmpty, caseSensitive, valueSet",
        ),
    ]);
}

#[test]
fn every_limit_holds_on_its_edge() {
    let leaf = json!({"field": "lead.age", "operator": "isEmpty"});
    let deep = |depth: usize| {
        (0..depth).fold(leaf.clone(), |rule, _| json!({"combinator": "or", "rules": [rule]}))
    };
    let wide = |leaves: usize| json!({"combinator": "or", "rules": vec![leaf.clone(); leaves]});
    let is = |value: Value| json!({"field": "lead.email", "operator": "equals", "value": value});
    let rows = [
        (deep(DEPTH_MAX), deep(DEPTH_MAX + 1), "nested at most 8 deep"),
        (wide(LEAVES_MAX), wide(LEAVES_MAX + 1), "at most 200 leaves"),
        (
            is(json!(vec!["a"; LIST_ITEMS_MAX])),
            is(json!(vec!["a"; LIST_ITEMS_MAX + 1])),
            "1000 values",
        ),
        (
            is(json!("é".repeat(TEXT_CHARS_MAX))),
            is(json!("é".repeat(TEXT_CHARS_MAX + 1))),
            "1000 characters",
        ),
    ];
    for (good, bad, wanted) in rows {
        assert!(Rule::parse(&good).is_ok(), "{wanted}");
        assert!(problems(&bad)[0].contains(wanted), "{:?}", problems(&bad));
    }
    let huge = json!({"field": "lead.email", "operator": "matches", "value": r"(\w{900}){900}"});
    assert!(problems(&huge)[0].contains("takes more than"));
}

#[test]
fn serde_says_the_first_problem_and_analysis_finds_fields() {
    let error = serde_json::from_value::<Rule>(json!({"combinator": "and", "rules": [{}]}));
    let error = error.expect_err("a refusal").to_string();
    assert!(error.starts_with("rules[0].field: must be the path"), "{error}");
    let rule = json!({"combinator": "and", "rules": [
        {"field": "lead.createdAt", "operator": "afterField", "value": "contact.createdAt"}]});
    let rule: Rule = serde_json::from_value(rule).expect("a rule");
    assert_eq!(Vec::from_iter(rule.reads()), ["contact.createdAt", "lead.createdAt"]);
    assert!(!rule.is_time_relative());
    let age = json!({"field": "lead.age", "operator": "exists"});
    assert!(Rule::parse(&age).expect("a rule").is_time_relative());
    let dotted = json!({"field": "attribution.params.utm.x", "operator": "=", "value": "A"});
    let doc = json!({"attribution": {"params": {"utm.x": "a"}}});
    assert!(super::answer(&dotted, &doc, "2026-03-10T12:00:00Z", chrono_tz::UTC).matched);
}
