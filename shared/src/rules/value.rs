//! Typed values: how texts, numbers and dates are read from JSON and compared.

use std::cmp::Ordering;

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;
use serde_json::Value;

use super::field::Kind;

/// Whole numbers beyond this are told apart as text, because a 64-bit float cannot (2^53).
const EXACT_NUMBER_MAX: f64 = 9_007_199_254_740_992.0;

/// Whether a field counts as having no value: missing, null, blank text, an empty list.
pub fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}

/// Trims, and lower-cases unless case counts: the form in which texts are compared.
///
/// Character by character, so that a text and its parts fold alike (a final sigma would not).
pub fn folded(text: &str, case_sensitive: bool) -> String {
    let text = text.trim();
    if case_sensitive {
        text.to_owned()
    } else {
        text.chars().flat_map(char::to_lowercase).collect()
    }
}

/// A text, number or boolean as text; nothing for null, lists and objects.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// A JSON number, or a text of the form `-?digits(.digits)?`. A leading plus makes it a phone
/// number, and is not read.
pub fn number(value: &Value) -> Option<f64> {
    let Value::String(text) = value else { return value.as_f64() };
    let text = text.trim();
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(rest);
    text.parse().ok().filter(|number: &f64| is_number && number.is_finite())
}

/// A JSON boolean, or the text `true` or `false` in any case.
pub fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => folded(text, false).parse().ok(),
        _ => None,
    }
}

/// A calendar day or a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    Day(NaiveDate),
    Moment(DateTime<Utc>),
}

impl Time {
    /// Reads `YYYY-MM-DD` as a day and RFC 3339 as a moment.
    pub fn read(value: &Value) -> Option<Self> {
        let text = value.as_str()?.trim();
        // chrono would also take `2026-1-2`, which sorts wrongly as text.
        if text.len() == 10 {
            return text.parse().ok().map(Self::Day);
        }
        DateTime::parse_from_rfc3339(text).ok().map(|moment| Self::Moment(moment.to_utc()))
    }

    /// The calendar day in the zone.
    pub fn day(self, tz: Tz) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::Moment(moment) => moment.with_timezone(&tz).date_naive(),
        }
    }

    /// Two moments compare exactly; where a day takes part, the days in the zone compare. So a
    /// moment equals the day it falls on, and is before every later day.
    pub fn compare(self, other: Self, tz: Tz) -> Ordering {
        match (self, other) {
            (Self::Moment(a), Self::Moment(b)) => a.cmp(&b),
            (a, b) => a.day(tz).cmp(&b.day(tz)),
        }
    }
}

/// A unit of a relative date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Minutes,
    Hours,
    Days,
    Weeks,
    Months,
    Years,
}

impl Unit {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "minutes" => Self::Minutes,
            "hours" => Self::Hours,
            "days" => Self::Days,
            "weeks" => Self::Weeks,
            "months" => Self::Months,
            "years" => Self::Years,
            _ => return None,
        })
    }

    /// Whether both days are in the same day, week (from Monday), month or year.
    pub fn holds_both(self, a: NaiveDate, b: NaiveDate) -> bool {
        match self {
            Self::Weeks => a.iso_week() == b.iso_week(),
            Self::Months => (a.year(), a.month()) == (b.year(), b.month()),
            Self::Years => a.year() == b.year(),
            Self::Minutes | Self::Hours | Self::Days => a == b,
        }
    }
}

