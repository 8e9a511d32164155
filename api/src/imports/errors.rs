//! GET /imports/{id}/errors: the rows that were not taken, as a file that can be mended and brought in again.
use super::{key, read};
use crate::{
    Api,
    answer::{Absent, Guarded},
    caller::{Caller, Scope},
    error::ApiError,
    params::Id,
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::{Stream, stream};
use shared::{
    ids::ImportId,
    import::report::Report,
    store::{
        Db, StoreError,
        imports::{self, Key},
    },
};
use std::sync::Arc;

/// Rows that are read at once.
const AT_ONCE: i64 = 500;

/// Rows that were not taken
///
/// A CSV file: the columns of the file that came in, `importRow` (the row's number in it) and `importProblems`. Mended, it can be brought
/// in as a new import. Cells that a spreadsheet would run as a formula begin with `'`, which is taken away again when they are brought in.
#[utoipa::path(
    get, path = "/imports/{importId}/errors", tag = "Imports", operation_id = "getImportErrors",
    params(("importId" = ImportId, Path)),
    responses((status = 200, description = "The rows.", body = String, content_type = "text/csv"), Guarded, Absent)
)]
pub async fn errors(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ImportId>,
) -> Result<Response, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let key = key(&caller, id);
    let import = read(&api, key).await?;
    let body = Body::from_stream(lines(api.db.clone(), key, import.header.0));
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    let name = HeaderValue::from_str(&format!("attachment; filename=\"{id}-errors.csv\""));
    let mut response = ([(header::CONTENT_TYPE, kind)], body).into_response();
    if let Ok(name) = name {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// The header, then some rows at a time; a database that goes away breaks the file off.
fn lines(db: Db, key: Key, header: Vec<String>) -> impl Stream<Item = Result<String, StoreError>> {
    stream::try_unfold(None, move |after: Option<i64>| {
        let (db, header) = (db.clone(), header.clone());
        async move {
            let report = Report::new(&header);
            let Some(after) = after else { return Ok(Some((report.header(), Some(0)))) };
            let rows = imports::errors(&db, key, after, AT_ONCE).await?;
            let Some(last) = rows.last().map(|row| row.row_number) else { return Ok(None) };
            let line =
                |row: &imports::ErrorRow| report.row(row.row_number, &row.problems.0, &row.record);
            Ok(Some((rows.iter().map(line).collect(), Some(last))))
        }
    })
}
