//! Rules about contacts as SQL conditions, so that a database finds who matches.
//!
//! A condition is over `c` (contact) and, when [`Compiled::needs_sum`], `a` (activity_sum). It is true or false, never NULL. Where a
//! leaf cannot be said in SQL the condition finds some contacts too many, never one too few: the caller asks
//! [`Rule::matches`] about each of them.
//!
//! It relies on how contacts are kept: texts trimmed, what is blank NULL, property values of their property's kind, no zero bytes.
mod column;
mod leaf;
mod list;
mod text;
mod time;

use super::{db::Query, dialect::Engine};
use crate::{
    clock::Time,
    rules::{Combinator, Group, Leaf, Node, Operand, Operator, Rule},
    value_set::Sets,
};
use chrono_tz::Tz;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

/// When and where a rule is asked.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    pub now: Time,
    pub zone: Tz,
    /// The value sets that the rule names.
    pub sets: &'a Sets,
}

/// A value of a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    Text(String),
    Number(f64),
    Whole(i64),
    Flag(bool),
    At(Time),
    Id(Uuid),
    /// `jsonb`: several values in one.
    Many(Value),
}

/// A rule as a condition.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub sql: String,
    /// The values of the condition's parameters, in order.
    pub binds: Vec<Bound>,
    /// Whether the condition finds exactly who matches; otherwise it finds some who do not.
    pub is_exact: bool,
    /// Whether the condition reads `activity_sum` as `a`.
    pub needs_sum: bool,
}

/// The rule as a condition in the engine's own SQL, whose parameters are `$first_parameter` and those after it.
pub fn compile(
    rule: &Rule,
    engine: Engine,
    moment: &Moment<'_>,
    first_parameter: usize,
) -> Compiled {
    let mut writer = Writer { engine, moment, binds: Vec::new(), is_exact: true, needs_sum: false };
    let keys = writer.keys(rule.root());
    let sql = format!("({keys}{})", writer.node(rule.root(), Side::Over));
    let Writer { binds, is_exact, needs_sum, .. } = writer;
    let (sql, binds) = numbered(&sql, &binds, first_parameter);
    Compiled { sql, binds, is_exact, needs_sum }
}

/// The condition with the parameters that it has kept, numbered from the first on; they stand in it as `$0`, `$1` and so on, by their
/// places among the values.
fn numbered(sql: &str, values: &[Bound], first: usize) -> (String, Vec<Bound>) {
    let (mut out, mut kept) = (String::with_capacity(sql.len()), Vec::new());
    let mut parts = sql.split('$');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let place: usize = part[..digits].parse().unwrap_or_default();
        let at = kept.iter().position(|one| *one == place).unwrap_or_else(|| {
            kept.push(place);
            kept.len() - 1
        });
        out.push_str(&format!("${}{}", first + at, &part[digits..]));
    }
    let binds = kept.into_iter().filter_map(|place| values.get(place).cloned()).collect();
    (out, binds)
}

impl Compiled {
    /// The condition that holds for everybody.
    pub fn everybody() -> Self {
        Self { sql: "TRUE".into(), binds: Vec::new(), is_exact: true, needs_sum: false }
    }

    /// Binds the condition's values, after those that stand before it.
    pub fn bind<'c>(&self, query: Query<'c>) -> Query<'c> {
        self.binds.iter().fold(query, |query, value| match value {
            Bound::Text(text) => query.bind(text.clone()),
            Bound::Number(number) => query.bind(*number),
            Bound::Whole(number) => query.bind(*number),
            Bound::Flag(flag) => query.bind(*flag),
            Bound::At(at) => query.bind(*at),
            Bound::Id(id) => query.bind(*id),
            Bound::Many(values) => query.bind(Json(values.clone())),
        })
    }

    /// What stands after `contact c` in FROM; empty when nothing is needed.
    pub fn join(&self) -> &'static str {
        match self.needs_sum {
            true => {
                " LEFT JOIN activity_sum a ON a.workspace_id = c.workspace_id AND a.contact_id = c.id"
            }
            false => "",
        }
    }
}

/// On which side a condition may err where it cannot be exact.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// It may hold for more contacts than the rule does.
    Over,
    /// It may hold for fewer.
    Under,
}

impl Side {
    /// The side inside a negation.
    fn turned(self) -> Self {
        match self {
            Self::Over => Self::Under,
            Self::Under => Self::Over,
        }
    }
}

/// Writes one condition.
struct Writer<'a> {
    engine: Engine,
    moment: &'a Moment<'a>,
    binds: Vec<Bound>,
    is_exact: bool,
    needs_sum: bool,
}

impl Writer<'_> {
    /// The parameter of this value; equal values share one.
    fn put(&mut self, value: Bound) -> String {
        let place = self.binds.iter().position(|bound| *bound == value);
        let place = place.unwrap_or_else(|| {
            self.binds.push(value);
            self.binds.len() - 1
        });
        format!("${place}")
    }

    fn text(&mut self, text: &str) -> String {
        self.put(Bound::Text(text.to_owned()))
    }

    /// One or the other, as the engine says it.
    fn pick<'t>(&self, pg: &'t str, lite: &'t str) -> &'t str {
        match self.engine {
            Engine::Postgres => pg,
            Engine::Sqlite => lite,
        }
    }

    /// What stands for a condition that cannot be exact, of which `over` is a necessary part.
    fn rough(&mut self, side: Side, over: impl Into<String>) -> String {
        self.is_exact = false;
        match side {
            Side::Over => over.into(),
            Side::Under => "FALSE".into(),
        }
    }

    fn node(&mut self, node: &Node, side: Side) -> String {
        match node {
            Node::Leaf(leaf) => self.leaf(leaf, side),
            Node::Group(group) => self.group(group, side),
        }
    }

    fn group(&mut self, group: &Group, side: Side) -> String {
        let inner = if group.not { side.turned() } else { side };
        let parts: Vec<String> = group.rules.iter().map(|rule| self.node(rule, inner)).collect();
        let all = parts.join(match group.combinator {
            Combinator::And => " AND ",
            Combinator::Or => " OR ",
        });
        if group.not { format!("NOT ({all})") } else { format!("({all})") }
    }

    /// Conditions on emails and phones that must hold for the whole rule to, as their unique indexes serve them.
    fn keys(&mut self, root: &Node) -> String {
        let leaves: Vec<&Leaf> = match root {
            Node::Leaf(leaf) => vec![leaf],
            Node::Group(group) if group.combinator == Combinator::And && !group.not => {
                let leaf = |node| match node {
                    &Node::Leaf(ref leaf) => Some(leaf.as_ref()),
                    Node::Group(_) => None,
                };
                group.rules.iter().filter_map(leaf).collect()
            }
            Node::Group(_) => Vec::new(),
        };
        leaves.into_iter().filter_map(|leaf| self.key(leaf)).collect()
    }

    /// Both are stored as they are compared, as far as ASCII goes.
    fn key(&mut self, leaf: &Leaf) -> Option<String> {
        let column = match leaf.field.path() {
            "contact.email" => "c.email",
            "contact.phone" => "c.phone",
            _ => return None,
        };
        let asks = matches!(leaf.operator, Operator::Equals | Operator::In) && !leaf.include_empty;
        let Operand::Literals(wanted) = &leaf.operand else { return None };
        let texts: Vec<&str> = wanted.iter().map(|one| one.text.as_str()).collect();
        let is_plain = texts.iter().all(|text| text.is_ascii() && !text.contains('\0'));
        (asks && is_plain).then(|| format!("{} AND ", self.text_in(column, &texts)))
    }
}
