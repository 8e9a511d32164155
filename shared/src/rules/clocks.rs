//! When the clock alone changes a rule's answer: at midnights, or when a window's edge passes a moment.
use super::{
    Leaf, Operand, Operator, Rule,
    field::Kind,
    value::{self, Unit},
};
use chrono::{DateTime, Days, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

type Moment = DateTime<Utc>;

/// How soon one looks again where the moment of a change cannot be told in advance.
pub const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(60);
/// Clocks that were put forward or back within this long make wall times uncertain. A whole day is the longest gap there has been.
const NEAR: TimeDelta = TimeDelta::hours(25);
/// How far clocks are put back, at most.
const PUT_BACK: TimeDelta = TimeDelta::hours(2);
/// What comes after a moment: the database keeps microseconds.
const NEXT: TimeDelta = TimeDelta::microseconds(1);

/// What of a rule moves with the clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Something changes when a day begins in the rule's zone.
    pub days: bool,
    /// Something changes when a day begins in UTC: events within so many days.
    pub utc_days: bool,
    /// Windows on moments, each once.
    pub windows: Vec<Window>,
}

/// A window that ends or begins now, on a field that holds a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub path: String,
    /// Whether it reaches into the future.
    ahead: bool,
    /// Whether now is its other end: then passing now changes the answer, too.
    ends_now: bool,
    amount: i64,
    unit: Unit,
}

impl Rule {
    /// What of it moves with the clock; nothing exactly if it is not time-relative.
    pub fn clocks(&self) -> Clocks {
        let mut clocks = Clocks::default();
        for leaf in self.leaves() {
            clocks.add(leaf);
        }
        clocks
    }
}

impl Clocks {
    fn add(&mut self, leaf: &Leaf) {
        let ages = match &leaf.operand {
            Operand::Field(other) => other.is_time_relative(),
            _ => false,
        };
        self.days |= ages || leaf.field.is_time_relative();
        match &leaf.operand {
            Operand::Count(count) => self.utc_days |= count.within_days.is_some(),
            Operand::Window(amount, unit) if leaf.field.kind() == Kind::DateTime => {
                let window = Window {
                    path: leaf.field.path().to_owned(),
                    ahead: matches!(leaf.operator, Operator::InNext | Operator::LaterThan),
                    ends_now: !matches!(leaf.operator, Operator::OlderThan | Operator::LaterThan),
                    amount: *amount,
                    unit: *unit,
                };
                if !self.windows.contains(&window) {
                    self.windows.push(window);
                }
            }
            _ => self.days |= leaf.operator.is_time_relative(),
        }
    }

    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// When the next day begins that changes something; none if days do not.
    pub fn next_day(&self, after: Moment, zone: Tz) -> Option<Moment> {
        let own = if self.days { midnight(after, zone) } else { None };
        let utc = if self.utc_days { midnight(after, Tz::UTC) } else { None };
        [own, utc].into_iter().flatten().min()
    }
}

/// The first moment of the next day in the zone.
fn midnight(after: Moment, zone: Tz) -> Option<Moment> {
    let tomorrow = after.with_timezone(&zone).date_naive().checked_add_days(Days::new(1))?;
    let wall = tomorrow.and_time(NaiveTime::MIN);
    // The clocks may skip it; quarters of an hour, and a day is the longest gap.
    let found = (0..=96).find_map(|quarters| {
        let wall = wall.checked_add_signed(TimeDelta::minutes(15 * quarters))?;
        Some(zone.from_local_datetime(&wall).earliest()?.to_utc())
    });
    // Where midnight comes twice, the first may lie before.
    found.map(|midnight| if midnight > after { midnight } else { after + LOOK_AGAIN })
}

fn offset(at: Moment, zone: Tz) -> i32 {
    zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
}

impl Window {
    /// Where its other end is; none if the calendar ends before: then nothing ever changes.
    fn edge(&self, now: Moment, zone: Tz) -> Option<Moment> {
        let amount = if self.ahead { self.amount } else { -self.amount };
        value::moved(now, amount, self.unit, zone)
    }

    /// Whether it is reckoned by the clock on the wall, which may be put forward and back.
    fn is_by_wall(&self) -> bool {
        !matches!(self.unit, Unit::Minutes | Unit::Hours)
    }

    /// The moments for which the answer may have changed between two times: stretches, both ends included.
    pub fn crossed(&self, from: Moment, to: Moment, zone: Tz) -> Vec<(Moment, Moment)> {
        let mut stretches = Vec::new();
        if let (Some(a), Some(b)) = (self.edge(from, zone), self.edge(to, zone)) {
            let moved = self.is_by_wall() && offset(from, zone) != offset(to, zone);
            // While the clocks are put back the edge goes back, too.
            let more = if moved { PUT_BACK } else { TimeDelta::zero() };
            stretches.push((a.min(b) - more, a.max(b) + more));
        }
        if self.ends_now {
            stretches.push((from, to));
        }
        stretches
    }

    /// The ends that moments pass as the clock goes on: the next to pass is the least that is not below one of these.
    pub fn ends(&self, now: Moment, zone: Tz) -> Vec<Moment> {
        let edge = self.edge(now, zone);
        edge.into_iter().chain(self.ends_now.then_some(now)).collect()
    }

    /// When the answer for `moment` may next change after `now`: never later than it does, and as a rule exactly then. None: never.
    pub fn next_for(&self, moment: Moment, now: Moment, zone: Tz) -> Option<Moment> {
        let by_edge = self.edge(now, zone).and_then(|edge| {
            let is_before = if self.ahead { moment > edge } else { moment >= edge };
            is_before.then(|| self.meets(moment, now, zone))
        });
        // `In the next` ends after the moment itself, `in the last` begins at it.
        let by_now = match (self.ends_now, self.ahead) {
            (true, true) => (moment >= now).then(|| moment + NEXT),
            (true, false) => (moment > now).then_some(moment),
            _ => None,
        };
        [by_edge, by_now].into_iter().flatten().min()
    }

