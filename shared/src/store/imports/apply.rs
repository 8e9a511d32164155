//! What becomes of the rows of a part, within one transaction: a dry run does the same and rolls back.
//!
//! Rows that mean the same person are taken one after the other, in waves: within a wave everybody is somebody else, and what is asked and
//! written is asked and written for all at once.
use super::{Counts, StoreError, Tx};
use crate::{
    clock::Time,
    ids::{ContactId, ImportId, WorkspaceId},
    import::{Draft, ImportKind, Plan, Problem},
    store::live::Touched,
};
use std::collections::BTreeSet;

mod before;
mod campaigns;
mod contacts;
mod leads;
mod members;
mod update;
mod waves;

pub(super) use before::Kind as BeforeKind;
pub(super) use update::{LeadNow, write_leads};

/// A row of a file, read.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub number: i64,
    /// As it stands in the file.
    pub text: String,
    pub draft: Result<Draft, Vec<Problem>>,
}

/// The import whose rows are taken.
pub(super) struct Work<'a> {
    pub workspace: WorkspaceId,
    pub import: ImportId,
    pub file_name: &'a str,
    pub plan: &'a Plan,
    pub now: Time,
}

impl Work<'_> {
    /// Who is named in the histories of contacts.
    pub fn by(&self) -> String {
        by(self.import)
    }

    pub fn reason(&self) -> String {
        format!("the file {}", self.file_name)
    }
}

/// Who is named in the histories of contacts that an import makes or changes.
pub(super) fn by(import: ImportId) -> String {
    format!("import {import}")
}

/// A row that is not taken.
#[derive(Debug, Clone)]
pub(super) struct Bad {
    pub number: i64,
    pub record: String,
    pub problems: Vec<Problem>,
}

/// What came of rows.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub counts: Counts,
    pub bad: Vec<Bad>,
    /// What to tell [`crate::store::live::reassess`].
    pub touched: Vec<Touched>,
    /// The contacts behind rows that were taken.
    pub contacts: BTreeSet<ContactId>,
}

impl Applied {
    fn refuse(&mut self, row: &Row, problems: Vec<Problem>) {
        self.counts.failed += 1;
        let (number, record) = (row.draft.row, row.text.clone());
        self.bad.push(Bad { number, record, problems });
    }
}

/// Why a part is not taken. Nothing of it is written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    /// The whole import cannot go on.
    #[error("{0}")]
    Hopeless(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A row that says something.
struct Row {
    text: String,
    draft: Draft,
}

/// A problem of the row as a whole.
fn whole(message: impl Into<String>) -> Vec<Problem> {
    vec![Problem { column: None, field: None, message: message.into() }]
}

/// Takes the rows of a part. The caller writes what is bad and what is counted, and tells what is touched.
pub(super) async fn apply(
    tx: &mut Tx,
    work: &Work<'_>,
    records: Vec<Record>,
) -> Result<Applied, Stop> {
    let mut applied = Applied::default();
    let mut rows = Vec::with_capacity(records.len());
    for Record { number, text, draft } in records {
        match draft {
            Ok(draft) => rows.push(Row { text, draft: Draft { row: number, ..draft } }),
            Err(problems) => {
                applied.counts.failed += 1;
                applied.bad.push(Bad { number, record: text, problems });
            }
        }
    }
    let waves = waves::waves(&work.plan.config, rows);
    match work.plan.config.kind {
        ImportKind::Leads => leads::take(tx, work, waves, &mut applied).await?,
        ImportKind::Contacts => contacts::take(tx, work, waves, &mut applied).await?,
    }
    members::add(tx, work, &mut applied).await?;
    Ok(applied)
}
