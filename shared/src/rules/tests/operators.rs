//! Edge tables of the operators.

use chrono_tz::{America::New_York, Tz};
use serde_json::{Value, json};

use super::super::{About, Kind, Operator, Properties, Takes, catalogue, operators};
use super::{answer, holds};

type Row = (&'static str, &'static str, Value, Value, bool);

fn check(rows: Vec<Row>) {
    for (field, operator, value, actual, wanted) in rows {
        let got = holds(field, operator, value.clone(), actual.clone());
        assert_eq!(got, wanted, "{field} {actual} {operator} {value}");
    }
}

#[test]
fn text_compares_trimmed_and_without_case() {
    check(vec![
        ("lead.firstName", "equals", json!(" ÉVA "), json!("éva"), true),
        ("lead.firstName", "equals", json!(["Ann", "Bob"]), json!("bob"), true),
        ("lead.firstName", "notEquals", json!(["Ann", "Bob"]), json!("bob"), false),
        ("address.zip", "equals", json!("2139"), json!("02139"), false),
        ("lead.email", "contains", json!("@X."), json!("a@x.org"), true),
        ("lead.email", "notContains", json!("@y."), json!("a@x.org"), true),
        ("lead.email", "startsWith", json!("A@"), json!("a@x.org"), true),
        ("lead.email", "notStartsWith", json!("A@"), json!("a@x.org"), false),
        ("lead.email", "endsWith", json!(".ORG"), json!("a@x.org "), true),
        ("lead.email", "notEndsWith", json!(".com"), json!("a@x.org"), true),
        ("lead.email", "matches", json!("^A.+g$"), json!("a@x.org"), true),
        ("lead.email", "notMatches", json!("^b"), json!("a@x.org"), true),
        ("lead.email", "wildcard", json!("a?x.*"), json!("A@X.org"), true),
        ("lead.email", "wildcard", json!("a?x"), json!("a@x.org"), false),
        ("lead.source", "wildcard", json!("??stanbul"), json!("İstanbul"), true),
        ("lead.source", "wildcard", json!("İ*"), json!("i\u{307}stanbul"), true),
        ("lead.source", "containsAllWords", json!("roof new"), json!("New-roof!"), true),
        ("lead.source", "containsAllWords", json!("roof"), json!("roofing"), false),
        ("lead.source", "containsNoWords", json!(["roof", "wall"]), json!("roofing"), true),
        ("lead.source", "containsNoWords", json!(["roof", "wall"]), json!("a wall"), false),
        ("lead.source", "containsAnyWord", json!("roof wall"), json!("a wall"), true),
        ("lead.source", "containsAnyWord", json!("roof wall"), json!("roofing"), false),
        ("lead.source", "containsWordPrefix", json!("ROO ne"), json!("New-roof!"), true),
        ("lead.source", "containsWordPrefix", json!("oof"), json!("New-roof!"), false),
        ("lead.source", "containsWordPrefix", json!("new wall"), json!("New-roof!"), false),
        ("lead.source", "containsPhrase", json!("new roof"), json!("A New, roof!"), true),
        ("lead.source", "containsPhrase", json!("new roof"), json!("new flat roof"), false),
        ("lead.source", "notContainsPhrase", json!("new roof"), json!("roof new"), true),
        ("lead.email", "contains", json!(["@y.", "@x."]), json!("a@x.org"), true),
        ("lead.email", "notContains", json!(["@y.", "@x."]), json!("a@x.org"), false),
        ("lead.email", "notStartsWith", json!(["b", "c"]), json!("a@x.org"), true),
        ("lead.email", "notWildcard", json!("a?x*"), json!("a@x.org"), false),
        ("address.state", "inValueSet", json!("states"), json!("NY"), true),
        ("address.state", "inValueSet", json!("states"), json!("ca"), true),
        ("address.state", "notInValueSet", json!("states"), json!("TX"), true),
        ("address.state", "inValueSet", json!("nobody"), json!("NY"), false),
        ("address.state", "notInValueSet", json!("nobody"), json!("NY"), false),
    ]);
    let rule =
        json!({"field": "lead.source", "operator": "=", "value": "Web", "caseSensitive": true});
    let doc = json!({"lead": {"source": "web"}});
    assert!(!answer(&rule, &doc, "2026-03-10T12:00:00Z", Tz::UTC).matched);
}

