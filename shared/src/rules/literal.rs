//! Reading a leaf's value: the shape its operator wants, the type its field has.

use regex::RegexBuilder;
use serde_json::Value;

use super::catalogue::About;
use super::field::{Field, Kind};
use super::operator::{Operator, Takes};
use super::value::{self, Literal, Time, Unit};
use super::{Count, Operand, Pattern};

/// A list value has at most this many items.
pub const LIST_ITEMS_MAX: usize = 1_000;
/// A text value has at most this many characters.
pub const TEXT_CHARS_MAX: usize = 1_000;
/// A compiled regular expression takes at most this many bytes.
pub const REGEX_BYTES_MAX: usize = 1 << 20;
/// A relative date reaches at most this many units.
pub const AMOUNT_MAX: i64 = 100_000;
/// An anniversary is asked at most this many days before or after.
pub const OFFSET_DAYS_MAX: i64 = 366;
/// Names quoted in a problem are cut after this many characters.
const QUOTED_CHARS_MAX: usize = 80;

/// The leaf around a value.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub about: About<'a>,
    pub field: &'a Field,
    pub operator: Operator,
    pub case_sensitive: bool,
}

/// Whether a value stands for none, as UIs write it beside operators that take none.
pub fn is_nothing(value: &Value) -> bool {
    value.is_null() || value == "" || value.as_array().is_some_and(Vec::is_empty)
}

/// Cuts a name that is too long to quote.
pub fn cut(name: &str) -> String {
    match name.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// The value as the tree keeps it: an array of one stands for its element, where one is wanted.
pub fn kept(value: &Value, takes: Takes) -> &Value {
    match takes {
        Takes::Nothing => &Value::Null,
        Takes::OneOrMore | Takes::Text | Takes::Range | Takes::Words => value,
        _ => single(value),
    }
}

fn single(value: &Value) -> &Value {
    match value {
        Value::Array(items) if items.len() == 1 => &items[0],
        value => value,
    }
}

/// Reads the value; the error is a problem's message.
pub fn operand(value: &Value, leaf: Context) -> Result<Operand, String> {
    let takes = leaf.operator.row().takes;
    let one = single(value);
    match takes {
        Takes::Nothing if is_nothing(value) => Ok(Operand::Nothing),
        Takes::Nothing => Err(format!("`{}` takes no value", leaf.operator.row().name)),
        Takes::OneOrMore | Takes::Text => literals(value, leaf),
        Takes::Regex => pattern(text(one)?, leaf.case_sensitive),
        // Folded as texts are, so that letters that are folded to several are the same everywhere.
        Takes::Wildcard => {
            pattern(&wildcard(&value::folded(text(one)?, leaf.case_sensitive)), true)
        }
        Takes::Bound => match bound(one, leaf.field.kind())? {
            Bound::Number(number) => Ok(Operand::Number(number)),
            Bound::Time(time) => Ok(Operand::Time(time)),
        },
        Takes::Range => range(value, leaf.field.kind()),
        Takes::Date => Time::read(one).map(Operand::Time).ok_or_else(|| DATE_WANTED.to_owned()),
        Takes::Window => window(one, leaf.field.kind()),
        Takes::Period => period(one),
        Takes::DayOffset => day_offset(one),
        Takes::FieldPath => other_field(one, leaf),
        Takes::ValueSet => text(one)
            .map(|name| Operand::Set(name.to_owned()))
            .map_err(|_| format!("must be a value set's name, 1 to {TEXT_CHARS_MAX} characters")),
        Takes::Words => words(value, leaf.case_sensitive),
        Takes::Count => count(one).map(Operand::Count),
    }
}

const DATE_WANTED: &str = "must be a date: YYYY-MM-DD, or RFC 3339 such as 2026-03-08T12:00:00Z";
const UNITS_WANTED: &str = "must be {\"amount\": 1 to 100000, \"unit\": \"minutes\", \"hours\", \
                            \"days\", \"weeks\", \"months\" or \"years\"}";

/// A text that is neither blank nor too long.
fn text(value: &Value) -> Result<&str, String> {
    let text = value.as_str().ok_or("must be one text")?;
    if text.trim().is_empty() {
        return Err("must not be blank; ask for an empty field with `isEmpty`".to_owned());
    }
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(format!("must have at most {TEXT_CHARS_MAX} characters"));
    }
    Ok(text)
}

