//! Days and times of day in a zone: when a date comes, and when the wall shows a time.
use super::{
    super::config::{Trigger, WaitUntil},
    Look,
    event::Asked,
};
use crate::{clock::Time, rules};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike};
use chrono_tz::Tz;
use serde_json::Value;

/// The time of day at which dates come unless one is given.
const NINE: NaiveTime = match NaiveTime::from_hms_opt(9, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};
/// Quarters of an hour in the longest gap that clocks have ever left out, a day.
const GAP_QUARTERS: i64 = 97;

/// The first moment at which the wall shows this time or, where the clocks leave it out, a later one.
pub(super) fn on_wall(zone: Tz, day: NaiveDate, time: NaiveTime) -> Option<Time> {
    let wall = day.and_time(time);
    if let Some(found) = zone.from_local_datetime(&wall).earliest() {
        return Some(found.to_utc());
    }
    // Gaps end at quarters of an hour.
    let past = i64::from(wall.minute() % 15);
    let first = wall - TimeDelta::minutes(past);
    (1..=GAP_QUARTERS).find_map(|quarters| {
        let wall = first.checked_add_signed(TimeDelta::minutes(15 * quarters))?;
        Some(zone.from_local_datetime(&wall).earliest()?.to_utc())
    })
}

/// `HH:MM`.
fn clock_time(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M").ok()
}

/// When a wait is over: the next such time, or `from` itself if the wall shows that time. None: never.
pub(super) fn waits_until(wait: &WaitUntil, from: Time, zone: Tz) -> Option<Time> {
    let time = clock_time(&wait.time)?;
    let wall = from.with_timezone(&zone);
    let is_allowed = |day: NaiveDate| {
        wait.days.is_empty()
            || wait
                .days
                .iter()
                .any(|name| name.parse().is_ok_and(|one: chrono::Weekday| one == day.weekday()))
    };
    let today = wall.date_naive();
    if is_allowed(today) && (wall.hour(), wall.minute()) == (time.hour(), time.minute()) {
        return Some(from);
    }
    // A week holds every day; one more where today's time has passed.
    (0..=8).find_map(|ahead| {
        let day = today.checked_add_days(Days::new(ahead)).filter(|day| is_allowed(*day))?;
        on_wall(zone, day, time).filter(|at| *at > from)
    })
}

/// The value at a field's path. A key may have dots.
pub(super) fn read<'a>(doc: &'a Value, path: &str) -> Option<&'a Value> {
    if let Some(found) = doc.get(path) {
        return Some(found);
    }
    let (first, rest) = path.split_once('.')?;
    read(doc.get(first)?, rest)
}

/// What a date trigger waits for.
struct Dated {
    value: rules::Time,
    days: i64,
    time: Option<NaiveTime>,
    yearly: bool,
    zone: Tz,
}

impl Dated {
    fn of(look: &Look<'_, '_>, trigger: &Trigger) -> Option<Self> {
        let Trigger::Date { field, days, time, yearly } = trigger else { return None };
        Some(Self {
            value: rules::Time::read(read(&look.subject.doc, field)?)?,
            days: *days,
            time: time.as_deref().and_then(clock_time),
            yearly: *yearly,
            zone: look.subject.zone,
        })
    }

    /// The date in a year: 29 February is 28 February in years that have none.
    fn day_in(&self, year: i32) -> Option<NaiveDate> {
        let day = self.value.day(self.zone);
        let kept = day.with_year(year).or_else(|| day.with_day(28)?.with_year(year));
        kept.filter(|kept| *kept >= day)
    }

    /// When it comes, of this date.
    fn at(&self, date: NaiveDate) -> Option<(Time, NaiveDate)> {
        let day = date.checked_add_signed(TimeDelta::try_days(self.days)?)?;
        let at = match (self.value, self.time) {
            (rules::Time::Moment(moment), None) if self.days == 0 => {
                let is_itself = moment.with_timezone(&self.zone).date_naive() == date;
                let time = moment.with_timezone(&self.zone).time();
                if is_itself { moment } else { on_wall(self.zone, date, time)? }
            }
            (_, time) => on_wall(self.zone, day, time.unwrap_or(NINE))?,
        };
        Some((at, day))
    }

    /// When it comes around a moment, in order.
    fn around(&self, at: Time) -> Vec<(Time, NaiveDate)> {
        if !self.yearly {
            return self.at(self.value.day(self.zone)).into_iter().collect();
        }
        let day = at.with_timezone(&self.zone).date_naive();
        let away = TimeDelta::try_days(self.days);
        let day = away.and_then(|away| day.checked_sub_signed(away)).unwrap_or(day);
        let years = day.year() - 1..=day.year() + 2;
        years.filter_map(|year| self.at(self.day_in(year)?)).collect()
    }
}

/// The next time after a moment at which the date comes, and the day; none if that was handled, or is not the reaction's business.
pub(super) fn next(
    look: &Look<'_, '_>,
    asked: Asked<'_>,
    trigger: &Trigger,
    after: Time,
) -> Option<(Time, String)> {
    let dated = Dated::of(look, trigger)?;
    let mark = look.mark(asked, trigger);
    let comes = dated.around(after).into_iter().map(|(at, day)| (at, day.to_string()));
    let mut comes = comes.filter(|(at, day)| {
        let is_handled =
            mark.is_some_and(|mark| if dated.yearly { day.as_str() <= mark } else { day == mark });
        *at > after && *at >= earliest(look, asked) && !is_handled
    });
    comes.next()
}

/// The day of the last time at which the date would have come by now, if it was not handled.
pub(super) fn passed(look: &Look<'_, '_>, asked: Asked<'_>, trigger: &Trigger) -> Option<String> {
    let dated = Dated::of(look, trigger)?;
    let mut comes = dated.around(look.at).into_iter();
    let passed = comes.rfind(|(at, _)| *at <= look.at && *at >= earliest(look, asked))?;
    let day = passed.1.to_string();
    (look.mark(asked, trigger) != Some(day.as_str())).then_some(day)
}

/// Dates before that are not its business.
fn earliest(look: &Look<'_, '_>, asked: Asked<'_>) -> Time {
    let since: DateTime<_> = asked.since.max(look.state.created_at);
    look.state.memory.opened_at.map_or(since, |opened| opened.max(since))
}
