//! When the clock may next make something of a lead.
use super::{
    super::config::Trigger,
    Look, TICK, dates,
    event::{Asked, Cursor, Met, mark_key},
};
use crate::{
    clock::Time,
    contact::doc::moment,
    rules::{self, Clocks},
};
use serde_json::Value;

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
        let mut next = clocks.next_day(after, zone);
        for window in &clocks.windows {
            let Some(value) = dates::read(&self.subject.doc, &window.path) else { continue };
            let all = match value {
                Value::Array(items) => items.as_slice(),
                one => std::slice::from_ref(one),
            };
            for time in all.iter().filter_map(rules::Time::read) {
                let due = match time {
                    rules::Time::Moment(moment) => window.next_for(moment, after, zone),
                    // A day compares with days: what changes does so at midnight.
                    rules::Time::Day(_) => {
                        Clocks { days: true, ..Clocks::default() }.next_day(after, zone)
                    }
                };
                next = [next, due].into_iter().flatten().min();
            }
        }
        next
    }
}
