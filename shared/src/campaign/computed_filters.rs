//! The filters of computed keys, and the engine that knows nothing else.
//!
//! The engine starts empty: what is not listed here does not exist. A filter that could make a text grow
//! (`replace`, `join`) stops at one limit, since fuel counts steps and not bytes.

use std::sync::LazyLock;

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use minijinja::value::{Object, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value};
use minijinja::{filters, tests};

use super::computed_lookup::{TABLES, Tables};
use super::date::{self, Date};
use super::payload::read_number;
use super::phone::{self, PhoneShape};
use crate::key;

/// Steps that one expression may take.
pub const EXPRESSION_FUEL: u64 = 10_000;

/// Longest text that an expression may build, and longest text of the view that it sees, in bytes.
pub const COMPUTED_MAX_BYTES: usize = 16 * 1024;

/// Where filters find the moment of evaluation. No expression can write a name with a space in it.
pub(super) const MOMENT: &str = "the moment";

/// All filters by name; each is added to the engine below.
pub const FILTERS: [&str; 18] = [
    "age",
    "date_format",
    "default",
    "digits",
    "join",
    "length",
    "lookup",
    "lower",
    "number",
    "number_format",
    "phone",
    "replace",
    "round",
    "sha256",
    "times",
    "title",
    "trim",
    "upper",
];

type Locate = dyn Fn(DateTime<Utc>) -> DateTime<FixedOffset> + Send + Sync;

/// Now, and how a moment is written in the campaign's zone.
pub(super) struct Moment {
    pub(super) now: DateTime<Utc>,
    pub(super) locate: Box<Locate>,
}

impl std::fmt::Debug for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.now)
    }
}

impl Object for Moment {}

impl Moment {
    /// The calendar day in the campaign's zone.
    pub(super) fn day(&self, date: Date) -> NaiveDate {
        match date {
            Date::Day(day) => day,
            Date::Moment(moment) => (self.locate)(moment.to_utc()).date_naive(),
        }
    }
}

/// One engine for all: it holds no campaign's data, and time comes in with each evaluation.
pub(super) static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::empty();
    engine.set_undefined_behavior(UndefinedBehavior::Chainable);
    engine.set_fuel(Some(EXPRESSION_FUEL));
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    engine.add_filter("default", filters::default);
    engine.add_filter("title", |v: Value| on_text(&v, |t| Ok(filters::title(t.into()))));
    engine.add_filter("upper", |v: Value| on_text(&v, |t| Ok(t.to_uppercase())));
    engine.add_filter("lower", |v: Value| on_text(&v, |t| Ok(t.to_lowercase())));
    engine.add_filter("trim", |v: Value| on_text(&v, |t| Ok(t.trim().to_owned())));
    engine.add_filter("digits", |v: Value| on_text(&v, |t| Ok(digits(t))));
    engine.add_filter("sha256", |v: Value| on_text(&v, |t| Ok(key::hash(t.as_bytes()))));
    engine.add_filter("replace", replace);
    engine.add_filter("join", join);
    engine.add_filter("length", length);
    engine.add_filter("lookup", lookup_in);
    engine.add_filter("number", |v: Value| on_number(&v, |n| n));
    engine.add_filter("times", |v: Value, by: f64| on_number(&v, |n| n * by));
    engine.add_filter("round", round);
    engine.add_filter("number_format", number_format);
    engine.add_filter("date_format", date_format);
    engine.add_filter("age", age);
    engine.add_filter("phone", phone_as);
    engine.add_test("defined", tests::is_defined);
    engine.add_test("undefined", tests::is_undefined);
    engine.add_test("number", tests::is_number);
    engine.add_test("string", tests::is_string);
    engine
});

fn wrong(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, why.into())
}

/// The text of a scalar; none for what is missing, an error for lists and objects.
fn text(value: &Value) -> Result<Option<String>, Error> {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(None),
        ValueKind::String | ValueKind::Number | ValueKind::Bool => Ok(Some(value.to_string())),
        other => Err(wrong(format!("a single value is needed, this is a {other}"))),
    }
}

/// Missing stays missing: a filter does not turn nothing into something.
fn on_text(value: &Value, change: impl Fn(&str) -> Result<String, Error>) -> Result<Value, Error> {
    match text(value)? {
        Some(text) => change(&text).map(Value::from),
        None => Ok(Value::UNDEFINED),
    }
}

fn number(value: &Value) -> Result<Option<f64>, Error> {
    let Some(text) = text(value)?.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    let number = read_number(&text).and_then(|number| number.as_f64());
    number.map(Some).ok_or_else(|| wrong(format!("\"{text}\" is not a number")))
}

fn on_number(value: &Value, change: impl Fn(f64) -> f64) -> Result<Value, Error> {
    match number(value)?.map(change) {
        Some(number) if number.is_finite() => Ok(Value::from(number)),
        Some(_) => Err(wrong("the number is too large")),
        None => Ok(Value::UNDEFINED),
    }
}

fn round(value: Value, places: Option<u32>) -> Result<Value, Error> {
    // A float holds about 15 decimals; more places change nothing.
    let scale = 10f64.powi(places.unwrap_or(0).min(15) as i32);
    on_number(&value, |n| match (n * scale).is_finite() {
        true => (n * scale).round() / scale,
        false => n,
    })
}

