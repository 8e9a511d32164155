//! Rules that no compiler checks. Reads the source files as text.
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines of a file, at most.
const LINES_MAX: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("shared lies in the workspace").into()
}

/// Every Rust file below the folders, with its path from the workspace's root.
fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(!found.is_empty(), "no source in {folders:?}");
    found.sort();
    found
}

const ALL: [&str; 11] = [
    "src",
    "api/src",
    "worker/src",
    "scheduler/src",
    "shared/src",
    "worker/tests",
    "shared/tests",
    "api/tests",
    "fakes/src",
    "fakes/tests",
    "tests",
];

fn existing() -> Vec<&'static str> {
    ALL.into_iter().filter(|folder| root().join(folder).is_dir()).collect()
}

#[test]
fn every_file_says_what_it_is_and_fits_in_one_sitting() {
    for (path, text) in sources(&existing()) {
        assert!(text.starts_with("//! "), "{path}: say in line 1 what this file is");
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{path} has {lines} lines; split it");
    }
}

#[test]
fn stages_touch_nothing() {
    let forbidden = [
        "async ",
        ".await",
        "sqlx",
        "reqwest::",
        "Utc::now",
        "rand::",
        "SystemTime",
        "Instant",
        ".sql(",
    ];
    for (path, text) in sources(&["shared/src/stages"]) {
        for word in forbidden {
            assert!(!text.contains(word), "{path} must stay pure, yet says `{word}`");
        }
    }
}

#[test]
fn every_stage_file_opens_with_its_question() {
    let mut numbers = Vec::new();
    for (path, text) in sources(&["shared/src/stages"]) {
        let name = path.rsplit('/').next().unwrap();
        let Some(number) = name.strip_prefix('s').and_then(|rest| rest.chars().next()) else {
            continue;
        };
        if !number.is_ascii_digit() {
            continue;
        }
        let first = text.lines().next().unwrap();
        let opens = first.starts_with(&format!("//! Stage {number}: ")) && first.ends_with('?');
        assert!(opens, "{path} opens with {first}");
        numbers.push(number);
    }
    // A stage may be more than one file, each with its own question.
    numbers.dedup();
    assert_eq!(numbers, ['1', '2', '3', '4', '5', '6', '7', '8', '9']);
}

#[test]
fn only_the_queue_names_apalis_and_redis() {
    for (path, text) in sources(&["src", "api/src", "worker/src", "scheduler/src", "shared/src"]) {
        if path.starts_with("shared/src/queue") || path.starts_with("shared/src/testing") {
            continue;
        }
        for word in ["apalis::", "apalis_core::", "redis::", "use redis", "use apalis"] {
            let named =
                text.lines().any(|line| line.contains(word) && !line.contains("Queue::redis("));
            assert!(!named, "{path} names `{word}`");
        }
    }
}

#[test]
fn only_the_store_contains_sql() {
    let verbs = ["\"SELECT ", "\"INSERT INTO ", "\"UPDATE ", "\"DELETE FROM ", ".sql("];
    for (path, text) in sources(&["src", "api/src", "worker/src", "scheduler/src", "shared/src"]) {
        if path.starts_with("shared/src/store") || path.starts_with("shared/src/testing") {
            continue;
        }
        for verb in verbs {
            assert!(!text.contains(verb), "{path} contains SQL: {verb}");
        }
    }
}

#[test]
fn api_worker_and_scheduler_do_not_know_each_other() {
    for part in ["api", "worker", "scheduler"] {
        let manifest = fs::read_to_string(root().join(part).join("Cargo.toml")).unwrap();
        for other in ["api", "worker", "scheduler"].into_iter().filter(|other| *other != part) {
            let names =
                manifest.lines().any(|line| line.starts_with(&format!("{other}.workspace")));
            assert!(!names, "{part} depends on {other}");
        }
    }
    let api = fs::read_to_string(root().join("api/Cargo.toml")).unwrap();
    assert!(!api.contains("reqwest"), "the API sends nothing out");
}

