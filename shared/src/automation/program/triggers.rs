//! What must hold of a trigger.
use super::{
    limits::{DATE_DAYS_MAX, FIELDS_MAX, YEARLY_DAYS_MAX, distance},
    names::Named,
    read::Reader,
};
use crate::{
    activity::{NAME_MAX, draft},
    automation::{POINTS_MAX, config::Trigger},
    campaign::config::ENDS,
    ids::SegmentId,
    rules::{ACTIVITY, About, Field, Kind},
    submission::Status,
};
use chrono::NaiveTime;
use std::collections::BTreeSet;

/// Fields that do not change as others do, and what sees their change.
const OWN_TRIGGERS: [(&str, &str); 6] = [
    ("lead.status", "the trigger `status`"),
    ("lead.points", "the trigger `points`"),
    ("lead.stars", "the trigger `points`"),
    ("lead.outcome", "the trigger `outcome`"),
    ("lead.createdAt", "the trigger `created`"),
    ("contact.age", "the trigger `matches`, or `date` on contact.dateOfBirth"),
];

/// What sees that such a field changes, where `changed` does not.
fn own_trigger(field: &str) -> Option<&'static str> {
    if field.starts_with(ACTIVITY) {
        return Some("the trigger `activity`");
    }
    OWN_TRIGGERS.iter().find(|(own, _)| *own == field).map(|(_, trigger)| *trigger)
}

impl Reader<'_> {
    pub(super) fn trigger(&mut self, trigger: &Trigger, at: &str) {
        match trigger {
            Trigger::Matches | Trigger::Created | Trigger::Status { .. } => {}
            Trigger::Changed { fields } => self.changed(fields, &format!("{at}.fields")),
            Trigger::Activity { activity, name } => {
                if let Err(why) = draft::kind(activity) {
                    self.say(format!("{at}.activity"), why);
                }
                if let Some(name) = name {
                    self.text(name, NAME_MAX, format!("{at}.name"));
                }
            }
            Trigger::Points { reach, fall_below } => self.crossing((*reach, *fall_below), at),
            Trigger::Outcome { is } => self.outcomes(is, &format!("{at}.is")),
            Trigger::SegmentEntered { segment } | Trigger::SegmentLeft { segment } => {
                self.segment(*segment, at);
            }
            Trigger::Date { field, days, time, yearly } => {
                self.date((field, *days, *yearly), time.as_deref(), at);
            }
            Trigger::Inactivity { r#for } => {
                if let Some(why) = distance(*r#for) {
                    self.say(format!("{at}.for.amount"), why);
                }
            }
        }
    }

    fn segment(&mut self, what: SegmentId, at: &str) {
        self.names.segments.push(Named { path: format!("{at}.segment"), what });
    }

    fn changed(&mut self, fields: &[String], at: &str) {
        self.count(at, fields.len(), FIELDS_MAX);
        for (nth, path) in fields.iter().take(FIELDS_MAX).enumerate() {
            let place = format!("{at}[{nth}]");
            if let Err(why) = Field::parse_about(path, About::Automation(self.properties)) {
                self.say(place, why);
            } else if let Some(trigger) = own_trigger(path) {
                self.say(place, format!("its change is seen by {trigger}"));
            }
        }
    }

    /// A trigger `changed` without fields needs a condition that reads one that changes.
    pub(super) fn changes(&mut self, reads: &BTreeSet<String>, at: &str) {
        if reads.iter().all(|field| own_trigger(field).is_some()) {
            let why = "reads no field whose change the trigger `changed` sees: name its `fields`";
            self.say(at, why);
        }
    }

    fn crossing(&mut self, (reach, below): (Option<i64>, Option<i64>), at: &str) {
        if reach.is_some() == below.is_some() {
            self.say(at, "must have exactly one of `reach` and `fallBelow`");
        }
        for (name, given) in [("reach", reach), ("fallBelow", below)] {
            if given.is_some_and(|points| !(-POINTS_MAX..=POINTS_MAX).contains(&points)) {
                self.say(format!("{at}.{name}"), format!("must be -{POINTS_MAX} to {POINTS_MAX}"));
            }
        }
    }

    fn outcomes(&mut self, given: &[String], at: &str) {
        let words = ENDS.map(Status::word);
        for (nth, word) in given.iter().enumerate().filter(|(_, word)| !words.contains(*word)) {
            let word: String = word.chars().take(NAME_MAX).collect();
            let why = format!("`{word}` is no end of a submission: {}", words.join(", "));
            self.say(format!("{at}[{nth}]"), why);
            if nth >= words.len() {
                return;
            }
        }
    }

    fn date(&mut self, (path, days, yearly): (&str, i64, bool), time: Option<&str>, at: &str) {
        let place = format!("{at}.field");
        let kind = match Field::parse_about(path, About::Automation(self.properties)) {
            Ok(field) => Some(field.kind()),
            Err(why) => {
                self.say(place.as_str(), why);
                None
            }
        };
        if path.starts_with(ACTIVITY) {
            self.say(
                place,
                "is of an activity: use the trigger `activity`, and wait in a workflow",
            );
        } else if let Some(kind) = kind.filter(|kind| !matches!(kind, Kind::Date | Kind::DateTime))
        {
            self.say(place, format!("must hold a date or a moment; `{path}` is {}", kind.name()));
        }
        let most = if yearly { YEARLY_DAYS_MAX } else { DATE_DAYS_MAX };
        if !(-most..=most).contains(&days) {
            self.say(format!("{at}.days"), format!("must be -{most} to {most}"));
        }
        let Some(time) = time else { return };
        if clock(time).is_none() {
            self.say(format!("{at}.time"), "must be a time of the day such as 09:00");
        } else if kind == Some(Kind::DateTime) && days == 0 {
            let why = format!("`{path}` is a moment: without `days` it has its own time");
            self.say(format!("{at}.time"), why);
        }
    }
}

/// A time of the day, `HH:MM`.
pub fn clock(text: &str) -> Option<NaiveTime> {
    let is_short = text.len() == 5;
    NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|_| is_short)
}
