//! What reactions are asked about, and how they are looked at: scoring rules, rules and workflows alike.
use super::super::{
    Occurrence,
    config::{Repeat, Trigger},
    outcome::FiringKind,
    program::{Reaction, Workflow},
};
use crate::{
    clock::Time,
    rules::{Clocks, Rule},
};
use std::collections::BTreeSet;

/// From where on what is due counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    /// What was due up to then has been decided.
    pub after: Time,
    /// The lead is looked at from the beginning: dates and silences count since their reaction was added.
    pub saved: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Event<'a> {
    Told(&'a Occurrence),
    /// The sum of points went from one to another.
    Points {
        before: i64,
        after: i64,
    },
    /// What is due after the cursor, up to the time as of which it is decided.
    Due {
        cursor: Cursor,
        /// All conditions are asked.
        all: bool,
    },
}

/// A scoring rule, a rule or a workflow, as it is asked.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub kind: FiringKind,
    pub id: &'a str,
    pub name: &'a str,
    pub triggers: &'a [Trigger],
    pub when: Option<&'a Rule>,
    pub clocks: &'a Clocks,
    pub reads: &'a BTreeSet<String>,
    pub repeat: Repeat,
    pub existing_leads: bool,
    pub since: Time,
}

impl<'a> From<&'a Reaction> for Asked<'a> {
    fn from(one: &'a Reaction) -> Self {
        Self {
            kind: if one.is_scoring { FiringKind::Scoring } else { FiringKind::Rule },
            id: &one.id,
            name: &one.name,
            triggers: &one.triggers,
            when: one.when.as_ref(),
            clocks: &one.clocks,
            reads: &one.reads,
            repeat: one.repeat,
            existing_leads: one.existing_leads,
            since: one.since,
        }
    }
}

impl<'a> From<&'a Workflow> for Asked<'a> {
    fn from(one: &'a Workflow) -> Self {
        Self {
            kind: FiringKind::Workflow,
            id: &one.id,
            name: &one.name,
            triggers: &one.triggers,
            when: one.when.as_ref(),
            clocks: &one.clocks,
            reads: &one.reads,
            repeat: one.repeat,
            existing_leads: one.existing_leads,
            since: one.since,
        }
    }
}

/// What a trigger met.
#[derive(Debug, Clone)]
pub(super) enum Met {
    Plain,
    /// The date, `YYYY-MM-DD` in the contact's zone.
    Date(String),
    /// The beginning of a silence.
    Silence(Time),
}

/// What a mark of this trigger is called in memory; two triggers of one reaction do not share one. None: it needs none.
pub(super) fn mark_key(trigger: &Trigger) -> Option<String> {
    match trigger {
        Trigger::Date { field, days, .. } => Some(format!("{field}{days:+}")),
        Trigger::Inactivity { r#for } => Some(format!("silence {} {:?}", r#for.amount, r#for.unit)),
        _ => None,
    }
}

/// Whether a name fits a pattern in which `*` stands for any characters.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, expected) in [
            ("/pricing", "/pricing", true),
            ("/pricing", "/pricing/a", false),
            ("/pricing*", "/pricing/a", true),
            ("*pricing", "/pricing", true),
            ("*", "", true),
            ("/a*b*c", "/axbxc", true),
            ("/a*b*c", "/axcxb", false),
            ("a*a", "a", false),
            ("", "", true),
            ("", "x", false),
            ("**", "x", true),
            ("é*", "éa", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
