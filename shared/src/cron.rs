//! When something comes again: cron expressions, seconds first, in UTC.
use crate::clock::Time;
use cron::Schedule;
use std::{fmt, str::FromStr};

/// Characters of an expression, at most.
pub const EXPRESSION_MAX: usize = 200;

/// The fields of an expression: their names, and what each may hold.
const FIELDS: [(&str, &str); 7] = [
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12 or Jan to Dec"),
    ("day of the week", "1 (Sunday) to 7 (Saturday) or Sun to Sat"),
    ("year", "1970 to 2100"),
];

/// An expression that can be read and comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron(Schedule);

/// Why an expression is refused. Reads on after "the expression".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    #[error("has {0} characters; at most {EXPRESSION_MAX} are allowed")]
    Long(usize),
    #[error(
        "has 5 fields, as a crontab has them; here seconds come first: put a 0 before it, or another second"
    )]
    Crontab,
    #[error(
        "has {0} fields; 6 are needed, 7 with a year: second minute hour day-of-month month day-of-week [year]"
    )]
    Fields(usize),
    #[error(
        "has {value:?} as its {name}; that is {range}, with * for all, commas, - from to, / for steps"
    )]
    Field { name: &'static str, value: String, range: &'static str },
    #[error("cannot be read: it is none of @yearly, @monthly, @weekly, @daily, @hourly")]
    Word,
    #[error("never comes again")]
    Never,
}

impl Cron {
    /// Reads an expression that must come again after `now`: 6 fields, 7 with a year, or a word such as `@daily`.
    pub fn read(text: &str, now: Time) -> Result<Self, CronError> {
        let length = text.chars().count();
        if length > EXPRESSION_MAX {
            return Err(CronError::Long(length));
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let is_word = fields.len() == 1 && fields[0].starts_with('@');
        match fields.len() {
            6 | 7 => {}
            _ if is_word => {}
            5 => return Err(CronError::Crontab),
            count => return Err(CronError::Fields(count)),
        }
        let schedule = Schedule::from_str(&fields.join(" "));
        let cron =
            Self(schedule.map_err(|_| if is_word { CronError::Word } else { wrong(&fields) })?);
        cron.next(now).map_or(Err(CronError::Never), |_| Ok(cron))
    }

    /// The first tick after `time`.
    pub fn next(&self, time: Time) -> Option<Time> {
        self.0.after(&time).next()
    }

    /// The last tick that is not after `time`.
    pub fn last(&self, time: Time) -> Option<Time> {
        // Ticks are whole seconds; the crate looks for those before, and passes over one that is exactly `time`.
        self.0.after(&(time + chrono::Duration::microseconds(1))).next_back()
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.source())
    }
}

/// The first field that cannot be read even among stars.
fn wrong(fields: &[&str]) -> CronError {
    for (at, value) in fields.iter().enumerate() {
        let mut alone = vec!["*"; fields.len()];
        alone[at] = value;
        if Schedule::from_str(&alone.join(" ")).is_err() {
            let (name, range) = FIELDS[at];
            return CronError::Field { name, value: (*value).to_owned(), range };
        }
    }
    CronError::Fields(fields.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Duration, TimeZone, Utc};

    fn at(hour: u32, minute: u32, second: u32) -> Time {
        Utc.with_ymd_and_hms(2026, 11, 21, hour, minute, second).single().unwrap()
    }

    #[test]
    fn the_last_tick_may_be_now_and_the_next_is_later() {
        let hourly = Cron::read("0  17 * * * *", at(12, 0, 0)).unwrap();
        assert_eq!(hourly.to_string(), "0 17 * * * *");
        let a_bit = Duration::microseconds(1);
        for (now, last, next) in [
            (at(12, 17, 0), at(12, 17, 0), at(13, 17, 0)),
            (at(12, 17, 0) - a_bit, at(11, 17, 0), at(12, 17, 0)),
            (at(12, 17, 0) + a_bit, at(12, 17, 0), at(13, 17, 0)),
            (at(12, 59, 59), at(12, 17, 0), at(13, 17, 0)),
        ] {
            assert_eq!((hourly.last(now), hourly.next(now)), (Some(last), Some(next)), "{now}");
        }
        let daily = Cron::read("@daily", at(12, 0, 0)).unwrap();
        assert_eq!(daily.last(at(12, 0, 0)), Some(at(0, 0, 0)));
        // The days before and after, at any hour of them: the 21st is a Saturday.
        let fridays = Cron::read("30 15 6 * * Fri", at(12, 0, 0)).unwrap();
        assert_eq!(fridays.last(at(1, 2, 3)), Some(at(6, 15, 30) - Duration::days(1)));
        assert_eq!(fridays.next(at(23, 59, 59)), Some(at(6, 15, 30) + Duration::days(6)));
    }

    #[test]
    fn refusals_say_the_field_and_the_rule() {
        for (text, said) in [
            ("*/2 * * * *", "has 5 fields, as a crontab has them; here seconds come first"),
            ("", "has 0 fields; 6 are needed, 7 with a year: second minute"),
            ("* * * * * * * *", "has 8 fields; 6 are needed"),
            ("60 * * * * *", "has \"60\" as its second; that is 0 to 59"),
            ("0 0 3 32 * *", "has \"32\" as its day of the month; that is 1 to 31"),
            ("0 0 3 * * 0", "has \"0\" as its day of the week; that is 1 (Sunday) to 7"),
            ("0 0 3 * * Sonntag", "has \"Sonntag\" as its day of the week"),
            ("0 0 3 30 Feb *", "never comes again"),
            ("0 0 3 * * * 2020", "never comes again"),
            ("@midnight", "cannot be read: it is none of @yearly"),
            (&"1,".repeat(150), "has 300 characters; at most 200"),
        ] {
            let error = Cron::read(text, at(12, 0, 0)).unwrap_err().to_string();
            assert!(error.starts_with(said), "{text}: {error}");
        }
    }
}
