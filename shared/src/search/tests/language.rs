//! Every construct with the rule that it stands for.
use super::{bare, group, leaf, not, rule, text, words};
use serde_json::json;

#[test]
fn words_must_all_occur() {
    assert_eq!(rule("ada"), words("ada"));
    assert_eq!(rule("  ada\n lovelace "), words("ada lovelace"));
    assert_eq!(rule("King-Noel ada@example.com"), words("King Noel ada example com"));
    assert_eq!(rule("Smith & Sons - 12:30"), words("Smith Sons 12 30"));
    assert_eq!(rule("Ünïon and or not"), words("Ünïon and or not"));
    assert_eq!(rule("\"AND\" ada"), words("AND ada"));
    assert_eq!(rule("Smi*"), leaf("contact.words", "containsWordPrefix", json!("Smi")));
    assert_eq!(rule("King-No*"), leaf("contact.words", "containsWordPrefix", json!("King No")));
}

#[test]
fn a_wildcard_is_looked_for_in_names_email_and_company() {
    let all = ["firstName", "lastName", "email", "company"];
    let wild = |field| leaf(&format!("contact.{field}"), "wildcard", json!("Sm??h*"));
    assert_eq!(rule("Sm??h*"), group("or", all.map(wild).to_vec()));
}

#[test]
fn a_phrase_stands_in_one_field_or_across_both_names() {
    let part = |field: &str, words: &str| {
        leaf(&format!("contact.{field}"), "containsPhrase", json!(words))
    };
    let wanted = |phrase: &str, halves: Vec<serde_json::Value>| {
        let mut somewhere: Vec<_> =
            ["firstName", "lastName", "email", "company"].map(|field| part(field, phrase)).to_vec();
        somewhere.extend(halves);
        group("and", vec![words(phrase), group("or", somewhere)])
    };
    let both = |first, last| group("and", vec![part("firstName", first), part("lastName", last)]);
    let ada = wanted("Ada Lovelace", vec![both("Ada", "Lovelace")]);
    assert_eq!(rule("\"Ada  Lovelace!\""), ada);
    assert_eq!(text(&ada), "\"Ada Lovelace\"");
    let three = wanted("a b c", vec![both("a", "b c"), both("a b", "c")]);
    assert_eq!(rule("\"a b c\""), three);
    let mut negated = ada.clone();
    negated["not"] = json!(true);
    assert_eq!(rule("-\"Ada Lovelace\""), negated);
    assert_eq!(text(&negated), "-\"Ada Lovelace\"");
    assert_eq!(rule("\"ada\""), words("ada"), "one word is no phrase");
}

#[test]
fn minus_and_not_turn_an_answer_round() {
    assert_eq!(rule("-ada"), not(words("ada")));
    assert_eq!(rule("NOT ada"), not(words("ada")));
    assert_eq!(rule("-(ada bob)"), not(words("ada bob")));
    assert_eq!(rule("-ada bob"), group("and", vec![not(words("ada")), words("bob")]));
    assert_eq!(rule("--ada"), words("ada"));
    assert_eq!(rule("NOT -ada"), words("ada"));
    assert_eq!(rule("-(-(a OR b) c)")["not"], json!(true));
    let mut either = group("or", vec![words("a"), words("b")]);
    either["not"] = json!(true);
    assert_eq!(rule("-(a OR b)"), either);
    assert_eq!(rule("-state:CA"), not(leaf("contact.state", "equals", json!("CA"))));
}

#[test]
fn and_binds_closer_than_or_and_brackets_are_kept() {
    let (a, b, c) = (words("a"), words("b"), words("c"));
    assert_eq!(rule("a b OR c"), group("or", vec![words("a b"), c.clone()]));
    let both = group("and", vec![a.clone(), b.clone()]);
    assert_eq!(rule("a AND b"), both);
    assert_eq!(rule("a AND b OR c"), group("or", vec![both.clone(), c.clone()]));
    assert_eq!(rule("a AND b c"), group("and", vec![a.clone(), words("b c")]));
    let either = group("or", vec![b, c.clone()]);
    assert_eq!(rule("a (b OR c)"), group("and", vec![a, either]));
    assert_eq!(rule("(a AND b) c"), group("and", vec![both, c]));
    assert_eq!(rule("((a))"), words("a"));
    assert_eq!(rule("NOT(a)OR(b)"), group("or", vec![not(words("a")), words("b")]));
}

