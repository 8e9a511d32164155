//! Edge tables for response rules.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, body: Bytes::from(body.to_owned()), ..Answer::default() }
}

fn at() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-01-31T12:00:00Z").unwrap().to_utc()
}

fn classifier(rules: Value) -> ResponseClassifier {
    let rules: ResponseRules = serde_json::from_value(rules).expect("readable rules");
    rules.compile().expect("sound rules")
}

fn one(when: &Value) -> ResponseClassifier {
    classifier(json!({"rules": [{"outcome": "accepted", "when": when}]}))
}

const XML: &str =
    "<r ok='1'><l><s>x</s></l><l><s> OK </s></l><price>12.50</price><id/><id>77</id></r>";

#[test]
fn each_condition_holds_where_it_says_and_nowhere_else() {
    let json_ok = r#"{"success":true,"n":1.0,"list":[{"s":"x"},{"s":"OK"}]}"#;
    for (when, status, body, holds) in [
        (json!({"status": [200]}), 200, "", true),
        (json!({"status": [200]}), 201, "", false),
        (json!({"status": ["2xx"]}), 299, "", true),
        (json!({"status": ["2xx"]}), 300, "", false),
        (json!({"status": ["400-404", 409]}), 404, "", true),
        (json!({"status": ["400-404", 409]}), 405, "", false),
        (json!({"text": {"contains": "Matched"}}), 200, "<r>Matched</r>", true),
        (json!({"text": {"contains": "Matched"}}), 200, "<r>matched</r>", false),
        (json!({"text": {"equals": "OK"}}), 200, "\u{feff}OK\n", true),
        (json!({"text": {"equals": "OK"}}), 200, "OK not", false),
        (json!({"text": {"matches": "(?i)^ok\\b"}}), 200, "Ok then", true),
        (json!({"jsonPath": {"path": "$.success", "equals": true}}), 200, json_ok, true),
        (json!({"jsonPath": {"path": "$.success", "equals": "true"}}), 200, json_ok, false),
        (json!({"jsonPath": {"path": "$.n", "equals": 1}}), 200, json_ok, true),
        (json!({"jsonPath": {"path": "$.list[*].s", "in": ["OK", "FINE"]}}), 200, json_ok, true),
        (json!({"jsonPath": {"path": "$..s", "matches": "^OK$"}}), 200, json_ok, true),
        (json!({"jsonPath": {"path": "$.list[?@.s=='OK']", "exists": true}}), 200, json_ok, true),
        (json!({"jsonPath": {"path": "$.error", "exists": false}}), 200, json_ok, true),
        (json!({"jsonPath": {"path": "$.error", "exists": false}}), 200, "<html>", false),
        (json!({"jsonPath": {"path": "$.error", "exists": false}}), 200, "", false),
        (json!({"xmlPath": {"path": "/r/@ok", "equals": "1"}}), 200, XML, true),
        (json!({"xmlPath": {"path": "/r/@ok", "equals": "2"}}), 200, XML, false),
        (json!({"xmlPath": {"path": "//s", "in": ["FINE", "OK"]}}), 200, XML, true),
        (json!({"xmlPath": {"path": "/r/l[2]/s", "matches": "^O"}}), 200, XML, true),
        (json!({"xmlPath": {"path": "/r/l[1]/s", "matches": "^O"}}), 200, XML, false),
        (json!({"xmlPath": {"path": "/r/error", "exists": false}}), 200, XML, true),
        (json!({"xmlPath": {"path": "/r/error", "exists": false}}), 200, "<r>", false),
        (json!({"xmlPath": {"path": "/r/error", "exists": false}}), 200, json_ok, false),
        (json!({"xmlPath": {"path": "/r", "exists": true}, "status": [201]}), 200, XML, false),
        (json!({"status": [200], "text": {"contains": "no"}}), 200, "yes", false),
    ] {
        let outcome = one(&when).classify(&answer(status, body), at()).outcome;
        let wanted = if holds { Outcome::Accepted } else { Outcome::Unclassified };
        assert_eq!(outcome, wanted, "{when} on {status} {body}");
    }
}

#[test]
fn without_a_rule_nothing_is_a_success() {
    let none = classifier(json!({"rules": []}));
    for (status, outcome) in [
        (200, Outcome::Unclassified),
        (201, Outcome::Unclassified),
        (302, Outcome::Unclassified),
        (400, Outcome::Unclassified),
        (410, Outcome::Unclassified),
        (429, Outcome::Retry),
        (500, Outcome::Retry),
        (503, Outcome::Retry),
        (599, Outcome::Retry),
        (600, Outcome::Unclassified),
    ] {
        let told = none.classify(&answer(status, "ok"), at());
        assert_eq!((told.outcome, told.rule_index), (outcome, None), "{status}");
    }
}

