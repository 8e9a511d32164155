//! Does a reaction fire? What its triggers make of an event, what its condition says, and what is remembered of it.
use super::{
    super::{
        Occurrence,
        config::{Repeat, Trigger},
        outcome::FiringKind,
        program::{Reaction, Workflow},
        state::Remembered,
    },
    Look,
    act::Doing,
    dates,
    event::{Asked, Event, Met, fits, mark_key},
    facts,
    turn::sees_ends,
};
use crate::{contact::doc::moment, rules::Facts};
use serde_json::{Value, json};

/// Fields of the points; they change with them.
const POINTS: [&str; 2] = ["lead.points", "lead.stars"];

impl Look<'_, '_> {
    pub fn ask(&mut self, reaction: &Reaction, event: Event<'_>) {
        let asked = Asked::from(reaction);
        if let Some(cause) = self.fires(asked, event) {
            self.fire(reaction, cause);
        }
    }

    /// Asks about a status change or an outcome that nobody else is told of: the turn is over, or the lead is closed.
    pub fn ask_about_end(&mut self, reaction: &Reaction, what: &Occurrence) {
        let asked = Asked::from(reaction);
        if self.is_spent(asked) || self.state.fired.contains(asked.id) {
            return;
        }
        let event = Event::Told(what);
        let met = asked
            .triggers
            .iter()
            .find(|trigger| sees_ends(trigger) && self.met(asked, trigger, event).is_some());
        if let Some(trigger) = met.filter(|_| self.holds(asked)) {
            self.fire(reaction, facts::cause(trigger, event, &Met::Plain));
        }
    }

    pub fn ask_to_enter(&mut self, workflow: &Workflow, event: Event<'_>) {
        let asked = Asked::from(workflow);
        let Some(cause) = self.fires(asked, event) else { return };
        if self.state.positions.contains_key(asked.id) {
            return;
        }
        let mut doing = Doing::begin(self, (asked.kind, asked.id, asked.name));
        doing.cause = cause;
        doing.facts = facts::of(asked.when, &self.subject.doc);
        doing.line(json!({"type": "enter", "workflow": asked.id}));
        self.enter(workflow);
        self.log(doing);
    }

    fn fire(&mut self, reaction: &Reaction, cause: Value) {
        let asked = Asked::from(reaction);
        let mut doing = Doing::begin(self, (asked.kind, asked.id, asked.name));
        doing.cause = cause;
        doing.facts = facts::of(asked.when, &self.subject.doc);
        self.note_fired(asked.id);
        for action in &reaction.actions {
            self.act(&mut doing, action);
        }
        self.log(doing);
    }

    /// Notes that it fired; a workflow does so when it is entered.
    pub fn note_fired(&mut self, id: &str) {
        let at = self.at;
        self.remember(id, |entry| {
            entry.times += 1;
            entry.last_at = Some(at);
        });
        self.state.fired.insert(id.to_owned());
    }

    pub fn remembered(&self, id: &str) -> Option<&Remembered> {
        self.state.memory.rules.get(id)
    }

    pub fn remember(&mut self, id: &str, change: impl FnOnce(&mut Remembered)) {
        change(self.state.memory.rules.entry(id.to_owned()).or_default());
        self.outcome.changed = true;
    }

    /// Whether it fires once and has done so.
    pub fn is_spent(&self, asked: Asked<'_>) -> bool {
        asked.repeat == Repeat::Once && self.remembered(asked.id).is_some_and(|one| one.times > 0)
    }

    pub fn holds(&self, asked: Asked<'_>) -> bool {
        let Some(rule) = asked.when else { return true };
        rule.matches(&Facts {
            doc: &self.subject.doc,
            now: self.at,
            tz: self.program.zone,
            value_sets: self.subject.sets,
        })
    }

    /// Why it fires now, if it does. What is to be remembered is noted either way.
    fn fires(&mut self, asked: Asked<'_>, event: Event<'_>) -> Option<Value> {
        if self.is_spent(asked) {
            return None;
        }
        let mut holds = None;
        let mut cause = None;
        for trigger in asked.triggers {
            let Some(met) = self.met(asked, trigger, event) else { continue };
            self.note_met(asked, trigger, &met);
            let holds = *holds.get_or_insert_with(|| self.holds(asked));
            let fires = match trigger {
                Trigger::Matches => self.becomes(asked, event, holds),
                _ => holds,
            };
            if fires && cause.is_none() {
                cause = Some(facts::cause(trigger, event, &met));
            }
        }
        cause.filter(|_| !self.state.fired.contains(asked.id))
    }

    /// A date or a silence is met once, whatever the condition says.
    fn note_met(&mut self, asked: Asked<'_>, trigger: &Trigger, met: &Met) {
        let mark = match met {
            Met::Plain => return,
            Met::Date(day) => day.clone(),
            Met::Silence(since) => moment(*since),
        };
        if let Some(key) = mark_key(trigger) {
            self.remember(asked.id, |entry| drop(entry.marks.insert(key, mark)));
        }
    }

