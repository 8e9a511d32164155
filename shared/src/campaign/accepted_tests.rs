//! Accepted values: what becomes of what a lead said, and which lists are refused.
use super::*;
use serde_json::json;

fn fit(rule: Value, given: Value) -> Fit {
    let mut whole = json!({"field": "questionnaire.q"});
    whole.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
    let rule: AcceptedValues = serde_json::from_value(whole).unwrap();
    let matcher = AcceptedMatcher::compile(&rule).unwrap();
    let view = json!({"lead": {"country": "US"}, "questionnaire": {"q": given}});
    matcher.judge(&view, &Sets::new())
}

#[test]
fn a_value_becomes_the_one_that_the_buyer_knows() {
    let homes = json!({"values": ["Single Family", "Condo", "<500"],
        "synonyms": {"house": "Single Family", "Apartment": "Condo"}});
    for (rule, given, value, how) in [
        (homes.clone(), json!("Condo"), json!("Condo"), How::Exact),
        (homes.clone(), json!(" condo. "), json!("Condo"), How::Folded),
        (homes.clone(), json!("SINGLE-FAMILY"), json!("Single Family"), How::Folded),
        (homes.clone(), json!("a-part-ment"), json!("Condo"), How::Synonym),
        (json!({"values": [1, 2]}), json!("2"), json!(2), How::Exact),
        (json!({"values": [true], "type": "boolean"}), json!("yes"), json!(true), How::Exact),
        (json!({"values": [10], "type": "number"}), json!("10.0"), json!(10), How::Exact),
        (json!({"type": "phone"}), json!("(202) 555-0123"), json!("+12025550123"), How::Format),
        (
            json!({"type": "phone", "phoneFormat": "codeDigits"}),
            json!("(202) 555-0123"),
            json!("12025550123"),
            How::Format,
        ),
        (
            json!({"values": ["Single Family"], "maxEdits": 2}),
            json!("sigle famliy"),
            json!("Single Family"),
            How::Near,
        ),
        (json!({"pattern": "[A-Z]{2}"}), json!("NY"), json!("NY"), How::Format),
        (json!({"min": 1, "max": 9}), json!("9"), json!("9"), How::Format),
        (json!({"maxLength": 2}), json!("éé"), json!("éé"), How::Format),
    ] {
        let got = fit(rule.clone(), given.clone());
        assert_eq!(got, Fit::Accepted { value, how }, "{rule} {given}");
    }
}

#[test]
fn a_value_that_does_not_fit_is_refused_with_the_rule() {
    for (rule, given, says) in [
        (json!({"values": ["<500"]}), json!(">500"), "none of the 1 accepted"),
        (json!({"values": ["a"]}), json!(["a"]), "none of the 1 accepted"),
        (json!({"values": ["Condo"]}), json!("Cando"), "none of the 1 accepted"),
        (json!({"type": "number"}), json!("many"), "\"many\" is not a number"),
        (json!({"pattern": "[A-Z]{2}"}), json!("NYC"), "does not match"),
        (json!({"minLength": 2}), json!("é"), "fewer than 2"),
        (json!({"max": 9}), json!("9.01"), "more than 9"),
        (json!({"min": 1}), json!("inf"), "not a number"),
        (json!({"whenMissing": "fail"}), json!("  "), "is missing"),
    ] {
        match fit(rule.clone(), given.clone()) {
            Fit::Refused { why } => assert!(why.contains(says), "{rule} {given}: {why}"),
            other => panic!("{rule} {given}: {other:?}"),
        }
    }
    assert_eq!(fit(json!({"values": ["a"]}), json!(null)), Fit::Skipped);
}

#[test]
fn a_list_that_would_be_ambiguous_is_refused() {
    for (rule, path) in [
        (json!({"field": "lead.a", "values": ["US", "u.s."]}), "x.values[1]"),
        (json!({"field": "lead.a", "values": [{}]}), "x.values[0]"),
        (json!({"field": "lead.a", "values": ["a"], "synonyms": {"b": "c"}}), "x.synonyms.b"),
        (json!({"field": "lead.a", "pattern": "("}), "x.pattern"),
        (json!({"field": "lead.a", "pattern": "(a{900}){900}"}), "x.pattern"),
        (json!({"field": "lead.a", "minLength": 3, "maxLength": 2}), "x.minLength"),
        (json!({"field": "lead.a", "min": 3, "max": 2}), "x.min"),
        (json!({"field": "zip"}), "x.field"),
        (json!({"field": "lead.a", "maxEdits": 4}), "x.maxEdits"),
        (json!({"field": "lead.a", "phoneFormat": "e164"}), "x.phoneFormat"),
        (json!({"field": "lead.a", "instructions": " "}), "x.instructions"),
    ] {
        let rule: AcceptedValues = serde_json::from_value(rule).unwrap();
        let mut problems = Vec::new();
        rule.validate("x", &mut problems);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].path, path);
    }
}
