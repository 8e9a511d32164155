//! Evaluation that says why: every leaf asked, the values compared, and which leaves decided.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::evaluate::{self, Note};
use super::operator::Operator;
use super::{Combinator, Facts, Node, Operand, Rule, value};

/// Values are cut after this many characters in a sentence.
const SHOWN_CHARS_MAX: usize = 80;
/// A sentence names at most this many leaves.
const SHOWN_LEAVES_MAX: usize = 5;

/// The answer of a rule, and how it came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    pub matched: bool,
    /// The leaves that were asked, in order. A group stops at the leaf that settles it.
    pub leaves: Vec<LeafResult>,
    /// Places in `leaves` of those that settled the answer.
    pub decided_by: Vec<usize>,
}

/// What one leaf answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeafResult {
    /// Where it stands, like `rules[1].rules[0]`; empty if the rule is a single leaf.
    pub path: String,
    pub field: String,
    pub operator: Operator,
    /// What the rule says: the value, or the value set's name.
    pub expected: Value,
    /// What the lead view says; null if missing.
    pub actual: Value,
    /// The leaf's own answer, before any group's `not`.
    pub matched: bool,
    /// What was out of the ordinary, such as an empty field or an unknown value set.
    pub note: Option<String>,
}

impl Rule {
    /// Whether the rule holds, with the leaves that say why.
    pub fn evaluate(&self, facts: &Facts) -> Evaluation {
        let mut leaves = Vec::new();
        let (matched, decided_by) = walk(self.root(), facts, "", &mut leaves);
        Evaluation { matched, leaves, decided_by }
    }
}

impl Rule {
    /// Every leaf's own answer, those too that the rule need not ask.
    pub fn ask_all(&self, facts: &Facts) -> Vec<LeafResult> {
        let mut asked = Vec::new();
        ask_below(self.root(), facts, "", &mut asked);
        asked
    }
}

fn ask_below(node: &Node, facts: &Facts, path: &str, asked: &mut Vec<LeafResult>) {
    match node {
        Node::Leaf(leaf) => asked.push(ask(leaf, facts, path)),
        Node::Group(group) => {
            let dot = if path.is_empty() { "" } else { "." };
            for (index, rule) in group.rules.iter().enumerate() {
                ask_below(rule, facts, &format!("{path}{dot}rules[{index}]"), asked);
            }
        }
    }
}

/// Answers a node and says which leaves settled it.
fn walk(
    node: &Node,
    facts: &Facts,
    path: &str,
    leaves: &mut Vec<LeafResult>,
) -> (bool, Vec<usize>) {
    let group = match node {
        Node::Group(group) => group,
        Node::Leaf(leaf) => {
            leaves.push(ask(leaf, facts, path));
            let last = leaves.len() - 1;
            return (leaves[last].matched, vec![last]);
        }
    };
    // `or` is settled by the first yes, `and` by the first no; else all children settle it.
    let settling = group.combinator == Combinator::Or;
    let dot = if path.is_empty() { "" } else { "." };
    let mut deciding = Vec::new();
    for (index, rule) in group.rules.iter().enumerate() {
        let (answer, by) = walk(rule, facts, &format!("{path}{dot}rules[{index}]"), leaves);
        if answer == settling {
            return (settling != group.not, by);
        }
        deciding.extend(by);
    }
    (settling == group.not, deciding)
}

fn ask(leaf: &super::Leaf, facts: &Facts, path: &str) -> LeafResult {
    let answer = evaluate::ask(leaf, facts);
    let note = answer.note.map(|note| match (note, &leaf.operand) {
        (Note::Empty, _) => "the field is empty".to_owned(),
        (Note::EmptyIncluded, _) => "the field is empty, which the rule includes".to_owned(),
        (Note::OtherEmpty, Operand::Field(other)) => format!("`{}` is empty", other.path()),
        (Note::UnknownSet, Operand::Set(name)) => format!("there is no value set `{name}`"),
        (Note::OtherEmpty | Note::UnknownSet | Note::Unreadable, _) => {
            "the value cannot be compared in this way".to_owned()
        }
    });
    LeafResult {
        path: path.to_owned(),
        field: leaf.field.path().to_owned(),
        operator: leaf.operator,
        expected: leaf.value.clone(),
        actual: leaf.field.find(facts.doc).cloned().unwrap_or(Value::Null),
        matched: answer.matched,
        note,
    }
}

