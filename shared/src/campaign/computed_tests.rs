//! Edge tables for computed keys.

use super::*;
use chrono::FixedOffset;
use proptest::prelude::*;
use serde_json::json;

fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-06-15T02:00:00Z").unwrap().to_utc()
}

/// New York in summer: there it is still 14 June.
fn zone() -> FixedOffset {
    FixedOffset::west_opt(4 * 3600).unwrap()
}

fn view() -> Value {
    json!({
        "lead": {"firstName": " ann ", "lastName": "o'neil", "phone": "(202) 555-0123", "country": "US",
                 "dateOfBirth": "2000-06-15", "createdAt": "2026-06-15T01:30:00Z", "middleName": null},
        "questionnaire": {"income": "5000", "tags": ["a", "b"], "owner": true, "rate": 2.34567, "long": "x".repeat(20_000)},
        "address": {"state": "CA"},
    })
}

fn key(expression: &str, kind: &str) -> ComputedKey {
    serde_json::from_value(json!({"key": "k", "expression": expression, "type": kind})).unwrap()
}

fn lookups() -> Lookups {
    serde_json::from_value(json!({"states": {"CA": "California", "NY": 36}})).unwrap()
}

fn compile(keys: &[ComputedKey]) -> Result<ComputedKeys, Vec<Problem>> {
    ComputedKeys::compile(keys, &lookups())
}

fn compute(expression: &str, kind: &str) -> Result<Value, String> {
    let keys = compile(&[key(expression, kind)]).expect(expression);
    let mut done = keys.evaluate(&view(), now(), zone());
    match done.failures.pop() {
        Some(failure) => Err(failure.why),
        None => Ok(done.values["k"].clone()),
    }
}

#[test]
fn each_filter_does_its_one_thing() {
    for (expression, kind, value) in [
        ("lead.firstName | trim | title", "text", json!("Ann")),
        ("lead.lastName | upper", "text", json!("O'NEIL")),
        ("{{ lead.firstName | trim }} {{ lead.lastName }}", "text", json!("ann o'neil")),
        ("(lead.firstName | trim) ~ '-' ~ address.state", "text", json!("ann-CA")),
        ("{% if questionnaire.owner %}yes{% else %}no{% endif %}", "boolean", json!(true)),
        ("lead.phone | phone('e164')", "text", json!("+12025550123")),
        ("lead.phone | phone('national')", "text", json!("(202) 555-0123")),
        ("lead.phone | phone('digits')", "text", json!("2025550123")),
        ("lead.phone | digits", "text", json!("2025550123")),
        ("lead.dateOfBirth | date_format('%m/%d/%Y')", "text", json!("06/15/2000")),
        ("lead.createdAt | date_format('%Y-%m-%d %H:%M')", "text", json!("2026-06-14 21:30")),
        ("lead.createdAt", "date", json!("2026-06-14")),
        ("lead.dateOfBirth | age", "number", json!(25)),
        ("address.state | lookup({'CA': 'California'})", "text", json!("California")),
        ("address.state | lower | lookup({'CA': 'x'}, 'other')", "text", json!("other")),
        ("address.state | lookup('states')", "text", json!("California")),
        ("address.state | lower | lookup('states', 'other')", "text", json!("California")),
        ("'TX' | lookup(\"states\", 'other')", "text", json!("other")),
        ("'n.y.' | lookup('states')", "number", json!(36)),
        ("1234567.891 | number_format(2)", "text", json!("1,234,567.89")),
        ("'-1234.5' | number_format(1, ',', '.')", "text", json!("-1.234,5")),
        ("999 | number_format", "text", json!("999")),
        ("-0.001 | number_format(2)", "text", json!("0.00")),
        ("1234 | number_format(0, '.', '')", "text", json!("1234")),
        ("lead.phone[1:4]", "text", json!("202")),
        (
            "' Ann@Example.com' | trim | lower | sha256",
            "text",
            json!("71d4f55f72fa128dfb468a1a3901507c804b74316488744d769d7f4b16696476"),
        ),
        ("questionnaire.rate | round(2)", "number", json!(2.35)),
        ("questionnaire.rate | round", "number", json!(2)),
        ("questionnaire.income | times(12)", "number", json!(60000)),
        ("(questionnaire.income | number) + 1", "number", json!(5001)),
        ("questionnaire.tags | join(', ')", "text", json!("a, b")),
        ("questionnaire.tags | length", "number", json!(2)),
        ("address.state | replace('A', 'O')", "text", json!("CO")),
        (
            "'abc' | sha256",
            "text",
            json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ),
        ("'a' if address.state in ['CA', 'NY'] else 'b'", "text", json!("a")),
    ] {
        assert_eq!(compute(expression, kind), Ok(value), "{expression}");
    }
}

