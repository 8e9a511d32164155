//! Does a leaf hold on the facts, and does the rule?

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;

use super::field::Kind;
use super::operator::Operator;
use super::value::{self, Literal, Time};
use super::{Combinator, Count, Facts, Leaf, Node, Operand, Rule};

/// The statuses of a file that is there and needs nobody any more.
const READY: &[&str] = &["uploaded", "signed", "verified"];

/// A leaf's answer.
pub struct Answer {
    pub matched: bool,
    /// What was out of the ordinary.
    pub note: Option<Note>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The field is empty.
    Empty,
    /// The field is empty, and `includeEmpty` makes that a match.
    EmptyIncluded,
    /// The other field is empty.
    OtherEmpty,
    /// The value cannot be read as the type that the operator needs.
    Unreadable,
    UnknownSet,
}

impl Rule {
    /// Whether the rule holds; the same answer as [`Rule::evaluate`], without the explanation.
    pub fn matches(&self, facts: &Facts) -> bool {
        holds(&self.root, facts)
    }
}

fn holds(node: &Node, facts: &Facts) -> bool {
    match node {
        Node::Leaf(leaf) => ask(leaf, facts).matched,
        Node::Group(group) => {
            let mut answers = group.rules.iter().map(|rule| holds(rule, facts));
            let all = match group.combinator {
                Combinator::And => answers.all(|answer| answer),
                Combinator::Or => answers.any(|answer| answer),
            };
            all != group.not
        }
    }
}

/// Asks one leaf.
pub fn ask(leaf: &Leaf, facts: &Facts) -> Answer {
    if let Some(matched) = of_contact(leaf, facts) {
        return Answer { matched, note: None };
    }
    let found = leaf.field.find(facts.doc).filter(|value| !value::is_empty(Some(value)));
    let Some(found) = found else {
        return match (leaf.operator, leaf.include_empty) {
            (Operator::IsEmpty, _) => Answer { matched: true, note: None },
            (_, true) => Answer { matched: true, note: Some(Note::EmptyIncluded) },
            (_, false) => Answer { matched: false, note: Some(Note::Empty) },
        };
    };
    let negates = leaf.operator.row().negates;
    let question = Question { leaf, operator: negates.unwrap_or(leaf.operator), facts };
    match question.on(found) {
        Ok(answer) => Answer { matched: answer != negates.is_some(), note: None },
        Err(note) => Answer { matched: false, note: Some(note) },
    }
}

/// The answer of a question about membership or events: what is missing there is none, or 0 times.
fn of_contact(leaf: &Leaf, facts: &Facts) -> Option<bool> {
    let found = leaf.field.find(facts.doc);
    match (&leaf.operand, leaf.operator) {
        (Operand::Literals(wanted), Operator::MemberOf | Operator::NotMemberOf) => {
            let ids = found.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let is_in =
                ids.iter().any(|id| wanted.iter().any(|one| id.as_str() == Some(&one.text)));
            Some(is_in == (leaf.operator == Operator::MemberOf))
        }
        (Operand::Count(wanted), _) => {
            let times = times(wanted, found.unwrap_or(&Value::Null), facts);
            let enough = wanted.at_least.is_none_or(|least| times >= least);
            Some(enough && wanted.at_most.is_none_or(|most| times <= most))
        }
        _ => None,
    }
}

/// How often it happened: `{"count": n, "days": [{"name", "day", "times"}]}`.
fn times(wanted: &Count, events: &Value, facts: &Facts) -> i64 {
    if wanted.name.is_none() && wanted.within_days.is_none() {
        return events.get("count").and_then(Value::as_i64).unwrap_or(0);
    }
    let since = wanted.within_days.map(|days| event_day(facts.now, days));
    let days = events.get("days").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text = |day: &Value, key: &str| day.get(key).and_then(Value::as_str).map(str::to_owned);
    days.iter()
        .filter(|day| wanted.name.is_none() || text(day, "name") == wanted.name)
        .filter(|day| since.is_none() || text(day, "day") >= since)
        .filter_map(|day| day.get("times")?.as_i64())
        .sum()
}

/// The first day (UTC) of a window of so many days that ends today, `YYYY-MM-DD`.
pub fn event_day(now: DateTime<Utc>, days: i64) -> String {
    let first =
        TimeDelta::try_days(days - 1).and_then(|back| now.date_naive().checked_sub_signed(back));
    first.unwrap_or(NaiveDate::MIN).format("%Y-%m-%d").to_string()
}

/// A leaf with the operator that it asks or negates. A note instead of an answer means that there
/// is no match, negated or not.
struct Question<'a> {
    leaf: &'a Leaf,
    operator: Operator,
    facts: &'a Facts<'a>,
}

