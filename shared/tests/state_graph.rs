//! The state graph in docs/ARCHITECTURE.md is the one that the code prints.
use shared::submission::state::mermaid;
use std::{fs, path::Path};

#[test]
fn the_drawn_life_of_a_submission_is_the_real_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ARCHITECTURE.md");
    let text = fs::read_to_string(&path).unwrap();
    let begin = "<!-- state graph: printed by shared::submission::state::mermaid -->";
    let (_, after) = text.split_once(begin).expect("the page has a place for the graph");
    let (drawn, _) = after.split_once("<!-- end -->").expect("the place has an end");
    let drawn: Vec<&str> = drawn.lines().filter(|line| !line.starts_with("```")).collect();
    let printed = mermaid();
    assert_eq!(drawn.join("\n").trim(), printed, "put this into {}:\n{printed}", path.display());
}
