//! The two-level shape that LeadSail's rule builder writes, read into the same tree.
//!
//! `{name?, isActive?, logicalOperator, subRules: [{logicalOperator, conditions: [{field, operator, value: […], valueSetId}]}]}`:
//! groups joined by the outer operator, conditions by the inner one. Problems name the places of this shape.

use serde_json::{Map, Value, json};

use super::field::Field;
use super::literal;
use super::operator::{Operator, Takes};
use super::parse::Parser;
use super::{Combinator, Group, Node};

const RULE_KEYS: &[&str] = &["name", "isActive", "logicalOperator", "subRules"];
const GROUP_KEYS: &[&str] = &["logicalOperator", "conditions"];
const CONDITION_KEYS: &[&str] = &["field", "operator", "value", "valueSetId"];

/// Whether a node is written in this shape.
pub(super) fn is_so_written(map: &Map<String, Value>) -> bool {
    map.contains_key("subRules") || map.contains_key("logicalOperator")
}

impl Parser<'_> {
    /// Reads a whole rule of this shape, of `depth` in a tree.
    pub(super) fn leadsail(
        &mut self,
        map: &Map<String, Value>,
        path: &str,
        depth: usize,
    ) -> Option<Group> {
        self.known_keys(map, path, RULE_KEYS, "a rule with `subRules`");
        if map.get("name").is_some_and(|name| !name.is_string() && !name.is_null()) {
            self.refuse(path, "name", "must be text");
        }
        match map.get("isActive") {
            None | Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => {
                self.refuse(
                    path,
                    "isActive",
                    "is false; switch a rule off with `active: false` beside `rule`",
                );
            }
            Some(_) => self.refuse(path, "isActive", "must be true or false"),
        }
        let combinator = self.logical_operator(map, path);
        let groups = self.items(map, path, "subRules", depth)?;
        let dot = if path.is_empty() { "" } else { "." };
        let mut rules = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            let path = format!("{path}{dot}subRules[{at}]");
            let Some(group) = group.as_object() else {
                self.refuse(&path, "", "must be an object with `logicalOperator` and `conditions`");
                continue;
            };
            rules.extend(self.sub_rule(group, &path, depth + 1).map(Node::Group));
        }
        Some(Group { combinator: combinator?, not: false, rules })
    }

    fn sub_rule(&mut self, map: &Map<String, Value>, path: &str, depth: usize) -> Option<Group> {
        self.known_keys(map, path, GROUP_KEYS, "a sub-rule");
        let combinator = self.logical_operator(map, path);
        let conditions = self.items(map, path, "conditions", depth)?;
        let mut rules = Vec::new();
        for (at, condition) in conditions.iter().enumerate() {
            let path = format!("{path}.conditions[{at}]");
            let Some(condition) = condition.as_object() else {
                self.refuse(&path, "", "must be an object with `field` and `operator`");
                continue;
            };
            rules.extend(self.condition(condition, &path));
        }
        Some(Group { combinator: combinator?, not: false, rules })
    }

    fn condition(&mut self, map: &Map<String, Value>, path: &str) -> Option<Node> {
        self.known_keys(map, path, CONDITION_KEYS, "a condition");
        let before = self.problems.len();
        let leaf = self.counted_leaf(&translated(map), path);
        for problem in &mut self.problems[before..] {
            if let Some(start) = problem.path.strip_suffix(".valueSet") {
                problem.path = format!("{start}.valueSetId");
            }
        }
        leaf
    }

    /// The list under `key`; nothing if it is none or too deep.
    fn items<'v>(
        &mut self,
        map: &'v Map<String, Value>,
        path: &str,
        key: &str,
        depth: usize,
    ) -> Option<&'v Vec<Value>> {
        if self.is_too_deep(path, depth) {
            return None;
        }
        match map.get(key).and_then(Value::as_array) {
            Some(items) if !items.is_empty() => return Some(items),
            Some(_) => self.refuse(path, key, "must not be empty"),
            None => self.refuse(path, key, "must be an array"),
        }
        None
    }

    fn logical_operator(&mut self, map: &Map<String, Value>, path: &str) -> Option<Combinator> {
        match map.get("logicalOperator").and_then(Value::as_str) {
            Some(word) if word.eq_ignore_ascii_case("and") => Some(Combinator::And),
            Some(word) if word.eq_ignore_ascii_case("or") => Some(Combinator::Or),
            _ => {
                self.refuse(path, "logicalOperator", "must be \"AND\" or \"OR\"");
                None
            }
        }
    }
}

/// A condition as a leaf of our own. What cannot be translated is left as it is, for the parser to refuse.
fn translated(map: &Map<String, Value>) -> Map<String, Value> {
    let mut leaf = Map::new();
    for key in ["field", "operator"] {
        if let Some(Value::String(text)) = map.get(key) {
            let text = if key == "field" { field(text) } else { operator(text) };
            leaf.insert(key.to_owned(), json!(text));
        } else if let Some(other) = map.get(key) {
            leaf.insert(key.to_owned(), other.clone());
        }
    }
    let name = leaf.get("operator").and_then(Value::as_str);
    let takes = name.and_then(Operator::named).map(|operator| operator.row().takes);
    let given = |key| map.get(key).filter(|value| !literal::is_nothing(value)).cloned();
    if let Some(set) = given("valueSetId") {
        leaf.insert("valueSet".to_owned(), set);
    }
    // An operator without a value is written with one all the same, such as [true].
    if let Some(value) = given("value").filter(|_| takes != Some(Takes::Nothing)) {
        leaf.insert("value".to_owned(), value);
    }
    leaf
}

/// `not_in_value_set`, `not in value set` and `notInValueSet` are the same word.
fn operator(word: &str) -> String {
    let mut parts = word.split(['_', '-', ' ']).filter(|part| !part.is_empty());
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        name.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(letters.as_str());
    }
    name
}

/// Our name for a field: plain names are the lead's, and some roots are called otherwise.
fn field(path: &str) -> String {
    if path == "campaign.campaignId" {
        return "campaign.code".to_owned();
    }
    for (theirs, ours) in [("customFields.", "custom."), ("files.", "file.")] {
        if let Some(key) = path.strip_prefix(theirs) {
            return format!("{ours}{key}");
        }
    }
    let of_lead = format!("lead.{path}");
    if Field::parse(&of_lead).is_ok() { of_lead } else { path.to_owned() }
}