#[test]
fn the_first_rule_that_holds_decides_and_brings_its_reason() {
    let rules = classifier(json!({
        "rules": [
            {"outcome": "duplicate", "when": {"text": {"contains": "dup"}}, "reason": {"text": "known to them"}},
            {"outcome": "rejected", "when": {"status": ["2xx"], "jsonPath": {"path": "$.ok", "equals": false}},
             "reason": {"jsonPath": "$.why"}},
            {"outcome": "rejected", "when": {"status": [422]}, "reason": {"regex": "<msg>(.*?)</msg>"}},
            {"outcome": "accepted", "when": {"jsonPath": {"path": "$.ok", "equals": true}}}],
        "buyerLeadId": {"jsonPath": "$.id"},
        "price": {"from": {"jsonPath": "$.price"}, "currency": "USD"}
    }));
    for (status, body, outcome, index, reason, id, cents) in [
        (
            200,
            r#"{"ok":true,"id":77,"price":12.5}"#,
            Outcome::Accepted,
            3,
            None,
            Some("77"),
            Some(1250),
        ),
        (
            200,
            r#"{"ok":true,"id":"dup"}"#,
            Outcome::Duplicate,
            0,
            Some("known to them"),
            Some("dup"),
            None,
        ),
        (
            200,
            r#"{"ok":false,"why":" age ","price":9}"#,
            Outcome::Rejected,
            1,
            Some("age"),
            None,
            None,
        ),
        (422, "<msg>no zip</msg>", Outcome::Rejected, 2, Some("no zip"), None, None),
    ] {
        let told = rules.classify(&answer(status, body), at());
        assert_eq!((told.outcome, told.rule_index), (outcome, Some(index)), "{body}");
        assert_eq!(told.reason.as_deref(), reason, "{body}");
        assert_eq!(told.buyer_lead_id.as_deref(), id, "{body}");
        assert_eq!(told.price.map(|p| p.minor_units), cents, "{body}");
    }
    let odd = rules.classify(&answer(200, r#"{"ok":true,"price":"1.250,00"}"#), at());
    assert_eq!(odd.price, None);
    assert_eq!(odd.notes, ["price \"1.250,00\" cannot be read"]);
}

#[test]
fn an_xml_answer_brings_reason_id_and_price() {
    let rules = classifier(json!({
        "rules": [{"outcome": "delivered", "when": {"xmlPath": {"path": "/r/@ok", "equals": "1"}},
            "reason": {"xmlPath": "/r/l[2]/s"}}],
        "buyerLeadId": {"xmlPath": "/r/id"},
        "price": {"from": {"xmlPath": "//price"}, "currency": "USD"}
    }));
    let told = rules.classify(&answer(200, XML), at());
    assert_eq!((told.outcome, told.reason.as_deref()), (Outcome::Delivered, Some("OK")));
    assert_eq!(told.buyer_lead_id.as_deref(), Some("77"));
    assert_eq!(told.price.map(|p| p.minor_units), Some(1250));
    let mut cut = answer(200, XML);
    cut.cut = true;
    assert_eq!(rules.classify(&cut, at()).outcome, Outcome::Unclassified);
}

#[test]
fn each_rule_says_whether_it_holds() {
    let rules = classifier(json!({"rules": [
        {"outcome": "rejected", "when": {"status": [400]}},
        {"outcome": "accepted", "when": {"status": [200]}},
        {"outcome": "duplicate", "when": {"text": {"contains": "dup"}}}]}));
    assert_eq!(rules.held(&answer(200, "dup")), [false, true, true]);
}

#[test]
fn a_header_decides_whatever_its_case() {
    let rules = one(&json!({"header": {"name": "X-Result", "equals": "sold"}}));
    let mut told = answer(200, "");
    told.headers = vec![("x-result".into(), "no".into()), ("X-RESULT".into(), " sold ".into())];
    assert_eq!(rules.classify(&told, at()).outcome, Outcome::Accepted);
}

#[test]
fn a_wait_is_told_only_with_a_retry() {
    let rules = classifier(json!({"rules": [{"outcome": "rejected", "when": {"status": [503]}}]}));
    let mut told = answer(429, "");
    told.headers =
        vec![("Retry-After".into(), "nonsense".into()), ("retry-after".into(), "120".into())];
    assert_eq!(rules.classify(&told, at()).retry_after, Some(Duration::from_secs(120)));
    told.status = 503;
    assert_eq!(rules.classify(&told, at()).retry_after, None);
}

#[test]
fn a_cut_body_is_no_json_and_equals_nothing() {
    let rules = classifier(json!({"rules": [
        {"outcome": "accepted", "when": {"jsonPath": {"path": "$.ok", "exists": true}}},
        {"outcome": "accepted", "when": {"text": {"equals": "{\"ok\":1}"}}}]}));
    let mut told = answer(200, r#"{"ok":1}"#);
    told.cut = true;
    assert_eq!(rules.classify(&told, at()).outcome, Outcome::Unclassified);
}

#[test]
fn a_rule_that_would_match_anything_or_cost_too_much_is_refused() {
    for (when, path) in [
        (json!({}), "r.rules[0].when"),
        (json!({"text": {"matches": ".*"}}), "r.rules[0].when.text.matches"),
        (json!({"text": {"contains": ""}}), "r.rules[0].when.text.contains"),
        (json!({"text": {}}), "r.rules[0].when.text"),
        (json!({"text": {"equals": "a", "contains": "a"}}), "r.rules[0].when.text"),
        (json!({"text": {"matches": "(a{900}){900}"}}), "r.rules[0].when.text.matches"),
        (json!({"status": []}), "r.rules[0].when.status"),
        (json!({"status": ["2x"]}), "r.rules[0].when.status[0]"),
        (json!({"status": [200, "404-400"]}), "r.rules[0].when.status[1]"),
        (json!({"status": ["9xx"]}), "r.rules[0].when.status[0]"),
        (json!({"header": {"name": "a b", "equals": "x"}}), "r.rules[0].when.header.name"),
        (json!({"jsonPath": {"path": "success", "exists": true}}), "r.rules[0].when.jsonPath.path"),
        (json!({"jsonPath": {"path": "$..*..*", "exists": true}}), "r.rules[0].when.jsonPath.path"),
        (json!({"jsonPath": {"path": "$[*,*]", "exists": true}}), "r.rules[0].when.jsonPath.path"),
        (
            json!({"jsonPath": {"path": "$[?count($.*)>1]", "exists": true}}),
            "r.rules[0].when.jsonPath.path",
        ),
        (json!({"jsonPath": {"path": "$.a"}}), "r.rules[0].when.jsonPath"),
        (json!({"xmlPath": {"path": "a", "exists": true}}), "r.rules[0].when.xmlPath.path"),
        (json!({"xmlPath": {"path": "/a"}}), "r.rules[0].when.xmlPath"),
        (json!({"xmlPath": {"path": "/a", "in": []}}), "r.rules[0].when.xmlPath.in"),
        (json!({"xmlPath": {"path": "/a", "matches": "a?"}}), "r.rules[0].when.xmlPath.matches"),
    ] {
        let rules = json!({"rules": [{"outcome": "accepted", "when": when}]});
        let rules: ResponseRules = serde_json::from_value(rules).unwrap();
        let mut problems = Vec::new();
        rules.validate("r", &mut problems);
        assert_eq!(problems.len(), 1, "{when}: {problems:?}");
        assert_eq!(problems[0].path, path, "{when}");
    }
    for unknown in [
        json!({"rules": [{"outcome": "unclassified", "when": {"status": [200]}}]}),
        json!({"default": 1}),
    ] {
        assert!(serde_json::from_value::<ResponseRules>(unknown).is_err());
    }
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(status in any::<u16>(), body in proptest::collection::vec(any::<u8>(), 0..60)) {
        let rules = classifier(json!({
            "rules": [{"outcome": "accepted", "when": {"jsonPath": {"path": "$..a", "matches": "x"}}}],
            "buyerLeadId": {"regex": "id=(\\d+)?"}, "price": {"from": {"text": "1"}, "currency": "USD"}}));
        let answer = Answer { status, body: body.into(), ..Answer::default() };
        let _ = rules.classify(&answer, at());
    }

    #[test]
    fn no_path_makes_the_check_panic(path in "[$.\\[\\]?@*,'a-z0-9()<>=!&|: -]{0,30}") {
        let _ = Extract { json_path: Some(path), ..Extract::default() }.compile("x");
    }
}