fn literals(value: &Value, leaf: Context) -> Result<Operand, String> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    if items.is_empty() {
        return Err("must have at least one value".to_owned());
    }
    if items.len() > LIST_ITEMS_MAX {
        return Err(format!("must have at most {LIST_ITEMS_MAX} values"));
    }
    items.iter().map(|item| literal(item, leaf)).collect::<Result<_, _>>().map(Operand::Literals)
}

/// One value that can be read as the field's type.
fn literal(value: &Value, leaf: Context) -> Result<Literal, String> {
    if value.is_string() {
        text(value)?;
    }
    let literal = Literal::read(value, leaf.case_sensitive);
    let literal = literal.ok_or("must be one text, number or boolean")?;
    let fits = match leaf.field.kind() {
        Kind::Text | Kind::File if value.is_boolean() => Err("must be text"),
        Kind::Number if literal.number.is_none() => Err("must be a number"),
        Kind::Boolean if literal.boolean.is_none() => Err("must be true or false"),
        Kind::Date | Kind::DateTime if literal.time.is_none() => Err(DATE_WANTED),
        _ => Ok(literal),
    };
    fits.map_err(str::to_owned)
}

fn pattern(source: &str, case_sensitive: bool) -> Result<Operand, String> {
    let built = RegexBuilder::new(source)
        .case_insensitive(!case_sensitive)
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .build();
    match built {
        Ok(regex) => Ok(Operand::Pattern(Pattern(regex))),
        Err(regex::Error::CompiledTooBig(_)) => {
            Err(format!("the regular expression takes more than {REGEX_BYTES_MAX} bytes"))
        }
        // The last line of regex's message says what is wrong; those above draw a picture.
        Err(error) => {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default();
            Err(format!("is not a regular expression: {}", reason.trim_start_matches("error: ")))
        }
    }
}

/// The regular expression that fits the same texts.
fn wildcard(glob: &str) -> String {
    let fit = glob.chars().map(|c| match c {
        '*' => ".*".to_owned(),
        '?' => ".".to_owned(),
        c => regex::escape(&c.to_string()),
    });
    format!("(?s)^{}$", fit.collect::<String>())
}

enum Bound {
    Number(f64),
    Time(Time),
}

/// A number or a date; for a field of type any, whichever the value can be read as.
fn bound(value: &Value, kind: Kind) -> Result<Bound, String> {
    let number = value::number(value).map(Bound::Number);
    let time = Time::read(value).map(Bound::Time);
    match kind {
        Kind::Number => number.ok_or_else(|| "must be one number".to_owned()),
        Kind::Date | Kind::DateTime => time.ok_or_else(|| DATE_WANTED.to_owned()),
        _ => number.or(time).ok_or_else(|| format!("must be one number, or {}", &DATE_WANTED[8..])),
    }
}

fn range(value: &Value, kind: Kind) -> Result<Operand, String> {
    let Some([low, high]) = value.as_array().map(Vec::as_slice) else {
        return Err("must be an array of two: the lower and the upper bound".to_owned());
    };
    let upside_down = || Err("the lower bound must come first".to_owned());
    match (bound(low, kind)?, bound(high, kind)?) {
        (Bound::Number(low), Bound::Number(high)) if low > high => upside_down(),
        (Bound::Number(low), Bound::Number(high)) => Ok(Operand::Numbers(low, high)),
        (Bound::Time(Time::Day(low)), Bound::Time(Time::Day(high))) if low > high => upside_down(),
        (Bound::Time(Time::Moment(low)), Bound::Time(Time::Moment(high))) if low > high => {
            upside_down()
        }
        (Bound::Time(low), Bound::Time(high)) => Ok(Operand::Times(low, high)),
        _ => Err("must be two numbers or two dates".to_owned()),
    }
}

fn window(value: &Value, kind: Kind) -> Result<Operand, String> {
    let map = value.as_object().filter(|map| map.len() == 2).ok_or(UNITS_WANTED)?;
    let amount = map.get("amount").and_then(Value::as_i64);
    let amount = amount.filter(|amount| (1..=AMOUNT_MAX).contains(amount)).ok_or(UNITS_WANTED)?;
    let unit = map.get("unit").and_then(Value::as_str).and_then(Unit::named).ok_or(UNITS_WANTED)?;
    if kind == Kind::Date && matches!(unit, Unit::Minutes | Unit::Hours) {
        return Err(
            "a date has no time of day: unit must be days, weeks, months or years".to_owned()
        );
    }
    Ok(Operand::Window(amount, unit))
}

