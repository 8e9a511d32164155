//! When may a person be called or texted? Within the campaign's hours, in every zone that the person may be in.
use crate::{
    campaign::{
        config::room::{Day, Minute},
        problem::Problem,
    },
    clock::Time,
};
use chrono::{Datelike, Days, Duration, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// Days ahead that are looked at for the next time: as long as a first action may wait.
pub const LOOK_AHEAD_DAYS: i64 = 90;
/// When people may be reached unless the campaign says otherwise: what federal law in the United States allows (47 CFR 64.1200).
const USUAL: (Minute, Minute) = (Minute(8 * 60), Minute(21 * 60));
const EVERY_DAY: [Day; 7] = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];

/// The hours in which people are called or texted, by their own clocks; 08:00 to 21:00 on every day unless said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CallingHours {
    /// `08:00`.
    #[schema(value_type = String)]
    pub from: Minute,
    /// `21:00`; `24:00` is the end of the day. Not included.
    #[schema(value_type = String)]
    pub to: Minute,
    /// `mon` to `sun`.
    #[schema(value_type = Vec<String>)]
    pub days: Vec<Day>,
}

impl Default for CallingHours {
    fn default() -> Self {
        Self { from: USUAL.0, to: USUAL.1, days: EVERY_DAY.into() }
    }
}

impl CallingHours {
    /// Every hour of every day.
    pub fn always() -> Self {
        Self { from: Minute(0), to: Minute(24 * 60), days: EVERY_DAY.into() }
    }

    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Says what is wrong with them, at `path`.
    pub fn check(&self, path: &str, problems: &mut Vec<Problem>) {
        let mut say = |member: &str, message: &str| {
            problems.push(Problem { path: format!("{path}.{member}"), message: message.into() });
        };
        if self.from >= self.to {
            say("to", "must be after `from`; nobody is called over midnight");
        }
        if self.days.is_empty() {
            say("days", "name at least one day, `mon` to `sun`");
        }
    }

    fn on(&self, day: NaiveDate) -> bool {
        self.days.iter().any(|named| named.is(day.weekday()))
    }

    /// The first time on clocks that is not before `local` and within the hours.
    fn next_local(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let today = local.date();
        (0..=7).find_map(|ahead| {
            let day = today.checked_add_days(Days::new(ahead)).filter(|day| self.on(*day))?;
            let minute = if ahead == 0 { Minute::of(local.time()) } else { Minute(0) };
            if minute >= self.to {
                return None;
            }
            if ahead == 0 && minute >= self.from {
                return Some(local);
            }
            let from = NaiveTime::from_num_seconds_from_midnight_opt(self.from.0 * 60, 0)?;
            Some(day.and_time(from))
        })
    }

    /// The first moment, from `time` on, at which clocks in the zone show a time within the hours.
    fn next_in(&self, zone: Tz, time: Time) -> Option<Time> {
        let mut time = time;
        // Clocks do not change more often than this within the week that is looked at.
        for _ in 0..4 {
            let offset = offset(zone, time);
            let local = time.naive_utc() + offset;
            let wait = self.next_local(local)? - local;
            let next = time.checked_add_signed(wait)?;
            if next == time || self::offset(zone, next) == offset {
                return Some(next);
            }
            // Clocks change on the way: look again from the moment at which they do.
            time = change(zone, time, next);
        }
        None
    }
}

/// What the clocks of a zone add to UTC.
fn offset(zone: Tz, time: Time) -> Duration {
    let offset = zone.offset_from_utc_datetime(&time.naive_utc()).fix();
    Duration::seconds(i64::from(offset.local_minus_utc()))
}

/// The first second after `before` at which clocks go by another offset; they do at `after`.
fn change(zone: Tz, before: Time, after: Time) -> Time {
    let old = offset(zone, before);
    let mut same = before.timestamp();
    let mut other = after.timestamp();
    while other - same > 1 {
        let middle = same.midpoint(other);
        match Time::from_timestamp(middle, 0).map(|time| offset(zone, time)) {
            Some(offset) if offset == old => same = middle,
            _ => other = middle,
        }
    }
    Time::from_timestamp(other, 0).unwrap_or(after)
}

/// Whether a person may be called or texted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Now,
    /// Not now; then for the first time.
    At(Time),
    /// Not within [`LOOK_AHEAD_DAYS`]: the hours of the zones do not meet, or no zone is given.
    Never,
}

impl Reach {
    /// The first time, `now` included; none when there is none.
    pub fn time(self, now: Time) -> Option<Time> {
        match self {
            Self::Now => Some(now),
            Self::At(time) => Some(time),
            Self::Never => None,
        }
    }
}

/// Whether the hours allow it now, in every one of the zones; and if not, when they do. A time that a clock change repeats counts both times.
/// Without a zone nothing is allowed: who knows nothing of a person gives the campaign's own zone (see `zones::or_campaign`).
pub fn may_reach(hours: &CallingHours, zones: &[Tz], now: Time) -> Reach {
    if zones.is_empty() {
        return Reach::Never;
    }
    let last = now + Duration::days(LOOK_AHEAD_DAYS);
    let mut time = now;
    while time <= last {
        let next = zones.iter().map(|zone| hours.next_in(*zone, time)).try_fold(time, |a, b| {
            let b = b?;
            Some(a.max(b))
        });
        match next {
            None => return Reach::Never,
            Some(next) if next == time && time == now => return Reach::Now,
            Some(next) if next == time => return Reach::At(time),
            Some(next) => time = next,
        }
    }
    Reach::Never
}

#[cfg(test)]
#[path = "hours_tests.rs"]
mod tests;