#[test]
fn fields_have_short_names_and_full_paths() {
    let state = leaf("contact.state", "equals", json!("CA"));
    for text in [
        "state:CA",
        "STATE:CA",
        "contact.State:CA",
        "state=CA",
        "state == CA",
        "state: CA",
        "state:\"CA\"",
    ] {
        assert_eq!(rule(text), state, "{text}");
    }
    assert_eq!(rule("zip:94107"), leaf("contact.zip", "equals", json!("94107")));
    assert_eq!(rule("tag:vip"), leaf("contact.tags", "equals", json!("vip")));
    assert_eq!(rule("tier:Gold"), leaf("property.tier", "equals", json!("Gold")));
    assert_eq!(rule("property.tier:Gold"), rule("Tier:Gold"));
    assert_eq!(rule("property.state:5"), leaf("property.state", "equals", json!(5)));
    assert_eq!(text(&leaf("property.state", "equals", json!(5))), "property.state:5");
    assert_eq!(text(&leaf("property.tier", "equals", json!("a b"))), "tier:\"a b\"");
    assert_eq!(rule("optOutEmail:True"), leaf("contact.optOutEmail", "equals", json!(true)));
    assert_eq!(rule("score:-1.5"), leaf("property.score", "equals", json!(-1.5)));
    assert_eq!(rule("state!=CA"), leaf("contact.state", "notEquals", json!("CA")));
    assert_eq!(
        rule("website:https://example.com/a"),
        leaf("contact.website", "equals", json!("https://example.com/a"))
    );
}

#[test]
fn lists_ranges_and_bounds() {
    let states = json!(["CA", "NY", "New York"]);
    assert_eq!(rule("state:(CA, NY, \"New York\")"), leaf("contact.state", "in", states.clone()));
    assert_eq!(rule("state:( CA,NY , New York )"), leaf("contact.state", "in", states.clone()));
    assert_eq!(rule("state!=(CA, NY, New York)"), leaf("contact.state", "notIn", states));
    assert_eq!(rule("age:(18, 21)"), leaf("contact.age", "in", json!([18, 21])));
    assert_eq!(rule("age:18..65"), leaf("contact.age", "between", json!([18, 65])));
    for text in ["age>=18", "age:>=18", "age >= 18", "age:18..", "ageFrom=18", "AGEFROM:18"] {
        assert_eq!(rule(text), leaf("contact.age", "greaterOrEqual", json!(18)), "{text}");
    }
    for text in ["age<=65", "age:..65", "ageTo:65"] {
        assert_eq!(rule(text), leaf("contact.age", "lessOrEqual", json!(65)), "{text}");
    }
    assert_eq!(rule("age>18"), leaf("contact.age", "greaterThan", json!(18)));
    assert_eq!(rule("age<18"), leaf("contact.age", "lessThan", json!(18)));
    let days = json!(["2026-01-01", "2026-02-01"]);
    assert_eq!(rule("created:2026-01-01..2026-02-01"), leaf("contact.createdAt", "between", days));
    let since = leaf("contact.createdAt", "greaterOrEqual", json!("2026-01-01T08:00:00+02:00"));
    assert_eq!(rule("created>=2026-01-01T08:00:00+02:00"), since);
}

#[test]
fn relative_dates() {
    let window = |amount: i64, unit: &str| json!({"amount": amount, "unit": unit});
    let created = |operator, value| leaf("contact.createdAt", operator, value);
    assert_eq!(rule("created:last30d"), created("inLast", window(30, "days")));
    assert_eq!(rule("created<30d"), created("inLast", window(30, "days")));
    assert_eq!(rule("created:last90min"), created("inLast", window(90, "minutes")));
    assert_eq!(rule("renewal:next6mo"), leaf("property.renewal", "inNext", window(6, "months")));
    assert_eq!(
        rule("lastActivity:>30d"),
        leaf("contact.lastActivityAt", "olderThan", window(30, "days"))
    );
    assert_eq!(rule("created:today"), bare("contact.createdAt", "isToday"));
    for (word, operator, unit) in [
        ("yesterday", "inPrevious", "days"),
        ("tomorrow", "inFollowing", "days"),
        ("thisWeek", "inCurrent", "weeks"),
        ("lastMonth", "inPrevious", "months"),
        ("nextYear", "inFollowing", "years"),
    ] {
        assert_eq!(rule(&format!("created:{word}")), created(operator, json!({"unit": unit})));
    }
    let born = |days| leaf("contact.dateOfBirth", "anniversary", days);
    assert_eq!(rule("birthday:today"), born(json!("today")));
    assert_eq!(rule("birthday:today+7"), born(json!(7)));
    assert_eq!(rule("birthday:today-3"), born(json!(-3)));
    assert_eq!(
        rule("renewal:anniversary(today+7)"),
        leaf("property.renewal", "anniversary", json!(7))
    );
    assert_eq!(rule("industry:today"), leaf("contact.industry", "equals", json!("today")));
}