#[test]
fn numbers_compare_as_numbers_wherever_they_come_from() {
    check(vec![
        ("lead.age", "greaterThan", json!(30), json!(30), false),
        ("lead.age", "greaterOrEqual", json!("30"), json!(30), true),
        ("lead.age", "lessThan", json!([30.5]), json!("30"), true),
        ("lead.age", "lessOrEqual", json!(30), json!(30.0), true),
        ("lead.age", "between", json!([30, 40]), json!(40), true),
        ("lead.age", "notBetween", json!([30, 40]), json!(41), true),
        ("lead.age", "notBetween", json!([30, 40]), json!("old"), false),
        ("questionnaire.a", "equals", json!(5), json!("5.0"), true),
        ("questionnaire.a", "notEquals", json!(5), json!("five"), true),
        ("questionnaire.a", "equals", json!("+15"), json!("15"), false),
        ("questionnaire.a", "equals", json!("9007199254740993"), json!("9007199254740992"), false),
        ("questionnaire.a", "equals", json!(true), json!("TRUE"), true),
        ("questionnaire.a", "greaterThan", json!(3), json!({"x": 1}), false),
        ("lead.isTest", "equals", json!("true"), json!(true), true),
        ("lead.isTest", "notEquals", json!(true), json!(false), true),
    ]);
}

#[test]
fn lists_match_by_whole_elements_and_files_by_status() {
    check(vec![
        ("contact.tags", "contains", json!("VIP"), json!(["vip", "new"]), true),
        ("contact.tags", "contains", json!("vi"), json!(["vip"]), false),
        ("contact.tags", "equals", json!("new"), json!(["vip", "new"]), true),
        ("contact.tags", "in", json!(["x", "new"]), json!(["vip", "new"]), true),
        ("contact.tags", "notIn", json!(["x", "new"]), json!(["vip", "new"]), false),
        ("contact.tags", "containsAll", json!(["new", "vip"]), json!(["vip", "new"]), true),
        ("contact.tags", "notContainsAll", json!(["new", "x"]), json!(["vip", "new"]), true),
        ("contact.tags", "containsAny", json!(["x", "y"]), json!(["vip"]), false),
        ("questionnaire.a", "containsNoWords", json!("b"), json!(["a", "b"]), false),
        ("file.id", "fileReady", json!(null), json!({"status": "signed"}), true),
        ("file.id", "fileReady", json!(null), json!({"status": "pending"}), false),
        ("file.id", "fileStatusEquals", json!("Viewed"), json!({"status": "viewed"}), true),
    ]);
}

#[test]
fn a_moment_equals_the_day_it_falls_on() {
    let (made, born) = ("lead.createdAt", "lead.dateOfBirth");
    let moment = || json!("2026-03-10T08:00:00Z");
    check(vec![
        (made, "equals", json!("2026-03-10"), moment(), true),
        (made, "after", json!("2026-03-10"), moment(), false),
        (made, "after", json!("2026-03-10T07:59:59Z"), moment(), true),
        (made, "before", json!("2026-03-11"), moment(), true),
        (made, "between", json!(["2026-03-01", "2026-03-10"]), moment(), true),
        (made, "on", json!("2026-03-10"), moment(), true),
        (made, "isToday", json!(""), moment(), true),
        (made, "inLast", json!({"amount": 4, "unit": "hours"}), moment(), true),
        (made, "inLast", json!({"amount": 239, "unit": "minutes"}), moment(), false),
        (made, "notInLast", json!({"amount": 239, "unit": "minutes"}), moment(), true),
        (made, "inNext", json!({"amount": 1, "unit": "days"}), json!("2026-03-11T12:00:00Z"), true),
        (
            made,
            "inNext",
            json!({"amount": 1, "unit": "days"}),
            json!("2026-03-11T12:00:01Z"),
            false,
        ),
        (made, "inCurrent", json!({"unit": "weeks"}), json!("2026-03-09T00:00:00Z"), true),
        (made, "inCurrent", json!({"unit": "weeks"}), json!("2026-03-08T23:59:59Z"), false),
        (made, "inCurrent", json!({"unit": "months"}), json!("2025-03-10T08:00:00Z"), false),
        (made, "before", json!("2026-03-11"), json!("yesterday"), false),
        (made, "notInLast", json!({"amount": 1, "unit": "days"}), json!("yesterday"), false),
        (born, "anniversary", json!("today"), json!("1990-03-10"), true),
        (born, "anniversary", json!(-10), json!("1992-02-29"), true),
        (born, "anniversary", json!(-10), json!("1992-02-28"), true),
        (born, "anniversary", json!(-9), json!("1992-02-29"), false),
    ]);
    let rule = json!({"field": born, "operator": "anniversary", "value": "today"});
    for (now, wanted) in [("2028-02-29T12:00:00Z", true), ("2028-02-28T12:00:00Z", false)] {
        let doc = json!({"lead": {"dateOfBirth": "1992-02-29"}});
        assert_eq!(answer(&rule, &doc, now, Tz::UTC).matched, wanted, "leap year, {now}");
    }
}

