//! Where a field of a rule is in the tables, and when it is empty.
use super::{Bound, Writer, time};
use crate::rules::{About, Field, Kind, PROPERTY, Properties};

/// A field as SQL.
pub struct Column {
    /// True when the field is not empty, else false.
    pub full: String,
    pub value: Expr,
}

/// The value of a field that is not empty.
pub enum Expr {
    /// The text as it is kept, and folded.
    Text {
        raw: String,
        folded: String,
    },
    /// The words of a contact: a blank before and after each.
    Words,
    /// A 64-bit float.
    Number(String),
    /// Reckoned from the date of birth.
    Age,
    Boolean(String),
    /// `YYYY-MM-DD`.
    Day(String),
    /// A column of moments, or a text that sorts as moments do.
    Moment {
        at: String,
        is_text: bool,
    },
    /// A JSON array of texts as they are kept, and folded.
    List {
        raw: String,
        folded: String,
    },
    /// Segments, or leads of a status.
    Members,
    Events,
}

impl Writer<'_> {
    /// The field, if it is one of a contact.
    pub fn column(&mut self, field: &Field) -> Option<Column> {
        let path = field.path();
        if let Some(key) = path.strip_prefix(PROPERTY) {
            return self.property(key, field.kind());
        }
        if let Some(kind) = path.strip_prefix("event.") {
            self.needs_sum = true;
            let key = self.text(kind);
            let full = format!("(a.events->{key} IS NOT NULL)");
            return Some(Column { full, value: Expr::Events });
        }
        let none = Properties::default();
        let is_known = About::Contact(&none).rows().iter().any(|row| row.path == path);
        is_known.then(|| self.built_in(&path["contact.".len()..], field.kind()))
    }

    fn built_in(&mut self, name: &str, kind: Kind) -> Column {
        let table = match name {
            "firstSeenAt" | "lastActivityAt" => "a",
            _ => "c",
        };
        self.needs_sum |= table == "a";
        let own = format!("{table}.{}", snake(name));
        let full = format!("({own} IS NOT NULL)");
        match (name, kind) {
            ("words", _) => Column { full: "(c.words <> '')".into(), value: Expr::Words },
            ("age", _) => self.age(),
            ("status", _) => Column { full, value: Expr::Text { raw: own.clone(), folded: own } },
            (_, Kind::Number) => Column { full, value: Expr::Number(self.float(&own)) },
            (_, Kind::Boolean) => Column { full, value: Expr::Boolean(own) },
            (_, Kind::Date) => Column { full, value: Expr::Day(own) },
            (_, Kind::DateTime) => Column { full, value: Expr::Moment { at: own, is_text: false } },
            (_, Kind::List) => {
                let folded = format!("COALESCE(c.folded->'{name}', {own})");
                let full = format!("({own} NOT IN ('[]', 'null'))");
                Column { full, value: Expr::List { raw: own, folded } }
            }
            (_, Kind::Members) => Column { full: self.in_any(name), value: Expr::Members },
            _ => {
                let folded = format!("COALESCE(c.folded->>'{name}', {own})");
                Column { full, value: Expr::Text { raw: own, folded } }
            }
        }
    }

    fn property(&mut self, name: &str, kind: Kind) -> Option<Column> {
        let key = self.text(name);
        let own = format!("(c.properties->>{key})");
        let full = format!("({own} IS NOT NULL)");
        Some(match kind {
            Kind::Text => {
                let kept = self.text(&format!("p_{name}"));
                let folded = format!("COALESCE(c.folded->>{kept}, {own})");
                Column { full, value: Expr::Text { raw: own, folded } }
            }
            Kind::Number => self.number_property(&key, &own, full),
            Kind::Boolean => {
                let json = format!("(c.properties->{key} = 'true'::jsonb)");
                Column { full, value: Expr::Boolean(self.pick(&json, &own).to_owned()) }
            }
            Kind::Date => Column { full, value: Expr::Day(own) },
            Kind::DateTime => Column { full, value: Expr::Moment { at: own, is_text: true } },
            Kind::List => {
                let raw = format!("(c.properties->{key})");
                let kept = self.text(&format!("p_{name}"));
                let folded = format!("COALESCE(c.folded->{kept}, {raw})");
                let full = format!("(COALESCE({raw}, '[]') NOT IN ('[]', 'null'))");
                Column { full, value: Expr::List { raw, folded } }
            }
            Kind::File | Kind::Members | Kind::Events | Kind::Any => return None,
        })
    }

    /// PostgreSQL would fail on a value that is no number, so that one counts as empty.
    fn number_property(&self, key: &str, own: &str, full: String) -> Column {
        let is_number = format!("COALESCE(jsonb_typeof(c.properties->{key}) = 'number', FALSE)");
        let number = format!("(CASE WHEN {is_number} THEN {own}::float8 END)");
        let lite = format!("CAST({own} AS REAL)");
        Column {
            value: Expr::Number(self.pick(&number, &lite).to_owned()),
            full: self.pick(&is_number, &full).to_owned(),
        }
    }

    /// There is an age once the day of birth has come.
    fn age(&mut self) -> Column {
        let today = time::today(self.moment).format("%Y-%m-%d").to_string();
        let today = self.put(Bound::Text(today));
        let born = self.sortable("c.date_of_birth");
        let full = format!("(c.date_of_birth IS NOT NULL AND {born} <= {today})");
        Column { full, value: Expr::Age }
    }

    fn float(&self, own: &str) -> String {
        let (pg, lite) = (format!("{own}::float8"), format!("CAST({own} AS REAL)"));
        self.pick(&pg, &lite).to_owned()
    }

    /// A text that compares byte by byte.
    pub fn sortable(&self, own: &str) -> String {
        let pg = format!("{own} COLLATE \"C\"");
        self.pick(&pg, own).to_owned()
    }
}

/// `optOutEmail` as the column `opt_out_email`.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 3);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