fn period(value: &Value) -> Result<Operand, String> {
    let map = value.as_object().filter(|map| map.len() == 1);
    let unit = map.and_then(|map| map.get("unit")?.as_str()).and_then(Unit::named);
    match unit {
        Some(unit @ (Unit::Days | Unit::Weeks | Unit::Months | Unit::Years)) => {
            Ok(Operand::Period(unit))
        }
        _ => Err("must be {\"unit\": \"days\", \"weeks\", \"months\" or \"years\"}".to_owned()),
    }
}

fn day_offset(value: &Value) -> Result<Operand, String> {
    let days = if value == "today" { Some(0) } else { value.as_i64() };
    days.filter(|days| (-OFFSET_DAYS_MAX..=OFFSET_DAYS_MAX).contains(days)).map(Operand::DayOffset).ok_or_else(|| {
        format!(
            "must be \"today\" or whole days from today, -{OFFSET_DAYS_MAX} to {OFFSET_DAYS_MAX}"
        )
    })
}

fn other_field(value: &Value, Context { field, about, .. }: Context) -> Result<Operand, String> {
    let path = value.as_str().ok_or("must be the path of another field")?;
    let other = Field::parse_about(path, about)?;
    if field.kind().comparable(other.kind()) {
        return Ok(Operand::Field(other));
    }
    let (own, others) = (field.kind().name(), other.kind().name());
    Err(format!("`{path}` is of type {others}, which does not compare with type {own}"))
}

fn words(value: &Value, case_sensitive: bool) -> Result<Operand, String> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    if items.len() > LIST_ITEMS_MAX {
        return Err(format!("must have at most {LIST_ITEMS_MAX} texts"));
    }
    let mut words = Vec::new();
    for item in items {
        let folded = value::folded(text(item)?, case_sensitive);
        words.extend(super::value::words(&folded).map(str::to_owned));
    }
    if words.is_empty() {
        return Err("must have at least one word of letters or digits".to_owned());
    }
    Ok(Operand::Words(words))
}

const COUNT_WANTED: &str = "must be {\"atLeast\": n, \"atMost\": n, \"name\": text, \"within\": {\"amount\": n, \"unit\": \"days\" or \"weeks\"}} \
                            with atLeast or atMost, each from 0 to 1000000000";
/// An event is counted up to this.
pub const EVENTS_MAX: i64 = 1_000_000_000;
/// A window of events reaches back at most this many days.
pub const EVENT_DAYS_MAX: i64 = 3_660;

fn count(value: &Value) -> Result<Count, String> {
    let map = value.as_object().ok_or(COUNT_WANTED)?;
    if map.keys().any(|key| !["atLeast", "atMost", "name", "within"].contains(&key.as_str())) {
        return Err(COUNT_WANTED.to_owned());
    }
    let times = |key: &str| match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(given) => match given.as_i64() {
            Some(times) if (0..=EVENTS_MAX).contains(&times) => Ok(Some(times)),
            _ => Err(COUNT_WANTED.to_owned()),
        },
    };
    let (at_least, at_most) = (times("atLeast")?, times("atMost")?);
    match (at_least, at_most) {
        (None, None) => return Err(COUNT_WANTED.to_owned()),
        (Some(least), Some(most)) if least > most => {
            return Err("atLeast must not be above atMost".to_owned());
        }
        _ => {}
    }
    let name = match map.get("name") {
        None | Some(Value::Null) => None,
        Some(given) => Some(text(given)?.trim().to_owned()),
    };
    let within_days = match map.get("within") {
        None | Some(Value::Null) => None,
        Some(given) => Some(event_days(given)?),
    };
    Ok(Count { at_least, at_most, name, within_days })
}

fn event_days(value: &Value) -> Result<i64, String> {
    let wanted = || {
        format!(
            "within must be {{\"amount\": n, \"unit\": \"days\" or \"weeks\"}}, at most {EVENT_DAYS_MAX} days"
        )
    };
    let map = value.as_object().filter(|map| map.len() == 2).ok_or_else(wanted)?;
    let amount = map.get("amount").and_then(Value::as_i64).filter(|amount| *amount >= 1);
    let unit = match map.get("unit").and_then(Value::as_str) {
        Some("days") => 1,
        Some("weeks") => 7,
        _ => return Err(wanted()),
    };
    let days = amount.and_then(|amount| amount.checked_mul(unit));
    days.filter(|days| *days <= EVENT_DAYS_MAX).ok_or_else(wanted)
}