#[test]
fn missing_data_yields_nothing_whatever_the_filter() {
    for expression in [
        "lead.nothing",
        "nothing.at.all",
        "lead.middleName",
        "lead.nothing | title | upper | trim",
        "lead.nothing | phone('e164')",
        "lead.nothing | date_format('%Y')",
        "lead.nothing | age",
        "lead.nothing | round(2)",
        "lead.nothing | times(2)",
        "lead.nothing | sha256",
        "lead.nothing | replace('a', 'b')",
        "lead.nothing | join(',')",
        "lead.nothing | lookup({'a': 1})",
        "lead.nothing | lookup('states')",
        "lead.nothing | number_format(2)",
        "{{ lead.nothing }} {{ lead.middleName }}",
        "lead.nothing ~ lead.middleName",
        "questionnaire.long",
    ] {
        assert_eq!(compute(expression, "text"), Ok(Value::Null), "{expression}");
    }
    assert_eq!(compute("lead.middleName | default('none')", "text"), Ok(json!("none")));
}

#[test]
fn nothing_is_the_default_but_an_error_is_an_error() {
    let with = |expression: &str| {
        let key = ComputedKey { default: Some(json!(7)), ..key(expression, "number") };
        let done = compile(&[key]).unwrap().evaluate(&view(), now(), Utc);
        (done.values["k"].clone(), done.failures.len())
    };
    assert_eq!(with("lead.nothing"), (json!(7), 0));
    assert_eq!(with("'  '"), (json!(7), 0));
    assert_eq!(with("'many'"), (Value::Null, 1));
}

#[test]
fn what_goes_wrong_says_what() {
    for (expression, kind, says) in [
        ("'many'", "number", "yields \"many\", which is not a number"),
        ("'maybe'", "boolean", "not true or false"),
        ("'01/02/2026'", "date", "not an ISO date"),
        ("questionnaire.tags", "text", "a list can be joined"),
        ("questionnaire.tags | upper", "text", "a single value is needed"),
        ("'123' | phone('e164')", "text", "is not a phone number of US"),
        ("lead.phone | phone('e16')", "text", "right would be e164, national or digits"),
        ("'soon' | age", "number", "is not an ISO date"),
        ("'2030-01-01' | age", "number", "still to come"),
        ("lead.dateOfBirth | date_format('%Q')", "text", "unknown specifier"),
        ("lead.dateOfBirth | date_format('%z')", "text", "time zone"),
        ("'x' | times(2)", "number", "\"x\" is not a number"),
        ("'x' | round", "number", "\"x\" is not a number"),
        ("questionnaire.income / 2", "number", "unsupported types"),
        ("1 / 0", "number", "not a number"),
        ("'a' | lookup(5)", "text", "lookup needs a map"),
        ("'a' | lookup('sta' ~ 'tus')", "text", "there is no lookup table \"status\""),
        ("'x' | number_format(2)", "text", "\"x\" is not a number"),
    ] {
        let why = compute(expression, kind).expect_err(expression);
        assert!(why.contains(says), "{expression}: {why}");
    }
}

#[test]
fn an_expression_cannot_grow_without_bound() {
    let grown = "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'".to_owned()
        + &" | replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')".repeat(10);
    assert!(compute(&grown, "text").unwrap_err().contains("longer than 16384 bytes"));
    for source in [
        "'a' * 99999999",
        "{% for x in lead %}{% endfor %}",
        "{% set x = 1 %}",
        "{%- macro m() %}",
        "{% include 'x' %}",
    ] {
        assert!(compile(&[key(source, "text")]).is_err(), "{source}");
    }
    let deep = "(".repeat(900) + "1" + &")".repeat(900);
    assert!(compile(&[key(&deep, "text")]).is_err());
}

