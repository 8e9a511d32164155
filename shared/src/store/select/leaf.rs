//! A leaf as a condition: what its operator makes of an empty field, and the leaves on numbers, booleans and other fields.
use super::{
    Bound, Side, Writer,
    column::{Column, Expr},
};
use crate::rules::{Field, Leaf, Literal, Operand, Operator};
use chrono::Datelike;
use serde_json::Value;

/// Nobody is that old.
const AGE_MAX: f64 = 20_000.0;

impl Writer<'_> {
    pub fn leaf(&mut self, leaf: &Leaf, side: Side) -> String {
        if let Some(condition) = self.of_contact(leaf) {
            return condition;
        }
        let Some(column) = self.column(&leaf.field) else { return self.rough(side, "TRUE") };
        let full = &column.full;
        match leaf.operator {
            Operator::IsEmpty => return format!("(NOT {full})"),
            Operator::IsNotEmpty if leaf.include_empty => return "TRUE".into(),
            Operator::IsNotEmpty => return full.clone(),
            _ => {}
        }
        let negates = leaf.operator.row().negates;
        let inner = if negates.is_some() { side.turned() } else { side };
        let base = self.base(negates.unwrap_or(leaf.operator), leaf, &column, inner);
        let not = if negates.is_some() { "NOT " } else { "" };
        match (base, leaf.include_empty) {
            (None, false) => "FALSE".into(),
            (None, true) => format!("(NOT {full})"),
            (Some(base), false) => format!("({full} AND {not}({base}))"),
            (Some(base), true) => format!("(NOT {full} OR {not}({base}))"),
        }
    }

    /// Whether the operator holds on a value that is not empty; none when neither it nor its negation ever does.
    fn base(
        &mut self,
        operator: Operator,
        leaf: &Leaf,
        column: &Column,
        side: Side,
    ) -> Option<String> {
        if let Operand::Field(other) = &leaf.operand {
            return Some(self.beside(operator, leaf, column, other, side));
        }
        if let Operand::Set(name) = &leaf.operand {
            // Members are compared without accents and punctuation, which SQL cannot.
            return self.moment.sets.contains_key(name).then(|| self.rough(side, "TRUE"));
        }
        match &column.value {
            Expr::Text { raw, folded } => {
                let own = if leaf.case_sensitive { raw } else { folded };
                Some(self.on_text(operator, leaf, own, side))
            }
            Expr::Words => Some(self.on_words(operator, leaf, side)),
            Expr::Number(own) => Some(self.on_number(operator, &leaf.operand, own)),
            Expr::Age => Some(self.on_age(operator, &leaf.operand)),
            Expr::Boolean(own) => Some(self.on_boolean(&leaf.operand, own)),
            Expr::Day(_) | Expr::Moment { .. } => self.on_time(operator, leaf, &column.value, side),
            Expr::List { raw, folded } => {
                let own = if leaf.case_sensitive { raw } else { folded };
                Some(self.on_list(operator, &leaf.operand, own, side))
            }
            Expr::Members | Expr::Events => Some(self.rough(side, "TRUE")),
        }
    }

    fn on_number(&mut self, operator: Operator, operand: &Operand, own: &str) -> String {
        match operand {
            Operand::Number(bound) => {
                let bound = self.put(Bound::Number(*bound));
                format!("{own} {} {bound}", sign(operator))
            }
            Operand::Numbers(low, high) => {
                let (low, high) = (self.put(Bound::Number(*low)), self.put(Bound::Number(*high)));
                format!("{own} >= {low} AND {own} <= {high}")
            }
            Operand::Literals(wanted) => {
                let numbers: Vec<f64> = wanted.iter().filter_map(|one| one.number).collect();
                if let [number] = numbers.as_slice() {
                    return format!("{own} = {}", self.put(Bound::Number(*number)));
                }
                let all = self.put(Bound::Many(numbers.into_iter().map(Value::from).collect()));
                let pg = format!("SELECT v.value::float8 FROM jsonb_array_elements_text({all}) v");
                let lite = format!("SELECT CAST(value AS REAL) FROM json_each({all})");
                format!("{own} IN ({})", self.pick(&pg, &lite))
            }
            _ => "FALSE".into(),
        }
    }

    fn on_age(&mut self, operator: Operator, operand: &Operand) -> String {
        match (operator, operand) {
            (Operator::GreaterThan, Operand::Number(bound)) => self.aged(bound.floor() + 1.0),
            (Operator::GreaterOrEqual, Operand::Number(bound)) => self.aged(bound.ceil()),
            (Operator::LessThan, Operand::Number(bound)) => {
                format!("NOT ({})", self.aged(bound.ceil()))
            }
            (_, Operand::Number(bound)) => format!("NOT ({})", self.aged(bound.floor() + 1.0)),
            (_, Operand::Numbers(low, high)) => {
                let (old, older) = (self.aged(low.ceil()), self.aged(high.floor() + 1.0));
                format!("{old} AND NOT ({older})")
            }
            (_, Operand::Literals(wanted)) => {
                let ages = wanted.iter().filter_map(|one| one.number);
                let ages = ages.filter(|age| age.fract() == 0.0 && (0.0..AGE_MAX).contains(age));
                let born = |age: f64| self.born_by(age).map(|day| Value::from(day + "0"));
                let spans = ages.filter_map(|age| {
                    Some((born(age + 1.0).unwrap_or_else(|| "".into()), born(age)?))
                });
                let spans: Vec<(Value, Value)> = spans.collect();
                let own = self.sortable("c.date_of_birth");
                self.in_spans(&own, "text", spans)
            }
            _ => "FALSE".into(),
        }
    }

    /// At least that old. A day of birth of today or before is at least 0.
    fn aged(&mut self, years: f64) -> String {
        if years <= 0.0 {
            return "TRUE".into();
        }
        let Some(day) = self.born_by(years) else { return "FALSE".into() };
        let own = self.sortable("c.date_of_birth");
        format!("{own} <= {}", self.text(&day))
    }

    /// The day, that many years ago, by which they were born who are at least so old; as text, for it may not be in the calendar.
    fn born_by(&self, years: f64) -> Option<String> {
        let today = super::time::today(self.moment);
        let year = today.year() - years.min(AGE_MAX) as i32;
        (year >= 0).then(|| format!("{year:04}-{:02}-{:02}", today.month(), today.day()))
    }

    fn on_boolean(&mut self, operand: &Operand, own: &str) -> String {
        let Operand::Literals(wanted) = operand else { return "FALSE".into() };
        let has = |flag: bool| wanted.iter().any(|one| one.boolean == Some(flag));
        match (has(true), has(false)) {
            (true, true) => "TRUE".into(),
            (true, false) => own.to_owned(),
            (false, true) => format!("NOT {own}"),
            (false, false) => "FALSE".into(),
        }
    }

    /// The field beside another one.
    fn beside(
        &mut self,
        operator: Operator,
        leaf: &Leaf,
        left: &Column,
        other: &Field,
        side: Side,
    ) -> String {
        let Some(right) = self.column(other) else { return self.rough(side, "TRUE") };
        let full = &right.full;
        let pair = match (&left.value, &right.value) {
            (Expr::Text { raw: l, folded: left }, Expr::Text { raw: r, folded: right }) => {
                Some(if leaf.case_sensitive { (l, r) } else { (left, right) })
            }
            (Expr::Number(left), Expr::Number(right))
            | (Expr::Boolean(left), Expr::Boolean(right))
            | (Expr::Day(left), Expr::Day(right)) => Some((left, right)),
            (
                Expr::Moment { at: left, is_text: false },
                Expr::Moment { at: right, is_text: false },
            )
            | (
                Expr::Moment { at: left, is_text: true },
                Expr::Moment { at: right, is_text: true },
            ) => Some((left, right)),
            _ => None,
        };
        let Some((own, others)) = pair else { return self.rough(side, full.as_str()) };
        let is_text = matches!(left.value, Expr::Day(_) | Expr::Moment { is_text: true, .. });
        let own = if is_text { self.sortable(own) } else { own.clone() };
        let sign = match operator {
            Operator::EqualsField => "=",
            operator => sign(operator),
        };
        format!("{full} AND {own} {sign} {others}")
    }
}

/// The comparison of an operator that orders.
pub fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::GreaterThan | Operator::After | Operator::AfterField => ">",
        Operator::GreaterOrEqual => ">=",
        Operator::LessOrEqual => "<=",
        _ => "<",
    }
}

/// The texts of literals that a stored text can be: none has a zero byte.
pub fn texts(wanted: &[Literal]) -> Vec<&str> {
    wanted.iter().map(|one| one.text.as_str()).filter(|text| !text.contains('\0')).collect()
}
