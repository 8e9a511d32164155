//! When does a campaign have room? The windows of its caps and the hours of its schedule, in its zone, across clock changes.
use super::config::{
    Cap, Overflow, Schedule,
    room::{Day, IfNobody, Minute, OverflowAction, Period},
};
use crate::clock::Time;
use chrono::{
    DateTime, Datelike, Days, Duration, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeZone,
    Timelike, Utc,
};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::Value;

/// Days ahead that are looked at for the next opening: a year of closed dates and a week.
const LOOK_AHEAD_DAYS: u64 = 366 + 8;
/// Quarters of an hour that a clock change leaves out, at most: a gap begins and ends on one, and the longest there was took a day.
const GAP_QUARTERS_MAX: usize = 26 * 4;
/// How long a lead waits before an exhausted lifetime cap is looked at again; saving the campaign wakes it at once.
const LIFETIME_LOOK: Duration = Duration::hours(24);

/// Caps and schedule of a campaign revision, ready for use.
#[derive(Debug, Clone, Default)]
pub struct Room {
    zone: Tz,
    caps: Vec<Cap>,
    schedule: Option<(Tz, Schedule)>,
}

/// The part of a configuration that says how much room there is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Part {
    timezone: Option<String>,
    caps: Vec<Cap>,
    schedule: Option<Schedule>,
}

/// A place that a lead wants in the present window of a cap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Names the cap within the campaign: `daily.leads`, `monthly.USD`.
    pub cap: String,
    pub window_start: Time,
    /// When the next window begins; never for a lifetime cap.
    pub window_end: Option<Time>,
    pub limit: i64,
    /// What one lead counts for.
    pub amount: i64,
    pub when_full: Overflow,
}

impl Claim {
    /// When a lead that found this cap full should be looked at again, if no place is given back before.
    pub fn look_again(&self, now: Time) -> Time {
        self.window_end.unwrap_or(now + LIFETIME_LOOK)
    }
}

impl Room {
    pub fn new(zone: Tz, caps: &[Cap], schedule: Option<&Schedule>) -> Self {
        let mut caps = caps.to_vec();
        // The order in which they are asked: the lifetime first.
        caps.sort_by_key(|cap| cap.period);
        let own = |schedule: &Schedule| {
            let named = schedule.timezone.as_deref().and_then(|zone| zone.parse().ok());
            (named.unwrap_or(zone), schedule.clone())
        };
        Self { zone, caps, schedule: schedule.map(own) }
    }

    /// Reads it out of a whole configuration.
    pub fn of_config(config: &Value) -> Result<Self, serde_json::Error> {
        let part = Part::deserialize(config)?;
        let zone = part.timezone.as_deref().and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
        Ok(Self::new(zone, &part.caps, part.schedule.as_ref()))
    }

    pub fn has_caps(&self) -> bool {
        !self.caps.is_empty()
    }

    /// Leads may come to wait here, so a new one has to line up behind them.
    pub fn queues(&self) -> bool {
        let closed = self.schedule.iter().map(|(_, schedule)| &schedule.when_closed);
        self.caps.iter().map(|cap| &cap.when_full).chain(closed).any(|overflow| {
            overflow.action == OverflowAction::Queue || overflow.if_nobody == IfNobody::Queue
        })
    }

    /// The places that a lead needs now, in the order in which the caps are asked.
    pub fn claims(&self, now: Time) -> Vec<Claim> {
        self.caps.iter().filter_map(|cap| self.claim(cap, now)).collect()
    }

    fn claim(&self, cap: &Cap, now: Time) -> Option<Claim> {
        let (window_start, window_end) = self.window(cap, now)?;
        let (unit, limit, amount) = match (&cap.money, cap.leads) {
            (Some(money), _) => (money.currency.as_str(), money.amount_minor, money.reserve_minor),
            (None, Some(leads)) => ("leads", leads, 1),
            (None, None) => return None,
        };
        let cap_name = format!("{}.{unit}", cap.period.name());
        let when_full = cap.when_full.clone();
        Some(Claim { cap: cap_name, window_start, window_end, limit, amount, when_full })
    }