#[test]
fn membership_and_presence() {
    let segment = "seg_018f2b7e5d6a7c3e9f001122aabbccdd";
    let member = |operator| leaf("contact.segments", operator, json!(segment));
    assert_eq!(rule(&format!("segment:{segment}")), member("memberOf"));
    assert_eq!(rule(&format!("-segment:{segment}")), member("notMemberOf"));
    assert_eq!(rule(&format!("NOT segment!={segment}")), member("memberOf"));
    assert_eq!(
        rule("campaign:(cmp_a, cmp_b)"),
        leaf("contact.campaigns", "memberOf", json!(["cmp_a", "cmp_b"]))
    );
    assert_eq!(rule("qualifiedIn:cmp_a"), leaf("contact.qualifiedIn", "memberOf", json!("cmp_a")));
    assert_eq!(rule("has:email"), bare("contact.email", "isNotEmpty"));
    assert_eq!(rule("email:*"), bare("contact.email", "isNotEmpty"));
    assert_eq!(rule("-has:email"), bare("contact.email", "isEmpty"));
    assert_eq!(rule("-has:tier"), bare("property.tier", "isEmpty"));
}

#[test]
fn patterns_and_operators_by_name() {
    assert_eq!(rule("lastName:Smi*"), leaf("contact.lastName", "startsWith", json!("Smi")));
    assert_eq!(rule("lastName:Sm??h"), leaf("contact.lastName", "wildcard", json!("Sm??h")));
    assert_eq!(
        rule("email:a*@example.com"),
        leaf("contact.email", "wildcard", json!("a*@example.com"))
    );
    assert_eq!(rule("lastName:\"Smi*\""), leaf("contact.lastName", "equals", json!("Smi*")));
    assert_eq!(
        rule("email:endsWith(\"@example.com\")"),
        leaf("contact.email", "endsWith", json!("@example.com"))
    );
    assert_eq!(
        rule(r#"email:matches("^a\d+\"")"#),
        leaf("contact.email", "matches", json!(r#"^a\d+""#))
    );
    assert_eq!(
        rule("tag:containsAll(a, b)"),
        leaf("contact.tags", "containsAll", json!(["a", "b"]))
    );
    let empty = json!({"field": "contact.state", "operator": "notIn", "value": ["CA", "NY"], "includeEmpty": true});
    assert_eq!(rule("state:notIn/empty(CA, NY)"), empty);
    let case = json!({"field": "contact.state", "operator": "equals", "value": "CA", "caseSensitive": true});
    assert_eq!(rule("state:equals/case(CA)"), case);
    assert_eq!(
        rule("updated:afterField(created)"),
        leaf("contact.updatedAt", "afterField", json!("contact.createdAt"))
    );
    let set = json!({"field": "contact.zip", "operator": "inValueSet", "valueSet": "west zips"});
    assert_eq!(rule("zip:inValueSet(\"west zips\")"), set);
    assert_eq!(
        rule("created:inCurrent(day)"),
        leaf("contact.createdAt", "inCurrent", json!({"unit": "days"}))
    );
    assert_eq!(
        rule("created:notInLast(4w)"),
        leaf("contact.createdAt", "notInLast", json!({"amount": 4, "unit": "weeks"}))
    );
    assert_eq!(rule("created:isToday/empty()")["includeEmpty"], json!(true));
}

#[test]
fn counts_of_events() {
    let visits = |count| leaf("event.page_visit", "eventCount", count);
    assert_eq!(rule("event:page_visit"), visits(json!({"atLeast": 1})));
    assert_eq!(rule("event:page_visit>=3"), visits(json!({"atLeast": 3})));
    assert_eq!(rule("event:page_visit > 3"), visits(json!({"atLeast": 4})));
    assert_eq!(rule("event:page_visit<3"), visits(json!({"atMost": 2})));
    assert_eq!(rule("event:page_visit=0"), visits(json!({"atLeast": 0, "atMost": 0})));
    assert_eq!(rule("event:page_visit:2..5"), visits(json!({"atLeast": 2, "atMost": 5})));
    let pricing =
        json!({"atLeast": 3, "name": "/pricing", "within": {"amount": 30, "unit": "days"}});
    assert_eq!(rule("event:page_visit(\"/pricing\")>=3/30d"), visits(pricing));
    let lately = json!({"atLeast": 1, "within": {"amount": 2, "unit": "weeks"}});
    assert_eq!(rule("(event:page_visit/2w)"), visits(lately));
}

#[test]
fn rules_are_written_shortly() {
    for short in [
        "ada lovelace",
        "ada AND lovelace",
        "ada Smi* Sm??h \"new york\" -\"los angeles\"",
        "state:CA state!=NY age>=18 age<18 age:18..65",
        "(state:CA OR state:NY) -(ada bob) -has:email has:phone",
        "tag:vip tag:(a, b) -segment:seg_a campaign:(cmp_a, cmp_b)",
        "created:last30d lastActivity:>2w birthday:today+7 created:thisWeek created:yesterday",
        "event:page_visit(\"/a\\\"b\")<=3/30d event:call",
        "email:endsWith(\"@a b\") state:notEquals/empty/case(CA) zip:inValueSet(zips)",
        "\"AND\" x a:b".strip_suffix(" a:b").unwrap(),
    ] {
        assert_eq!(text(&rule(short)), short);
    }
}
