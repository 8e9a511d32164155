//! Values in search texts: literals, distances in time, words for days; read and written.
use crate::rules::{AMOUNT_MAX, Kind};
use serde_json::{Number, Value, json};

/// Units of a distance in time, and what rules call them.
const UNITS: [(&str, &str); 6] = [
    ("min", "minutes"),
    ("h", "hours"),
    ("d", "days"),
    ("w", "weeks"),
    ("mo", "months"),
    ("y", "years"),
];
/// Spans of the calendar, and what rules call them.
const PERIODS: [(&str, &str); 4] =
    [("Day", "days"), ("Week", "weeks"), ("Month", "months"), ("Year", "years")];
/// Which span of the calendar, and the operator for it.
const WHICH: [(&str, &str); 3] =
    [("this", "inCurrent"), ("last", "inPrevious"), ("next", "inFollowing")];
/// Which distance in time, and the operator for it.
const DISTANCES: [(&str, &str); 2] = [("last", "inLast"), ("next", "inNext")];
/// Words for single days.
const DAYS: [(&str, &str); 2] = [("yesterday", "inPrevious"), ("tomorrow", "inFollowing")];

pub const DISTANCE_WANTED: &str =
    "a distance in time is wanted here, such as 30d: a number, and min, h, d, w, mo or y";
pub const PERIOD_WANTED: &str = "day, week, month or year is wanted here";
pub const OFFSET_WANTED: &str = "today, today+7 or today-7 is wanted here";

/// A value as a rule has it: a number or boolean where the field is of that type, else text.
pub fn literal(text: &str, kind: Kind) -> Value {
    let read = match kind {
        Kind::Number => number(text),
        Kind::Boolean => text.to_ascii_lowercase().parse().ok().map(Value::Bool),
        _ => None,
    };
    read.unwrap_or_else(|| text.into())
}

/// A number as JSON writes them. Floats are read to the nearest, so that what was written is read back.
fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    text.parse().ok().and_then(Number::from_f64).map(Value::Number)
}

/// `30d` as a rule has it.
pub fn distance(text: &str) -> Option<Value> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let amount: i64 = text.strip_suffix(unit)?.parse().ok()?;
    if !(1..=AMOUNT_MAX).contains(&amount) {
        return None;
    }
    let (_, unit) = UNITS.iter().find(|(short, _)| short.eq_ignore_ascii_case(unit))?;
    Some(json!({"amount": amount, "unit": unit}))
}

/// A rule's distance as `30d`.
pub fn distance_text(value: &Value) -> Option<String> {
    let unit = value.get("unit")?.as_str()?;
    let (short, _) = UNITS.iter().find(|(_, long)| *long == unit)?;
    Some(format!("{}{short}", value.get("amount")?.as_i64()?))
}

/// `week` as a rule has it.
pub fn period(text: &str) -> Option<Value> {
    let named = |(short, long): &&(&str, &str)| {
        short.eq_ignore_ascii_case(text) || long.eq_ignore_ascii_case(text)
    };
    PERIODS.iter().find(named).map(|(_, unit)| json!({"unit": unit}))
}

/// A rule's span of the calendar as `Week`.
pub fn period_text(value: &Value) -> Option<&'static str> {
    let unit = value.get("unit")?.as_str()?;
    PERIODS.iter().find(|(_, long)| *long == unit).map(|(short, _)| *short)
}

/// `today+7` as a rule has it.
pub fn offset(text: &str) -> Option<Value> {
    let prefix = text.get(.."today".len())?;
    let rest = text.get("today".len()..)?;
    if !prefix.eq_ignore_ascii_case("today") {
        return None;
    }
    if rest.is_empty() {
        return Some("today".into());
    }
    let days = rest.strip_prefix('+').or_else(|| rest.strip_prefix('-'))?;
    if days.is_empty() || !days.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let days: i64 = days.parse().ok()?;
    Some(match (days, rest.starts_with('-')) {
        (0, _) => "today".into(),
        (_, true) => json!(-days),
        (_, false) => json!(days),
    })
}

/// A rule's offset as `today+7`.
pub fn offset_text(value: &Value) -> Option<String> {
    match value.as_i64() {
        None => value.as_str().map(str::to_owned),
        Some(0) => Some("today".into()),
        Some(days) => Some(format!("today{days:+}")),
    }
}

/// What a word such as `today`, `last30d` or `thisWeek` asks of a date: the operator and its value.
pub fn date_word(text: &str) -> Option<(&'static str, Value)> {
    if text.eq_ignore_ascii_case("today") {
        return Some(("isToday", Value::Null));
    }
    if let Some((_, operator)) = DAYS.iter().find(|(day, _)| day.eq_ignore_ascii_case(text)) {
        return Some((operator, json!({"unit": "days"})));
    }
    // All these words have four letters.
    let (which, rest) = (text.get(..4)?, text.get(4..)?);
    let named = |(word, _): &&(&str, &str)| word.eq_ignore_ascii_case(which);
    let span = WHICH.iter().find(named).zip(period(rest));
    let away = DISTANCES.iter().find(named).zip(distance(rest));
    span.or(away).map(|((_, operator), value)| (*operator, value))
}

/// The word for what is asked of a date, if there is one.
pub fn date_word_text(operator: &str, value: &Value) -> Option<String> {
    if operator == "isToday" {
        return Some("today".into());
    }
    let named = |(_, own): &&(&str, &str)| *own == operator;
    if value.get("unit").is_some_and(|unit| unit == "days")
        && let Some((day, _)) = DAYS.iter().find(named)
    {
        return value.get("amount").is_none().then(|| (*day).to_owned());
    }
    if let Some((which, _)) = WHICH.iter().find(named) {
        return period_text(value).map(|span| format!("{which}{span}"));
    }
    let (which, _) = DISTANCES.iter().find(named)?;
    distance_text(value).map(|away| format!("{which}{away}"))
}

/// A value as it stands in a search text; in quotation marks if it must.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// A text in quotation marks.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whether a text is read as itself without quotation marks.
pub fn is_plain(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_alphanumeric() || c == '-');
    let allowed = |c: char| c.is_alphanumeric() || "_@.+/:-".contains(c);
    begins && text.chars().all(allowed) && !text.contains("..")
}