    /// Whether the condition begins to hold, so that it fires. One that only lost its turn to the guard is not made up for.
    fn becomes(&mut self, asked: Asked<'_>, event: Event<'_>, holds: bool) -> bool {
        let (held, times) =
            self.remembered(asked.id).map_or((false, 0), |one| (one.holds, one.times));
        if holds != held {
            self.remember(asked.id, |entry| entry.holds = holds);
        }
        let is_saved = match event {
            Event::Told(what) => *what == Occurrence::Saved,
            Event::Due { cursor, .. } => cursor.saved,
            Event::Points { .. } => false,
        };
        match is_saved {
            true => holds && asked.existing_leads && (!held || times == 0),
            false => holds && !held,
        }
    }

    fn met(&self, asked: Asked<'_>, trigger: &Trigger, event: Event<'_>) -> Option<Met> {
        if let Event::Due { cursor, all } = event {
            if all && *trigger == Trigger::Matches {
                return Some(Met::Plain);
            }
            let (due, met) = self.trigger_due(asked, trigger, cursor)?;
            return (due <= self.at).then_some(met);
        }
        self.is_met(asked, trigger, event).then_some(Met::Plain)
    }

    fn is_met(&self, asked: Asked<'_>, trigger: &Trigger, event: Event<'_>) -> bool {
        match (trigger, event) {
            (Trigger::Matches, _) => is_concerned(asked, event),
            (Trigger::Changed { fields }, _) => match fields.as_slice() {
                [] => changes(event, |field| asked.reads.contains(field)),
                fields => changes(event, |field| fields.iter().any(|one| one == field)),
            },
            (Trigger::Points { reach, fall_below }, Event::Points { before, after }) => {
                reach.is_some_and(|mark| before < mark && mark <= after)
                    || fall_below.is_some_and(|mark| after < mark && mark <= before)
            }
            (Trigger::Created, Event::Told(Occurrence::Saved)) => {
                asked.kind == FiringKind::Workflow
                    && asked.existing_leads
                    && self.remembered(asked.id).is_none_or(|one| one.times == 0)
            }
            (_, Event::Told(what)) => is_told(trigger, what),
            _ => false,
        }
    }

    /// Dates that lie in the past because their field changed (or the lead is new) have not come.
    pub fn mark_passed_dates(&mut self, occurrences: &[Occurrence]) {
        let is_changed = |field: &str| {
            occurrences.iter().any(|what| match what {
                Occurrence::Fields { fields } => fields.contains(field),
                Occurrence::Everything | Occurrence::Created => true,
                _ => false,
            })
        };
        let program = self.program;
        let reactions = program.reactions.iter().map(Asked::from);
        for asked in reactions.chain(program.workflows.iter().map(Asked::from)) {
            for trigger in asked.triggers {
                let Trigger::Date { field, .. } = trigger else { continue };
                if !is_changed(field) || self.is_spent(asked) {
                    continue;
                }
                let day = dates::passed(self, asked, trigger);
                if let Some((day, key)) = day.zip(mark_key(trigger)) {
                    self.remember(asked.id, |entry| drop(entry.marks.insert(key, day)));
                }
            }
        }
    }
}

/// Whether an event may change what a condition says.
fn is_concerned(asked: Asked<'_>, event: Event<'_>) -> bool {
    match event {
        Event::Told(
            Occurrence::Created
            | Occurrence::Everything
            | Occurrence::Saved
            | Occurrence::Status { .. },
        ) => true,
        _ => changes(event, |field| asked.reads.contains(field)),
    }
}

/// Whether an event is a change of one of some fields.
fn changes(event: Event<'_>, is_one: impl Fn(&str) -> bool) -> bool {
    match event {
        Event::Points { .. } => POINTS.into_iter().any(is_one),
        Event::Told(Occurrence::Fields { fields }) => fields.iter().any(|field| is_one(field)),
        Event::Told(Occurrence::Status { .. }) => is_one("lead.status"),
        Event::Told(Occurrence::Outcome { .. }) => is_one("lead.outcome"),
        Event::Told(Occurrence::Segment { .. }) => is_one("contact.segments"),
        _ => false,
    }
}

/// Triggers that wait for exactly what happened.
fn is_told(trigger: &Trigger, what: &Occurrence) -> bool {
    match (trigger, what) {
        (Trigger::Created, Occurrence::Created) => true,
        (Trigger::Activity { activity, name: wanted }, Occurrence::Activity { kind, name, .. }) => {
            activity == kind && wanted.as_ref().is_none_or(|wanted| fits(wanted, name))
        }
        (Trigger::Status { to: wanted }, Occurrence::Status { to, .. }) => {
            wanted.is_empty() || wanted.contains(to)
        }
        (Trigger::Outcome { is }, Occurrence::Outcome { outcome, .. }) => {
            is.is_empty() || is.contains(outcome)
        }
        (Trigger::SegmentEntered { segment: wanted }, Occurrence::Segment { segment, entered }) => {
            *entered && wanted == segment
        }
        (Trigger::SegmentLeft { segment: wanted }, Occurrence::Segment { segment, entered }) => {
            !*entered && wanted == segment
        }
        _ => false,
    }
}
