//! What a rule about contacts names beside fields: segments, campaigns and value sets, each with its place.
use super::order::SEGMENTS_FIELD;
use crate::{
    ids::{CampaignId, SegmentId},
    rules::{Kind, Node, Operand, Problem, Rule},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Something that a rule names, and where below the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<T> {
    pub path: String,
    pub what: T,
}

/// What a rule names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub segments: Vec<Named<SegmentId>>,
    pub campaigns: Vec<Named<CampaignId>>,
    pub sets: Vec<Named<String>>,
    /// Ids that are none.
    pub problems: Vec<Problem>,
}

impl Names {
    pub fn of(rule: &Rule) -> Self {
        let mut names = Self::default();
        walk(rule.root(), "", &mut names);
        let set = |(path, name): (String, &str)| Named {
            path: path.trim_start_matches('.').to_owned(),
            what: name.to_owned(),
        };
        names.sets = rule.sets().into_iter().map(set).collect();
        names
    }
}

fn walk(node: &Node, path: &str, names: &mut Names) {
    match node {
        Node::Group(group) => {
            let dot = if path.is_empty() { "" } else { "." };
            for (at, rule) in group.rules.iter().enumerate() {
                walk(rule, &format!("{path}{dot}rules[{at}]"), names);
            }
        }
        Node::Leaf(leaf) if leaf.field.kind() == Kind::Members => {
            let Operand::Literals(items) = &leaf.operand else { return };
            let dot = if path.is_empty() { "" } else { "." };
            for (at, item) in items.iter().enumerate() {
                let nth = if leaf.value.is_array() { format!("[{at}]") } else { String::new() };
                let place = format!("{path}{dot}value{nth}");
                note(names, leaf.field.path() == SEGMENTS_FIELD, place, &item.text);
            }
        }
        Node::Leaf(_) => {}
    }
}

fn note(names: &mut Names, is_segment: bool, path: String, text: &str) {
    if is_segment {
        match SegmentId::parse(text) {
            Ok(what) => names.segments.push(Named { path, what }),
            Err(error) => names.problems.push(Problem::new(path, error.to_string())),
        }
    } else {
        match CampaignId::parse(text) {
            Ok(what) => names.campaigns.push(Named { path, what }),
            Err(error) => names.problems.push(Problem::new(path, error.to_string())),
        }
    }
}

/// The segments that a stored rule asks for, read from its JSON: it need not be a rule that can be evaluated now.
pub fn stored_references(rule: &Value) -> BTreeSet<SegmentId> {
    let mut found = BTreeSet::new();
    gather(rule, &mut found);
    found
}

/// Whether a stored rule names the value set.
pub fn names_set(rule: &Value, set: &str) -> bool {
    let mut inner = rule["rules"].as_array().into_iter().flatten();
    rule["valueSet"] == set || inner.any(|rule| names_set(rule, set))
}

fn gather(rule: &Value, found: &mut BTreeSet<SegmentId>) {
    for inner in rule["rules"].as_array().into_iter().flatten() {
        gather(inner, found);
    }
    if rule["field"] == SEGMENTS_FIELD {
        let value = &rule["value"];
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let texts = items.iter().filter_map(Value::as_str);
        found.extend(texts.filter_map(|text| SegmentId::parse(&text.trim().to_lowercase()).ok()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{About, Properties};
    use serde_json::json;

    #[test]
    fn everything_named_is_found_with_its_place() {
        let (a, b, campaign) = (SegmentId::new(), SegmentId::new(), CampaignId::new());
        let rule = json!({"combinator": "and", "rules": [
            {"field": "contact.segments", "operator": "memberOf", "value": [a, "seg_x"]},
            {"combinator": "or", "rules": [
                {"field": "contact.segments", "operator": "notMemberOf", "value": b},
                {"field": "contact.activeIn", "operator": "memberOf", "value": [campaign]},
                {"field": "contact.zip", "operator": "inValueSet", "valueSet": "zips"},
            ]},
        ]});
        let rule = Rule::parse_about(&rule, About::Contact(&Properties::default())).unwrap();
        let names = Names::of(&rule);
        let placed = |path: &str, what| Named { path: path.into(), what };
        assert_eq!(
            names.segments,
            [placed("rules[0].value[0]", a), placed("rules[1].rules[0].value", b)]
        );
        assert_eq!(names.campaigns[0].path, "rules[1].rules[1].value[0]");
        assert_eq!(names.sets[0].path, "rules[1].rules[2].valueSet");
        assert_eq!(names.problems[0].path, "rules[0].value[1]");
        assert_eq!(stored_references(&rule.to_value()), BTreeSet::from([a, b]));
        assert!(names_set(&rule.to_value(), "zips") && !names_set(&rule.to_value(), "zip"));
    }

    #[test]
    fn a_rule_of_one_leaf_has_its_place_too() {
        let a = SegmentId::new();
        let leaf = json!({"field": "contact.segments", "operator": "memberOf", "value": [a]});
        let rule = Rule::parse_about(&leaf, About::Contact(&Properties::default())).unwrap();
        assert_eq!(Names::of(&rule).segments[0].path, "value[0]");
    }
}
