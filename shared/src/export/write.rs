//! Rows as CSV records or as lines of JSON.
use super::Layout;
use crate::cells;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How an export is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ExportFormat)]
pub enum Format {
    /// A header and a record for each row: RFC 4180, UTF-8.
    #[default]
    Csv,
    /// A JSON object for each row, each on a line of its own.
    Ndjson,
}

impl Format {
    /// The ending of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// What the content is announced as.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// A row has a member for which there is no column: it came after the columns were gathered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a row has got a value of {0} meanwhile, for which there is no column; export again, or choose the columns with fields"
)]
pub struct Unlisted(pub String);

/// How rows are written.
#[derive(Debug, Clone)]
pub enum Writer {
    /// With a `'` before what a spreadsheet would run, unless it is `raw`.
    Csv { layout: Layout, raw: bool },
    /// Whole rows, or the columns of the layout: an object of their names and values.
    Ndjson { layout: Option<Layout> },
}

impl Writer {
    /// What comes before the first row.
    pub fn head(&self) -> Vec<u8> {
        match self {
            Self::Csv { layout, .. } => {
                let mut csv = records();
                record(&mut csv, layout.names());
                into_bytes(csv)
            }
            Self::Ndjson { .. } => Vec::new(),
        }
    }

    /// These rows, which are a list's JSON objects.
    pub fn rows(&self, rows: &[Value]) -> Result<Vec<u8>, Unlisted> {
        match self {
            Self::Csv { layout, raw } => csv(layout, *raw, rows),
            Self::Ndjson { layout } => Ok(ndjson(layout.as_ref(), rows)),
        }
    }
}

fn csv(layout: &Layout, raw: bool, rows: &[Value]) -> Result<Vec<u8>, Unlisted> {
    let mut csv = records();
    for row in rows {
        if let Some(name) = layout.unlisted(row) {
            return Err(Unlisted(name));
        }
        let cells = layout.cells(row);
        if raw {
            record(&mut csv, cells.map(|cell| cell.as_bytes().to_vec()));
        } else {
            record(&mut csv, cells.map(|cell| cells::neutralise(&cell).as_bytes().to_vec()));
        }
    }
    Ok(into_bytes(csv))
}

fn ndjson(layout: Option<&Layout>, rows: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows {
        let written = match layout {
            Some(layout) => serde_json::to_writer(&mut out, &layout.flat(row)),
            None => serde_json::to_writer(&mut out, row),
        };
        written.expect("a JSON value can be written into memory");
        out.push(b'\n');
    }
    out
}

fn records() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new())
}

fn record<T: AsRef<[u8]>>(csv: &mut csv::Writer<Vec<u8>>, cells: impl Iterator<Item = T>) {
    csv.write_record(cells).expect("records of one layout have one length, and memory takes them");
}

fn into_bytes(csv: csv::Writer<Vec<u8>>) -> Vec<u8> {
    csv.into_inner().expect("memory can be written to")
}