#[test]
fn days_and_windows_follow_the_zone_across_daylight_saving() {
    // Clocks in New York went from 02:00 to 03:00 on 8 March 2026, at 07:00 UTC.
    let day = json!({"amount": 1, "unit": "days"});
    let rows = [
        ("inLast", &day, "2026-03-08T12:00:00Z", "2026-03-07T13:00:00Z", true),
        ("inLast", &day, "2026-03-08T12:00:00Z", "2026-03-07T12:59:59Z", false),
        // The wall time 02:30 does not exist on the 8th: the window begins at 03:00.
        ("inLast", &day, "2026-03-09T06:30:00Z", "2026-03-08T07:00:00Z", true),
        ("inLast", &day, "2026-03-09T06:30:00Z", "2026-03-08T06:59:59Z", false),
        ("on", &json!("2026-03-07"), "2026-03-09T06:30:00Z", "2026-03-08T04:59:59Z", true),
        ("on", &json!("2026-03-07"), "2026-03-09T06:30:00Z", "2026-03-08T05:00:00Z", false),
        ("isToday", &Value::Null, "2026-03-08T04:00:00Z", "2026-03-07T05:00:00Z", true),
    ];
    for (operator, value, now, actual, wanted) in rows {
        let rule = json!({"field": "lead.createdAt", "operator": operator, "value": value});
        let doc = json!({"lead": {"createdAt": actual}});
        assert_eq!(answer(&rule, &doc, now, New_York).matched, wanted, "{operator} {actual}");
    }
}

#[test]
fn fields_compare_with_other_fields() {
    let doc = json!({"lead": {"createdAt": "2026-03-10T08:00:00Z", "country": "us", "age": 4},
        "contact": {"createdAt": "2026-03-09T08:00:00Z", "country": "US"}, "custom": {"n": "4.0"}});
    for (field, operator, other, wanted) in [
        ("contact.createdAt", "beforeField", "lead.createdAt", true),
        ("lead.createdAt", "afterField", "contact.createdAt", true),
        ("lead.country", "equalsField", "contact.country", true),
        ("custom.n", "equalsField", "lead.age", true),
        ("lead.country", "equalsField", "contact.state", false),
    ] {
        let rule = json!({"field": field, "operator": operator, "value": other});
        let got = answer(&rule, &doc, "2026-03-10T12:00:00Z", Tz::UTC);
        assert_eq!(got.matched, wanted, "{}", got.because());
    }
}

#[test]
fn periods_and_windows_are_counted_in_the_zone() {
    let unit = |unit: &str| json!({"unit": unit});
    let years = |amount: u8| json!({"amount": amount, "unit": "years"});
    // 10 March 2026 is a Tuesday; in New York it is still the 9th.
    for (operator, value, actual, wanted) in [
        ("inPrevious", unit("days"), "2026-03-08", true),
        ("inPrevious", unit("days"), "2026-03-09", false),
        ("inPrevious", unit("weeks"), "2026-03-02", true),
        ("inPrevious", unit("weeks"), "2026-03-09", false),
        ("inPrevious", unit("months"), "2026-02-28", true),
        ("inPrevious", unit("months"), "2026-01-31", false),
        ("inPrevious", unit("years"), "2025-01-01", true),
        ("inCurrent", unit("years"), "2026-12-31", true),
        ("inFollowing", unit("weeks"), "2026-03-16", true),
        ("inFollowing", unit("months"), "2026-05-01", false),
        ("olderThan", years(18), "2008-03-08", true),
        ("olderThan", years(18), "2008-03-09", false),
        ("laterThan", years(1), "2027-03-10", true),
        ("laterThan", years(1), "2027-03-09", false),
    ] {
        let rule = json!({"field": "lead.dateOfBirth", "operator": operator, "value": value});
        let got = answer(
            &rule,
            &json!({"lead": {"dateOfBirth": actual}}),
            "2026-03-10T03:30:00Z",
            New_York,
        );
        assert_eq!(got.matched, wanted, "{operator} {value} {actual}: {}", got.because());
    }
}