/// The command itself may: its demo plays both sides.
#[test]
fn no_part_of_the_product_contains_the_fakes() {
    for part in ["api", "worker", "scheduler", "shared"] {
        let manifest = fs::read_to_string(root().join(part).join("Cargo.toml")).unwrap();
        let linked = manifest.split("\n[").filter(|section| section.starts_with("dependencies]"));
        for section in linked {
            assert!(!section.contains("fakes"), "{part} depends on the fakes");
        }
    }
    let manifest = fs::read_to_string(root().join("fakes/Cargo.toml")).unwrap();
    let linked = manifest.split("\n[").filter(|section| section.starts_with("dependencies]"));
    for section in linked {
        for part in ["api", "worker", "scheduler", "shared", "leadrail"] {
            let names = section.lines().any(|line| line.starts_with(part));
            assert!(!names, "the fakes depend on {part}: they would share its mistakes");
        }
    }
}

/// What both engines read, but not in the same way; and what to write instead.
const NOT_SHARED: &[(&str, &str)] = &[
    ("now()", "bind the time"),
    ("current_timestamp", "bind the time"),
    ("interval '", "compute in Rust"),
    ("::", "CAST(x AS T)"),
    (" ilike ", "search a normalised column"),
    (" lower(", "normalise in Rust"),
    (" upper(", "normalise in Rust"),
    ("distinct on", "ROW_NUMBER()"),
    ("lateral", "a subquery"),
    ("any($", "ROWS($1: …)"),
    ("for update", "{pg: FOR UPDATE}"),
    ("@>", "a column"),
    ("to_char", "compute in Rust"),
    ("date_trunc", "compute in Rust"),
    ("gen_random_uuid", "bind an id"),
    ("json_build", "build in Rust"),
    ("default values", "name the columns"),
];

/// The SQL texts of a source: every string literal that begins with a verb or a clause of SQL.
fn sql_texts(source: &str) -> Vec<String> {
    let begins = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WHERE ", "WITH "];
    source
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|text| begins.iter().any(|begin| text.starts_with(begin)))
        .map(str::to_owned)
        .collect()
}

/// The text without what is there on one engine only.
fn shared_part(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        out.push_str(&rest[..start]);
        // One that is open at the end of a literal goes on in the next one of a `concat!`.
        let length = rest[start..].find('}').map_or(rest.len() - start, |end| end + 1);
        rest = &rest[start + length..];
    }
    format!(" {} ", (out + rest).to_lowercase().split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn shared_sql_means_the_same_on_both_engines() {
    let mut seen = 0;
    for (path, source) in sources(&["shared/src/store"]) {
        if path.ends_with("dialect.rs") {
            continue; // shows both engines' texts in its tests
        }
        if path.starts_with("shared/src/store/select/") {
            continue; // writes each engine's own text; tests/select proves that they mean the same
        }
        for text in sql_texts(&source) {
            seen += 1;
            let text = shared_part(&text);
            for (word, instead) in NOT_SHARED {
                assert!(!text.contains(word), "{path}: `{word}` in {text}; write {instead}");
            }
            assert!(!text.contains("->>") || text.contains("cast("), "{path}: bare ->> in {text}");
            let sums = text.contains(" sum(") || text.contains(" avg(");
            assert!(!sums || text.contains("cast("), "{path}: SUM without CAST in {text}");
        }
    }
    assert!(seen > 40, "the lint found only {seen} texts");
}

#[test]
fn the_lint_sees_what_it_looks_for() {
    let bad = ["SELECT now()", "SELECT x::text", "SELECT 1 FOR UPDATE", "SELECT a ILIKE $1"];
    for text in bad {
        let text = shared_part(text);
        assert!(NOT_SHARED.iter().any(|(word, _)| text.contains(word)), "{text}");
    }
    assert_eq!(shared_part("SELECT 1{pg:  FOR UPDATE} x"), " select 1 x ");
    let source = r#"a.sql("SELECT 1").b.sql(concat!(x!(), "WHERE t")).c("other")"#;
    assert_eq!(sql_texts(source), ["SELECT 1", "WHERE t"]);
}