/// A number with so many decimals, its point, and what stands between its thousands: `1,234.50`.
fn number_format(
    value: Value,
    places: Option<u32>,
    point: Option<String>,
    between: Option<String>,
) -> Result<Value, Error> {
    let Some(number) = number(&value)? else { return Ok(Value::UNDEFINED) };
    let text = format!("{:.*}", places.unwrap_or(0).min(15) as usize, number.abs());
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let is_negative = number < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    let mut written = String::from(if is_negative { "-" } else { "" });
    let between = between.unwrap_or_else(|| ",".to_owned());
    fits(between.len().saturating_mul(whole.len()))?;
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            written.push_str(&between);
        }
        written.push(digit);
    }
    if !rest.is_empty() {
        written.push_str(point.as_deref().unwrap_or("."));
        written.push_str(rest);
    }
    fits(written.len())?;
    Ok(written.into())
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn fits(bytes: usize) -> Result<(), Error> {
    match bytes > COMPUTED_MAX_BYTES {
        true => Err(wrong(format!("the text is longer than {COMPUTED_MAX_BYTES} bytes"))),
        false => Ok(()),
    }
}

fn replace(value: Value, from: String, to: String) -> Result<Value, Error> {
    on_text(&value, |text| {
        let grown = text.matches(&from).count().saturating_mul(to.len());
        fits(text.len().saturating_add(grown))?;
        Ok(text.replace(&from, &to))
    })
}

fn join(value: Value, with: Option<String>) -> Result<Value, Error> {
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return on_text(&value, |text| Ok(text.to_owned()));
    }
    let with = with.unwrap_or_default();
    let mut joined = String::new();
    for (i, item) in value.try_iter()?.enumerate() {
        if i > 0 {
            joined.push_str(&with);
        }
        joined.push_str(&text(&item)?.unwrap_or_default());
        fits(joined.len())?;
    }
    Ok(joined.into())
}

fn length(value: Value) -> usize {
    value.len().unwrap_or(0)
}

/// The entry of a map, or of the campaign's table of that name, for a value; else the second argument; else nothing.
fn lookup_in(
    state: &State<'_, '_>,
    value: Value,
    map: Value,
    otherwise: Option<Value>,
) -> Result<Value, Error> {
    if let Some(name) = map.as_str() {
        return lookup_named(state, &value, name, otherwise);
    }
    if map.kind() != ValueKind::Map {
        return Err(wrong("lookup needs a map, such as lookup({\"CA\": \"California\"})"));
    }
    let by_text = || text(&value).ok().flatten().map(Value::from);
    let found = [Some(value.clone()), by_text()].into_iter().flatten();
    let found = found.filter_map(|key| map.get_item(&key).ok()).find(|v| !v.is_undefined());
    Ok(found.or(otherwise).unwrap_or(Value::UNDEFINED))
}

fn lookup_named(
    state: &State<'_, '_>,
    value: &Value,
    name: &str,
    otherwise: Option<Value>,
) -> Result<Value, Error> {
    let tables = state.lookup(TABLES);
    let tables = tables.as_ref().and_then(|value| value.downcast_object_ref::<Tables>());
    let tables = tables.ok_or_else(|| wrong("there are no lookup tables"))?;
    let found = match text(value)? {
        Some(text) => tables.find(name, &text).map_err(wrong)?,
        None => None,
    };
    Ok(found.or(otherwise).unwrap_or(Value::UNDEFINED))
}

fn read_date(text: &str) -> Result<Date, Error> {
    Date::read(text).ok_or_else(|| wrong(format!("\"{text}\" is not an ISO date")))
}

fn on_moment<T>(state: &State<'_, '_>, ask: impl FnOnce(&Moment) -> T) -> Result<T, Error> {
    let moment = state.lookup(MOMENT);
    let moment = moment.as_ref().and_then(|value| value.downcast_object_ref::<Moment>());
    moment.map(ask).ok_or_else(|| wrong("there is no moment of evaluation"))
}

fn date_format(state: &State<'_, '_>, value: Value, format: String) -> Result<Value, Error> {
    on_text(&value, |text| {
        let date = match read_date(text)? {
            Date::Moment(at) => Date::Moment(on_moment(state, |m| (m.locate)(at.to_utc()))?),
            day => day,
        };
        date.write(&format).map_err(|e| wrong(e.to_string()))
    })
}

fn age(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    let Some(text) = text(&value)? else { return Ok(Value::UNDEFINED) };
    let born = read_date(&text)?;
    let years = on_moment(state, |moment| {
        let today = (moment.locate)(moment.now).date_naive();
        date::age(moment.day(born), today)
    })?;
    years.map(Value::from).ok_or_else(|| wrong(format!("\"{text}\" is still to come")))
}

fn phone_as(state: &State<'_, '_>, value: Value, shape: String) -> Result<Value, Error> {
    let shape = PhoneShape::from_name(&shape).ok_or_else(|| {
        wrong(format!("phone(\"{shape}\") is unknown, right would be e164, national or digits"))
    })?;
    let country = state.lookup("lead").and_then(|lead| lead.get_attr("country").ok());
    let country = country.filter(|country| !country.is_undefined()).map(|c| c.to_string());
    on_text(&value, |text| {
        phone::write(text, country.as_deref().unwrap_or("US"), shape)
            .map_err(|e| wrong(format!("\"{text}\" {e}")))
    })
}