    /// The present window of a cap; none when a lifetime cap does not count now.
    fn window(&self, cap: &Cap, now: Time) -> Option<(Time, Option<Time>)> {
        let local = now.with_timezone(&self.zone);
        let today = local.date_naive();
        let days = |first: NaiveDate, next: Option<NaiveDate>| {
            Some((midnight(self.zone, first), next.map(|next| midnight(self.zone, next))))
        };
        match cap.period {
            Period::Lifetime => {
                let over = cap.until.is_some_and(|until| today > until);
                if over || cap.from.is_some_and(|from| today < from) {
                    return None;
                }
                let start = cap.from.map_or(DateTime::UNIX_EPOCH, |from| midnight(self.zone, from));
                let end = cap.until.and_then(|until| until.checked_add_days(Days::new(1)));
                Some((start, end.map(|end| midnight(self.zone, end))))
            }
            Period::Monthly => {
                let first = today.with_day(1)?;
                days(first, first.checked_add_months(Months::new(1)))
            }
            Period::Weekly => {
                let back = u64::from(today.weekday().num_days_from_monday());
                let monday = today.checked_sub_days(Days::new(back))?;
                days(monday, monday.checked_add_days(Days::new(7)))
            }
            Period::Daily => days(today, today.succ_opt()),
            Period::Hourly => {
                // Counted back from now, so that the hour that a clock change repeats is two hours.
                let into = Duration::seconds(i64::from(local.minute() * 60 + local.second()))
                    + Duration::nanoseconds(i64::from(local.nanosecond()));
                let start = now - into;
                Some((start, Some(start + Duration::hours(1))))
            }
        }
    }

    /// When it opens, if the schedule is closed now; and what is to be done with the lead. None when it is open.
    pub fn closed(&self, now: Time) -> Option<(&Overflow, Time)> {
        let (zone, schedule) = self.schedule.as_ref()?;
        if schedule.when_closed.action == OverflowAction::None || is_open(schedule, *zone, now) {
            return None;
        }
        let never = now + Duration::days(365);
        Some((&schedule.when_closed, opens(schedule, *zone, now).unwrap_or(never)))
    }
}

fn is_open(schedule: &Schedule, zone: Tz, now: Time) -> bool {
    let local = now.with_timezone(&zone).naive_local();
    let minute = Minute::of(local.time());
    on_day(schedule, local.date()).any(|(from, until)| from <= minute && minute < until)
}

/// The windows of a day; none when it is a closed date.
fn on_day(schedule: &Schedule, day: NaiveDate) -> impl Iterator<Item = (Minute, Minute)> {
    let closed = schedule.closed_dates.contains(&day);
    let on = move |days: &[Day]| days.iter().any(|named| named.is(day.weekday()));
    let windows = schedule.windows.iter().filter(move |window| !closed && on(&window.days));
    windows.map(|window| (window.from, window.until))
}

/// The next moment at which it is open.
fn opens(schedule: &Schedule, zone: Tz, now: Time) -> Option<Time> {
    let today = now.with_timezone(&zone).date_naive();
    (0..LOOK_AHEAD_DAYS).find_map(|ahead| {
        let day = today.checked_add_days(Days::new(ahead))?;
        on_day(schedule, day)
            .map(|(from, _)| instant(zone, day, from))
            .filter(|at| *at > now && is_open(schedule, zone, *at))
            .min()
    })
}

fn midnight(zone: Tz, day: NaiveDate) -> Time {
    instant(zone, day, Minute(0))
}

/// The first moment at which clocks in the zone show this time or a later one. A time that a clock change leaves out becomes the first
/// moment after the gap; one that it repeats is the first of the two.
fn instant(zone: Tz, day: NaiveDate, minute: Minute) -> Time {
    let mut local = match NaiveTime::from_num_seconds_from_midnight_opt(minute.0 * 60, 0) {
        Some(time) => NaiveDateTime::new(day, time),
        // The end of the day is the beginning of the next.
        None => NaiveDateTime::new(day.succ_opt().unwrap_or(day), NaiveTime::MIN),
    };
    for _ in 0..GAP_QUARTERS_MAX {
        if let Some(found) = zone.from_local_datetime(&local).earliest() {
            return found.with_timezone(&Utc);
        }
        local += Duration::minutes(15);
    }
    Utc.from_utc_datetime(&local)
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
