//! Whether a payload tree may be saved: its shape, its keys, its sources, its limits.

use super::date::check_format;
use super::payload::{Field, FieldType, Node, PayloadTree};
use super::problem::{Problem, refuse};
use super::view::{check_path, is_blank};

/// Deepest nesting of nodes; the top nodes are at depth 1.
pub const PAYLOAD_DEPTH_MAX: usize = 10;

/// Most nodes in one tree.
pub const PAYLOAD_NODES_MAX: usize = 500;

/// Longest key, in bytes.
pub const PAYLOAD_KEY_MAX_BYTES: usize = 100;

/// Longest hard-coded text, in bytes.
pub const PAYLOAD_VALUE_MAX_BYTES: usize = 4096;

impl PayloadTree {
    pub fn validate(&self, at: &str, problems: &mut Vec<Problem>) {
        // One node too many brings `left` to zero, and there the walk ends.
        let mut left = PAYLOAD_NODES_MAX + 1;
        let top = Level { depth: 1, in_array: false };
        check_siblings(&self.nodes, &format!("{at}.nodes"), top, &mut left, problems);
        if left == 0 {
            refuse(problems, at, format!("payload has more than {PAYLOAD_NODES_MAX} nodes"));
        }
    }
}

/// How deep siblings are, and whether they are items of an array.
#[derive(Clone, Copy)]
struct Level {
    depth: usize,
    in_array: bool,
}

fn check_siblings(
    nodes: &[Node],
    at: &str,
    level: Level,
    left: &mut usize,
    problems: &mut Vec<Problem>,
) {
    if level.depth > PAYLOAD_DEPTH_MAX && !nodes.is_empty() {
        return refuse(problems, at, format!("payload is deeper than {PAYLOAD_DEPTH_MAX} levels"));
    }
    for (i, node) in nodes.iter().enumerate() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let here = format!("{at}[{i}]");
        check_key(node, &nodes[..i], &here, level.in_array, problems);
        let (children, list) = match node {
            Node::Field(field) => {
                check_field(field, &here, problems);
                continue;
            }
            Node::Object { children, .. } => (children, "children"),
            Node::Array { items, .. } => (items, "items"),
        };
        let array = list == "items";
        if array && items_nest(children) {
            refuse(problems, format!("{here}.items"), "items are fields or objects, not arrays");
        }
        let below = Level { depth: level.depth + 1, in_array: array };
        check_siblings(children, &format!("{here}.{list}"), below, left, problems);
    }
}

fn items_nest(items: &[Node]) -> bool {
    items.iter().any(|item| matches!(item, Node::Array { .. }))
}

fn check_key(node: &Node, before: &[Node], at: &str, in_array: bool, problems: &mut Vec<Problem>) {
    let here = format!("{at}.key");
    match node.key() {
        Some(_) if in_array => refuse(problems, here, "an item of an array has no key"),
        None if in_array => {}
        None => refuse(problems, here, "is missing, each field of an object needs a key"),
        Some(key) if key.trim().is_empty() => refuse(problems, here, "is empty"),
        Some(key) if key.len() > PAYLOAD_KEY_MAX_BYTES => {
            refuse(problems, here, format!("is longer than {PAYLOAD_KEY_MAX_BYTES} bytes"));
        }
        Some(key) if before.iter().any(|other| other.key() == Some(key)) => {
            refuse(problems, here, format!("\"{key}\" is used twice in one object"));
        }
        Some(_) => {}
    }
}