    /// When the edge comes to lie beyond `moment`.
    fn meets(&self, moment: Moment, now: Moment, zone: Tz) -> Moment {
        let back = if self.ahead { -self.amount } else { self.amount };
        let Some(at) = value::moved(moment, back, self.unit, zone) else { return now + LOOK_AGAIN };
        let at = if self.ahead { at } else { at + NEXT };
        let early = match self.is_by_wall() && offset(at - NEAR, zone) != offset(at + NEAR, zone) {
            true => at - NEAR,
            false => at,
        };
        if early > now { early } else { now + LOOK_AGAIN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{About, Facts, NoValueSets, Properties};
    use proptest::prelude::*;
    use serde_json::json;

    fn at(text: &str) -> Moment {
        text.parse().unwrap()
    }

    fn rule(operator: &str, amount: i64, unit: &str) -> Rule {
        let leaf = json!({"field": "contact.createdAt", "operator": operator, "value": {"amount": amount, "unit": unit}});
        let rule = json!({"combinator": "and", "rules": [leaf]});
        Rule::parse_about(&rule, About::Contact(&Properties::default())).unwrap()
    }

    fn holds(rule: &Rule, created: Moment, now: Moment, tz: Tz) -> bool {
        let doc = json!({"contact": {"createdAt": created.to_rfc3339()}});
        rule.matches(&Facts { doc: &doc, now, tz, value_sets: &NoValueSets })
    }

    #[test]
    fn a_day_begins_at_midnight_of_its_zone() {
        let clocks = Clocks { days: true, ..Clocks::default() };
        let next = clocks.next_day(at("2026-11-21T12:00:00Z"), Tz::America__New_York).unwrap();
        assert_eq!(next, at("2026-11-22T05:00:00Z"));
        let next = clocks.next_day(next, Tz::America__New_York).unwrap();
        assert_eq!(next, at("2026-11-23T05:00:00Z"));
        // In Chile the clocks go forward at midnight.
        let next = clocks.next_day(at("2026-09-05T12:00:00Z"), Tz::America__Santiago).unwrap();
        assert_eq!(next, at("2026-09-06T04:00:00Z"));
        let both = Clocks { utc_days: true, ..clocks };
        let next = both.next_day(at("2026-11-21T12:00:00Z"), Tz::America__New_York).unwrap();
        assert_eq!(next, at("2026-11-22T00:00:00Z"));
    }

    #[test]
    fn what_moves_is_told_from_what_does_not() {
        let parse = |leaf| {
            let rule = json!({"combinator": "and", "rules": [leaf]});
            Rule::parse_about(&rule, About::Contact(&Properties::default())).unwrap().clocks()
        };
        let plain = parse(json!({"field": "contact.state", "operator": "equals", "value": "CA"}));
        assert!(plain.is_none());
        assert!(parse(json!({"field": "contact.age", "operator": "greaterThan", "value": 5})).days);
        let born = json!({"field": "contact.dateOfBirth", "operator": "inLast", "value": {"amount": 3, "unit": "years"}});
        assert_eq!(parse(born), Clocks { days: true, ..Clocks::default() });
        let visits = json!({"field": "event.page_visit", "operator": "eventCount",
            "value": {"atLeast": 1, "within": {"amount": 3, "unit": "days"}}});
        assert_eq!(parse(visits), Clocks { utc_days: true, ..Clocks::default() });
        assert_eq!(rule("olderThan", 3, "days").clocks().windows.len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Walking from one announced change to the next never misses one, and what changed lies in a crossed stretch.
        #[test]
        fn no_change_comes_unannounced(
            operator in prop::sample::select(vec!["inLast", "notInLast", "inNext", "olderThan", "laterThan"]),
            (amount, unit) in prop::sample::select(vec![(90, "minutes"), (5, "hours"), (1, "days"), (3, "weeks"), (1, "months"), (1, "years")]),
            zone in prop::sample::select(vec![Tz::UTC, Tz::America__New_York, Tz::Australia__Lord_Howe, Tz::America__Santiago]),
            start in 0_i64..2 * 365 * 86_400, away in -40_i64 * 86_400..40 * 86_400, later in 0_i64..40 * 86_400,
        ) {
            let rule = rule(operator, amount, unit);
            let clocks = rule.clocks();
            let window = &clocks.windows[0];
            let now = at("2026-01-01T00:00:00Z") + TimeDelta::seconds(start);
            // Half of them near an edge.
            let near = window.edge(now, zone).filter(|_| start % 2 == 0).unwrap_or(now);
            let moment = near + TimeDelta::seconds(away);
            let then = now + TimeDelta::seconds(later);
            let (before, after) = (holds(&rule, moment, now, zone), holds(&rule, moment, then, zone));
            if before != after {
                let next = window.next_for(moment, now, zone);
                prop_assert!(next.is_some_and(|next| next > now && next <= then), "{next:?}");
                let crossed = window.crossed(now, then, zone);
                prop_assert!(crossed.iter().any(|(low, high)| (*low..=*high).contains(&moment)));
            }
            if let Some(next) = window.next_for(moment, now, zone) {
                let ends = window.ends(now, zone);
                prop_assert!(ends.iter().any(|end| moment >= *end));
                prop_assert!(next > now);
            }
        }
    }
}
