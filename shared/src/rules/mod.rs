//! The rule language: a condition tree over one JSON document, the lead view.
//!
//! ```
//! # use shared::rules::{Facts, NoValueSets, Rule};
//! let rule = Rule::parse(&serde_json::json!({
//!     "combinator": "and",
//!     "rules": [{"field": "address.state", "operator": "in", "value": ["CA", "NY"]}]
//! })).expect("the rule is well formed");
//! let doc = serde_json::json!({"address": {"state": "TX"}});
//! let (now, tz) = (chrono::DateTime::UNIX_EPOCH, chrono_tz::UTC);
//! let verdict = rule.evaluate(&Facts { doc: &doc, now, tz, value_sets: &NoValueSets });
//! assert_eq!(
//!     verdict.because(),
//!     r#"did not match because address.state "TX" is not in ["CA","NY"]"#
//! );
//! ```
//!
//! What holds for every operator (each one's own sentence is in [`operators`]):
//!
//! - **Empty is false.** Missing, null, blank text and [] are empty, and a leaf on an empty field
//!   does not match, whatever the operator. THIS HOLDS FOR NEGATIVE OPERATORS TOO: `notEquals` on
//!   an empty field is false. Only `isEmpty` matches, and any leaf with `includeEmpty: true`.
//! - A value that cannot be read as the type an operator needs does not match, negative or not.
//! - A group's `not` turns the final answer round, so `not(equals)` on an empty field is true.
//! - Text is trimmed and compares without regard to case (Unicode), unless `caseSensitive: true`.
//! - Numbers are JSON numbers or texts like `-12.50`. On a field of type any, two numbers compare
//!   as numbers, all else as text.
//! - `YYYY-MM-DD` is a calendar day, RFC 3339 a moment; where they meet, days in the zone compare.
//! - On a list, an operator holds if it holds for any element, and its negation if for none.
//!
//! - Membership and event counts are never empty: a contact in no segment is a member of none, and what never happened happened 0
//!   times.

mod catalogue;
mod clocks;
mod evaluate;
mod explain;
mod field;
mod leadsail;
mod literal;
mod operator;
mod parse;
mod reads;
mod value;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::value_set::Sets;

pub use crate::value_set::ValueSet;
pub use catalogue::{ACTIVITY, About, FieldRow, PROPERTY, Properties, catalogue};
pub use clocks::{Clocks, LOOK_AGAIN, Window};
pub(crate) use evaluate::event_day;
pub use explain::{Evaluation, LeafResult};
pub use field::{Field, KEY_CHARS_MAX, Kind};
pub use literal::{AMOUNT_MAX, LIST_ITEMS_MAX, OFFSET_DAYS_MAX, REGEX_BYTES_MAX, TEXT_CHARS_MAX};
pub use operator::{Operator, OperatorRow, Takes, operators};
pub use parse::{DEPTH_MAX, LEAVES_MAX, PROBLEMS_MAX};
pub use value::{Literal, Time, Unit};
pub(crate) use value::{folded, moved, shifted};

/// A valid condition tree. It can only be had from [`Rule::parse`].
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    root: Node,
}

/// A group or a leaf.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Group(Group),
    Leaf(Box<Leaf>),
}

/// Conditions of which all (`and`) or any (`or`) must hold; never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub combinator: Combinator,
    /// Turns the group's answer round.
    pub not: bool,
    pub rules: Vec<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combinator {
    And,
    Or,
}

/// One condition on one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    pub field: Field,
    pub operator: Operator,
    /// As it was written; null if the operator takes none.
    pub value: Value,
    /// `value` (or the value set's name), read for this field and operator.
    pub operand: Operand,
    /// Makes the leaf match an empty field.
    pub include_empty: bool,
    pub case_sensitive: bool,
}

/// What a leaf compares with, read and compiled at parse.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    Nothing,
    /// Never empty. Texts are folded.
    Literals(Vec<Literal>),
    Pattern(Pattern),
    Number(f64),
    Time(Time),
    Numbers(f64, f64),
    Times(Time, Time),
    /// A distance in time from now, greater than 0.
    Window(i64, Unit),
    /// The day, week or month that holds now.
    Period(Unit),
    /// Days from today.
    DayOffset(i64),
    Field(Field),
    /// The name of a value set.
    Set(String),
    /// Never empty, folded.
    Words(Vec<String>),
    Count(Count),
}

/// How often something happened, of which name, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    pub at_least: Option<i64>,
    pub at_most: Option<i64>,
    /// As it was written, trimmed; compared exactly.
    pub name: Option<String>,
    /// Today and the days before it, so many in all (UTC).
    pub within_days: Option<i64>,
}

/// A compiled regular expression or wildcard.
#[derive(Clone, Debug)]
pub struct Pattern(pub Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// What is wrong with a rule, and where.
#[derive(
    Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, utoipa::ToSchema,
)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct Problem {
    /// Relative to the rule, like `rules[1].rules[0].operator`; empty for the rule itself.
    pub path: String,
    pub message: String,
}

impl Problem {
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// Everything that an answer depends on.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The lead view.
    pub doc: &'a Value,
    pub now: DateTime<Utc>,
    /// The zone in which days begin.
    pub tz: Tz,
    pub value_sets: &'a dyn ValueSets,
}

/// Where value sets are found by name.
pub trait ValueSets {
    fn find(&self, name: &str) -> Option<&ValueSet>;
}

/// No value set is known.
#[derive(Clone, Copy, Debug)]
pub struct NoValueSets;

impl ValueSets for NoValueSets {
    fn find(&self, _: &str) -> Option<&ValueSet> {
        None
    }
}

impl ValueSets for Sets {
    fn find(&self, name: &str) -> Option<&ValueSet> {
        self.get(name).map(Arc::as_ref)
    }
}

impl Rule {
    /// The tree, for other evaluators such as the compiler to SQL.
    pub fn root(&self) -> &Node {
        &self.root
    }
}
