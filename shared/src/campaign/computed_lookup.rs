//! Lookup tables: named maps of a campaign that computed keys look values up in.

use std::collections::{BTreeMap, HashMap};

use minijinja::Value as Computed;
use minijinja::value::Object;
use regex::Regex;
use serde_json::Value;

use super::accepted::VALUE_MAX_BYTES;
use super::fold::fold_key;
use super::problem::{Problem, refuse};
use super::view::scalar_text;

/// Most lookup tables of one campaign.
pub const LOOKUPS_MAX: usize = 20;

/// Most entries of one table.
pub const LOOKUP_ENTRIES_MAX: usize = 5_000;

/// Longest name of a table, in bytes.
const NAME_MAX_BYTES: usize = 64;

/// Where the `lookup` filter finds the tables. No expression can write a name with a space in it.
pub(super) const TABLES: &str = "the tables";

/// By the table's name: what is looked up → what is found.
pub type Lookups = BTreeMap<String, BTreeMap<String, Value>>;

/// Checks a campaign's tables.
pub fn validate_lookups(lookups: &Lookups, at: &str, problems: &mut Vec<Problem>) {
    if lookups.len() > LOOKUPS_MAX {
        return refuse(problems, at, format!("more than {LOOKUPS_MAX} lookup tables"));
    }
    for (name, table) in lookups {
        let here = format!("{at}.{name}");
        let is_word = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !is_word || name.is_empty() || name.len() > NAME_MAX_BYTES {
            refuse(
                problems,
                &*here,
                format!("must have a name of 1 to {NAME_MAX_BYTES} letters, digits, `_` or `-`"),
            );
        }
        if table.len() > LOOKUP_ENTRIES_MAX {
            refuse(problems, &*here, format!("more than {LOOKUP_ENTRIES_MAX} entries"));
            continue;
        }
        check_entries(table, &here, problems);
    }
}

fn check_entries(table: &BTreeMap<String, Value>, at: &str, problems: &mut Vec<Problem>) {
    let mut seen: HashMap<String, &Value> = HashMap::new();
    for (key, value) in table {
        let here = format!("{at}.{key}");
        if key.trim().is_empty() || key.len() > VALUE_MAX_BYTES {
            refuse(problems, &*here, format!("is empty or longer than {VALUE_MAX_BYTES} bytes"));
        }
        match scalar_text(value) {
            None => refuse(problems, &*here, "is neither text, number nor boolean"),
            Some(text) if text.len() > VALUE_MAX_BYTES => {
                refuse(problems, &*here, format!("leads to more than {VALUE_MAX_BYTES} bytes"));
            }
            Some(_) => {}
        }
        if seen.insert(fold_key(key), value).is_some_and(|other| other != value) {
            refuse(problems, here, "another spelling of it leads to another value");
        }
    }
}

/// Refuses an expression that names a table which the campaign does not have; the error says which and at what byte.
pub(super) fn unknown_table<'s>(source: &'s str, lookups: &Lookups) -> Option<(usize, &'s str)> {
    // The pattern is fixed and covered by a test.
    let named = Regex::new(r#"\|\s*lookup\(\s*(?:'([^'\\]*)'|"([^"\\]*)")\s*[,)]"#)
        .expect("a fixed pattern");
    named.captures_iter(source).find_map(|found| {
        let name = found.get(1).or_else(|| found.get(2))?;
        (!lookups.contains_key(name.as_str())).then(|| (name.start() - 1, name.as_str()))
    })
}

/// The tables, ready to be asked.
#[derive(Debug)]
pub(super) struct Tables(HashMap<String, Table>);

#[derive(Debug)]
struct Table {
    exact: HashMap<String, Computed>,
    folded: HashMap<String, Computed>,
}

impl Object for Tables {}

impl Tables {
    pub(super) fn of(lookups: &Lookups) -> Self {
        let ready = |table: &BTreeMap<String, Value>| Table {
            exact: table
                .iter()
                .map(|(k, v)| (k.trim().to_owned(), Computed::from_serialize(v)))
                .collect(),
            folded: table.iter().map(|(k, v)| (fold_key(k), Computed::from_serialize(v))).collect(),
        };
        Self(lookups.iter().map(|(name, table)| (name.clone(), ready(table))).collect())
    }

    /// What the table says about the text; an error when there is no such table.
    pub(super) fn find(&self, table: &str, text: &str) -> Result<Option<Computed>, String> {
        let table =
            self.0.get(table).ok_or_else(|| format!("there is no lookup table \"{table}\""))?;
        let found = table.exact.get(text.trim()).or_else(|| table.folded.get(&fold_key(text)));
        Ok(found.cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lookups(given: Value) -> Lookups {
        serde_json::from_value(given).unwrap()
    }

    #[test]
    fn a_table_is_asked_exactly_first_and_then_without_case_and_accents() {
        let tables = Tables::of(&lookups(json!({"states": {"CA": "California", "Québec": 7}})));
        for (text, found) in [
            (" CA ", Some("California")),
            ("c.a.", Some("California")),
            ("quebec", Some("7")),
            ("TX", None),
        ] {
            let got = tables.find("states", text).unwrap().map(|value| value.to_string());
            assert_eq!(got.as_deref(), found, "{text}");
        }
        assert_eq!(tables.find("cities", "x").unwrap_err(), "there is no lookup table \"cities\"");
    }

    #[test]
    fn a_table_that_cannot_work_is_refused_with_its_place() {
        let mut problems = Vec::new();
        let given = lookups(json!({
            "a b": {}, "ok": {"US": 1, "u.s.": 2, " ": 1, "x": [], "same": 3, "SAME": 3}
        }));
        validate_lookups(&given, "lookups", &mut problems);
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "lookups.a b: must have a name of 1 to 64 letters, digits, `_` or `-`",
                "lookups.ok. : is empty or longer than 500 bytes",
                "lookups.ok.u.s.: another spelling of it leads to another value",
                "lookups.ok.x: is neither text, number nor boolean",
            ]
        );
    }

    #[test]
    fn a_name_that_is_not_there_is_found_wherever_it_stands() {
        let known = lookups(json!({"states": {}}));
        for (source, unknown) in [
            ("a | lookup('states')", None),
            ("a | lookup( \"stats\" , 'x')", Some("stats")),
            ("{{ a | lookup('states') }} {{ b|lookup('c') }}", Some("c")),
            ("a | lookup({'CA': 'x'})", None),
        ] {
            assert_eq!(unknown_table(source, &known).map(|(_, name)| name), unknown, "{source}");
        }
    }
}
