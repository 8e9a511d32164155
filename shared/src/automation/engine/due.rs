//! When the clock may next make something of a lead.
use super::{
    super::config::Trigger,
    Look, TICK, dates,
    event::{Asked, Cursor, Met, mark_key},
};
use crate::{
    clock::Time,
    contact::doc::moment,
    rules::{self, Clocks, LOOK_AGAIN, Window},
};
use chrono_tz::Tz;
use serde_json::Value;

/// Seconds between the moments at which it is seen whether a window has passed a moment, near a change of the clocks.
const GRID: [i64; 2] = [3_600, 60];
/// How far a window is followed so, in steps of each grid; such times last two days.
const GRID_MAX: usize = 100;

impl Look<'_, '_> {
    /// The least time after the cursor at which something is due.
    pub fn next_due(&self, cursor: Cursor) -> Option<Time> {
        let mut next: Option<Time> = None;
        let mut sooner = |due: Option<Time>| next = [next, due].into_iter().flatten().min();
        sooner(self.fades_at().filter(|due| *due > cursor.after));
        sooner(self.state.memory.ask_at.filter(|due| *due > cursor.after));
        // A position that is overdue is so whatever the cursor says.
        sooner(self.state.positions.values().map(|position| position.due_at).min());
        let reactions = self.program.reactions.iter().map(Asked::from);
        for asked in reactions.chain(self.program.workflows.iter().map(Asked::from)) {
            if !self.is_spent(asked) {
                for trigger in asked.triggers {
                    sooner(self.trigger_due(asked, trigger, cursor).map(|(due, _)| due));
                }
            }
        }
        next
    }

    /// When this trigger may next be met by the clock alone.
    pub fn trigger_due(
        &self,
        asked: Asked<'_>,
        trigger: &Trigger,
        cursor: Cursor,
    ) -> Option<(Time, Met)> {
        // Looked at from the beginning, all counts since it was added.
        let after = match cursor.saved {
            true => cursor.after.min(asked.since - TICK),
            false => cursor.after,
        };
        match trigger {
            Trigger::Matches => Some((self.clock_due(asked.clocks, cursor.after)?, Met::Plain)),
            Trigger::Date { .. } => {
                let (due, day) = dates::next(self, asked, trigger, after)?;
                Some((due, Met::Date(day)))
            }
            Trigger::Inactivity { r#for } => {
                let since = self.silent_since();
                let end = r#for.after(since, self.subject.zone)?;
                let due = if asked.existing_leads { end.max(asked.since) } else { end };
                let is_marked = self.mark(asked, trigger).is_some_and(|mark| mark == moment(since));
                let is_due = due > after && due >= asked.since && !is_marked;
                is_due.then_some((due, Met::Silence(since)))
            }
            _ => None,
        }
    }

    pub fn mark(&self, asked: Asked<'_>, trigger: &Trigger) -> Option<&str> {
        let marks = &self.remembered(asked.id)?.marks;
        marks.get(&mark_key(trigger)?).map(String::as_str)
    }

    /// When the clock may next change what a condition says.
    fn clock_due(&self, clocks: &Clocks, after: Time) -> Option<Time> {
        if clocks.is_none() {
            return None;
        }
        let zone = self.program.zone;
        let mut next = next_day(clocks, after, zone);
        for window in &clocks.windows {
            let Some(value) = dates::read(&self.subject.doc, &window.path) else { continue };
            let all = match value {
                Value::Array(items) => items.as_slice(),
                one => std::slice::from_ref(one),
            };
            for time in all.iter().filter_map(rules::Time::read) {
                let due = match time {
                    rules::Time::Moment(moment) => passes(window, moment, after, zone),
                    // A day compares with days: what changes does so at midnight.
                    rules::Time::Day(_) => {
                        next_day(&Clocks { days: true, ..Clocks::default() }, after, zone)
                    }
                };
                next = [next, due].into_iter().flatten().min();
            }
        }
        next
    }
}

/// The next moment whose seconds since the epoch are a multiple. It does not depend on when one looks.
fn on_grid(after: Time, seconds: i64) -> Time {
    let next = (after.timestamp().div_euclid(seconds) + 1) * seconds;
    Time::from_timestamp(next, 0).unwrap_or(after + LOOK_AGAIN)
}

fn next_day(clocks: &Clocks, after: Time, zone: Tz) -> Option<Time> {
    let day = clocks.next_day(after, zone)?;
    Some(if day == after + LOOK_AGAIN { on_grid(after, 60) } else { day })
}

/// When a window may next pass a moment. Where clocks are put forward or back that cannot be told in advance, only seen.
fn passes(window: &Window, moment: Time, after: Time, zone: Tz) -> Option<Time> {
    let next = |from: Time| window.next_for(moment, from, zone);
    let is_vague = |from: Time| next(from) == Some(from + LOOK_AGAIN);
    if !is_vague(after) {
        return next(after);
    }
    let mut from = after;
    for seconds in GRID {
        let steps = std::iter::successors(Some(from), |from| Some(on_grid(*from, seconds)));
        from = steps.take(GRID_MAX).take_while(|from| is_vague(*from)).last().unwrap_or(from);
    }
    // Between these two it passes: the first microsecond at which it has.
    let at = |micros: i64| Time::from_timestamp_micros(micros).unwrap_or(from);
    let (mut before, mut passed) = (from.timestamp_micros(), on_grid(from, 60).timestamp_micros());
    while passed - before > 1 {
        let middle = before + (passed - before) / 2;
        match is_vague(at(middle)) {
            true => before = middle,
            false => passed = middle,
        }
    }
    Some(at(passed))
}
