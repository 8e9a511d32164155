//! Leaves on days and moments: their edges are reckoned here, so that SQL only compares.
use super::{Bound, Moment, Side, Writer, column::Expr};
use crate::{
    contact::doc,
    rules::{self, Leaf, Operand, Operator, Time, Unit},
    store::dialect::Engine,
};
use chrono::{
    DateTime, Datelike, Days, LocalResult, Months, NaiveDate, SecondsFormat, SubsecRound,
    TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;
use serde_json::Value;

/// Years that texts and both engines can say; nothing that is kept lies beyond.
const YEARS: std::ops::RangeInclusive<i32> = 0..=9_999;

/// Where a span begins or, itself excluded, ends.
#[derive(Clone, Copy)]
enum Edge {
    /// The beginning of a day in the zone.
    Day(NaiveDate),
    /// A moment, to the microsecond.
    At(DateTime<Utc>),
    Never,
}

/// From an edge on, up to another.
#[derive(Clone, Copy)]
struct Span {
    from: Option<Edge>,
    to: Option<Edge>,
}

/// An edge beside all that is kept.
enum Place {
    BeforeAll,
    Within(Bound),
    AfterAll,
}

/// Today in the zone.
pub fn today(moment: &Moment<'_>) -> NaiveDate {
    moment.now.with_timezone(&moment.zone).date_naive()
}

impl Writer<'_> {
    /// None when the calendar ends before the edge: then neither the operator nor its negation holds.
    pub fn on_time(
        &mut self,
        operator: Operator,
        leaf: &Leaf,
        own: &Expr,
        side: Side,
    ) -> Option<String> {
        if let Operand::DayOffset(days) = leaf.operand {
            let target = today(self.moment).checked_add_signed(TimeDelta::days(days))?;
            return Some(self.anniversary(target, own, side));
        }
        if let Operand::Literals(wanted) = &leaf.operand {
            let times: Vec<Time> = wanted.iter().filter_map(|one| one.time).collect();
            return Some(self.one_of(&times, own, side));
        }
        let span = self.span(operator, &leaf.operand, own)?;
        Some(self.within(span, own, side))
    }

    fn span(&self, operator: Operator, operand: &Operand, own: &Expr) -> Option<Span> {
        let Moment { now, zone, .. } = *self.moment;
        let (below, above) = (|time| below(time, own, zone), |time| above(time, own, zone));
        Some(match *operand {
            Operand::Time(time) => match operator {
                Operator::On => whole_day(time.day(zone)),
                Operator::GreaterThan | Operator::After => since(above(time)),
                Operator::GreaterOrEqual => since(below(time)),
                Operator::LessOrEqual => until(above(time)),
                _ => until(below(time)),
            },
            Operand::Times(low, high) => Span { from: Some(below(low)), to: Some(above(high)) },
            Operand::Window(amount, unit) => {
                let ahead = matches!(operator, Operator::InNext | Operator::LaterThan);
                let edge = rules::moved(now, if ahead { amount } else { -amount }, unit, zone)?;
                match operator {
                    Operator::OlderThan => until(below(Time::Moment(edge))),
                    Operator::LaterThan => since(above(Time::Moment(edge))),
                    _ => Span {
                        from: Some(below(Time::Moment(edge.min(now)))),
                        to: Some(above(Time::Moment(edge.max(now)))),
                    },
                }
            }
            Operand::Period(unit) => {
                let away = match operator {
                    Operator::InPrevious => -1,
                    Operator::InFollowing => 1,
                    _ => 0,
                };
                period(rules::shifted(today(self.moment), away, unit)?, unit)?
            }
            // Only isToday comes here without an operand.
            _ => whole_day(today(self.moment)),
        })
    }

    fn within(&mut self, span: Span, own: &Expr, side: Side) -> String {
        let (Expr::Day(column) | Expr::Moment { at: column, .. }) = own else {
            return self.rough(side, "TRUE");
        };
        let is_text = !matches!(own, Expr::Moment { is_text: false, .. });
        let column = if is_text { self.sortable(column) } else { column.clone() };
        let mut parts = Vec::new();
        if let Some(edge) = span.from {
            match self.place(edge, own, side == Side::Under) {
                Place::BeforeAll => {}
                Place::Within(value) => parts.push(format!("{column} >= {}", self.put(value))),
                Place::AfterAll => return "FALSE".into(),
            }
        }
        if let Some(edge) = span.to {
            match self.place(edge, own, side == Side::Over) {
                Place::BeforeAll => return "FALSE".into(),
                Place::Within(value) => parts.push(format!("{column} < {}", self.put(value))),
                Place::AfterAll => {}
            }
        }
        if parts.is_empty() { "TRUE".into() } else { parts.join(" AND ") }
    }

    /// Whether the time is one of these.
    fn one_of(&mut self, times: &[Time], own: &Expr, side: Side) -> String {
        let zone = self.moment.zone;
        let spans = times.iter().map(|time| (below(*time, own, zone), above(*time, own, zone)));
        let spans: Vec<(Edge, Edge)> = spans.collect();
        if let [(from, to)] = spans.as_slice() {
            return self.within(Span { from: Some(*from), to: Some(*to) }, own, side);
        }
        let (Expr::Day(column) | Expr::Moment { at: column, .. }) = own else {
            return self.rough(side, "TRUE");
        };
        let is_text = !matches!(own, Expr::Moment { is_text: false, .. });
        let column = if is_text { self.sortable(column) } else { column.clone() };
        let mut edges = Vec::new();
        for (from, to) in spans {
            let from = self.place(from, own, side == Side::Under);
            let to = self.place(to, own, side == Side::Over);
            // One that reaches beyond what is kept holds nothing that is: years end with 9999, of which the last day is left out.
            if let (Place::Within(from), Place::Within(to)) = (from, to) {
                edges.push((self.written(&from), self.written(&to)));
            }
        }
        self.in_spans(&column, if is_text { "text" } else { "timestamptz" }, edges)
    }

    /// Whether the value lies in one of these: from the first on, before the second.
    pub fn in_spans(&mut self, own: &str, kind: &str, spans: Vec<(Value, Value)>) -> String {
        let rows = spans.into_iter().map(|(from, to)| serde_json::json!({"f": from, "t": to}));
        let rows = self.put(Bound::Many(rows.collect()));
        let pg = format!(
            "EXISTS (SELECT 1 FROM jsonb_to_recordset({rows}) AS s(f {kind}, t {kind}) WHERE {own} >= s.f AND {own} < s.t)"
        );
        let lite = format!(
            "EXISTS (SELECT 1 FROM json_each({rows}) s WHERE {own} >= s.value->>'f' AND {own} < s.value->>'t')"
        );
        self.pick(&pg, &lite).to_owned()
    }

    /// An edge as it is bound beside the field.
    fn written(&self, bound: &Bound) -> Value {
        match (bound, self.engine) {
            // As a bound time is stored there.
            (Bound::At(at), Engine::Sqlite) => {
                at.to_rfc3339_opts(SecondsFormat::AutoSi, false).into()
            }
            (Bound::At(at), Engine::Postgres) => doc::moment(*at).into(),
            (Bound::Text(text), _) => text.as_str().into(),
            _ => Value::Null,
        }
    }

    /// The edge in the field's own form. A day may begin twice in a zone, when clocks go back over midnight: then the condition cannot be
    /// exact, and the later beginning is taken or the earlier.
    fn place(&mut self, edge: Edge, own: &Expr, later: bool) -> Place {
        let year = match edge {
            Edge::Day(day) => day.year(),
            Edge::At(at) => at.year(),
            Edge::Never => return Place::AfterAll,
        };
        match year {
            year if year < *YEARS.start() => return Place::BeforeAll,
            year if year > *YEARS.end() => return Place::AfterAll,
            _ => {}
        }
        let at = match (edge, own) {
            (Edge::Day(day), Expr::Day(_)) => {
                return Place::Within(Bound::Text(day.format("%Y-%m-%d").to_string()));
            }
            (Edge::Day(day), _) => {
                let (first, last) = beginning(day, self.moment.zone);
                self.is_exact &= first == last;
                if later { last } else { first }
            }
            (Edge::At(at), _) => at,
            (Edge::Never, _) => return Place::AfterAll,
        };
        match (YEARS.contains(&at.year()), own) {
            (false, _) if at.year() < 0 => Place::BeforeAll,
            (false, _) => Place::AfterAll,
            (true, Expr::Moment { is_text: true, .. }) => {
                Place::Within(Bound::Text(doc::moment(at)))
            }
            (true, _) => Place::Within(Bound::At(at)),
        }
    }

    fn anniversary(&mut self, target: NaiveDate, own: &Expr, side: Side) -> String {
        let Expr::Day(column) = own else { return self.rough(side, "TRUE") };
        let day = format!("{:02}-{:02}", target.month(), target.day());
        let mut days = vec![day.as_str()];
        if day == "02-28" && !target.leap_year() {
            days.push("02-29");
        }
        self.text_in(&format!("substr({column}, 6)"), &days)
    }
}