impl Question<'_> {
    /// Asks about a value that is not empty.
    fn on(&self, value: &Value) -> Result<bool, Note> {
        match (self.operator, value) {
            (Operator::IsEmpty, _) => Ok(false),
            (Operator::IsNotEmpty, _) => Ok(true),
            (Operator::ContainsAll, _) => self.contains_all(value),
            (Operator::FileReady | Operator::FileStatusEquals, _) => self.on_file(value),
            // No word may occur in any element, so the elements cannot be asked one by one.
            (Operator::ContainsNoWords, Value::Array(items)) => {
                every(items.iter().map(|item| self.on_one(item)))
            }
            (Operator::Contains, Value::Array(items)) => {
                any(items.iter().map(|item| self.equals(item)))
            }
            (_, Value::Array(items)) => any(items.iter().map(|item| self.on_one(item))),
            (Operator::Contains, _) if self.leaf.field.kind() == Kind::List => self.equals(value),
            _ => self.on_one(value),
        }
    }

    /// Asks about a single value.
    fn on_one(&self, value: &Value) -> Result<bool, Note> {
        match self.operator {
            Operator::Equals | Operator::In | Operator::ContainsAny => self.equals(value),
            Operator::Contains
            | Operator::StartsWith
            | Operator::EndsWith
            | Operator::Matches
            | Operator::Wildcard
            | Operator::InValueSet
            | Operator::ContainsAllWords
            | Operator::ContainsAnyWord
            | Operator::ContainsWordPrefix
            | Operator::ContainsPhrase
            | Operator::ContainsNoWords => self.on_text(value),
            Operator::EqualsField | Operator::BeforeField | Operator::AfterField => {
                self.on_field(value)
            }
            _ => match self.leaf.operand {
                Operand::Number(bound) => self.ordered(number(value)?.partial_cmp(&bound)),
                Operand::Numbers(low, high) => Ok((low..=high).contains(&number(value)?)),
                _ => self.on_time(Time::read(value).ok_or(Note::Unreadable)?),
            },
        }
    }

    /// Whether the value is one of the literals.
    fn equals(&self, value: &Value) -> Result<bool, Note> {
        let own = self.literal(value)?;
        let Operand::Literals(literals) = &self.leaf.operand else { return Err(Note::Unreadable) };
        let kind = self.leaf.field.kind();
        any(literals.iter().map(|one| own.same(one, kind, self.facts.tz).ok_or(Note::Unreadable)))
    }

    fn contains_all(&self, value: &Value) -> Result<bool, Note> {
        let items = match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let owns: Vec<Literal> = items.iter().filter_map(|item| self.literal(item).ok()).collect();
        let Operand::Literals(wanted) = &self.leaf.operand else { return Err(Note::Unreadable) };
        if owns.is_empty() {
            return Err(Note::Unreadable);
        }
        let kind = self.leaf.field.kind();
        let has =
            |one: &Literal| owns.iter().any(|own| own.same(one, kind, self.facts.tz) == Some(true));
        Ok(wanted.iter().all(has))
    }

    fn literal(&self, value: &Value) -> Result<Literal, Note> {
        Literal::read(value, self.leaf.case_sensitive).ok_or(Note::Unreadable)
    }

    fn on_file(&self, value: &Value) -> Result<bool, Note> {
        let status = value.get("status").and_then(Value::as_str).ok_or(Note::Unreadable)?;
        match &self.leaf.operand {
            Operand::Literals(wanted) => {
                let status = value::folded(status, self.leaf.case_sensitive);
                Ok(wanted.iter().any(|one| one.text == status))
            }
            _ => Ok(READY.contains(&value::folded(status, false).as_str())),
        }
    }

    fn on_text(&self, value: &Value) -> Result<bool, Note> {
        let text = value::text(value).ok_or(Note::Unreadable)?;
        if let (Operand::Pattern(pattern), Operator::Matches) = (&self.leaf.operand, self.operator)
        {
            return Ok(pattern.0.is_match(text.trim()));
        }
        if let Operand::Set(name) = &self.leaf.operand {
            let set = self.facts.value_sets.find(name).ok_or(Note::UnknownSet)?;
            return Ok(set.contains(&text, self.leaf.case_sensitive));
        }
        let text = value::folded(&text, self.leaf.case_sensitive);
        match &self.leaf.operand {
            // A wildcard is folded as texts are.
            Operand::Pattern(pattern) => Ok(pattern.0.is_match(&text)),
            Operand::Words(wanted) => {
                let has = |word: &String| value::words(&text).any(|own| own == word);
                match self.operator {
                    Operator::ContainsNoWords => Ok(!wanted.iter().any(has)),
                    Operator::ContainsAnyWord => Ok(wanted.iter().any(has)),
                    Operator::ContainsWordPrefix => {
                        let starts = |start: &String| {
                            value::words(&text).any(|own| own.starts_with(start.as_str()))
                        };
                        Ok(wanted.iter().all(starts))
                    }
                    Operator::ContainsPhrase => {
                        let own: Vec<&str> = value::words(&text).collect();
                        Ok(own.windows(wanted.len()).any(|part| part == wanted.as_slice()))
                    }
                    _ => Ok(wanted.iter().all(has)),
                }
            }
            Operand::Literals(literals) => Ok(literals.iter().any(|one| match self.operator {
                Operator::StartsWith => text.starts_with(&one.text),
                Operator::EndsWith => text.ends_with(&one.text),
                _ => text.contains(&one.text),
            })),
            _ => Err(Note::Unreadable),
        }
    }

    fn on_field(&self, value: &Value) -> Result<bool, Note> {
        let Operand::Field(other) = &self.leaf.operand else { return Err(Note::Unreadable) };
        let right = other.find(self.facts.doc).filter(|right| !value::is_empty(Some(right)));
        let right = right.ok_or(Note::OtherEmpty)?;
        if self.operator == Operator::EqualsField {
            // The more definite of the two types says how to compare.
            let kind = match self.leaf.field.kind() {
                Kind::Any => other.kind(),
                kind => kind,
            };
            let (left, right) = (self.literal(value)?, self.literal(right)?);
            return left.same(&right, kind, self.facts.tz).ok_or(Note::Unreadable);
        }
        let read = |value| Time::read(value).ok_or(Note::Unreadable);
        self.ordered(Some(read(value)?.compare(read(right)?, self.facts.tz)))
    }

    fn on_time(&self, time: Time) -> Result<bool, Note> {
        let Facts { now, tz, .. } = *self.facts;
        let today = Time::Moment(now).day(tz);
        let within = |from: Time, to: Time| {
            time.compare(from, tz) != Ordering::Less && time.compare(to, tz) != Ordering::Greater
        };
        match self.leaf.operand {
            Operand::Time(day) if self.operator == Operator::On => Ok(time.day(tz) == day.day(tz)),
            Operand::Time(bound) => self.ordered(Some(time.compare(bound, tz))),
            Operand::Times(low, high) => Ok(within(low, high)),
            Operand::Window(amount, unit) => {
                let ahead = matches!(self.operator, Operator::InNext | Operator::LaterThan);
                let amount = if ahead { amount } else { -amount };
                let edge = value::moved(now, amount, unit, tz).ok_or(Note::Unreadable)?;
                let place = time.compare(Time::Moment(edge), tz);
                Ok(match self.operator {
                    Operator::OlderThan => place.is_lt(),
                    Operator::LaterThan => place.is_gt(),
                    _ => within(Time::Moment(edge.min(now)), Time::Moment(edge.max(now))),
                })
            }
            Operand::Period(unit) => {
                let away = match self.operator {
                    Operator::InPrevious => -1,
                    Operator::InFollowing => 1,
                    _ => 0,
                };
                let target = value::shifted(today, away, unit).ok_or(Note::Unreadable)?;
                Ok(unit.holds_both(time.day(tz), target))
            }
            Operand::DayOffset(days) => {
                let target = today.checked_add_signed(TimeDelta::days(days));
                let target = target.ok_or(Note::Unreadable)?;
                Ok(value::is_anniversary(time.day(tz), target))
            }
            // Only isToday comes here without an operand.
            _ => Ok(time.day(tz) == today),
        }
    }

    /// What the operator makes of the value's place before or after the bound.
    fn ordered(&self, place: Option<Ordering>) -> Result<bool, Note> {
        let place = place.ok_or(Note::Unreadable)?;
        Ok(match self.operator {
            Operator::GreaterThan | Operator::After | Operator::AfterField => place.is_gt(),
            Operator::GreaterOrEqual => place.is_ge(),
            Operator::LessOrEqual => place.is_le(),
            _ => place.is_lt(),
        })
    }
}

fn number(value: &Value) -> Result<f64, Note> {
    value::number(value).ok_or(Note::Unreadable)
}

/// Whether any answer is yes; a note only if there is no answer at all.
fn any(answers: impl Iterator<Item = Result<bool, Note>>) -> Result<bool, Note> {
    let mut seen = Err(Note::Unreadable);
    for answer in answers {
        match answer {
            Ok(true) => return Ok(true),
            Ok(false) => seen = Ok(false),
            Err(note) if seen.is_err() => seen = Err(note),
            Err(_) => {}
        }
    }
    seen
}

/// Whether every answer is yes; a note only if there is no answer at all.
fn every(answers: impl Iterator<Item = Result<bool, Note>>) -> Result<bool, Note> {
    any(answers.map(|answer| answer.map(|yes| !yes))).map(|no| !no)
}
