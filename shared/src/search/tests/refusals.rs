//! What is refused, and where.
use super::read;
use crate::search::{NESTING_MAX, NoText, SEARCH_CHARS_MAX, write};
use serde_json::json;

#[test]
fn every_refusal_says_where() {
    let mut lines = Vec::new();
    for text in [
        "",
        "  ",
        "& -",
        "AND ada",
        "OR ada",
        "ada OR",
        "ada AND",
        "ada AND AND bob",
        "ada AND OR bob",
        "NOT",
        "ada NOT AND bob",
        "(ada",
        "ada) bob",
        "()",
        "ada \"new york",
        "\"...\"",
        "\"1 2 3 4 5 6 7 8 9\"",
        "*mith",
        "ada ?mith",
        "lastName:*mith",
        "state:",
        "state: )",
        "stat:CA",
        "http://example.com",
        "ada >= 18",
        "a >= 18 stat:CA",
        ">= 18",
        "age:old",
        "age:65..18",
        "age:..",
        "age:>30d",
        "created:soon",
        "created:last0d",
        "state>(CA, NY)",
        "state:(CA NY",
        "state:(CA,,NY)",
        "state:(CA \"NY\")",
        "state:(CA",
        "state>5",
        "optOutEmail:maybe",
        "ageFrom>18",
        "email:endWith(x)",
        "email:endsWith/foo(x)",
        "email:matches(\"(\")",
        "created:inLast(soon)",
        "created:inCurrent(decade)",
        "email:isEmpty(x)",
        "event.call:eventCount(3)",
        "event>=3",
        "event:",
        "event:call>=x",
        "event:call!=1",
        "event:call:5..2",
        "event:call/30",
        "event:call/6h",
        "event:call(a, b)",
        "event:call>=3x",
        "has:",
        "has:nothing",
        "birthday:soon",
        "birthday:today+999",
        "tier:gold level:3",
    ] {
        let problems = read(text).expect_err(text);
        let problems: Vec<String> =
            problems.iter().map(|one| format!("{} {}", one.position, one.message)).collect();
        lines.push(format!("{text} | {}", problems.join(" | ")));
    }
    let wanted = include_str!("refusals.txt");
    assert_eq!(lines.join("\n"), wanted.trim_end());
}

#[test]
fn all_conditions_that_are_wrong_are_listed() {
    let problems = read("stat:CA age:old created:soon ada").unwrap_err();
    let places: Vec<usize> = problems.iter().map(|problem| problem.position).collect();
    assert_eq!(places, [0, 12, 24]);
}

#[test]
fn the_limits_hold() {
    let long = "a".repeat(SEARCH_CHARS_MAX + 1);
    assert_eq!(read(&long).unwrap_err()[0].position, SEARCH_CHARS_MAX);
    let deep = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(read(&deep(NESTING_MAX)).is_ok());
    let problems = read(&deep(NESTING_MAX + 1)).unwrap_err();
    assert_eq!(problems[0].position, NESTING_MAX, "{problems:?}");
    assert!(read(&"-".repeat(SEARCH_CHARS_MAX)).is_err());
    assert!(read(&"(".repeat(SEARCH_CHARS_MAX)).is_err());
    assert!(read(&"a OR ".repeat(1_000)).is_err());
    let many = "a:b ".repeat(300);
    assert!(read(&many).is_err());
    let nested = "(a AND ".repeat(9) + "b" + &")".repeat(9);
    let problems = read(&nested).unwrap_err();
    assert!(problems[0].message.contains("8 deep"), "{problems:?}");
}

#[test]
fn a_rule_that_has_no_text_says_why() {
    let about_leads = json!({"field": "lead.email", "operator": "isEmpty"});
    let rule = crate::rules::Rule::parse(&about_leads).unwrap();
    assert_eq!(write(&rule), Err(NoText::AboutLeads));
    let long: Vec<String> = (0..900).map(|n| format!("{n:020}")).collect();
    let long = json!({"field": "contact.city", "operator": "in", "value": long});
    let about = crate::rules::About::Contact(&crate::rules::Properties::default());
    let rule = crate::rules::Rule::parse_about(&long, about).unwrap();
    assert_eq!(write(&rule), Err(NoText::TooLong));
}
