//! A dry run: what the first rows of a file would come to. The same code as the real thing, in a transaction that is rolled back.
use super::{
    Answer, Counts, Db, ErrorRow, Key, Refused, State,
    apply::{self, Bad, Stop, Work},
    part, read, work,
};
use crate::{clock::Time, import::Problem};
use sqlx::types::Json;
use std::sync::Arc;

/// Rows that are looked at, unless somebody says otherwise, and at most.
pub const ROWS: i64 = 1_000;
pub const ROWS_MAX: i64 = 10_000;
/// Rows that would not be taken which are shown, at most.
pub const ERRORS_MAX: usize = 100;

/// What the rows would come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rehearsed {
    /// Of the rows that were looked at.
    pub counts: Counts,
    /// The first of those that would not be taken, at most [`ERRORS_MAX`].
    pub errors: Vec<ErrorRow>,
    /// Why the import would stop, if it would.
    pub problem: Option<String>,
}

/// Looks at the first `rows_max` rows of an import that is ready. Changes nothing. What campaigns and segments would make of the rows is not
/// looked at.
pub async fn rehearse(db: &Db, key: Key, rows_max: i64, at: Time) -> Answer<Rehearsed> {
    let Some(import) = read::get(db, key).await? else { return Ok(Err(Refused::Unknown)) };
    if import.state != State::Ready {
        let wanted = "one is tried out once its file is here and before it is started";
        return Ok(Err(Refused::NotSo { state: import.state, wanted }));
    }
    match look(db, key, &import, (rows_max.clamp(1, ROWS_MAX), at)).await {
        Ok(rehearsed) => Ok(Ok(rehearsed)),
        Err(Stop::Hopeless(why)) => {
            Ok(Ok(Rehearsed { problem: Some(why), ..Rehearsed::default() }))
        }
        Err(Stop::Store(error)) => Err(error),
    }
}

async fn look(
    db: &Db,
    key: Key,
    import: &read::Import,
    (rows_max, now): (i64, Time),
) -> Result<Rehearsed, Stop> {
    let plan = Arc::new(work::plan(db, key, &import.config.0, &import.header.0, now).await?);
    let mut records = part::first(db, key, &plan, rows_max).await?;
    records.truncate(usize::try_from(rows_max).unwrap_or_default());
    let (workspace, id) = key;
    let work = Work { workspace, import: id, file_name: &import.file_name, plan: &plan, now };
    let mut tx = db.begin().await?;
    let applied = apply::apply(&mut tx, &work, records).await;
    tx.rollback().await?;
    let mut applied = applied?;
    applied.bad.sort_by_key(|bad| bad.number);
    let errors = applied.bad.into_iter().take(ERRORS_MAX).map(shown).collect();
    Ok(Rehearsed { counts: applied.counts, errors, problem: None })
}

fn shown(Bad { number, record, problems }: Bad) -> ErrorRow {
    let problems: Json<Vec<Problem>> = Json(problems);
    ErrorRow { row_number: number, problems, record }
}