impl Evaluation {
    /// One sentence without a full stop, such as
    /// `matched because address.state "CA" is in ["CA","NY"]`. Long values are cut.
    pub fn because(&self) -> String {
        let leaves = self.decided_by.iter().filter_map(|at| self.leaves.get(*at));
        let mut said: Vec<String> = leaves.take(SHOWN_LEAVES_MAX).map(LeafResult::says).collect();
        let unsaid = self.decided_by.len().saturating_sub(SHOWN_LEAVES_MAX);
        if unsaid > 0 {
            said.push(format!("{unsaid} more"));
        }
        let verdict = if self.matched { "matched" } else { "did not match" };
        format!("{verdict} because {}", said.join(" and "))
    }
}

impl LeafResult {
    /// The same with long values cut to a text, for records that are kept with every lead.
    pub fn short(&self) -> Self {
        let cut = |value: &Value| {
            let shown = shown(value);
            if shown.ends_with('…') { Value::String(shown) } else { value.clone() }
        };
        Self { expected: cut(&self.expected), actual: cut(&self.actual), ..self.clone() }
    }

    /// The leaf as a clause with the values compared.
    fn says(&self) -> String {
        let row = self.operator.row();
        if value::is_empty(Some(&self.actual)) {
            let included = self.matched && self.operator != Operator::IsEmpty;
            let included = if included { ", which the rule includes" } else { "" };
            return format!("{} is empty{included}", self.field);
        }
        let (field, actual) = (&self.field, shown(&self.actual));
        if let Some(note) = &self.note {
            let expected = expected(self);
            return format!(
                "{field} {actual} was asked whether it {}{expected}, but {note}",
                row.says
            );
        }
        let verb = if self.matched { row.says } else { row.denies };
        format!("{field} {actual} {verb}{}", expected(self))
    }
}

/// The right-hand side, with a space before it; nothing if the operator has none.
fn expected(leaf: &LeafResult) -> String {
    let value = &leaf.expected;
    match (leaf.operator, value) {
        (_, Value::Null) => String::new(),
        (Operator::Anniversary, Value::Number(days)) => {
            format!(" today {days:+} days", days = days.as_i64().unwrap_or(0))
        }
        (Operator::Anniversary, _) => " today".to_owned(),
        (Operator::InCurrent | Operator::InPrevious | Operator::InFollowing, _) => {
            let unit = value["unit"].as_str().unwrap_or_default();
            format!(" {}", unit.trim_end_matches('s'))
        }
        (
            Operator::InLast
            | Operator::NotInLast
            | Operator::InNext
            | Operator::OlderThan
            | Operator::LaterThan,
            Value::Object(window),
        ) => {
            let unit = window.get("unit").and_then(Value::as_str).unwrap_or_default();
            format!(" {} {unit}", window.get("amount").unwrap_or(&Value::Null))
        }
        (Operator::Between | Operator::NotBetween, Value::Array(ends)) if ends.len() == 2 => {
            format!(" {} and {}", shown(&ends[0]), shown(&ends[1]))
        }
        (
            Operator::BeforeField | Operator::AfterField | Operator::EqualsField,
            Value::String(path),
        ) => {
            format!(" {path}")
        }
        _ => format!(" {}", shown(value)),
    }
}

/// A value as JSON, cut when it is long.
fn shown(value: &Value) -> String {
    let json = value.to_string();
    match json.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &json[..end]),
        None => json,
    }
}