/// A value that the operator accepts.
fn fitting(takes: Takes) -> Value {
    match takes {
        Takes::Nothing => Value::Null,
        Takes::Bound | Takes::OneOrMore => json!(1),
        Takes::Range => json!([1, 2]),
        Takes::Date => json!("2026-01-01"),
        Takes::Window => json!({"amount": 1, "unit": "days"}),
        Takes::Period => json!({"unit": "days"}),
        Takes::DayOffset => json!(1),
        Takes::FieldPath => json!("custom.other"),
        _ => json!("states"),
    }
}

#[test]
fn every_operator_is_false_on_empty_unless_it_includes_empty() {
    for row in operators() {
        assert_eq!(json!(row.operator), json!(row.name), "wire name and table agree");
        assert_eq!(row.operator.row().name, row.name, "rows stand in order");
        for name in row.aliases.iter().chain([&row.name]) {
            assert_eq!(Operator::named(name), Some(row.operator), "{name} is taken once");
        }
        let (root, field) =
            if row.kinds == [Kind::File] { ("file", "file.x") } else { ("custom", "custom.x") };
        if [[Kind::Members], [Kind::Events]].iter().any(|kinds| row.kinds == kinds) {
            continue; // never empty; fields of contacts only
        }
        for actual in [json!({}), json!({"x": null}), json!({"x": " "}), json!({"x": []})] {
            for include in [false, true] {
                let slot = if row.takes == Takes::ValueSet { "valueSet" } else { "value" };
                let rule = json!({"field": field, "operator": row.name,
                    slot: fitting(row.takes), "includeEmpty": include});
                let doc = json!({root: actual});
                let got = answer(&rule, &doc, "2026-03-10T12:00:00Z", Tz::UTC).matched;
                assert_eq!(got, include || row.operator == Operator::IsEmpty, "{rule} on {doc}");
            }
        }
    }
    assert_eq!(catalogue().len(), 62);
}

#[test]
fn the_sentence_names_what_decided() {
    let rule = json!({"combinator": "and", "rules": [
        {"field": "lead.age", "operator": ">", "value": 30},
        {"combinator": "or", "not": true, "rules": [
            {"field": "address.state", "operator": "in", "value": ["CA", "NY"]}]}]});
    let now = "2026-03-10T12:00:00Z";
    let say = |doc| answer(&rule, &doc, now, Tz::UTC).because();
    assert_eq!(
        say(json!({"lead": {"age": 34}, "address": {"state": "TX"}})),
        r#"matched because lead.age 34 is greater than 30 and address.state "TX" is not in ["CA","NY"]"#
    );
    let ny = json!({"lead": {"age": 34}, "address": {"state": "ny"}});
    let got = answer(&rule, &ny, now, Tz::UTC);
    assert_eq!(got.because(), r#"did not match because address.state "ny" is in ["CA","NY"]"#);
    assert_eq!((got.leaves.len(), got.leaves[1].path.as_str()), (2, "rules[1].rules[0]"));
    assert_eq!(say(json!({})), "did not match because lead.age is empty");
}

#[test]
fn the_documentation_names_every_operator_and_field() {
    let text = include_str!("../../../../docs/rules.md");
    for row in operators() {
        let line = text.lines().find(|line| line.starts_with(&format!("| `{}` |", row.name)));
        let line = line.unwrap_or_else(|| panic!("{} is not documented", row.name));
        for alias in row.aliases {
            assert!(line.contains(&format!("`{alias}`")), "{}: {alias}", row.name);
        }
    }
    let none = Properties::default();
    let about = text.split("## Rules about contacts").nth(1).expect("a section");
    let (about, automation) = about.split_once("## Rules of an automation").expect("a section");
    let contact = About::Contact(&none).rows();
    let more = About::Automation(&none).rows().iter().copied();
    let more: Vec<_> = more.filter(|row| !contact.contains(row)).collect();
    for (section, rows) in [(text, catalogue()), (about, contact), (automation, &more)] {
        for row in rows {
            let (root, name) = row.path.split_once('.').expect("a path has a dot");
            let line = section.lines().find(|line| line.starts_with(&format!("| `{root}.` |")));
            let line = line.unwrap_or_else(|| panic!("{root} is not documented"));
            assert!(line.contains(&format!("`{name}`")), "{} is not documented", row.path);
        }
    }
}
