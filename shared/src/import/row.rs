//! What each row of a part says.
use super::{Draft, ImportKind, Plan, Problem, row_contact, row_lead};
use crate::{cells, import::plan::Column};
use csv::StringRecord;

/// A record of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<'a> {
    /// Its number in the file; 1 is the first after the header.
    pub number: i64,
    /// As it stands in the part, without the end of the line.
    pub record: &'a str,
    /// What it says, or everything that is wrong with it.
    pub draft: Result<Draft, Vec<Problem>>,
}

/// A cell that says something: restored and trimmed.
pub(super) struct Said<'a> {
    pub column: &'a Column,
    pub text: &'a str,
}

impl Said<'_> {
    pub fn problem(&self, message: impl Into<String>) -> Problem {
        self.column.problem(message)
    }
}

impl Column {
    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem {
            column: Some(self.name.clone()),
            field: Some(self.field.clone()),
            message: message.into(),
        }
    }
}

/// A problem of the row as a whole.
pub(super) fn whole(message: impl Into<String>) -> Problem {
    Problem { column: None, field: None, message: message.into() }
}

impl Plan {
    /// Reads the records of a part, of which the first has the number `first_row`.
    pub fn read<'a>(&self, text: &'a str, first_row: i64) -> Vec<Row<'a>> {
        let mut reader = csv::ReaderBuilder::new();
        let reader = reader.has_headers(false).flexible(true);
        let mut reader = reader.from_reader(text.as_bytes());
        let mut record = StringRecord::new();
        let mut rows = Vec::new();
        loop {
            let begin = reader.position().byte() as usize;
            // Reading from memory does not fail, and it is UTF-8 already.
            if !reader.read_record(&mut record).unwrap_or(false) {
                return rows;
            }
            let end = reader.position().byte() as usize;
            let number = first_row + rows.len() as i64;
            let raw = text.get(begin..end).unwrap_or_default().trim_matches(['\r', '\n']);
            rows.push(Row { number, record: raw, draft: self.draft(number, &record) });
        }
    }

    fn draft(&self, number: i64, record: &StringRecord) -> Result<Draft, Vec<Problem>> {
        let (given, wanted) = (record.len(), self.columns.len());
        if given != wanted {
            let rule = format!("has {given} cells; the header has {wanted} columns");
            return Err(vec![whole(rule)]);
        }
        let said: Vec<Said<'_>> = self
            .columns
            .iter()
            .zip(record)
            .filter_map(|(column, cell)| {
                let text = cells::restore(cell).trim();
                column.as_ref().filter(|_| !text.is_empty()).map(|column| Said { column, text })
            })
            .collect();
        if said.is_empty() {
            let rule = "says nothing: every cell that is read is empty; leave the line out";
            return Err(vec![whole(rule)]);
        }
        match self.config.kind {
            ImportKind::Leads => row_lead::read(self, number, &said),
            ImportKind::Contacts => row_contact::read(self, number, &said),
        }
    }
}

/// Yes and no as files write them.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "on" => Some(true),
        "false" | "no" | "n" | "0" | "off" => Some(false),
        _ => None,
    }
}

/// What is said of a text that is neither.
pub(super) const NOT_BOOLEAN: &str = "must be true or false (or yes or no, 1 or 0)";

#[cfg(test)]
#[path = "row_tests.rs"]
pub(super) mod tests;
