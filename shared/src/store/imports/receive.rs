//! A file on its way in: slice by slice through the splitter, part by part into the database. Never more than a part is held.
use super::{Refused, Upload, Uploaded, add_part, upload, uploaded};
use crate::{
    clock::Time,
    import::{ImportConfig, Limits, Part, SplitError, Splitter, report},
    store::{Db, StoreError},
};

/// Rows of a file that are shown when it is here.
const SHOWN: usize = 5;

/// Why a file is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    #[error(transparent)]
    Split(#[from] SplitError),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A file that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The names of its columns.
    pub header: Vec<String>,
    pub rows: i64,
    /// Its first rows, as they stand in the file.
    pub sample: Vec<Vec<String>>,
}

/// Takes a file in.
#[derive(Debug)]
pub struct Receiver {
    upload: Upload,
    splitter: Splitter,
    sample: Vec<Vec<String>>,
}

impl Receiver {
    pub fn new(upload: Upload, limits: Limits) -> Self {
        Self { upload, splitter: Splitter::new(limits), sample: Vec::new() }
    }

    /// Takes the next bytes; what they complete is on disk when it answers. After an error the file is given up.
    pub async fn feed(&mut self, db: &Db, bytes: &[u8], at: Time) -> Result<(), NotTaken> {
        for part in self.splitter.feed(bytes)? {
            self.keep(db, &part, at).await?;
        }
        Ok(())
    }

    async fn keep(&mut self, db: &Db, part: &Part, at: Time) -> Result<(), NotTaken> {
        if part.number == 0 {
            self.sample = report::cells(&part.text, SHOWN);
        }
        let kept = upload::Part {
            number: part.number,
            first_row: part.first_row,
            row_count: part.rows,
            text: &part.text,
        };
        Ok(add_part(db, &self.upload, &kept, at).await??)
    }

    /// The file has ended: the import is ready to do what `config` says.
    pub async fn finish(
        mut self,
        db: &Db,
        config: ImportConfig,
        at: Time,
    ) -> Result<Received, NotTaken> {
        let delimiter = self.splitter.delimiter();
        let end = std::mem::replace(&mut self.splitter, Splitter::new(Limits::default()));
        let file = end.finish()?;
        for part in &file.parts {
            self.keep(db, part, at).await?;
        }
        let whole = Uploaded {
            header: file.header.clone(),
            delimiter: delimiter.unwrap_or(','),
            hash: file.hash,
            bytes: i64::try_from(file.bytes).unwrap_or(i64::MAX),
            rows: file.rows,
            config,
        };
        uploaded(db, &self.upload, &whole, at).await??;
        Ok(Received { header: file.header, rows: file.rows, sample: self.sample })
    }
}
