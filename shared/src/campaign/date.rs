//! Dates as leads give them: read strictly (ISO 8601), written as a buyer wants them.

use std::fmt::Write as _;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate};
use thiserror::Error;

/// Longest date format, in bytes.
pub const FORMAT_MAX_BYTES: usize = 64;

/// A day, or a moment with its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Date {
    Day(NaiveDate),
    Moment(DateTime<FixedOffset>),
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum DateError {
    #[error("date format is longer than {FORMAT_MAX_BYTES} bytes")]
    FormatTooLong,
    #[error("date format \"{0}\" holds an unknown specifier, right would be such as %Y-%m-%d")]
    UnknownSpecifier(String),
    #[error("date format \"{0}\" asks for a time zone, which a plain date does not have")]
    NoZone(String),
}

impl Date {
    /// Reads `2026-01-31` or RFC 3339 (`2026-01-31T08:00:00Z`). Nothing else: `01/02/2026` is two days.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() == 10 {
            return NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Self::Day);
        }
        DateTime::parse_from_rfc3339(text).ok().map(Self::Moment)
    }

    /// The calendar day, a moment's in its own offset.
    pub fn day(self) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::Moment(moment) => moment.date_naive(),
        }
    }

    /// Writes by a strftime format; a plain date's time is midnight.
    pub fn write(self, format: &str) -> Result<String, DateError> {
        check_format(format)?;
        let mut text = String::new();
        let written = match self {
            // Midnight exists on every day that chrono can hold.
            Self::Day(day) => {
                write!(text, "{}", day.and_time(chrono::NaiveTime::MIN).format(format))
            }
            Self::Moment(moment) => write!(text, "{}", moment.format(format)),
        };
        written.map(|()| text).map_err(|_| DateError::NoZone(format.to_owned()))
    }
}

/// Refuses a format that could not be written later.
pub fn check_format(format: &str) -> Result<(), DateError> {
    if format.len() > FORMAT_MAX_BYTES {
        return Err(DateError::FormatTooLong);
    }
    match StrftimeItems::new(format).any(|item| matches!(item, Item::Error)) {
        true => Err(DateError::UnknownSpecifier(format.to_owned())),
        false => Ok(()),
    }
}

/// Full years between a birthday and today; none if the day is still to come. 29 February counts on 1 March.
pub fn age(born: NaiveDate, today: NaiveDate) -> Option<i32> {
    let before_birthday = (today.month(), today.day()) < (born.month(), born.day());
    let years = today.year() - born.year() - i32::from(before_birthday);
    (born <= today).then_some(years)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        Date::read(text).expect("a day").day()
    }

    #[test]
    fn only_unmistakable_dates_are_read() {
        for (text, readable) in [
            ("2024-02-29", true),
            ("2023-02-29", false),
            ("2026-01-31T08:00:00Z", true),
            ("2026-01-31T08:00:00+02:00", true),
            ("01/02/2026", false),
            ("2026-1-31", false),
            ("", false),
            ("9999999999", false),
        ] {
            assert_eq!(Date::read(text).is_some(), readable, "{text}");
        }
    }

    #[test]
    fn a_format_is_obeyed_or_refused_but_never_panics() {
        let born = Date::read("1990-03-07").unwrap();
        assert_eq!(born.write("%m/%d/%Y").unwrap(), "03/07/1990");
        assert!(matches!(born.write("%Q"), Err(DateError::UnknownSpecifier(_))));
        assert!(matches!(born.write("%"), Err(DateError::UnknownSpecifier(_))));
        assert!(matches!(born.write("%Y %z"), Err(DateError::NoZone(_))));
        assert_eq!(born.write(&"x".repeat(65)), Err(DateError::FormatTooLong));
    }

    #[test]
    fn a_birthday_counts_from_its_morning() {
        for (born, today, years) in [
            ("2000-06-15", "2026-06-14", Some(25)),
            ("2000-06-15", "2026-06-15", Some(26)),
            ("2004-02-29", "2025-02-28", Some(20)),
            ("2004-02-29", "2025-03-01", Some(21)),
            ("2026-06-15", "2026-06-15", Some(0)),
            ("2026-06-16", "2026-06-15", None),
        ] {
            assert_eq!(age(day(born), day(today)), years, "{born} on {today}");
        }
    }
}
