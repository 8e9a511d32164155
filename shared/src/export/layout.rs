//! Which columns an export has: those that every row has and those that its rows need, or those that somebody chose.
use super::columns::{Column, What};
use serde_json::{Map, Value};
use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet},
};

/// Columns of an export, at most.
pub const COLUMNS_MAX: usize = 500;

/// An export would have more than [`COLUMNS_MAX`] columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "there would be {0} columns; at most {COLUMNS_MAX} are allowed: choose some with fields, or narrow the filter"
)]
pub struct TooMany(pub usize);

/// The columns, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    what: What,
    columns: Vec<Column>,
    /// The names of the columns that not every row has; none: somebody chose, and what is not chosen is left out.
    wide: Option<HashSet<String>>,
}

impl Layout {
    /// The columns that every row has, and these.
    pub fn of(what: What, wide: &BTreeSet<String>) -> Result<Self, TooMany> {
        let mut wide: Vec<&String> = wide.iter().collect();
        wide.sort_by_key(|name| (what.rank(name), *name));
        let (head, tail) = (what.head().iter().copied(), what.tail().iter().copied());
        let names = head.chain(wide.iter().map(|name| name.as_str())).chain(tail);
        let columns: Vec<Column> = names.filter_map(|name| Column::named(what, name)).collect();
        if columns.len() > COLUMNS_MAX {
            return Err(TooMany(columns.len()));
        }
        Ok(Self { what, columns, wide: Some(wide.into_iter().cloned().collect()) })
    }

    /// The columns of these names, in this order. The error says of each name that is none what is wrong with it.
    pub fn chosen<'a>(
        what: What,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Vec<String>> {
        let (mut columns, mut wrong): (Vec<Column>, Vec<String>) = Default::default();
        for name in names {
            match Column::named(what, name) {
                _ if columns.iter().any(|column| column.name == name) => {
                    wrong.push(format!("names `{name}` twice"));
                }
                Some(column) => columns.push(column),
                None => wrong.push(format!("has no column `{name}`; columns are {}", all(what))),
            }
        }
        if columns.len() > COLUMNS_MAX {
            wrong.push(format!(
                "names {} columns; at most {COLUMNS_MAX} are allowed",
                columns.len()
            ));
        }
        if wrong.is_empty() { Ok(Self { what, columns, wide: None }) } else { Err(wrong) }
    }

    /// The names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The cells of a row, which is a list's JSON object; not yet neutralised.
    pub(super) fn cells<'a>(&self, row: &'a Value) -> impl Iterator<Item = Cow<'a, str>> {
        self.columns.iter().map(|column| column.cell(row))
    }

    /// The values of a row by the names of their columns; null where it has none.
    pub(super) fn flat(&self, row: &Value) -> Map<String, Value> {
        let value = |column: &Column| column.value(row).map(Cow::into_owned).unwrap_or_default();
        self.columns.iter().map(|column| (column.name.clone(), value(column))).collect()
    }

    /// A member of the row that would be left out although nobody said so.
    pub(super) fn unlisted(&self, row: &Value) -> Option<String> {
        let wide = self.wide.as_ref()?;
        self.what.wide(row).into_iter().find(|name| !wide.contains(name))
    }
}

/// Every column that can be chosen, in words.
fn all(what: What) -> String {
    let fixed = what.head().iter().chain(what.tail()).map(|name| (*name).to_owned());
    let groups = what.prefixes().map(|prefix| format!("{prefix}<key>"));
    fixed.chain(groups).collect::<Vec<_>>().join(", ")
}