fn check_field(field: &Field, at: &str, problems: &mut Vec<Problem>) {
    match (&field.source, &field.value) {
        (Some(_), Some(_)) => {
            refuse(problems, at, "has both source and value, right would be one of them");
        }
        (None, None) => refuse(problems, at, "has neither source nor value, one is needed"),
        (Some(source), None) => check_path(source, &format!("{at}.source"), problems),
        (None, Some(value)) => {
            let here = format!("{at}.value");
            if value.as_str().is_some_and(|text| text.len() > PAYLOAD_VALUE_MAX_BYTES) {
                refuse(problems, here, format!("is longer than {PAYLOAD_VALUE_MAX_BYTES} bytes"));
            } else if is_blank(Some(value)) && field.required {
                refuse(problems, here, "is empty, yet the field is required");
            } else if !is_blank(Some(value)) {
                let _ = field.convert(value).map_err(|why| refuse(problems, here, why));
            }
        }
    }
    let Some(format) = &field.format else { return };
    let here = format!("{at}.format");
    match check_format(format) {
        Err(error) => refuse(problems, here, error.to_string()),
        Ok(()) if field.field_type != FieldType::Date => {
            refuse(problems, here, "only a field of type date has a format");
        }
        Ok(()) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::payload::default_document;
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn tree(nodes: Value) -> PayloadTree {
        serde_json::from_value(json!({ "nodes": nodes })).expect("a readable tree")
    }

    fn problems(tree: &PayloadTree) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        tree.validate("payload", &mut problems);
        problems.into_iter().map(|p| (p.path, p.message)).collect()
    }

    #[test]
    fn a_tree_is_sent_as_laid_out_in_its_order() {
        let tree = tree(json!([
            {"kind": "field", "key": "zip", "source": "questionnaire.zip"},
            {"kind": "field", "key": "age", "source": "lead.age", "type": "number"},
            {"kind": "object", "key": "a", "children": [
                {"kind": "field", "key": "dob", "source": "lead.dateOfBirth", "type": "date", "format": "%m/%d/%Y"},
                {"kind": "field", "key": "gone", "source": "lead.nothing", "omitEmpty": true},
                {"kind": "field", "key": "none", "source": "lead.nothing"},
                {"kind": "field", "key": "owner", "source": "questionnaire.owner", "type": "boolean"},
            ]},
            {"kind": "array", "key": "tags", "items": [
                {"kind": "field", "value": "fixed"},
                {"kind": "field", "source": "lead.nothing", "omitEmpty": true},
                {"kind": "object", "children": [{"kind": "field", "key": "n", "value": 1, "type": "number"}]},
            ]},
        ]));
        assert_eq!(problems(&tree), []);
        let view = json!({"lead": {"age": "41", "dateOfBirth": "1985-02-03"},
            "questionnaire": {"zip": 1234, "owner": "No"}});
        assert_eq!(
            tree.render(&view).unwrap().to_string(),
            r#"{"zip":"1234","age":41,"a":{"dob":"02/03/1985","none":null,"owner":false},"tags":["fixed",{"n":1}]}"#
        );
    }

    #[test]
    fn every_field_that_cannot_be_sent_is_named() {
        let tree = tree(json!([
            {"kind": "field", "key": "a", "source": "lead.none", "required": true, "omitEmpty": true},
            {"kind": "object", "key": "o", "children": [
                {"kind": "field", "key": "n", "source": "questionnaire.text", "type": "number"},
                {"kind": "field", "key": "b", "source": "questionnaire.text", "type": "boolean"},
                {"kind": "field", "key": "d", "source": "questionnaire.text", "type": "date"},
            ]},
            {"kind": "array", "key": "l", "items": [{"kind": "field", "source": "questionnaire.list"}]},
        ]));
        let view = json!({"questionnaire": {"text": "1e400", "list": [1]}});
        let errors = tree.render(&view).unwrap_err();
        let paths: Vec<_> = errors.iter().map(|e| e.path.as_str()).collect();
        assert_eq!(paths, ["a", "o.n", "o.b", "o.d", "l[0]"]);
        assert!(errors[4].message.contains("join"), "{}", errors[4].message);
    }

    #[test]
    fn a_tree_that_makes_no_sense_is_refused_at_the_place() {
        for (node, path, says) in [
            (json!({"kind": "field", "key": "a"}), "payload.nodes[0]", "neither source nor value"),
            (
                json!({"kind": "field", "key": "a", "source": "lead.a", "value": 1}),
                "payload.nodes[0]",
                "both",
            ),
            (
                json!({"kind": "field", "key": "a", "source": "zip"}),
                "payload.nodes[0].source",
                "known part",
            ),
            (json!({"kind": "field", "source": "lead.a"}), "payload.nodes[0].key", "is missing"),
            (
                json!({"kind": "field", "key": "a", "value": "x", "type": "number"}),
                "payload.nodes[0].value",
                "not a number",
            ),
            (
                json!({"kind": "field", "key": "a", "value": "", "required": true}),
                "payload.nodes[0].value",
                "is empty",
            ),
            (
                json!({"kind": "field", "key": "a", "source": "lead.a", "format": "%Y"}),
                "payload.nodes[0].format",
                "only a field of type date",
            ),
            (
                json!({"kind": "field", "key": "a", "source": "lead.a", "type": "date", "format": "%Q"}),
                "payload.nodes[0].format",
                "unknown specifier",
            ),
            (
                json!({"kind": "array", "key": "a", "items": [{"kind": "field", "key": "x", "value": 1}]}),
                "payload.nodes[0].items[0].key",
                "no key",
            ),
            (
                json!({"kind": "array", "key": "a", "items": [{"kind": "array", "items": []}]}),
                "payload.nodes[0].items",
                "not arrays",
            ),
            (
                json!({"kind": "object", "key": "a", "children": [
                {"kind": "field", "key": "x", "value": 1}, {"kind": "object", "key": "x", "children": []}]}),
                "payload.nodes[0].children[1].key",
                "used twice",
            ),
        ] {
            let found = problems(&tree(json!([node])));
            assert_eq!(found.len(), 1, "{node}: {found:?}");
            assert_eq!(found[0].0, path, "{node}");
            assert!(found[0].1.contains(says), "{node}: {}", found[0].1);
        }
    }

    #[test]
    fn the_limits_hold_to_the_node_and_to_the_level() {
        let flat = |n: usize| {
            tree(
                (0..n)
                    .map(|i| json!({"kind": "field", "key": i.to_string(), "value": 1}))
                    .collect(),
            )
        };
        let deep = |n: usize| {
            let leaf = json!({"kind": "field", "key": "k", "value": 1});
            tree(json!([(1..n).fold(leaf, |inside, _| {
                json!({"kind": "object", "key": "k", "children": [inside]})
            })]))
        };
        assert_eq!(problems(&flat(500)), []);
        assert!(problems(&flat(501))[0].1.contains("more than 500 nodes"));
        assert_eq!(problems(&deep(10)), []);
        assert!(problems(&deep(11))[0].1.contains("deeper than 10"));
    }

    #[test]
    fn a_typing_mistake_in_the_tree_is_refused_by_name() {
        for wrong in [
            json!({"nodes": [{"kind": "field", "key": "a", "sourse": "lead.a"}]}),
            json!({"nodes": [{"kind": "object", "key": "a", "children": [], "items": []}]}),
            json!({"nodes": [{"kind": "list", "key": "a"}]}),
            json!({"node": []}),
        ] {
            assert!(serde_json::from_value::<PayloadTree>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_tree_means_the_default_document_without_anything_internal() {
        let view = json!({
            "lead": {"id": "lead_1", "email": "a@b.c", "isDuplicate": true, "score": 9},
            "questionnaire": {"zip": "1"}, "contact": {"points": 7}, "campaign": {"id": "c"},
            "attribution": {"gclid": "g", "params": {"utm_source": "x"}},
        });
        let sent = PayloadTree::default().render(&view).unwrap();
        assert_eq!(sent, default_document(&view));
        assert_eq!(
            sent,
            json!({"lead": {"id": "lead_1", "email": "a@b.c"}, "address": {}, "questionnaire": {"zip": "1"},
                "custom": {}, "compliance": {}, "attribution": {"gclid": "g", "params": {"utm_source": "x"}}})
        );
        assert!(PayloadTree::default().render(&json!(7)).is_ok());
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(text in ".{0,30}", kind in 0..5usize) {
            let kind = ["string", "number", "boolean", "date", "file"][kind];
            let tree = tree(json!([{"kind": "field", "key": "a", "source": "lead.a", "type": kind}]));
            let _ = tree.render(&json!({"lead": {"a": text}}));
        }
    }
}