#[test]
fn a_mistake_is_refused_at_save_with_its_place() {
    for (expression, says) in [
        ("lead.firstName |", "line 1"),
        ("lead.firstName | shout", "column 16: filter \"shout\" does not exist"),
        ("1 if lead.x else (2 | shout)", "filter \"shout\""),
        ("{{ 'a | b' }} | c {{ lead.x | shout }}", "filter \"shout\""),
        ("range(3)", "range"),
        (
            "address.state | lookup('cities')",
            "line 1, column 24: there is no lookup table \"cities\"",
        ),
        ("lead.x is odd", "odd"),
        ("{{ lead.firstName", "line 1"),
        ("{{ a }}\n{% for x in y %}", "line 2, column 1"),
        ("2 * 3", "line 1, column 3: \"*\" is not permitted"),
        ("", "is empty"),
    ] {
        let mut problems = Vec::new();
        key(expression, "text").validate(&lookups(), "computedKeys[0]", &mut problems);
        assert_eq!(problems.len(), 1, "{expression}: {problems:?}");
        assert_eq!(problems[0].path, "computedKeys[0].expression");
        assert!(problems[0].message.contains(says), "{expression}: {}", problems[0].message);
    }
}

#[test]
fn every_filter_on_the_list_exists_and_a_pipe_in_a_text_is_no_filter() {
    for name in FILTERS {
        let expression = format!("lead.x | {name}");
        let compiled = compile(&[key(&expression, "text")]);
        assert!(compiled.is_ok(), "{name}: {compiled:?}");
    }
    assert_eq!(compute("{{ 'a | b' }} | c", "text"), Ok(json!("a | b | c")));
}

#[test]
fn a_list_that_cannot_work_is_refused() {
    let named =
        |name: &str, expression: &str| ComputedKey { key: name.into(), ..key(expression, "text") };
    for (keys, path) in [
        (vec![named("a.b", "1")], "c[0].key"),
        (vec![named("1a", "1")], "c[0].key"),
        (vec![named("a", "1"), named("a", "2")], "c[1].key"),
        (vec![named("a", "computed.b"), named("b", "1")], "c[0].expression"),
        (vec![named("a", "computed.a")], "c[0].expression"),
        (vec![ComputedKey { default: Some(json!(1)), ..named("a", "1") }], "c[0].default"),
        (vec![named("a", "1"); 101], "c"),
    ] {
        let mut problems = Vec::new();
        validate_keys(&keys, &lookups(), "c", &mut problems);
        assert_eq!(problems.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), [path]);
    }
}

#[test]
fn later_keys_see_earlier_ones_and_a_failed_one_as_missing() {
    let named =
        |name: &str, expression: &str| ComputedKey { key: name.into(), ..key(expression, "text") };
    let keys = [
        named("full", "(lead.firstName | trim) ~ ' ' ~ lead.lastName"),
        named("greeting", "{{ 'Dear ' ~ (computed.full | title) }}"),
        named("broken", "'x' | age"),
        named("after", "computed.broken | default('none')"),
    ];
    let done = compile(&keys).unwrap().evaluate(&view(), now(), zone());
    assert_eq!(
        Value::Object(done.values),
        json!({"full": "ann o'neil", "greeting": "Dear Ann O'Neil", "broken": null, "after": "none"})
    );
    assert_eq!(done.failures[0].key, "broken");
}

#[test]
fn a_source_on_which_the_reader_panics_is_refused() {
    assert!(compile(&[key("}}+", "number")]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_expression_makes_it_panic(source in "[{}%|a-z.()'\\[\\]0-9~:, +/<=-]{0,40}") {
        if let Ok(keys) = compile(&[key(&source, "number")]) {
            keys.evaluate(&view(), now(), zone());
        }
    }

    #[test]
    fn no_answer_makes_a_filter_panic(text in ".{0,30}") {
        let filters = ["phone('e164')", "age", "date_format('%c')", "round(9)", "times(1)", "title", "digits"];
        let keys: Vec<_> = filters.iter().enumerate().map(|(i, filter)| ComputedKey {
            key: format!("k{i}"), ..key(&format!("lead.x | {filter}"), "text")
        }).collect();
        let view = json!({"lead": {"x": text, "country": text}});
        compile(&keys).unwrap().evaluate(&view, now(), zone());
    }
}
