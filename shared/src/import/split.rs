//! A file of comma-separated values, as it arrives in slices of any size: its columns, and parts of whole records.
use super::{
    decode::{Decoder, newlines},
    sniff::Sniffer,
};
use crate::cells;
use csv_core::{ReadRecordResult, ReaderBuilder};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt, mem};

/// Rows of a part, at most.
pub const PART_ROWS_MAX: usize = 1_000;
/// Bytes of a part, at most.
pub const PART_BYTES_MAX: usize = 1 << 20;
/// Bytes of a record, at most: a quote that is never closed must not eat the file.
pub const RECORD_BYTES_MAX: usize = 256 << 10;
/// Rows of a file, at most.
pub const ROWS_MAX: i64 = 2_000_000;
/// Columns of a file, at most.
pub const COLUMNS_MAX: usize = 500;
/// Bytes of a file, at most.
pub const FILE_BYTES_MAX: u64 = 1 << 30;

/// How large a file may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub rows: i64,
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: ROWS_MAX, bytes: FILE_BYTES_MAX }
    }
}

/// Why a file is not taken. Lines are counted from 1, rows from 1 behind the header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    #[error("the file is empty; its first line must name the columns")]
    Empty,
    #[error(
        "line {line} is not UTF-8; save the file as UTF-8, or as UTF-16 with a byte order mark"
    )]
    NotText { line: u64 },
    #[error(
        "line {line} contains a NUL character, which no text may; is the file UTF-16 without a byte order mark?"
    )]
    Nul { line: u64 },
    #[error("the file has more than {most} bytes; split it into several")]
    TooManyBytes { most: u64 },
    #[error("the file has more than {most} rows; split it into several")]
    TooManyRows { most: i64 },
    #[error("the header has {columns} columns; at most {COLUMNS_MAX} are allowed")]
    TooManyColumns { columns: usize },
    #[error("{} has more than {RECORD_BYTES_MAX} bytes; is there a quote (\") that is never closed?", place(*.row, *.line))]
    RecordTooLong { row: i64, line: u64 },
    #[error("a quote (\") that opens in {} is never closed", place(*.row, *.line))]
    QuoteStaysOpen { row: i64, line: u64 },
    #[error("columns without a name: {}; each column needs one", list(.0))]
    EmptyName(Vec<usize>),
    #[error("the column name `{name}` is there more than once: columns {}; each needs its own", list(.positions))]
    NameTwice { name: String, positions: Vec<usize> },
}

fn place(row: i64, line: u64) -> String {
    if row == 0 { "the header".into() } else { format!("row {row} (it begins in line {line})") }
}

fn list(of: &[usize]) -> String {
    of.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

/// Whole records of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// 0, 1, 2, …
    pub number: i64,
    /// The number of its first record in the file; 1 is the first after the header.
    pub first_row: i64,
    pub rows: i64,
    /// The records with commas between their cells, whatever the file has there, and a line feed behind each.
    pub text: String,
}

/// What is known when the file has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// What [`Splitter::feed`] has not handed out yet.
    pub parts: Vec<Part>,
    pub header: Vec<String>,
    pub rows: i64,
    pub bytes: u64,
    /// SHA-256 of the file as it came, hexadecimal.
    pub hash: String,
}

/// Takes a file in and hands parts out. It keeps a part, the record that is not complete yet and the slice at hand, never more.
pub struct Splitter {
    limits: Limits,
    hash: Sha256,
    bytes: u64,
    decoder: Decoder,
    sniffer: Sniffer,
    delimiter: Option<u8>,
    /// Text whose record is not complete; the reader has seen it up to `looked`.
    text: String,
    looked: usize,
    reader: csv_core::Reader,
    record: Record,
    header: Option<Vec<String>>,
    rows: i64,
    part: Part,
}

/// The cells of the record that is being read, one behind the other, and where each of them ends.
struct Record {
    cells: Vec<u8>,
    ends: Vec<usize>,
    /// How much of both is in use.
    filled: (usize, usize),
}

impl Record {
    fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let ends = &self.ends[..self.filled.1];
        let begins = std::iter::once(&0).chain(ends);
        begins.zip(ends).map(|(begin, end)| &self.cells[*begin..*end])
    }
}

