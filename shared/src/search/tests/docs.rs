//! Every example of `docs/search.md` is read, and stands for the rule beside it.
use super::{own, read, rule};
use crate::rules::{About, Rule};
use serde_json::Value;

const PAGE: &str = include_str!("../../../../docs/search.md");

/// The text between the first pair of backquotes, if the cell is nothing else.
fn code(cell: &str) -> Option<&str> {
    cell.trim().strip_prefix('`')?.strip_suffix('`')
}

#[test]
fn every_example_of_the_page_is_as_it_says() {
    let mut examples = 0;
    for line in PAGE.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let [text, _, written] = cells.as_slice() else { continue };
        let Some(text) = code(text) else { continue };
        let found = rule(text);
        examples += 1;
        if let Some(written) = code(written) {
            let json: Value = serde_json::from_str(written).expect(written);
            let wanted = Rule::parse_about(&json, About::Contact(&own())).expect(written);
            assert_eq!(found, wanted.to_value(), "{text}");
        }
    }
    let rows = PAGE.lines().filter(|line| line.starts_with("| `")).count();
    assert!(examples == rows && rows > 50, "{examples} examples of {rows} were looked at");
}

#[test]
fn the_page_shows_what_is_said_of_a_wrong_text() {
    let blocks: Vec<&str> = PAGE.split("```").collect();
    read(blocks[1].trim()).expect("the first example");
    let shown: Value = serde_json::from_str(blocks[3].trim_start_matches("json")).expect("JSON");
    let problems = read("stat:CA age:old").expect_err("two problems");
    assert_eq!(serde_json::to_value(problems).expect("JSON"), shown);
}
