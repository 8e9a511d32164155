//! Rules about contacts as SQL conditions, so that a database finds who matches.
//!
//! A condition is over `c` (contact) and, when [`Compiled::needs_sum`], `a` (activity_sum). It is true or false, never NULL. Where a
//! leaf cannot be said in SQL the condition finds some contacts too many, never one too few: the caller asks
//! [`Rule::matches`] about each of them.
use super::{db::Query, dialect::Engine};
use crate::{clock::Time, rules::Rule, value_set::Sets};
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
    let _ = (rule, engine, moment, first_parameter);
    Compiled { sql: "TRUE".into(), binds: Vec::new(), is_exact: false, needs_sum: false }
}

impl Compiled {
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