impl fmt::Debug for Splitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Splitter");
        shown.field("bytes", &self.bytes).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Splitter {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            hash: Sha256::new(),
            bytes: 0,
            decoder: Decoder::default(),
            sniffer: Sniffer::default(),
            delimiter: None,
            text: String::new(),
            looked: 0,
            reader: csv_core::Reader::new(),
            record: Record { cells: vec![0; 4 << 10], ends: vec![0; 64], filled: (0, 0) },
            header: None,
            rows: 0,
            part: empty(0, 1),
        }
    }

    /// Takes the next bytes of the file; answers the parts that are full. After an error the file is given up.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Part>, SplitError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.limits.bytes {
            return Err(SplitError::TooManyBytes { most: self.limits.bytes });
        }
        self.hash.update(bytes);
        let mut full = Vec::new();
        // In pieces, so that memory stays bounded however large the slices are.
        for piece in bytes.chunks(RECORD_BYTES_MAX) {
            self.decoder.decode(piece, false, &mut self.text)?;
            self.read(false, &mut full)?;
        }
        Ok(full)
    }

    /// The file has ended.
    pub fn finish(mut self) -> Result<Finished, SplitError> {
        let mut parts = Vec::new();
        self.decoder.decode(&[], true, &mut self.text)?;
        self.end(&mut parts)?;
        let header = self.header.ok_or(SplitError::Empty)?;
        if self.part.rows > 0 {
            parts.push(self.part);
        }
        let hash = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Finished { parts, header, rows: self.rows, bytes: self.bytes, hash })
    }

    /// The names of the columns, trimmed, as soon as the first record is there.
    pub fn header(&self) -> Option<&[String]> {
        self.header.as_deref()
    }

    /// What is between the cells, as soon as the first line is there.
    pub fn delimiter(&self) -> Option<char> {
        self.delimiter.map(char::from)
    }

    /// Reads what is there.
    fn read(&mut self, at_end: bool, full: &mut Vec<Part>) -> Result<(), SplitError> {
        if self.delimiter.is_none() {
            let Some(delimiter) = self.sniffer.look(self.text.as_bytes(), at_end) else {
                return self.check_length(0, self.text.len());
            };
            self.delimiter = Some(delimiter);
            self.reader = ReaderBuilder::new().delimiter(delimiter).build();
        }
        self.records(full)?;
        self.check_length(0, self.text.len())
    }

    /// A line feed ends the last record, unless the file ends within quotes.
    fn end(&mut self, full: &mut Vec<Part>) -> Result<(), SplitError> {
        self.text.push('\n');
        self.read(true, full)?;
        if self.text.trim_matches(LINE_ENDS).is_empty() {
            return Ok(());
        }
        let (row, line) = self.place(0);
        Err(SplitError::QuoteStaysOpen { row, line })
    }

    /// Takes the records that are complete.
    fn records(&mut self, full: &mut Vec<Part>) -> Result<(), SplitError> {
        let mut begin = 0;
        while self.looked < self.text.len() {
            if self.step() {
                self.take(begin, full)?;
                begin = self.looked;
                self.record.filled = (0, 0);
            }
        }
        self.text.drain(..begin);
        self.looked -= begin;
        Ok(())
    }

    /// Reads on, at most to the end of a record: whether that was reached.
    fn step(&mut self) -> bool {
        let rest = &self.text.as_bytes()[self.looked..];
        let Record { cells, ends, filled } = &mut self.record;
        let (result, read, written, ended) =
            self.reader.read_record(rest, &mut cells[filled.0..], &mut ends[filled.1..]);
        self.looked += read;
        *filled = (filled.0 + written, filled.1 + ended);
        match result {
            ReadRecordResult::OutputFull => cells.resize(cells.len() * 2, 0),
            ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
            ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
            ReadRecordResult::Record => return true,
        }
        false
    }

    fn check_length(&self, begin: usize, end: usize) -> Result<(), SplitError> {
        if end - begin <= RECORD_BYTES_MAX {
            return Ok(());
        }
        let (row, line) = self.place(begin);
        Err(SplitError::RecordTooLong { row, line })
    }

    /// The row of the record that begins at `begin`, 0 for the header, and its line.
    fn place(&self, begin: usize) -> (i64, u64) {
        let row = if self.header.is_none() { 0 } else { self.rows + 1 };
        let seen = &self.text[begin..self.looked];
        let blank = seen.len() - seen.trim_start_matches(LINE_ENDS).len();
        (row, self.reader.line() - newlines(&seen[blank..]))
    }

    /// Takes over the record that begins at `begin` and is complete.
    fn take(&mut self, begin: usize, full: &mut Vec<Part>) -> Result<(), SplitError> {
        self.check_length(begin, self.looked)?;
        let raw = self.text[begin..self.looked].trim_matches(LINE_ENDS);
        if self.header.is_none() {
            self.header = Some(header(&self.record)?);
            return Ok(());
        }
        if self.rows == self.limits.rows {
            return Err(SplitError::TooManyRows { most: self.limits.rows });
        }
        let rewritten;
        let line = if self.delimiter == Some(b',') {
            raw
        } else {
            rewritten = with_commas(&self.record);
            &rewritten
        };
        let part = &self.part;
        if part.rows > 0
            && (part.rows as usize == PART_ROWS_MAX
                || part.text.len() + line.len() + 1 > PART_BYTES_MAX)
        {
            let next = empty(part.number + 1, self.rows + 1);
            full.push(mem::replace(&mut self.part, next));
        }
        self.part.text.push_str(line);
        self.part.text.push('\n');
        self.part.rows += 1;
        self.rows += 1;
        Ok(())
    }
}

const LINE_ENDS: [char; 2] = ['\r', '\n'];

fn empty(number: i64, first_row: i64) -> Part {
    Part { number, first_row, rows: 0, text: String::new() }
}

/// A cell of a record of a text that was text before it was cut at commas and quotes.
fn text(cell: &[u8]) -> &str {
    std::str::from_utf8(cell).unwrap_or_default()
}

/// The record as one of a file with commas, without the end of the line.
fn with_commas(record: &Record) -> String {
    let mut line = String::with_capacity(record.filled.0 + record.filled.1);
    for cell in record.cells().map(text) {
        if cell.contains([',', '"', '\r', '\n']) || record.filled.1 == 1 {
            line.push('"');
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(cell);
        }
        line.push(',');
    }
    line.pop();
    line
}

/// The names of the columns; each has one, and its own.
fn header(record: &Record) -> Result<Vec<String>, SplitError> {
    let names: Vec<String> =
        record.cells().map(|cell| cells::restore(text(cell).trim()).trim().to_owned()).collect();
    if names.len() > COLUMNS_MAX {
        return Err(SplitError::TooManyColumns { columns: names.len() });
    }
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, name) in names.iter().enumerate() {
        places.entry(name).or_default().push(at + 1);
    }
    if let Some(positions) = places.remove("") {
        return Err(SplitError::EmptyName(positions));
    }
    if let Some((name, positions)) = places.into_iter().find(|(_, at)| at.len() > 1) {
        return Err(SplitError::NameTwice { name: name.to_owned(), positions });
    }
    Ok(names)
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
