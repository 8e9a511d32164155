//! What was read: the tree with the place of everything, so that the rule parser's problems can be shown where they are.
use super::Problem;
use crate::rules::{self, Combinator};
use serde_json::{Map, Value, json};

/// A condition or a group of them.
pub enum Tree {
    Group {
        at: usize,
        combinator: Combinator,
        not: bool,
        rules: Vec<Tree>,
    },
    Leaf(Box<Leaf>),
    /// Words that must all occur. Those that stand side by side become one condition.
    Words {
        at: usize,
        text: String,
    },
}

/// A condition, and where its parts stand.
pub struct Leaf {
    pub field: String,
    pub operator: &'static str,
    pub value: Value,
    pub flags: Flags,
    pub field_at: usize,
    pub operator_at: usize,
    pub value_at: usize,
}

/// What a condition may say beside its operator.
#[derive(Clone, Copy, Default)]
pub struct Flags {
    pub include_empty: bool,
    pub case_sensitive: bool,
}

/// The field with the words of names, email, company and notes.
pub const WORDS: &str = "contact.words";
const ALL_WORDS: &str = "containsAllWords";

impl Leaf {
    /// A condition all of whose parts stand in one place.
    pub fn new(at: usize, field: &str, operator: &'static str, value: impl Into<Value>) -> Self {
        Self {
            field: field.to_owned(),
            operator,
            value: value.into(),
            flags: Flags::default(),
            field_at: at,
            operator_at: at,
            value_at: at,
        }
    }

    fn to_value(&self) -> Value {
        let mut leaf = Map::new();
        leaf.insert("field".into(), json!(self.field));
        leaf.insert("operator".into(), json!(self.operator));
        if !self.value.is_null() {
            let key = if self.operator.ends_with("ValueSet") { "valueSet" } else { "value" };
            leaf.insert(key.into(), self.value.clone());
        }
        for (key, on) in [
            ("includeEmpty", self.flags.include_empty),
            ("caseSensitive", self.flags.case_sensitive),
        ] {
            if on {
                leaf.insert(key.into(), json!(true));
            }
        }
        Value::Object(leaf)
    }

    /// The operator that says the opposite for every contact, those with an empty field included.
    fn opposite(&self) -> Option<&'static str> {
        if self.flags.include_empty {
            return None;
        }
        Some(match self.operator {
            "memberOf" => "notMemberOf",
            "notMemberOf" => "memberOf",
            "isEmpty" => "isNotEmpty",
            "isNotEmpty" => "isEmpty",
            _ => return None,
        })
    }
}

impl Tree {
    pub fn leaf(leaf: Leaf) -> Self {
        Self::Leaf(Box::new(leaf))
    }

    /// The conditions as a group; one alone needs none.
    pub fn group(at: usize, combinator: Combinator, mut rules: Vec<Tree>) -> Self {
        match rules.pop() {
            Some(only) if rules.is_empty() => only,
            last => {
                rules.extend(last);
                Self::Group { at, combinator, not: false, rules }
            }
        }
    }

    /// The opposite. What was negated already is as it was before.
    pub fn negated(self) -> Self {
        match self {
            Self::Group { at, combinator, not: true, rules } => Self::group(at, combinator, rules),
            Self::Group { at, combinator, not: false, rules } => {
                Self::Group { at, combinator, not: true, rules }
            }
            Self::Leaf(mut leaf) => match leaf.opposite() {
                Some(opposite) => {
                    leaf.operator = opposite;
                    Self::Leaf(leaf)
                }
                None => Self::not(leaf.field_at, Self::Leaf(leaf)),
            },
            Self::Words { at, text } => Self::not(at, Self::Words { at, text }),
        }
    }

    fn not(at: usize, tree: Tree) -> Self {
        Self::Group { at, combinator: Combinator::And, not: true, rules: vec![tree] }
    }

    /// The rule in JSON.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Group { combinator, not, rules, .. } => {
                let rules: Vec<Value> = rules.iter().map(Self::to_value).collect();
                let combinator = if *combinator == Combinator::And { "and" } else { "or" };
                json!({"combinator": combinator, "not": not, "rules": rules})
            }
            Self::Leaf(leaf) => leaf.to_value(),
            Self::Words { at, text } => Leaf::new(*at, WORDS, ALL_WORDS, text.as_str()).to_value(),
        }
    }

    /// The rule parser's problem, where it is in the text.
    pub fn place(&self, problem: &rules::Problem) -> Problem {
        let (mut tree, mut path) = (self, problem.path.as_str());
        while let Some((below, rest)) = tree.step(path) {
            (tree, path) = (below, rest);
        }
        let leaf = match tree {
            Self::Group { at, .. } => return Problem::new(*at, &problem.message),
            Self::Words { at, .. } => {
                return Problem::new(*at, format!("words side by side {}", problem.message));
            }
            Self::Leaf(leaf) => leaf,
        };
        let message = problem.message.as_str();
        match path {
            "field" => {
                let own = leaf.field.starts_with("contact.");
                let nor = if own { "; no indexed property has this name either" } else { "" };
                let hint = "put it in quotation marks to search for the text itself";
                Problem::new(leaf.field_at, format!("{message}{nor}; {hint}"))
            }
            "operator" => Problem::new(leaf.operator_at, message),
            "value" | "valueSet" => Problem::new(leaf.value_at, of_value(message)),
            _ => Problem::new(leaf.field_at, message),
        }
    }

    /// Follows `rules[n]` at the beginning of a path.
    fn step<'t, 'p>(&'t self, path: &'p str) -> Option<(&'t Tree, &'p str)> {
        let Self::Group { rules, .. } = self else { return None };
        let (index, rest) = path.strip_prefix("rules[")?.split_once(']')?;
        let below = rules.get(index.parse::<usize>().ok()?)?;
        Some((below, rest.strip_prefix('.').unwrap_or(rest)))
    }
}

/// What the rule parser says about a value, for people who type.
fn of_value(message: &str) -> String {
    let subject =
        if message.starts_with("must ") || message.starts_with("is ") { "the value " } else { "" };
    let also = match message.starts_with("must be a date") {
        true => ", or a word such as today, last30d or thisMonth",
        false => "",
    };
    format!("{subject}{message}{also}")
}
