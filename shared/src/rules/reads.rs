//! Static analysis: which fields a rule reads, and whether time alone can change its answer.

use std::collections::BTreeSet;

use super::{Leaf, Node, Operand, Rule};

impl Rule {
    /// The paths of all fields it reads, those on the right-hand side included.
    pub fn reads(&self) -> BTreeSet<String> {
        self.leaves().into_iter().flat_map(fields).map(|field| field.path().to_owned()).collect()
    }

    /// Whether its answer can change while nobody writes a field. Rules on `lead.age` count.
    pub fn is_time_relative(&self) -> bool {
        let moves = |leaf: &Leaf| {
            fields(leaf).any(super::Field::is_time_relative)
                || matches!(&leaf.operand, Operand::Count(count) if count.within_days.is_some())
        };
        self.leaves().into_iter().any(|leaf| leaf.operator.is_time_relative() || moves(leaf))
    }

    /// The value sets it asks, each with its place below the rule, like `.rules[1].valueSet`.
    pub fn sets(&self) -> Vec<(String, &str)> {
        let mut found = Vec::new();
        name_sets(&self.root, String::new(), &mut found);
        found
    }

    /// All leaves, in order.
    pub fn leaves(&self) -> Vec<&Leaf> {
        let mut leaves = Vec::new();
        gather(&self.root, &mut leaves);
        leaves
    }
}

fn gather<'a>(node: &'a Node, leaves: &mut Vec<&'a Leaf>) {
    match node {
        Node::Leaf(leaf) => leaves.push(leaf),
        Node::Group(group) => group.rules.iter().for_each(|rule| gather(rule, leaves)),
    }
}

fn name_sets<'a>(node: &'a Node, path: String, found: &mut Vec<(String, &'a str)>) {
    match node {
        Node::Leaf(leaf) => {
            if let Operand::Set(name) = &leaf.operand {
                found.push((format!("{path}.valueSet"), name));
            }
        }
        Node::Group(group) => {
            for (at, rule) in group.rules.iter().enumerate() {
                name_sets(rule, format!("{path}.rules[{at}]"), found);
            }
        }
    }
}

/// The leaf's own field and the one it is compared with.
fn fields(leaf: &Leaf) -> impl Iterator<Item = &super::Field> {
    let other = match &leaf.operand {
        Operand::Field(other) => Some(other),
        _ => None,
    };
    std::iter::once(&leaf.field).chain(other)
}