/// The moment `amount` units after (or, negative, before) `now`.
///
/// Minutes and hours are exact. Days, weeks and months keep the wall time in the zone, across
/// daylight saving; a month too short ends on its last day. Nothing if the calendar ends before.
pub fn moved(now: DateTime<Utc>, amount: i64, unit: Unit, tz: Tz) -> Option<DateTime<Utc>> {
    let wall = now.with_timezone(&tz).naive_local();
    let size = u32::try_from(amount.unsigned_abs()).ok()?;
    let by_days = |days: u64| {
        let days = Days::new(days);
        if amount < 0 { wall.checked_sub_days(days) } else { wall.checked_add_days(days) }
    };
    let by_months = |months: u32| {
        let months = Months::new(months);
        if amount < 0 { wall.checked_sub_months(months) } else { wall.checked_add_months(months) }
    };
    let wall = match unit {
        Unit::Minutes => return now.checked_add_signed(TimeDelta::try_minutes(amount)?),
        Unit::Hours => return now.checked_add_signed(TimeDelta::try_hours(amount)?),
        Unit::Days => by_days(u64::from(size)),
        Unit::Weeks => by_days(u64::from(size) * 7),
        Unit::Months => by_months(size),
        Unit::Years => by_months(size.checked_mul(12)?),
    };
    from_wall(wall?, tz)
}

/// The day that many units away from `today`, in its own day, week, month or year.
pub fn shifted(today: NaiveDate, amount: i8, unit: Unit) -> Option<NaiveDate> {
    let by_months = |months: u32| match amount < 0 {
        true => today.checked_sub_months(Months::new(months)),
        false => today.checked_add_months(Months::new(months)),
    };
    let size = amount.unsigned_abs();
    match unit {
        Unit::Months => by_months(size.into()),
        Unit::Years => by_months(u32::from(size) * 12),
        Unit::Weeks => today.checked_add_signed(TimeDelta::weeks(amount.into())),
        Unit::Minutes | Unit::Hours | Unit::Days => {
            today.checked_add_signed(TimeDelta::days(amount.into()))
        }
    }
}

/// The first moment at a wall time; a time that the clocks skip moves on by half hours.
fn from_wall(wall: NaiveDateTime, tz: Tz) -> Option<DateTime<Utc>> {
    // A whole day is the longest gap there has been (Samoa, 2011).
    (0..=48).find_map(|halves| {
        let wall = wall.checked_add_signed(TimeDelta::minutes(30 * halves))?;
        Some(tz.from_local_datetime(&wall).earliest()?.to_utc())
    })
}

/// Whether `day`'s month and day come round on `target`; 29 February does so on 28 February in
/// common years.
pub fn is_anniversary(day: NaiveDate, target: NaiveDate) -> bool {
    let leap_day = (day.month(), day.day()) == (2, 29) && !target.leap_year();
    let kept = if leap_day { (2, 28) } else { (day.month(), day.day()) };
    kept == (target.month(), target.day())
}

/// One value to compare with, read once.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    /// Folded as the leaf's case rule says.
    pub text: String,
    pub number: Option<f64>,
    pub boolean: Option<bool>,
    pub time: Option<Time>,
}

impl Literal {
    /// Nothing if the value is a list, an object or null.
    pub fn read(value: &Value, case_sensitive: bool) -> Option<Self> {
        Some(Self {
            text: folded(&text(value)?, case_sensitive),
            number: number(value),
            boolean: boolean(value),
            time: Time::read(value),
        })
    }

    /// Whether both are the same as values of `kind`; nothing if either cannot be read as such.
    ///
    /// Without a known type, two numbers compare as numbers and all else as text.
    pub fn same(&self, other: &Self, kind: Kind, tz: Tz) -> Option<bool> {
        Some(match kind {
            Kind::Text => self.text == other.text,
            Kind::Number => self.number? == other.number?,
            Kind::Boolean => self.boolean? == other.boolean?,
            Kind::Date | Kind::DateTime => self.time?.compare(other.time?, tz) == Ordering::Equal,
            Kind::List | Kind::File | Kind::Members | Kind::Events | Kind::Any => {
                match (self.number, other.number) {
                    (Some(a), Some(b)) if a.abs().max(b.abs()) < EXACT_NUMBER_MAX => a == b,
                    _ => self.text == other.text,
                }
            }
        })
    }
}

/// The runs of letters and digits in a text.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}