fn since(edge: Edge) -> Span {
    Span { from: Some(edge), to: None }
}

fn until(edge: Edge) -> Span {
    Span { from: None, to: Some(edge) }
}

fn whole_day(day: NaiveDate) -> Span {
    Span { from: Some(Edge::Day(day)), to: Some(after(day)) }
}

fn after(day: NaiveDate) -> Edge {
    day.succ_opt().map_or(Edge::Never, Edge::Day)
}

/// What is before the time is before this edge.
fn below(time: Time, own: &Expr, zone: Tz) -> Edge {
    match (time, own) {
        (Time::Moment(at), Expr::Moment { .. }) => {
            let whole = at.trunc_subsecs(6);
            if whole < at { next(whole) } else { Edge::At(whole) }
        }
        (time, _) => Edge::Day(time.day(zone)),
    }
}

/// What is not after the time is before this edge.
fn above(time: Time, own: &Expr, zone: Tz) -> Edge {
    match (time, own) {
        (Time::Moment(at), Expr::Moment { .. }) => next(at.trunc_subsecs(6)),
        (time, _) => after(time.day(zone)),
    }
}

fn next(at: DateTime<Utc>) -> Edge {
    at.checked_add_signed(TimeDelta::microseconds(1)).map_or(Edge::Never, Edge::At)
}

