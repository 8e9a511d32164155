//! A file of comma-separated values, as it arrives in slices of any size: its columns, and parts of whole records.

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

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    #[error("the file is empty; its first line must name the columns")]
    Empty,
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

/// Takes a file in and hands parts out.
#[derive(Debug)]
pub struct Splitter {
    limits: Limits,
}

impl Splitter {
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// Takes the next bytes of the file; answers the parts that are full. After an error the file is given up.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Part>, SplitError> {
        let _ = (bytes, self.limits);
        Ok(Vec::new())
    }

    /// The file has ended.
    pub fn finish(self) -> Result<Finished, SplitError> {
        Err(SplitError::Empty)
    }

    /// The names of the columns, as soon as the first record is there.
    pub fn header(&self) -> Option<&[String]> {
        None
    }

    /// What is between the cells, as soon as the first record is there.
    pub fn delimiter(&self) -> Option<char> {
        None
    }
}
