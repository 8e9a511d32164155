//! Imports, as callers see them.
use crate::error::Detail;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::{
    ids::ImportId,
    import::{ImportConfig, Mapped, Problem},
    store::imports::{Counts, ErrorRow, Import as Row, State, rehearse::Rehearsed},
};
use utoipa::ToSchema;

/// What became of the rows that were looked at.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportCounts {
    /// New leads, or contacts.
    pub created: i64,
    pub updated: i64,
    /// They say what was known.
    pub unchanged: i64,
    /// Known ones, or new ones, that the purpose leaves alone.
    pub skipped: i64,
    /// They were not taken; `GET …/errors` has them with what is wrong.
    pub failed: i64,
}

impl From<Counts> for ImportCounts {
    fn from(counts: Counts) -> Self {
        let Counts { created, updated, unchanged, skipped, failed } = counts;
        Self { created, updated, unchanged, skipped, failed }
    }
}

/// An import.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Import {
    pub import_id: ImportId,
    pub file_name: String,
    pub state: State,
    /// What it is to do.
    pub settings: ImportConfig,
    /// The names of the file's columns; empty until it is here.
    pub columns: Vec<String>,
    /// What parts its cells.
    pub delimiter: String,
    /// Bytes of the file.
    pub bytes: i64,
    /// Rows of the file.
    pub rows: i64,
    /// Rows that were looked at.
    pub done: i64,
    /// The same of a hundred.
    pub percent: i64,
    #[serde(flatten)]
    pub counts: ImportCounts,
    /// How fast it goes, or went.
    pub rows_per_second: Option<i64>,
    /// Leads and contacts that undoing has taken back.
    pub undone: i64,
    /// Those that it had to leave, for somebody has worked with them since.
    pub kept: i64,
    /// Why it does not go on.
    pub problem: Option<String>,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// Rows a second, until it ended or was last heard of.
fn speed(row: &Row) -> Option<i64> {
    let until = match row.state {
        State::Undoing | State::Undone => return None,
        _ => row.finished_at.unwrap_or(row.updated_at),
    };
    let spent = (until - row.started_at?).num_milliseconds();
    (spent > 0).then(|| row.counts.rows().saturating_mul(1_000) / spent)
}

impl From<Row> for Import {
    fn from(row: Row) -> Self {
        let done = row.counts.rows();
        let percent = match (row.state, row.row_count) {
            (State::Done, 0) => 100,
            (_, 0) => 0,
            (_, rows) => done * 100 / rows,
        };
        Self {
            import_id: row.id,
            rows_per_second: speed(&row),
            file_name: row.file_name,
            state: row.state,
            settings: row.config.0,
            columns: row.header.0,
            delimiter: row.delimiter,
            bytes: row.bytes,
            rows: row.row_count,
            done,
            percent,
            counts: row.counts.into(),
            undone: row.undone,
            kept: row.kept,
            problem: row.problem,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        }
    }
}

/// A file that is here.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploadedFile {
    #[serde(flatten)]
    pub import: Import,
    /// What the names of the columns suggest that they mean.
    pub suggested_mapping: Vec<Mapped>,
    /// Columns that mean nothing by the import's mapping, or by the suggested one when it has none.
    pub left_out: Vec<String>,
    /// The first rows of the file, at most 5.
    pub sample: Vec<Vec<String>>,
    /// What must be set before the import can be started.
    pub problems: Vec<Detail>,
}

/// A row that would not be taken.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedRow {
    /// Its number in the file; 1 is the first after the header.
    pub row: i64,
    pub problems: Vec<Problem>,
    /// As it stands in the file, its cells parted by commas.
    pub record: String,
}

impl From<ErrorRow> for FailedRow {
    fn from(row: ErrorRow) -> Self {
        Self { row: row.row_number, problems: row.problems.0, record: row.record }
    }
}

/// What the first rows would come to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// Rows that were looked at.
    pub rows: i64,
    #[serde(flatten)]
    pub counts: ImportCounts,
    /// The first rows that would not be taken, at most 100.
    pub errors: Vec<FailedRow>,
    /// Why the import would stop, if it would.
    pub problem: Option<String>,
}

impl From<Rehearsed> for Checked {
    fn from(rehearsed: Rehearsed) -> Self {
        Self {
            rows: rehearsed.counts.rows(),
            counts: rehearsed.counts.into(),
            errors: rehearsed.errors.into_iter().map(FailedRow::from).collect(),
            problem: rehearsed.problem,
        }
    }
}