/// The days of a day, week, month or year.
fn period(day: NaiveDate, unit: Unit) -> Option<Span> {
    let first = match unit {
        Unit::Weeks => day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())),
        Unit::Months => day.with_day(1),
        Unit::Years => day.with_ordinal(1),
        Unit::Minutes | Unit::Hours | Unit::Days => Some(day),
    }?;
    let end = match unit {
        Unit::Weeks => first.checked_add_days(Days::new(7)),
        Unit::Months => first.checked_add_months(Months::new(1)),
        Unit::Years => first.checked_add_months(Months::new(12)),
        Unit::Minutes | Unit::Hours | Unit::Days => first.succ_opt(),
    };
    Some(Span { from: Some(Edge::Day(first)), to: Some(end.map_or(Edge::Never, Edge::Day)) })
}

/// The first moment of the day in the zone, and the first after which it is never again the day before.
fn beginning(day: NaiveDate, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    match zone.from_local_datetime(&midnight) {
        LocalResult::Single(at) => (at.to_utc(), at.to_utc()),
        LocalResult::Ambiguous(first, last) => {
            // Clocks that go back to midnight exactly do not leave the day.
            let eve = zone.from_local_datetime(&(midnight - TimeDelta::microseconds(1)));
            let is_left = eve.latest().is_some_and(|eve| eve > first);
            (first.to_utc(), if is_left { last.to_utc() } else { first.to_utc() })
        }
        // The clocks skip midnight: the first second that is of the day, or of a later one.
        LocalResult::None => {
            let (mut low, mut high) = (-26 * 3_600, 26 * 3_600);
            while low + 1 < high {
                let middle = (low + high) / 2;
                let at = midnight.and_utc() + TimeDelta::seconds(middle);
                match at.with_timezone(&zone).date_naive() < day {
                    true => low = middle,
                    false => high = middle,
                }
            }
            let at = midnight.and_utc() + TimeDelta::seconds(high);
            (at, at)
        }
    }
}
