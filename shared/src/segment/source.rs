//! Whom a segment holds, as somebody wrote it: a rule or a search, which are two faces of one tree.
use crate::{
    rules::{About, Problem, Properties, Rule},
    search,
};
use serde_json::Value;

/// A condition on contacts.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A condition tree.
    Rule(Value),
    /// A text of the search language.
    Search(String),
    /// A rule as it is stored, and the search that it was typed as, if it was.
    Stored(Value, Option<String>),
}

impl Source {
    /// Of the two ways to say it, the one that was used; none when neither was. Problems are named below `at`.
    pub fn of(
        rule: Option<Value>,
        search: Option<String>,
        at: &str,
    ) -> Result<Option<Self>, Problem> {
        match (rule, search) {
            (Some(_), Some(_)) => {
                let message = "cannot be given together with `rule`: give one of them";
                Err(Problem::new(format!("{at}search"), message))
            }
            (Some(rule), None) => Ok(Some(Self::Rule(rule))),
            (None, search) => Ok(search.map(Self::Search)),
        }
    }

    /// The field in which it was written.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Rule(_) | Self::Stored(..) => "rule",
            Self::Search(_) => "search",
        }
    }

    /// The text that it was typed as, if it was.
    pub fn search(&self) -> Option<&str> {
        match self {
            Self::Rule(_) => None,
            Self::Search(text) => Some(text),
            Self::Stored(_, search) => search.as_deref(),
        }
    }

    /// The tree, or every problem with its place, which begins with `at` and the name of the field.
    pub fn read(&self, properties: &Properties, at: &str) -> Result<Rule, Vec<Problem>> {
        let read = match self {
            Self::Rule(rule) | Self::Stored(rule, _) => {
                Rule::parse_about(rule, About::Contact(properties))
            }
            Self::Search(text) => read_search(text, properties),
        };
        let placed = |problem: Problem| {
            Problem::new(below(&format!("{at}{}", self.field()), &problem.path), problem.message)
        };
        read.map_err(|problems| problems.into_iter().map(placed).collect())
    }
}

/// A place in a rule, as a place in the body that has the rule at `at`.
pub fn below(at: &str, path: &str) -> String {
    let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
    format!("{at}{dot}{path}")
}

fn read_search(text: &str, properties: &Properties) -> Result<Rule, Vec<Problem>> {
    // A search has places of its own, which its problems name.
    let placed = |problem: search::Problem| Problem::new("", problem.to_string());
    search::parse(text, properties).map_err(|found| found.into_iter().map(placed).collect())
}
